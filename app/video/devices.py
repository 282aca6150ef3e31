"""The cameras of this machine, with names, sizes and rates: V4L2 on Linux, probing elsewhere.

QtMultimedia is not used because it needs the system's libpulse.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

SYSFS = Path("/sys/class/video4linux")
PROBED = 5  # indices tried where there is no V4L2 list

# linux/videodev2.h
_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602
_ENUM_FRAMESIZES = 0xC02C564A
_ENUM_FRAMEINTERVALS = 0xC034564B
_CAPTURE = 0x00000001  # V4L2_CAP_VIDEO_CAPTURE
_DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE
_USUAL_SIZES = ((640, 480), (1280, 720), (1920, 1080))  # offered if in a stepwise camera's range


@dataclass(frozen=True, slots=True, order=True)
class Mode:
    """A size and rate that a camera can deliver."""

    size_wh: tuple[int, int]
    frame_rate: Fraction

    def __str__(self) -> str:
        return f"{self.size_wh[0]} × {self.size_wh[1]}, {float(self.frame_rate):.4g} fps"


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that can be opened."""

    index: int  # the system's number for it
    name: str
    modes: tuple[Mode, ...]  # largest first; empty where unknown

    def spec(self, mode: Mode | None = None) -> str:
        """The string that makes open_source open this camera in `mode`."""
        if mode is None:
            return str(self.index)
        width, height = mode.size_wh
        return f"camera://{self.index}?size={width}x{height}&rate={mode.frame_rate}"


def list_cameras() -> list[Camera]:
    """The cameras plugged in now, in order of their indices."""
    return _v4l2_cameras(SYSFS) if sys.platform == "linux" else _probed_cameras()


def _v4l2_cameras(sysfs: Path) -> list[Camera]:
    cameras = []
    for entry in sysfs.glob("video*"):
        index = int(entry.name.removeprefix("video"))
        try:
            # Drivers cut a long name off after a number of bytes, which may be within a letter
            name = (entry / "name").read_text(encoding="utf-8", errors="ignore").strip()
            modes = _v4l2_modes(Path("/dev") / entry.name)
        except OSError:  # unplugged meanwhile, or no permission to open it
            continue
        if modes is not None:
            cameras.append(Camera(index, name.split(": ")[0], tuple(sorted(modes, reverse=True))))
    return sorted(cameras, key=lambda camera: camera.index)


def _v4l2_modes(device: Path) -> set[Mode] | None:
    """The modes of `device`; None if it is not a camera (e.g. a camera's metadata node)."""
    with device.open("rb", buffering=0) as node:
        capability = _ioctl(node.fileno(), _QUERYCAP, bytearray(104))
        if capability is None:
            return None
        general, own = struct.unpack_from("=II", capability, 84)  # capabilities, device_caps
        if not (own or general) & _CAPTURE:
            return None
        modes: set[Mode] = set()
        for pixel_format in _each(node.fileno(), _ENUM_FMT, struct.pack("=II", 0, 1), 64):
            (fourcc,) = struct.unpack_from("=I", pixel_format, 44)
            for size_wh in _sizes(node.fileno(), fourcc):
                modes |= {Mode(size_wh, rate) for rate in _rates(node.fileno(), fourcc, size_wh)}
        return modes


def _sizes(handle: int, fourcc: int) -> list[tuple[int, int]]:
    sizes = []
    for answer in _each(handle, _ENUM_FRAMESIZES, struct.pack("=II", 0, fourcc), 44):
        kind, width, height = struct.unpack_from("=III", answer, 8)
        if kind == _DISCRETE:
            sizes.append((width, height))
        else:  # min_width, max_width, step_width, min_height, max_height, step_height
            least, most, _, lowest, highest, _ = struct.unpack_from("=6I", answer, 12)
            sizes += [
                (w, h) for w, h in _USUAL_SIZES if least <= w <= most and lowest <= h <= highest
            ]
            break
    return sizes


def _rates(handle: int, fourcc: int, size_wh: tuple[int, int]) -> list[Fraction]:
    rates = []
    request = struct.pack("=IIII", 0, fourcc, *size_wh)
    for answer in _each(handle, _ENUM_FRAMEINTERVALS, request, 52):
        kind, numerator, denominator = struct.unpack_from("=III", answer, 16)
        if numerator and denominator:
            rates.append(Fraction(denominator, numerator))
        if kind != _DISCRETE:
            break
    return rates


def _each(handle: int, request: int, head: bytes, size: int) -> list[bytes]:
    """The answers of an enumerating ioctl whose struct begins with an index, then `head[4:]`."""
    answers: list[bytes] = []
    while len(answers) < 100:
        query = bytearray(size)
        query[: len(head)] = struct.pack("=I", len(answers)) + head[4:]
        answer = _ioctl(handle, request, query)
        if answer is None:
            break
        answers.append(answer)
    return answers


def _ioctl(handle: int, request: int, data: bytearray) -> bytes | None:
    import fcntl  # not on Windows

    try:
        fcntl.ioctl(handle, request, data)
    except OSError:  # the end of an enumeration, or an unsupported request
        return None
    return bytes(data)


def _probed_cameras() -> list[Camera]:
    from app.video.camera import open_plugged  # OpenCV is slow to load

    cameras = []
    for index in range(PROBED):
        capture = open_plugged(index)
        if capture.isOpened():
            cameras.append(Camera(index, f"Camera {index}", ()))
        capture.release()
    return cameras
