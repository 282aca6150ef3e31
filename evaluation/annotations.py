"""PoseTrack 2017, 2018 and 2021 files, truth or predictions, as one Sequence of arrays.

Coordinates are float64 pixels, exactly as the file gives them; NaN marks a joint that is not there.
The people of all frames lie behind one another, in the file's order, so that a whole sequence is
filtered and compared at once.
"""

from __future__ import annotations

import gc
import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from evaluation.matching import BoolArray, FloatArray, IntArray
from pose.errors import UserError
from pose.skeleton import POSETRACK15, POSETRACK18

JOINTS = len(POSETRACK15)
MISSING_SCORE = -9999.0  # poseval's MIN_SCORE, for predicted points without a score
FORMATS = ("posetrack17", "posetrack18", "posetrack21")

# PoseTrack 2018 calls the 15 joints as 2017 does, but for the neck.
_JOINT_OF = {name: index for index, name in enumerate(POSETRACK15.names)} | {
    "head_bottom": POSETRACK15.index("neck")
}


class AnnotationError(UserError):
    """Truth or predictions that cannot be scored; names the file, and the frame and person."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """The F frames and N people of one file."""

    path: Path
    frame_names: tuple[str, ...]  # (F,) the pictures' names as written
    annotated: BoolArray  # (F,) the file has people there, be they without points
    labelled: BoolArray  # (F,) is_labeled, or `annotated` where the file does not say
    regions: dict[int, list[FloatArray]]  # frame -> polygons (V, 2) to be left out
    frame: IntArray  # (N,) ascending
    person: IntArray  # (N,) place in its frame, for messages
    ids: IntArray  # (N,) unique in a frame
    keypoints: FloatArray  # (N, 15, 2)
    scores: FloatArray  # (N, 15) of the points
    head_px: FloatArray  # (N,) 0.6 of the head box's diagonal; NaN without box

    @property
    def name(self) -> str:
        """What poseval calls the sequence: the file's name up to its first dot."""
        return self.path.name.split(".")[0]

    @property
    def there(self) -> BoolArray:
        """Which joints (N, 15) are given."""
        return ~np.isnan(self.keypoints[..., 0])

    def __len__(self) -> int:
        return len(self.frame_names)

    def where(self, index: int) -> str:
        """Name the file, frame and person of person `index`, for a message."""
        frame = int(self.frame[index])
        place = int(self.person[index])
        return f"{self.path}: frame {frame} ({self.frame_names[frame]}), person {place}"

    def select(self, mask: BoolArray) -> Sequence:
        """The same frames with the people (N,) that `mask` picks."""
        names = ("frame", "person", "ids", "keypoints", "scores", "head_px")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})

    def without_points(self, gone: BoolArray) -> Sequence:
        """The same people without the joints (N, 15) marked `gone`."""
        return replace(self, keypoints=np.where(gone[..., None], np.nan, self.keypoints))


def read_sequence(path: Path, *, truth: bool, need_ids: bool, expected: str = "auto") -> Sequence:
    """Read one PoseTrack file of the `expected` format; "auto" tells them apart by their keys.

    `truth` demands a head box of everybody with joints; `need_ids` demands track ids. Raises
    AnnotationError where the file is missing, damaged or of another format, where a number is not
    one, or where an id is twice in a frame. As in poseval, people without a list of points are left
    out; a list without points is kept.
    """
    collecting = gc.isenabled()
    gc.disable()  # half the time of a parse would go into looking for cycles
    try:
        return _read(path, truth, need_ids, expected)
    finally:
        if collecting:
            gc.enable()


def _read(path: Path, truth: bool, need_ids: bool, expected: str) -> Sequence:
    data = read_json(path)
    keys = set(data) if isinstance(data, dict) else set()
    rows = _Rows(path)
    if "annolist" in keys and expected in ("auto", "posetrack17"):
        _read_2017(rows, data, truth)
    elif {"images", "annotations"} <= keys and expected in ("auto", "posetrack18", "posetrack21"):
        _read_2018(rows, data, truth)
    else:
        known = "a PoseTrack file" if expected == "auto" else f"a {expected} file"
        raise AnnotationError(
            f"{path}: unknown format, not {known}; expected an object with annolist (2017), "
            "or with images and annotations (2018, 2021)"
        )
    _check_ids(rows, need_ids)
    return _assembled(rows, truth)


def read_json(path: Path) -> Any:
    """Parse a JSON file; AnnotationError where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise AnnotationError(f"{path}: no such file") from None
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read: {error}") from error
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass  # NaN is no JSON, but other programs write it; and the slow parser tells more
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise AnnotationError(
            f"{path}: not a whole JSON file (line {error.lineno}, column {error.colno}: "
            f"{error.msg}); was it cut off while being written?"
        ) from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: not a text file: {error}") from error


@dataclass(slots=True)
class _Rows:
    """What a reader gathers: one tuple per frame, person and point."""

    path: Path
    frames: list[tuple[str, bool, bool]] = field(default_factory=list)  # name, annotated, labelled
    regions: dict[int, list[FloatArray]] = field(default_factory=dict)
    people: list[_Person] = field(default_factory=list)
    points: list[tuple[float, ...]] = field(default_factory=list)  # person, joint, x, y, score

    def place(self, frame: int, person: int | None = None) -> str:
        """Name a frame, and a person in it, for a message; both count from 0."""
        text = f"{self.path}: frame {frame} ({self.frames[frame][0]})"
        return text if person is None else f"{text}, person {person}"


class _Person(NamedTuple):
    frame: int
    place: int  # in its frame
    track_id: int | None
    has_points: bool  # the file lists points, be it none
    head: tuple[float, ...] | None  # x1 y1 x2 y2


# What wrongly built JSON raises when a reader reaches into it.
_MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _track_id(value: Any) -> int:
    if type(value) is int:  # nearly always, and bool is none
        return value
    if not isinstance(value, float) or not value.is_integer():
        raise ValueError(f"track id {value!r} is not a whole number")
    return int(value)


def _read_2017(rows: _Rows, data: Any, truth: bool) -> None:
    """PoseTrack 2017: every value wrapped in a list."""
    for frame, entry in enumerate(data["annolist"]):
        place = None
        try:
            rows.frames.append((f"frame {frame}", False, False))  # until its name is known
            people = entry["annorect"]
            flag = entry.get("is_labeled")
            labelled = bool(flag[0]) if flag else len(people) > 0
            rows.frames[frame] = (str(entry["image"][0]["name"]), len(people) > 0, labelled)
            regions = entry.get("ignore_regions") or []
            if regions:
                rows.regions[frame] = [
                    _polygon([(p["x"][0], p["y"][0]) for p in region["point"]])
                    for region in regions
                ]
            for place, person in enumerate(people):
                _add_2017(rows, frame, place, person, truth)
        except _MALFORMED as error:
            raise AnnotationError(f"{rows.place(frame, place)}: {_reason(error)}") from error


def _add_2017(rows: _Rows, frame: int, place: int, person: Any, truth: bool) -> None:
    annopoints = person.get("annopoints")
    has_points = bool(annopoints) and bool(annopoints[0]) and "point" in annopoints[0]
    track_id = _track_id(person["track_id"][0]) if person.get("track_id") else None
    head = None
    if truth and person.get("x1") and person.get("y1") and person.get("x2") and person.get("y2"):
        head = (person["x1"][0], person["y1"][0], person["x2"][0], person["y2"][0])
    number = len(rows.people)
    rows.people.append(_Person(frame, place, track_id, has_points, head))
    rows.points += [
        (
            number,
            point["id"][0],
            point["x"][0],
            point["y"][0],
            point["score"][0] if "score" in point else MISSING_SCORE,
        )
        for point in (annopoints[0]["point"] if has_points else ())
    ]


def _read_2018(rows: _Rows, data: Any, truth: bool) -> None:
    """PoseTrack 2018 and 2021: COCO's layout."""
    try:
        columns = _joint_columns(data.get("categories") or [{}])
        frame_of: dict[Any, int] = {}
        people: list[list[Any]] = []
        for frame, image in enumerate(data["images"]):
            frame_of[image["id"]] = frame
            people.append([])
            rows.frames.append((str(image.get("file_name", image["id"])), False, False))
        for annotation in data["annotations"]:
            if annotation["image_id"] not in frame_of:
                raise ValueError(f"an annotation's image_id {annotation['image_id']} is no image")
            people[frame_of[annotation["image_id"]]].append(annotation)
    except _MALFORMED as error:
        raise AnnotationError(f"{rows.path}: {_reason(error)}") from error
    for frame, image in enumerate(data["images"]):
        place = None
        try:
            annotated = len(people[frame]) > 0
            labelled = bool(image.get("is_labeled", annotated))
            rows.frames[frame] = (rows.frames[frame][0], annotated, labelled)
            xs, ys = image.get("ignore_regions_x") or [], image.get("ignore_regions_y") or []
            if xs:
                rows.regions[frame] = [
                    _polygon(list(zip(x, y, strict=True))) for x, y in zip(xs, ys, strict=True)
                ]
            for place, person in enumerate(people[frame]):
                _add_2018(rows, frame, place, person, columns, truth)
        except _MALFORMED as error:
            raise AnnotationError(f"{rows.place(frame, place)}: {_reason(error)}") from error


def _joint_columns(categories: Any) -> list[tuple[int, int]]:
    """Which place of a 2018 file's keypoints is which of the 15 joints."""
    names = categories[0].get("keypoints", POSETRACK18.names)
    columns = [(place, _JOINT_OF[name]) for place, name in enumerate(names) if name in _JOINT_OF]
    missing = set(range(JOINTS)) - {joint for _, joint in columns}
    if missing:
        joints = ", ".join(POSETRACK15.names[joint] for joint in sorted(missing))
        raise ValueError(
            f"its categories lack {joints}; COCO's joints are not PoseTrack's, map them first"
        )
    return columns


def _add_2018(
    rows: _Rows, frame: int, place: int, person: Any, columns: list[tuple[int, int]], truth: bool
) -> None:
    track_id = person.get("track_id")
    head = None
    if truth and person.get("bbox_head"):
        x, y, width, height = person["bbox_head"]
        head = (x, y, x + width, y + height)
    number = len(rows.people)
    rows.people.append(
        _Person(frame, place, None if track_id is None else _track_id(track_id), True, head)
    )
    values, scores = person["keypoints"], person.get("scores")
    for column, joint in columns:
        x, y, visible = values[3 * column : 3 * column + 3]
        if x == 0 and y == 0 and visible == 0:
            continue  # how the format writes a joint that is not there
        rows.points.append((number, joint, x, y, scores[column] if scores else MISSING_SCORE))


def _polygon(corners: list[tuple[float, float]]) -> FloatArray:
    polygon = np.array(corners, np.float64).reshape(-1, 2)
    if not np.isfinite(polygon).all():
        raise ValueError("a corner of an ignore region is NaN or infinite")
    return polygon


def _check_ids(rows: _Rows, need_ids: bool) -> None:
    seen: set[tuple[int, int]] = set()
    for person in rows.people:
        if person.track_id is None:
            if need_ids and person.has_points:
                where = rows.place(person.frame, person.place)
                raise AnnotationError(f"{where}: no track_id, which tracking scores need")
        elif (person.frame, person.track_id) in seen:
            where = rows.place(person.frame, person.place)
            raise AnnotationError(f"{where}: track id {person.track_id} is twice in the frame")
        else:
            seen.add((person.frame, person.track_id))


def _assembled(rows: _Rows, truth: bool) -> Sequence:
    """Turn the rows into arrays, once every number has been found to be one."""
    people = rows.people
    owners = [int(row[0]) for row in rows.points]
    points = _numbers(rows, rows.points, owners, "point")
    person, joint = points[:, 0].astype(int), points[:, 1]
    known = np.isin(joint, np.arange(JOINTS))
    # Backwards, so that of a joint given twice the first stays, as in poseval.
    index = (person[known][::-1], joint[known][::-1].astype(int))
    keypoints = np.full((len(people), JOINTS, 2), np.nan)
    scores = np.full((len(people), JOINTS), MISSING_SCORE)
    keypoints[index], scores[index] = points[known][::-1, 2:4], points[known][::-1, 4]

    headed = [number for number, row in enumerate(people) if row.head is not None]
    boxes = _numbers(rows, [people[number].head for number in headed], headed, "head box")
    head_px = np.full(len(people), np.nan)
    head_px[headed] = 0.6 * np.sqrt(((boxes[:, 2:] - boxes[:, :2]) ** 2).sum(1))
    if truth:
        headless = np.isnan(head_px) & ~np.isnan(keypoints[..., 0]).all(1)
        for number in np.flatnonzero(headless)[:1]:
            where = rows.place(people[number].frame, people[number].place)
            raise AnnotationError(f"{where}: no head box, by which distances are measured")

    names, annotated, labelled = zip(*rows.frames, strict=True) if rows.frames else ((), (), ())
    sequence = Sequence(
        rows.path,
        names,
        np.array(annotated, bool),
        np.array(labelled, bool),
        rows.regions,
        np.array([row.frame for row in people], np.int64),
        np.array([row.place for row in people], np.int64),
        np.array([-1 if row.track_id is None else row.track_id for row in people], np.int64),
        keypoints,
        scores,
        head_px,
    )
    return sequence.select(np.array([row.has_points for row in people], bool))


def _numbers(rows: _Rows, table: list[Any], owners: list[int], what: str) -> FloatArray:
    """The table as float64; AnnotationError names the owner of the first row that is no number."""
    if not table:
        return np.zeros((0, 5 if what == "point" else 4))
    try:
        array = np.array(table)
        if array.dtype.kind in "iuf" and np.isfinite(array).all():
            return array.astype(np.float64)
    except ValueError:
        pass  # a list in a number's place: found below
    for row, owner in zip(table, owners, strict=True):
        if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in row):
            person = rows.people[owner]
            where = rows.place(person.frame, person.place)
            raise AnnotationError(f"{where}: a {what} has a value that is no finite number: {row}")
    return np.array(table, np.float64)
