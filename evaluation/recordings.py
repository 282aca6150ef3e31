"""Recordings: what a detector and a pose network saw of a video, and the truth to compare with.

Boxes are x1 y1 x2 y2. The sets lie in a folder laid out like `eval/` of the shared data.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.annotation_files import read_sequence
from evaluation.noise import LEVELS, detections
from pose.errors import UserError
from pose.people import DoubleArray, FloatArray, IntArray, Poses
from pose.skeleton import COCO17, POSETRACK15

FRAME_RATE = 25.0  # of every video
GYMNASTS_FROM = 61  # index of the first frame of `gymnasts` with truth
TEACHERS = ("rtmdet", "deim", "yolox")  # detectors that also see the gymnasts, in place of ours
SETS = (
    *(f"{kind}-{level}" for kind in ("poses", "sports") for level in LEVELS),
    "poses-shaken",
    "poses-cut",
    "poses-sparse",
    "sports-sparse",
    "mot15",
    "pets",
    "gymnasts",
    "gymnasts-shaken",
    *(f"gymnasts-{detector}" for detector in TEACHERS),
)

# Settings were chosen on these: every second pose sequence, and the clips of three of the twelve
# sport videos. All others, and all sets with real detections, are only reported.
_TUNED_POSES = slice(0, None, 2)
_TUNED_SPORTS = ("v_-6Os86HzwCs", "v_1yHWGw8DH4A", "v_ApPxnw_Jffg")


class TruthError(UserError):
    """Recordings that are missing or cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """F frames of a video."""

    name: str
    people: list[Poses]  # (F) what was seen
    truth_boxes: list[DoubleArray]  # (F) of (G, 4)
    truth_ids: list[IntArray]  # (F) of (G,)
    tuned: bool  # settings were chosen on it
    warps: list[FloatArray | None] | None = None  # (F) of (2, 3), the camera's motion if measured
    shots: list[int] | None = None  # (F) the shot of each frame, if the film was edited
    least_height: float = 0.0  # pixels; less tall people are not counted: truth leaves them out
    frame_rate: float = FRAME_RATE


def load_set(folder: Path, name: str, frames: int | None = None) -> list[Recording]:
    """The recordings of a set of files, each cut to its first `frames`.

    Raises TruthError where `folder` does not hold the set.
    """
    kind, _, level = name.partition("-")
    truth, pets = folder / "tracker_truth", folder / "pets"
    read: dict[str, Callable[[], list[Recording]]] = {
        "poses": lambda: _poses(truth / "poses", level, frames),
        "sports": lambda: _sports(truth / "sports", level, frames),
        "mot15": lambda: [
            _recorded(track.parent.name, track, track.parent / "gt.txt")
            for track in sorted((folder / "mot15").glob("*/test.txt"))
        ],
        "pets": lambda: [
            _recorded("vtest", pets / "det_sort_795frames.txt", pets / "gt_first69.txt")
        ],
    }
    try:
        recordings = read[kind]()
    except OSError as error:
        raise TruthError(
            f"{error.filename}: {error.strerror}; name its folder by --data"
        ) from error
    if not recordings:
        raise TruthError(f"no recordings of {name} in {folder}; name their folder by --data")
    return recordings


def gymnasts(folder: Path, see: Callable[[Path], list[Poses]]) -> Recording:
    """Five gymnasts who cross, as `see` finds them in the video, from where truth begins.

    Truth has only them, not the officials and spectators behind: people less than half as tall as
    the smallest gymnast count neither for nor against.
    """
    boxes, ids, _ = _read_mot(folder / "gymnasts" / "gt.txt")
    people = see(folder / "gymnasts" / "gymnasts.mp4")
    return Recording(
        "gymnasts",
        people[GYMNASTS_FROM : len(boxes)],
        boxes[GYMNASTS_FROM:],
        ids[GYMNASTS_FROM:],
        False,
        least_height=min(np.ptp(frame[:, 1::2], axis=1).min(initial=np.inf) for frame in boxes) / 2,
    )


def without_appearance(recording: Recording) -> Recording:
    """The recording as the program sees people unless it is asked to compare their appearance."""
    people = [replace(seen, appearance=seen.appearance[:, :0]) for seen in recording.people]
    return replace(recording, people=people)


def boxes_only(boxes: NDArray[np.floating], scores: NDArray[np.floating]) -> Poses:
    """People in `boxes` (N, 4) x1 y1 x2 y2, scored (N,), of whom no joint is known."""
    nothing = np.zeros((len(boxes), len(COCO17), 3), np.float32)
    return Poses(
        boxes.astype(np.float32),
        scores.astype(np.float32),
        nothing[..., :2],
        nothing[..., 2],
        COCO17,
    )


def _poses(folder: Path, level: str, frames: int | None) -> list[Recording]:
    files = sorted(folder.glob("*.json"))
    tuned = set(files[_TUNED_POSES])
    recordings = []
    for path in files:
        joints, ids = _read_poses(path)
        joints, ids = joints[:frames], ids[:frames]
        boxes = [_extent(frame) for frame in joints]
        people = detections(boxes, ids, joints, POSETRACK15, LEVELS[level], _seed(path, level))
        recordings.append(Recording(path.stem, people, boxes, ids, path in tuned))
    return recordings


def _sports(folder: Path, level: str, frames: int | None) -> list[Recording]:
    recordings = []
    for path in sorted(folder.glob("*.txt")):
        boxes, ids, _ = _read_mot(path)
        boxes, ids = boxes[:frames], ids[:frames]
        nothing = [np.zeros((len(frame), len(COCO17), 2)) for frame in boxes]
        seen = detections(boxes, ids, nothing, COCO17, LEVELS[level], _seed(path, level))
        people = [boxes_only(frame.boxes, frame.scores) for frame in seen]
        tuned = path.stem.startswith(_TUNED_SPORTS)
        recordings.append(Recording(path.stem, people, boxes, ids, tuned))
    return recordings


def _recorded(name: str, found: Path, truth: Path) -> Recording:
    """What a real detector found, up to the last frame with truth."""
    truth_boxes, truth_ids, _ = _read_mot(truth)
    boxes, _, scores = _read_mot(found)
    frames = len(truth_boxes)
    people = [boxes_only(*frame) for frame in zip(boxes, scores, strict=True)][:frames]
    people += [boxes_only(np.zeros((0, 4)), np.zeros(0))] * (frames - len(people))
    return Recording(name, people, truth_boxes, truth_ids, False)


def _seed(path: Path, level: str) -> int:
    return zlib.crc32(f"{path.stem} {level}".encode())


def _read_mot(path: Path) -> tuple[list[DoubleArray], list[IntArray], list[DoubleArray]]:
    """Boxes, ids and scores of frames 1 to F of a MOT text file; a score of -1 becomes 1."""
    rows = np.zeros((0, 0))
    with path.open(encoding="utf-8") as file, contextlib.suppress(ValueError):
        lines = file.read().splitlines()
        rows = np.loadtxt(lines, delimiter=",", ndmin=2) if any(lines) else rows
    if rows.shape[1] < 7:
        raise TruthError(
            f"{path}: no MOT text, expected lines of frame,id,x,y,width,height,confidence,..."
        )
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    scores = np.where(rows[:, 6] < 0, 1.0, rows[:, 6])
    ids = rows[:, 1].astype(np.int64)
    last = int(rows[:, 0].max())
    frames = [np.flatnonzero(rows[:, 0] == number) for number in range(1, last + 1)]
    return [boxes[f] for f in frames], [ids[f] for f in frames], [scores[f] for f in frames]


def _read_poses(path: Path) -> tuple[list[DoubleArray], list[IntArray]]:
    """Joints (G, 15, 2), NaN where not labelled, and ids of each frame of a PoseTrack file.

    People with fewer than three joints, which do not show the outline, are left out.
    """
    sequence = read_sequence(path, truth=False, need_ids=True)
    people = sequence.select(sequence.there.sum(1) >= 3)
    edges = np.searchsorted(people.frame, np.arange(1, len(people)))
    return np.split(people.keypoints, edges), np.split(people.ids, edges)


def _extent(joints: DoubleArray) -> DoubleArray:
    """Boxes (G, 4) around joints (G, K, 2), a tenth larger on each side: a person's outline."""
    if not len(joints):
        return np.zeros((0, 4))
    low, high = np.nanmin(joints, axis=1), np.nanmax(joints, axis=1)  # (G, 2)
    margin = np.maximum(0.1 * (high - low), 4.0)
    return np.concatenate([low - margin, high + margin], axis=1)
