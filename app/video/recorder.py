"""Write a video file: H.264 at the frames' own times, with the sound of the original.

The file has a temporary name until it is complete, so a file with the final name always plays.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from app.video.coding import choose_encoder, coding_threads
from app.video.conveyor import Conveyor
from app.video.sound import SoundTrack
from app.video.source import MediaError
from pose.people import ImageArray
from pose.writing import partial_name, put_in_place, unwritable
from tracking.clip_info import USUAL_RATE

TICK = Fraction(1, 90000)  # fine enough for every frame rate in use
QUEUED_FRAMES = 8

# Blue, green, red (0 to 255) to Y, Cb, Cr of ITU-R BT.709 in 8 bits: 16 to 235, and 128 +- 112
_BT709 = np.array(
    [
        [0.0722, 0.7152, 0.2126],
        [0.5, -0.7152 / 1.8556, -0.2126 / 1.8556],
        [-0.0722 / 1.5748, -0.7152 / 1.5748, 0.5],
    ]
) * np.array([[219], [224], [224]]) / 255  # fmt: skip
BGR_TO_YUV = np.hstack([_BT709, [[16], [128], [128]]]).astype(np.float32)  # (3, 4)


class Recorder:
    """Encode pictures on a separate thread; each is shown at its own time.

    Time 0 of the file is the first picture's. `audio_from` is the video the pictures come from; its
    sound is copied, cut to the same period, provided that `put` gets that video's times. `put`
    waits if encoding cannot keep up. A `live` file has its final name from the start and is written
    in fragments: a recording that cannot be repeated plays up to its last seconds, whatever ends
    it. `quick` makes encoding faster and the file larger.
    Raises MediaError if the file cannot be written: at once, or from a later `put` or `close`.
    """

    def __init__(
        self,
        path: Path,
        size_wh: tuple[int, int],
        frame_rate: Fraction | None,
        *,
        audio_from: Path | None = None,
        live: bool = False,
        quick: bool = False,
    ) -> None:
        self.path = path
        self._size_wh = size_wh
        self._live = live
        self._partial = path if live else partial_name(path)
        movflags = "+frag_keyframe+empty_moov+default_base_moof" if live else "+faststart"
        self._step = round(1 / ((frame_rate or USUAL_RATE) * TICK))  # ticks a picture lasts
        self._last_tick = -1
        self._start_s: float | None = None
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(
                str(self._partial), "w", format="mp4", options={"movflags": movflags}
            )
        except (OSError, av.error.FFmpegError) as error:
            raise write_error(path, error) from None
        self._sound: SoundTrack | None = None
        try:
            self._stream = _add_video(self._container, size_wh, frame_rate, quick)
            self._sound = SoundTrack.open(audio_from, self._container) if audio_from else None
        except BaseException:
            self._abandon()
            raise
        self._conveyor = Conveyor(self._write, QUEUED_FRAMES, f"record {path.name}")

    def put(self, image: ImageArray, time_s: float) -> None:
        """Add (H, W, 3) BGR `image`, shown from `time_s` on; times must increase."""
        if image.shape[1::-1] != self._size_wh:
            raise ValueError(f"image is {image.shape[1::-1]}, the video {self._size_wh}")
        self._conveyor.put((image, time_s))

    def close(self) -> None:
        """Finish the file and give it its name; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self._conveyor.close()
            self._finish()
        except BaseException:
            self._abandon()
            raise

    def abort(self) -> None:
        """Discard the unfinished file."""
        if self._closed:
            return
        self._closed = True
        try:
            self._conveyor.close()
        except MediaError:
            pass  # already raised by `put`, or no longer of interest
        finally:
            self._abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, item: tuple[ImageArray, float]) -> None:
        """Encode one picture, and copy the sound up to its time (on the recorder's thread)."""
        image, time_s = item
        if self._start_s is None:
            self._start_s = time_s
            if self._sound:
                self._sound.start_at(time_s)
        tick = max(round((time_s - self._start_s) / TICK), self._last_tick + 1)
        frame = _yuv_frame(_even(image))
        frame.pts, frame.time_base = tick, TICK
        frame.duration = self._step
        self._last_tick = tick
        try:
            self._container.mux(self._stream.encode(frame))
            if self._sound:
                self._sound.copy_until(float((tick + self._step) * TICK))
        except (OSError, av.error.FFmpegError) as error:
            raise write_error(self.path, error) from None

    def _finish(self) -> None:
        if self._start_s is None:
            self._abandon()
            return
        try:
            self._container.mux(self._stream.encode(None))
            if self._sound:
                self._sound.finish()
                self._sound.close()
            self._container.close()
            put_in_place(self._partial, self.path)
        except (OSError, av.error.FFmpegError) as error:
            raise write_error(self.path, error) from None

    def _abandon(self) -> None:
        if self._sound:
            self._sound.close()
        with contextlib.suppress(OSError, av.error.FFmpegError):  # the file is discarded
            self._container.close()
        if not self._live or self._start_s is None:
            with contextlib.suppress(OSError):  # the cause has been reported already
                self._partial.unlink(missing_ok=True)


class WriteError(MediaError):
    """A file that cannot be written; the source is not at fault."""


def write_error(path: Path, error: OSError | av.error.FFmpegError) -> WriteError:
    """See pose.writing.writing, which does not know PyAV's errors."""
    return WriteError(unwritable(path, error.errno, error.strerror or str(error)))


def _even(image: ImageArray) -> ImageArray:
    """Repeat the last row or column of an odd size: H.264's half-size colour planes need even."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        bottom, right = height % 2, width % 2
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8
        )
    return np.ascontiguousarray(image)


def _yuv_frame(image: ImageArray) -> av.VideoFrame:
    """The picture as encoders take it: luma, and chroma at half its size (4:2:0, BT.709).

    Takes half as long as PyAV's reformatter.
    """
    height, width = image.shape[:2]
    full = cv2.transform(image, BGR_TO_YUV)  # (H, W, 3)
    half = cv2.resize(full, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    frame = av.VideoFrame(width, height, "yuv420p")
    for channel, (plane, source) in enumerate(zip(frame.planes, (full, half, half), strict=True)):
        memory = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # it is a buffer
        rows = memory.reshape(plane.height, plane.line_size)
        cv2.extractChannel(source, channel, rows[:, : plane.width])
    return frame


def _add_video(
    container: av.container.OutputContainer,
    size_wh: tuple[int, int],
    rate: Fraction | None,
    quick: bool,
) -> av.VideoStream:
    """A video stream with the best encoder that works here."""
    encoder = choose_encoder(size_wh, quick)
    if encoder is None:
        raise MediaError("this build of PyAV has no video encoder; install the av wheel from PyPI")
    rate = rate or USUAL_RATE
    stream = container.add_stream(encoder.name, rate=rate, options=encoder.options)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = size_wh[0] + size_wh[0] % 2, size_wh[1] + size_wh[1] % 2
    stream.pix_fmt = "yuv420p"
    stream.thread_type = "FRAME"  # slices cost quality, and make the output depend on timing
    stream.thread_count = coding_threads()
    stream.codec_context.time_base = TICK
    stream.codec_context.gop_size = max(1, round(2 * rate))  # a seek point every 2 s
    stream.codec_context.colorspace = int(Colorspace.ITU709)
    stream.codec_context.color_primaries = stream.codec_context.color_trc = 1  # BT.709
    stream.codec_context.color_range = 1  # 16 to 235
    return stream
