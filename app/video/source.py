"""Where frames come from: one interface for files, image folders and cameras."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol, Self

from pose.errors import UserError
from pose.people import Frame


class MediaError(UserError):
    """A video, picture or camera that cannot be read or written."""


class FrameSource(Protocol):
    """Frames in order, each with its own time. Iteration continues from the current position.

    It ends at the end of the source and raises MediaError if the source breaks off.
    """

    name: str  # what the user called it
    size_wh: tuple[int, int]  # of the frames as given, rotation applied
    frame_rate: Fraction | None  # nominal; None where unknown
    frame_count: int | None  # as the container says, an estimate; None where unknown (live)
    live: bool  # True: frames that are not read in time are lost; no seek

    def __iter__(self) -> Iterator[Frame]: ...

    def seek(self, time_s: float) -> None:
        """Make the next frame the first one at or after `time_s`; none past the end.

        Live sources raise MediaError.
        """

    def skip(self, count: int) -> int:
        """Skip up to `count` frames, cheaper than reading them; return how many."""

    def close(self) -> None:
        """Release the file or device; safe to call twice."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg",
    ".wmv", ".flv", ".3gp", ".ogv", ".vob", ".mxf", ".dv", ".h264", ".264", ".hevc", ".h265",
)  # fmt: skip


SCREENS = ("screen", "screen:left", "screen:right")  # of this computer: the whole, a half


def is_live(spec: str) -> bool:
    """True for cameras, streams and the screen, which, unlike files, do not wait for the reader."""
    if spec in SCREENS:
        return not os.path.exists(spec)  # noqa: PTH110  else it is a folder or file of that name
    return spec.isdecimal() or "://" in spec or spec.startswith("/dev/video")


def open_source(spec: str | Path) -> FrameSource:
    """Open what the user named: a video file, a folder or pattern of pictures, or a camera.

    A camera is a number (`0`, as the system counts them), a URL (`rtsp://...`) or the `screen`; a
    pattern of pictures holds `*`, `?` or `%` (`shots/*.png`, `shots/%06d.png`). Raises MediaError.
    """
    text = str(spec)
    # Each back end is imported only when needed: PyAV and OpenCV are slow to load.
    if is_live(text):
        from app.video.camera import CameraSource

        return CameraSource(text)
    path = Path(text)
    # os.path, unlike Path before Python 3.14, also answers without permission to look
    is_folder, exists = os.path.isdir(text), os.path.exists(text)  # noqa: PTH110, PTH112
    if is_folder or (not exists and any(sign in text for sign in "*?%")):
        from app.video.images import ImagesSource

        return ImagesSource(path)
    from app.video.file import FileSource

    return FileSource(path)
