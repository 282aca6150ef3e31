"""Which decoder and encoder videos go through, and on how many threads.

If this process has its networks on a CUDA device, that device's decoder (NVDEC) and encoder (NVENC)
are used. Software takes over where the driver, the card or the kind of video does not allow that.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.codec.hwaccel import HWAccel

from pose.cores import core_count

log = logging.getLogger(__name__)

# What PyAV and FFmpeg raise if a device, a driver or a build does not offer a codec
_REFUSALS = (OSError, ValueError, NotImplementedError, RuntimeError, av.error.FFmpegError)


@dataclass(frozen=True, slots=True)
class Encoder:
    """An H.264 encoder of FFmpeg, or a substitute."""

    name: str
    options: dict[str, str]


# 720p frames of five dancers: 5 ms of CPU and 43 kB each, instead of 8 ms and 26 kB
QUICK = Encoder("libx264", {"preset": "ultrafast", "crf": "23"})
# Best first; a build of FFmpeg without x264 still has one of the others
SOFTWARE = (
    # veryfast costs 10 ms more CPU per 720p frame, a sixth of the frame's total
    Encoder("libx264", {"preset": "superfast", "crf": "20"}),
    Encoder("libopenh264", {}),
    Encoder("mpeg4", {"qscale": "3"}),
)


def coding_threads() -> int:
    """Threads for one decoder or encoder: half of the cores; the other half is for inference.

    FFmpeg's default is one and a half per core, which on two cores costs a tenth more CPU.
    """
    return max(1, core_count() // 2)


def cuda_in_use() -> int | None:
    """The number of the CUDA device that holds this process's networks; None if none does."""
    torch = sys.modules.get("torch")  # not imported here: a process with networks has loaded it
    if torch is None or not torch.cuda.is_initialized():
        return None
    devices = range(torch.cuda.device_count())
    return next((device for device in devices if torch.cuda.memory_allocated(device)), None)


def open_input(path: Path) -> av.container.InputContainer:
    """Open a video, to be decoded on the CUDA device in use, or else by software.

    Frames end up in host memory either way. Raises what av.open raises for a file that is not a
    video.
    """
    device = cuda_in_use()
    if device is not None:
        accelerator = HWAccel("cuda", device, allow_software_fallback=True)
        try:
            return av.open(str(path), metadata_errors="replace", hwaccel=accelerator)
        except _REFUSALS as error:  # a bad file fails again below, with the real reason
            log.info("%s: decoded by software, not by the CUDA device (%s)", path, error)
    return av.open(str(path), metadata_errors="replace")


def choose_encoder(size_wh: tuple[int, int], quick: bool = False) -> Encoder | None:
    """The best encoder that works here for pictures of this size; None if none does.

    quick: if the CPU encodes, prefer faster encoding with more bytes.
    """
    device = cuda_in_use()
    offered = (QUICK, *SOFTWARE) if quick else SOFTWARE
    if device is not None:
        offered = (_nvenc(device), *offered)
    return next((encoder for encoder in offered if _opens(encoder, size_wh)), None)


def _nvenc(device: int) -> Encoder:
    options = {"preset": "p4", "rc": "vbr", "cq": "22", "b": "0", "gpu": str(device)}
    return Encoder("h264_nvenc", options)


def _opens(encoder: Encoder, size_wh: tuple[int, int]) -> bool:
    """Try it: an encoder in the FFmpeg build does not necessarily work on this machine."""
    try:
        context = av.CodecContext.create(encoder.name, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = (side + side % 2 for side in size_wh)
        context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
        context.options = encoder.options
        context.open()
    except _REFUSALS as error:
        log.info("the encoder %s is passed over (%s)", encoder.name, error)
        return False
    return True
