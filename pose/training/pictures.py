"""The pictures of a data set: files, or frames read straight from videos; decoded ones are kept."""

from __future__ import annotations

import logging
import multiprocessing
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from torch.utils.data import get_worker_info

from pose.cores import core_count
from pose.people import ImageArray

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")
CACHE_BYTES, VAL_BYTES = 4 * 1024**3, 1024**3  # of pictures kept: to learn from, to score on
# As BRACE and many others name extracted frames: VIDEO/img-000123.png, VIDEO/000123.jpg.
_FRAME_NAME = re.compile(r"^(?:.*[-_])?(\d{3,})\.(?:png|jpe?g|webp)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture is: a file, or the frame of a video, counted from 0."""

    file: Path
    frame: int | None = None

    def __str__(self) -> str:
        return str(self.file) if self.frame is None else f"{self.file}, frame {self.frame}"


def find_picture(folder: Path, picture: Mapping[str, Any]) -> Place | None:
    """Where the picture of a COCO entry is; None where it cannot be found.

    `file_name` is looked for below `folder`, without its leading folders where need be, as data
    sets are rarely unpacked where their files say. An entry with `video` and `frame`, or whose name
    is VIDEO/img-NUMBER.png with VIDEO.mp4 there, is a frame of that video; such numbers count from
    1, as ffmpeg gives them to the pictures that it extracts.
    """
    name = _path(picture.get("file_name", ""))
    if (file := _below(folder, name)) is not None:
        return Place(file)
    if "video" in picture and "frame" in picture:
        video = _below(folder, _path(picture["video"]))
        return None if video is None else Place(video, int(picture["frame"]))
    if match := _FRAME_NAME.match(name.name):
        for suffix in VIDEO_SUFFIXES if name.parent.name else ():
            video = _below(folder, name.parent.with_name(name.parent.name + suffix))
            if video is not None:
                return Place(video, max(int(match[1]) - 1, 0))
    return None


def _path(name: Any) -> Path:
    """The name as a path, also where it was written on Windows."""
    return Path(str(name).replace("\\", "/"))


def _below(folder: Path, name: Path) -> Path | None:
    parts = [part for part in name.parts if part not in ("/", "..")]
    for start in range(len(parts)):
        file = folder.joinpath(*parts[start:])
        if file.is_file():
            return file
    return None


class Pictures:
    """Decoded pictures by index, kept in memory up to a limit so that epochs do not decode again.

    Processes that make samples share what was kept before they began (`decode_all`), and divide
    the limit for what they decode themselves. A picture that cannot be decoded is named once in the
    log (by each process); from then on it is None.
    """

    def __init__(self, places: tuple[Place, ...], limit_bytes: int = CACHE_BYTES) -> None:
        self._places = places
        self._limit = limit_bytes
        self._bytes = 0
        self._kept: dict[int, ImageArray] = {}
        self.damaged: set[int] = set()

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> ImageArray | None:
        """Picture `index`, (H, W, 3) BGR, or None where it cannot be decoded."""
        if index in self._kept:
            return self._kept[index]
        if index in self.damaged:
            return None
        return self._keep(index, read_picture(self._places[index]), self._limit / _processes())

    def _keep(self, index: int, image: ImageArray | None, limit: float) -> ImageArray | None:
        if image is None:
            self.damaged.add(index)
            log.warning("%s cannot be decoded; its people are left out", self._places[index])
        elif self._bytes + image.nbytes <= limit:
            self._kept[index] = image
            self._bytes += image.nbytes
        return image

    def decode_all(self) -> None:
        """Decode what the limit allows, on all cores; only where processes are forked."""
        if multiprocessing.get_start_method() != "fork":
            return
        ahead = 8 * core_count()  # decoded at once; whether they fit is known afterwards
        with ThreadPoolExecutor(core_count()) as pool:
            for first in range(0, len(self), ahead):
                indices = range(first, min(first + ahead, len(self)))
                images = pool.map(read_picture, self._places[first : indices.stop])
                for index, image in zip(indices, images, strict=True):
                    self._keep(index, image, self._limit)
                if len(self._kept) + len(self.damaged) < indices.stop:
                    return  # it is full

    def __getstate__(self) -> dict[str, Any]:
        """For a process that is not forked: it decodes its own."""
        return self.__dict__ | {"_kept": {}, "_bytes": 0}


def _processes() -> int:
    worker = get_worker_info()
    return 1 if worker is None else worker.num_workers


def read_picture(place: Place) -> ImageArray | None:
    """Decode a picture, (H, W, 3) BGR; None where that fails."""
    if place.frame is not None:
        return _video_frame(place.file, place.frame)
    decoded = cv2.imread(str(place.file), cv2.IMREAD_COLOR)
    return None if decoded is None else decoded.astype(np.uint8, copy=False)


def _video_frame(file: Path, number: int) -> ImageArray | None:
    """Frame `number` from the key frame before it on; by its time at the nominal rate."""
    try:
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or Fraction(25)
            base = stream.time_base or Fraction(1, 1000)
            start = stream.start_time or 0
            wanted = start + round(number / rate / base)
            container.seek(wanted, stream=stream)
            half = round(1 / rate / base / 2)
            for frame in container.decode(stream):
                if frame.pts is not None and frame.pts >= wanted - half:
                    return frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
    except (av.error.FFmpegError, IndexError):
        return None
    return None
