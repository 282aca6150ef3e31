"""Read and write tracks: the formats by name, and what is checked whatever the format.

A writer streams: it holds a bounded number of people, gives its file the final name only when
`close` has completed it, and leaves nothing behind after `abort`. A joint is always x, y,
confidence, in pixels of the frame.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pose.command import tell
from pose.errors import UserError
from pose.people import Frame
from pose.reading import ContentError, read_json, reading
from pose.skeleton import COCO17, Skeleton
from pose.writing import writing
from tracking.clip_info import USUAL_RATE
from tracking.clip_info import ClipInfo as ClipInfo  # offered here too
from tracking.ground import STILL, Ground
from tracking.tracks import FrameResult, TrackedPoses

NO_TIMES = f"it has no times; {USUAL_RATE} frames a second are taken"


class TracksFileError(UserError):
    """A tracks file that cannot be read or written."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The content of a tracks file. The frames have no picture (see `frame_without_picture`)."""

    info: ClipInfo
    frames: list[FrameResult]  # in order; frames without people may be missing
    notes: tuple[str, ...] = ()  # one line for each thing assumed or left out in reading


class TracksWriter(Protocol):
    """Takes the results of one clip, in order."""

    def put(self, result: FrameResult) -> None:
        """Add a frame. Raises TracksFileError if the file cannot be written."""

    def close(self) -> None:
        """Complete the file and give it its final name; safe to call twice."""

    def abort(self) -> None:
        """Leave nothing behind."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of tracks file; `module` has `Writer(path, info)` and, if readable, `read(path)`."""

    suffix: str  # follows the clip's name
    module: str  # in tracking.formats; imported only when used: pyarrow and rerun are slow to load
    readable: bool
    summary: str

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return self.suffix.startswith("_")


FORMATS = {
    "posetrack18": Format(".json", "posetrack18", True, "PoseTrack 2018 JSON, 17 joints, ids"),
    "posetrack17": Format(
        ".posetrack17.json", "posetrack17", True, "PoseTrack 2017, 15 joints, ids"
    ),
    "csv": Format(".csv", "table", True, "a row per person and frame"),
    "parquet": Format(".parquet", "parquet", True, "the same table, compressed"),
    "coco": Format(".coco.json", "coco", True, "COCO keypoint results, track_id"),
    "alphapose": Format(".alphapose.json", "alphapose", True, "AlphaPose results with idx"),
    "openpose": Format("_openpose", "openpose", True, "OpenPose BODY_25, a file per frame"),
    "mot": Format(".txt", "mot", True, "MOT Challenge text, boxes only"),
    "trc": Format("_trc", "trc", True, "OpenSim markers, a file per person"),
    "rerun": Format(".rrd", "rerun", False, "a recording for the Rerun viewer"),
}


def _module(chosen: Format) -> Any:
    return import_module(f"tracking.formats.{chosen.module}")


def open_writer(format_name: str, path: Path | str, info: ClipInfo) -> TracksWriter:
    """A writer of the named format; creates the folder of `path`. Raises TracksFileError."""
    chosen = FORMATS.get(format_name)
    if chosen is None:
        raise TracksFileError(f"no format {format_name!r}; choose from {', '.join(FORMATS)}")
    path = Path(path)
    with writing(path.parent, TracksFileError):
        path.parent.mkdir(parents=True, exist_ok=True)
    writer: TracksWriter = _module(chosen).Writer(path, info)
    return writer


def read_tracks(path: Path | str, format_name: str | None = None) -> Tracks:
    """Read a tracks file of the named format, or of one recognised by its name and content.

    If the file does not state the nominal frame rate, it is derived from the frames' times. A note
    says where those do not increase.
    Raises TracksFileError if it is missing, damaged, or of a format that cannot be read.
    """
    path = Path(path)
    if not os.path.exists(path):  # noqa: PTH110  Path raises where there is no permission to look
        raise TracksFileError(f"{path}: there is no such file; check the name")
    name = format_name or recognise(path)
    chosen = FORMATS.get(name)
    if chosen is None or not chosen.readable:
        readable = ", ".join(key for key, value in FORMATS.items() if value.readable)
        raise TracksFileError(f"{path}: {name} cannot be read; these can: {readable}")
    if path.is_dir() > chosen.is_folder:
        raise TracksFileError(f"{path}: a folder, where {name} is a file")
    try:
        with reading(f"{path}: not a {name} file, or damaged", TracksFileError):
            tracks: Tracks = _module(chosen).read(path)
            return _with_times_noted(_with_rate(_with_our_ids(tracks)))
    except OSError as error:
        raise TracksFileError(f"{path}: cannot be read ({error.strerror})") from error


def _with_our_ids(tracks: Tracks) -> Tracks:
    """Tracks whose ids count from 1; in a file that counts from 0, all are raised by one.

    Raises ContentError if people have no identity, or two in a frame have the same.
    """
    lowest = 1
    for result in tracks.frames:
        ids = result.people.ids.tolist()
        if len(set(ids)) < len(ids):
            twice = next(person for person in ids if ids.count(person) > 1)
            raise ContentError(f"frame {result.frame.index} has the person {twice} twice")
        lowest = min([lowest, *ids])
    if lowest < 0:
        raise ContentError(f"a person's id is {lowest}: these are detections, not tracks")
    if lowest == 1:
        return tracks
    frames = [replace(r, people=replace(r.people, ids=r.people.ids + 1)) for r in tracks.frames]
    return replace(tracks, frames=frames)


def tell_notes(path: Path, tracks: Tracks) -> None:
    """Print to stderr what was assumed or left out in reading tracks."""
    for note in tracks.notes:
        tell(f"{path}: {note}")


def _with_rate(tracks: Tracks) -> Tracks:
    """Tracks whose frame rate, if none is stated, comes from the median step of their times."""
    steps = np.diff([result.frame.time_s for result in tracks.frames])
    steps = steps[steps > 0]
    if tracks.info.frame_rate is not None or not len(steps):
        return tracks
    return replace(tracks, info=replace(tracks.info, frame_rate=_nominal(1 / np.median(steps))))


def _with_times_noted(tracks: Tracks) -> Tracks:
    """Tracks with a note if a frame is not later than the one before it."""
    late = np.flatnonzero(np.diff([result.frame.time_s for result in tracks.frames]) <= 0)
    if not len(late):
        return tracks
    first = tracks.frames[late[0] + 1].frame.index
    note = f"times do not always rise (first in frame {first}); there are no speeds then"
    return replace(tracks, notes=(*tracks.notes, note))


def _nominal(rate: float) -> Fraction | None:
    """The nominal rate behind one from rounded times: whole, or whole times 1000/1001, if near."""
    usual = [Fraction(round(rate)), Fraction(1000 * round(rate * 1.001), 1001)]
    nearest = min(usual, key=lambda each: abs(each - Fraction(rate)))
    near = abs(float(nearest) - rate) < 3e-4 * rate  # 240 a second, times in microseconds: 1e-4 off
    return (nearest if near else Fraction(rate).limit_denominator(1000)) or None


BESIDE = (".info.json", ".measures.csv")  # endings of what is written beside tracks


def recognise_name(path: Path) -> str:
    """The format with the longest ending that `path` has. Raises TracksFileError if none fits."""
    if (name := _by_ending(path)) is not None:
        return name
    known = ", ".join(sorted({value.suffix for value in FORMATS.values()}))
    raise TracksFileError(f"{path}: what kind of file is it? The known endings are {known}")


def _by_ending(path: Path) -> str | None:
    fitting = [name for name, each in FORMATS.items() if path.name.endswith(each.suffix)]
    return max(fitting, key=lambda name: len(FORMATS[name].suffix), default=None)


def recognise(path: Path) -> str:
    """The format of the file `path`, by its content if its name is ambiguous.

    Raises TracksFileError if none fits.
    """
    for ending in BESIDE:
        if path.name.endswith(ending):
            name = path.name.removesuffix(ending)
            raise TracksFileError(
                f"{path}: not tracks, but about them; name {name}.json or the like"
            )
    if path.is_dir():
        return "trc" if any(path.glob("*.trc")) else "openpose"
    if path.suffix == ".trc":
        return "trc"
    name = recognise_name(path)
    if name != "posetrack18":
        return name
    content = read_json(path, TracksFileError)  # several formats end in plain .json
    if isinstance(content, dict):
        return "posetrack17" if "annolist" in content else "posetrack18"
    rows = content if isinstance(content, list) else []
    first = next((row for row in rows if isinstance(row, dict)), {})
    return "alphapose" if "idx" in first or "box" in first else "coco"


def info_path(path: Path) -> Path:
    """Where the ClipInfo of a tracks file that cannot hold it is: NAME.info.json beside it."""
    name = _by_ending(path)
    stem = path.stem if name is None else path.name.removesuffix(FORMATS[name].suffix)
    return path.with_name(f"{stem}.info.json")


def read_info(path: Path, skeleton: Skeleton = COCO17) -> ClipInfo:
    """The ClipInfo beside the tracks file `path`; if there is none, a bare one with `skeleton`."""
    beside = info_path(path)
    if beside.is_file():
        with reading(str(beside), TracksFileError):
            return ClipInfo.from_json(read_json(beside, TracksFileError))
    return ClipInfo(path.stem, (0, 0), skeleton, program="")


def frame_without_picture(
    index: int, time_s: float, people: TrackedPoses, ground: Ground = STILL
) -> FrameResult:
    """A result read back from a file: its frame has a picture of 0 x 0 pixels."""
    frame = Frame(index, time_s, np.zeros((0, 0, 3), np.uint8))
    return FrameResult(frame, people, {}, shot=ground.shot, camera=ground.camera)
