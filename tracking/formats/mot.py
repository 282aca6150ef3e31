"""MOT Challenge text: frame,id,x,y,w,h,confidence,-1,-1,-1; frames count from 1; no joints."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from pose.command import counted
from pose.reading import reading
from tracking.clip_info import ClipInfo
from tracking.files import NO_TIMES, Tracks, TracksFileError, frame_without_picture, read_info
from tracking.formats.mot_rows import PEDESTRIAN, class_of, mot_rows
from tracking.formats.rows import people_of, scores_of, xywh
from tracking.formats.whole import WholeText
from tracking.tracks import FrameResult


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._out = WholeText(path)

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        poses = result.people.poses
        rows = zip(result.people.ids.tolist(), xywh(poses.boxes), scores_of(poses), strict=True)
        for person, (x, y, width, height), score in rows:
            self._out.write(
                f"{result.frame.index + 1},{person},{x:.2f},{y:.2f},{width:.2f},{height:.2f},"
                f"{score:.4f},-1,-1,-1\n"
            )

    def close(self) -> None:
        """Complete the file."""
        self._out.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._out.abort()


def read(path: Path) -> Tracks:
    """Read MOT text; every joint has confidence 0, and times follow the nominal rate, or 25.

    A confidence below 0, which programs without scores write, becomes 1, as does a missing one.
    From ground truth with classes only pedestrians are read.
    """
    info = read_info(path)
    by_frame: dict[int, list[list[float]]] = defaultdict(list)
    others = 0
    for place, values in mot_rows(path, TracksFileError):
        if values[0] < 1:
            raise TracksFileError(f"{place}: frame {values[0]:g}, but they count from 1")
        if class_of(values) == PEDESTRIAN:
            by_frame[int(values[0]) - 1].append(values)
        else:
            others += 1
    frames = []
    for index, rows in sorted(by_frame.items()):
        nothing = np.zeros((len(rows), 3 * len(info.skeleton))).tolist()
        with reading(f"{path}: frame {index + 1}", TracksFileError):
            people = people_of(
                info.skeleton,
                [int(row[1]) for row in rows],
                [row[6] if len(row) > 6 and row[6] >= 0 else 1.0 for row in rows],
                [row[2:6] for row in rows],
                nothing,
            )
        frames.append(frame_without_picture(index, index * info.step_s, people))
    notes = [] if info.frame_rate else [NO_TIMES]
    if others:
        boxes = counted(others, "box", "boxes")
        notes.append(f"{boxes} of other classes than pedestrians left out")
    return Tracks(info, frames, tuple(notes))
