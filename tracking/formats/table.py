"""CSV: a row per person and frame; pandas reads it with `pandas.read_csv`.

Columns: frame, time_s, id, score, x1, y1, x2, y2, then NAME_x, NAME_y, NAME_score of each joint.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pose.people import Poses
from pose.reading import ContentError, floats, read_text, reading
from tracking.clip_info import ClipInfo, skeleton_named
from tracking.files import Tracks, TracksFileError, frame_without_picture, read_info
from tracking.formats.rows import all_finite, scores_of, triplets
from tracking.formats.whole import WholeText, dumps
from tracking.tracks import FrameResult, TrackedPoses

LEADING = ("frame", "time_s", "id", "score", "x1", "y1", "x2", "y2")


def columns_of(joints: Iterable[str]) -> list[str]:
    """The names of the columns."""
    return [*LEADING, *(f"{name}_{part}" for name in joints for part in ("x", "y", "score"))]


def rows_of(result: FrameResult) -> Iterator[list[float]]:
    """The rows of one frame, one per person."""
    poses = result.people.poses
    boxes = np.round(poses.boxes.astype(np.float64), 2).tolist()
    time_s = round(result.frame.time_s, 6)
    people = zip(result.people.ids.tolist(), scores_of(poses), boxes, triplets(poses), strict=True)
    for person, score, box, joints in people:
        yield [result.frame.index, time_s, person, score, *box, *joints]


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._out = WholeText(path)
        self._out.write(",".join(columns_of(info.skeleton.names)) + "\n")

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        for row in rows_of(result):
            self._out.write(dumps(row)[1:-1] + "\n")  # faster than str of every number

    def close(self) -> None:
        """Complete the file."""
        self._out.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._out.abort()


def read(path: Path) -> Tracks:
    """Read the table; the joints' names are in the first line. Raises TracksFileError.

    Spreadsheets in many countries separate cells by semicolons and write decimal commas, and they
    leave rows of empty cells where rows were deleted.
    """
    text = read_text(path, TracksFileError).splitlines()
    separator = max(",;\t", key="".join(text[:1]).count)
    lines = csv.reader(text, delimiter=separator)
    rows = []
    with reading(str(path), TracksFileError):
        try:
            columns = next(lines, [])
            _require_leading(columns)  # before the rows: those of another table are not numbers
            for cells in filter(any, lines):
                if len(cells) != len(columns):  # e.g. cut off while it was copied
                    raise ContentError(
                        f"line {lines.line_num} has {len(cells)} columns, not {len(columns)}"
                    )
                with reading(f"{path}: line {lines.line_num}", TracksFileError):
                    if separator != ",":
                        cells = [cell.replace(",", ".") for cell in cells]
                    rows.append(floats(cells))
        except csv.Error as error:
            raise ContentError(f"line {lines.line_num + 1} is not a line of a CSV file") from error
    return tracks_of(path, columns, rows)


def tracks_of(path: Path, columns: Sequence[str], rows: Iterable[Sequence[float]]) -> Tracks:
    """Tracks from the columns' names and the rows (in any order). Raises ContentError."""
    _require_leading(columns)
    joints = [name.removesuffix("_x") for name in columns[len(LEADING) :: 3]]
    if list(columns) != columns_of(joints):
        raise ContentError("each joint's columns are not NAME_x, NAME_y and NAME_score")
    info = read_info(path, skeleton_named("table", joints))
    skeleton = skeleton_named(info.skeleton.name, joints)
    table = np.array(list(rows), np.float64).reshape(-1, len(columns))  # (R, 8 + 3 K)
    if not all_finite(table) or (table[:, 2] < 1).any():
        raise ContentError("a number is not finite, or an id is not 1 or more")
    numbers = table[:, [0, 2]]  # frame numbers and ids
    if (table[:, 0] < 0).any() or (numbers >= 2**53).any() or (numbers % 1).any():
        raise ContentError("a frame's number is below 0, or a number is too large or not whole")
    table = table[np.argsort(table[:, 0], kind="stable")]  # users sort theirs by id, or time
    starts = np.flatnonzero(np.diff(table[:, 0], prepend=-1))
    frames = []
    for block in np.split(table, starts[1:]) if len(table) else []:
        if (block[:, 1] != block[0, 1]).any():
            raise ContentError(f"frame {int(block[0, 0])} has more than one time")
        values = block.astype(np.float32)
        points = values[:, len(LEADING) :].reshape(len(block), -1, 3)  # (N, K, 3)
        poses = Poses(values[:, 4:8], values[:, 3], points[..., :2], points[..., 2], skeleton)
        people = TrackedPoses(poses, block[:, 2].astype(np.int64))
        frames.append(frame_without_picture(int(block[0, 0]), float(block[0, 1]), people))
    return Tracks(info, frames)


def _require_leading(columns: Sequence[str]) -> None:
    if tuple(columns[: len(LEADING)]) != LEADING:
        raise ContentError(f"its first columns are not {', '.join(LEADING)}")
