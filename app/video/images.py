"""Frames from a folder or pattern of pictures, in natural order (`shot9` before `shot10`)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from app.video.source import VIDEO_SUFFIXES, MediaError, is_live
from pose.people import Frame, ImageArray

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
PICTURE_RATE = Fraction(25)  # pictures have no timestamps; PoseTrack's are about 25 a second


class ImagesSource:
    """The pictures of a folder, or of a pattern with `*`, `?` or `%d`; see FrameSource."""

    live = False
    frame_rate: Fraction | None = PICTURE_RATE

    def __init__(self, spec: Path) -> None:
        self.name = str(spec)
        try:
            self.paths = list_pictures(spec)
        except PermissionError:
            raise MediaError(
                f"{spec}: no permission to read the folder; change its access"
            ) from None
        if not self.paths:
            kinds = " ".join(sorted(SUFFIXES))
            raise MediaError(f"{spec}: no pictures there; looked for {kinds}")
        self.frame_count: int | None = len(self.paths)
        first = read_picture(self.paths[0])
        self.size_wh: tuple[int, int] = (first.shape[1], first.shape[0])
        self._next_index = 0

    def __iter__(self) -> Iterator[Frame]:
        while self._next_index < len(self.paths):
            path = self.paths[self._next_index]
            image = read_picture(path)
            if (size_wh := (image.shape[1], image.shape[0])) != self.size_wh:
                raise MediaError(
                    f"{path}: {size_wh[0]}x{size_wh[1]}, but the first picture is "
                    f"{self.size_wh[0]}x{self.size_wh[1]}; give each size a folder of its own"
                )
            frame = Frame(self._next_index, self._next_index / float(PICTURE_RATE), image)
            self._next_index += 1
            yield frame

    def skip(self, count: int) -> int:
        """Skip up to `count` pictures; return how many."""
        passed = min(count, len(self.paths) - self._next_index)
        self._next_index += passed
        return passed

    def seek(self, time_s: float) -> None:
        """Make the next picture the first one at or after `time_s`."""
        index = int(np.ceil(max(time_s, 0.0) * float(PICTURE_RATE) - 1e-6))
        self._next_index = min(index, len(self.paths))

    def close(self) -> None:
        """Do nothing: no file is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sources_in(spec: str) -> list[str]:
    """The videos in a folder, by number; whatever else `spec` names is one source, as it is."""
    videos: list[Path] = []
    if not is_live(spec):
        with contextlib.suppress(OSError):  # not a folder, or a locked one
            videos = [
                each for each in Path(spec).iterdir() if each.suffix.lower() in VIDEO_SUFFIXES
            ]
    return [str(each) for each in sorted(videos, key=_by_number) if each.name[0] != "."] or [spec]


def list_pictures(spec: Path) -> list[Path]:
    """The pictures in folder `spec` or matching the pattern `spec`; numbers sort by value."""
    if spec.is_dir():
        found = [path for path in spec.iterdir() if path.suffix.lower() in SUFFIXES]
    elif "%" in spec.name:
        digits = re.compile(
            re.sub(r"%0?\d*d", r"\\d+", re.escape(spec.name).replace(r"\%", "%")), re.IGNORECASE
        )
        folder = spec.parent
        if not folder.is_dir():
            return []
        found = [path for path in folder.iterdir() if digits.fullmatch(path.name)]
    else:
        found = [path for path in spec.parent.glob(spec.name) if path.suffix.lower() in SUFFIXES]
    # On disks written by a Mac there is a ._shot1.png beside each shot1.png
    return sorted((path for path in found if not path.name.startswith(".")), key=_by_number)


def _by_number(path: Path) -> list[tuple[int, str]]:
    """A key under which `shot9` comes before `shot10`."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def read_picture(path: Path) -> ImageArray:
    """Read a picture as (H, W, 3) uint8 BGR, its EXIF rotation applied. Raises MediaError."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread fails on non-ASCII names on Windows
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror})") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise MediaError(f"{path}: not a picture, or damaged; remove it or save it again")
    return np.asarray(image, np.uint8)
