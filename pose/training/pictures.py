"""The pictures of a data set: files, or frames read straight from videos, cached once decoded."""

from __future__ import annotations

import functools
import itertools
import logging
import multiprocessing
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer
from torch.utils.data import get_worker_info

from pose.cores import core_count
from pose.people import ImageArray

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")
CACHE_BYTES, VAL_BYTES = 4 * 1024**3, 1024**3  # of cached pictures: to learn from, to score on
_ROUNDED_PX = 2  # sizes that differ this little are the same, rounded by some tool
_REORDERED = 16  # most frames that H.264 and HEVC decode ahead of the one to show
# As BRACE and many others name extracted frames: VIDEO/img-000123.png, VIDEO/000123.jpg.
_FRAME_NAME = re.compile(r"^(?:.*[-_])?(\d{3,})\.(?:png|jpe?g|webp)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture is: a file, or the frame of a video, counted from 0."""

    file: Path
    frame: int | None = None
    # As its labels state it; None if they do not. Not part of a place's identity.
    size_wh: tuple[int, int] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return str(self.file) if self.frame is None else f"{self.file}, frame {self.frame}"


def find_picture(folder: Path, picture: Mapping[str, Any]) -> Place | None:
    """Where the picture of a COCO entry is; None if it cannot be found.

    `file_name` is looked up below `folder`, if need be without its leading folders, since data sets
    are rarely unpacked where their files say. An entry with `video` and `frame`, or whose name is
    VIDEO/img-NUMBER.png where VIDEO.mp4 exists, is a frame of that video; NUMBER counts from 1, as
    in pictures that ffmpeg extracts.
    """
    name = _path(picture.get("file_name", ""))
    width, height = picture.get("width"), picture.get("height")
    size_wh = (int(width), int(height)) if width and height else None
    if (file := _below(folder, name)) is not None:
        return Place(file, None, size_wh)
    if "video" in picture and "frame" in picture:
        video = _below(folder, _path(picture["video"]))
        return None if video is None else Place(video, int(picture["frame"]), size_wh)
    if match := _FRAME_NAME.match(name.name):
        for suffix in VIDEO_SUFFIXES if name.parent.name else ():
            video = _below(folder, name.parent.with_name(name.parent.name + suffix))
            if video is not None:
                return Place(video, max(int(match[1]) - 1, 0), size_wh)
    return None


def _path(name: Any) -> Path:
    """The name as a path, even if it was written on Windows."""
    return Path(str(name).replace("\\", "/"))


def _below(folder: Path, name: Path) -> Path | None:
    parts = [part for part in name.parts if part not in ("/", "..")]
    for start in range(len(parts)):
        file = folder.joinpath(*parts[start:])
        if file.is_file():
            return file
    return None


class Pictures:
    """Decoded pictures by index, cached up to a limit so that epochs do not decode them again.

    Worker processes share what was cached before they started (`decode_all`), and divide the limit
    for what they decode themselves. A picture that cannot be decoded, or whose size is not the one
    in its labels, is logged once (by each process) and is None from then on.
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
        """Picture `index`, (H, W, 3) BGR, or None if it cannot be used."""
        if index in self._kept:
            return self._kept[index]
        if index in self.damaged:
            return None
        return self._keep(index, read_picture(self._places[index]), self._limit / _processes())

    def _keep(self, index: int, image: ImageArray | None, limit: float) -> ImageArray | None:
        place = self._places[index]
        fault = "cannot be decoded" if image is None else other_size(image, place)
        if image is None or fault:
            self.damaged.add(index)
            log.warning("%s %s; its people are left out", place, fault)
            return None
        if self._bytes + image.nbytes <= limit:
            self._kept[index] = image
            self._bytes += image.nbytes
        return image

    def decode_all(self) -> None:
        """Decode what the limit allows, on all cores; does nothing unless processes are forked."""
        if multiprocessing.get_start_method() != "fork":
            return
        ahead = 8 * core_count()  # decoded at once; whether they fit is known only afterwards
        with ThreadPoolExecutor(core_count()) as pool:
            for first in range(0, len(self), ahead):
                indices = range(first, min(first + ahead, len(self)))
                images = pool.map(read_picture, self._places[first : indices.stop])
                for index, image in zip(indices, images, strict=True):
                    self._keep(index, image, self._limit)
                if len(self._kept) + len(self.damaged) < indices.stop:
                    return  # the cache is full

    def __getstate__(self) -> dict[str, Any]:
        """State for a process that is not forked, without the cache: it decodes its own."""
        return self.__dict__ | {"_kept": {}, "_bytes": 0}


def _processes() -> int:
    worker = get_worker_info()
    return 1 if worker is None else worker.num_workers


def other_size(image: ImageArray, place: Place) -> str | None:
    """What is wrong if the picture's size is not the one in its labels; None if it fits."""
    wanted, found = place.size_wh, image.shape[1::-1]
    if wanted is None or max(abs(wanted[0] - found[0]), abs(wanted[1] - found[1])) <= _ROUNDED_PX:
        return None
    return "is {}x{}, but its labels are for {}x{}".format(*found, *wanted)


def read_picture(place: Place) -> ImageArray | None:
    """Decode a picture, (H, W, 3) BGR; None if that fails.

    It is rotated by its EXIF tag, unless only the unrotated picture has the size in its labels:
    COCO's own program ignores that tag.
    """
    if place.frame is not None:
        return _video_frame(place.file, place.frame)
    image = _decoded(place.file, cv2.IMREAD_COLOR)
    if image is not None and place.size_wh == image.shape[:2] != image.shape[1::-1]:
        image = _decoded(place.file, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return image


def _decoded(file: Path, flags: int) -> ImageArray | None:
    decoded = cv2.imread(str(file), flags)
    return None if decoded is None else decoded.astype(np.uint8, copy=False)


def _video_frame(file: Path, number: int) -> ImageArray | None:
    """Frame `number`, upright; None if there is none."""
    try:
        times = _frame_times(file)
        with av.open(str(file)) as container:
            frame = _found_by_time(container, times, number)
        if frame is None and (not times or number < len(times)):  # seeking did not find it
            with av.open(str(file)) as container:
                frame = next(itertools.islice(container.decode(video=0), number, None), None)
    except (av.error.FFmpegError, IndexError):
        return None
    if frame is None:
        return None
    image = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
    quarters = frame.rotation % 360 // 90  # as when a phone is held upright
    return np.ascontiguousarray(np.rot90(image, quarters))


def _found_by_time(
    container: InputContainer, times: list[int], number: int
) -> av.VideoFrame | None:
    """The frame shown at `times[number]`, decoded from the key frame before it."""
    if number >= len(times):
        return None
    for earlier in (0, _REORDERED):  # the seek may land on a key frame that is shown later
        container.seek(times[max(number - earlier, 0)], stream=container.streams.video[0])
        for frame in container.decode(video=0):
            if frame.pts == times[number]:
                return frame
            if frame.pts is None or frame.pts > times[number]:
                break
    return None


@functools.lru_cache(maxsize=64)
def _frame_times(file: Path) -> list[int]:
    """When each frame is shown, in ticks of the file's clock; phones record at uneven intervals.

    Empty if the file does not say: AVI stores only the decoding order.
    """
    with av.open(str(file)) as container:
        reordered = container.streams.video[0].codec_context.has_b_frames
        if reordered and container.format.name == "avi":
            return []
        packets = (packet for packet in container.demux(video=0) if packet.size)
        shown = [packet.pts for packet in packets if not packet.is_discard]
    times = [pts for pts in shown if pts is not None]
    return sorted(times) if len(times) == len(shown) else []
