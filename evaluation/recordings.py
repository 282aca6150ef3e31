"""Recordings: the detections of a video and the truth to hold tracks against.

Boxes are x1 y1 x2 y2. The sets live in a data folder laid out as `eval/` of the shared data.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.matching import FloatArray, IntArray
from evaluation.noise import LEVELS, detections
from pose.people import Poses
from pose.skeleton import COCO17, POSETRACK15

# Sequences that settings were chosen on; all others only report. Every second pose sequence, and
# one video of each sport with all its clips.
TUNED_POSES = slice(0, None, 2)
TUNED_SPORTS = ("v_-6Os86HzwCs", "v_1yHWGw8DH4A", "v_ApPxnw_Jffg")


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """F frames at a constant rate."""

    set_name: str
    name: str
    frame_rate: float
    people: list[Poses]  # what a detector and a pose network saw
    truth_boxes: list[FloatArray]  # (G, 4) each
    truth_ids: list[IntArray]  # (G,) each
    tuned: bool  # settings were chosen on it

    def __len__(self) -> int:
        return len(self.people)


def load_set(folder: Path, name: str) -> list[Recording]:
    """The recordings of one set: `poses-LEVEL`, `sports-LEVEL`, `mot15` or `pets`."""
    kind, _, level = name.partition("-")
    if kind == "poses":
        return _poses(folder / "tracker_truth" / "poses", name, level)
    if kind == "sports":
        return _sports(folder / "tracker_truth" / "sports", name, level)
    if kind == "mot15":
        return [
            _recorded(name, track.parent.name, track, track.parent / "gt.txt")
            for track in sorted((folder / "mot15").glob("*/test.txt"))
        ]
    pets = folder / "pets"
    return [_recorded(name, "vtest", pets / "det_sort_795frames.txt", pets / "gt_first69.txt")]


SETS = (*(f"{kind}-{level}" for kind in ("poses", "sports") for level in LEVELS), "mot15", "pets")


def _poses(folder: Path, set_name: str, level: str) -> list[Recording]:
    files = sorted(folder.glob("*.json"))
    tuned = set(files[TUNED_POSES])
    recordings = []
    for path in files:
        joints, ids = _read_poses(path)
        boxes = [_extent(frame) for frame in joints]
        people = detections(boxes, ids, joints, POSETRACK15, LEVELS[level], _seed(path, level))
        recordings.append(Recording(set_name, path.stem, 25.0, people, boxes, ids, path in tuned))
    return recordings


def _sports(folder: Path, set_name: str, level: str) -> list[Recording]:
    recordings = []
    for path in sorted(folder.glob("*.txt")):
        boxes, ids, _ = _read_mot(path)
        nothing = [np.zeros((len(frame), len(COCO17), 2)) for frame in boxes]
        people = [
            _without_joints(frame)
            for frame in detections(boxes, ids, nothing, COCO17, LEVELS[level], _seed(path, level))
        ]
        tuned = path.stem.startswith(TUNED_SPORTS)
        recordings.append(Recording(set_name, path.stem, 25.0, people, boxes, ids, tuned))
    return recordings


def _recorded(set_name: str, name: str, found: Path, truth: Path) -> Recording:
    """Detections of a real detector, and the frames that have truth."""
    truth_boxes, truth_ids, _ = _read_mot(truth)
    boxes, _, scores = _read_mot(found)
    frames = len(truth_boxes)
    boxes = (boxes + [np.zeros((0, 4))] * frames)[:frames]
    scores = (scores + [np.zeros(0)] * frames)[:frames]
    people = [boxes_only(b, s) for b, s in zip(boxes, scores, strict=True)]
    return Recording(set_name, name, 25.0, people, truth_boxes, truth_ids, False)


def boxes_only(boxes: FloatArray, scores: FloatArray) -> Poses:
    """People of whom no joint is known."""
    joints = len(COCO17)
    return Poses(
        boxes, scores, np.zeros((len(boxes), joints, 2)), np.zeros((len(boxes), joints)), COCO17
    )


def _without_joints(poses: Poses) -> Poses:
    return boxes_only(poses.boxes.astype(np.float64), poses.scores.astype(np.float64))


def _seed(path: Path, level: str) -> int:
    return zlib.crc32(f"{path.stem} {level}".encode())


def _read_mot(path: Path) -> tuple[list[FloatArray], list[IntArray], list[FloatArray]]:
    """Boxes, ids and scores of frames 1..F of a MOT text file; score -1 (unknown) becomes 1."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    last = int(rows[:, 0].max())
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    scores = np.where(rows[:, 6] < 0, 1.0, rows[:, 6])
    frames = [np.flatnonzero(rows[:, 0] == number) for number in range(1, last + 1)]
    ids = rows[:, 1].astype(np.int64)
    return [boxes[f] for f in frames], [ids[f] for f in frames], [scores[f] for f in frames]


def _read_poses(path: Path) -> tuple[list[FloatArray], list[IntArray]]:
    """Joints (G, 15, 2), NaN where not labelled, and ids of each frame of a PoseTrack17 file."""
    joints, ids = [], []
    for image in json.loads(path.read_text())["annolist"]:
        frame_joints, frame_ids = [], []
        for person in image.get("annorect", []):
            points = np.full((len(POSETRACK15), 2), np.nan)
            for group in person.get("annopoints", [])[:1]:
                for point in group["point"]:
                    points[int(point["id"][0])] = point["x"][0], point["y"][0]
            if np.isfinite(points).all(1).sum() >= 3:
                frame_joints.append(points)
                frame_ids.append(int(person["track_id"][0]))
        joints.append(np.array(frame_joints).reshape(-1, len(POSETRACK15), 2))
        ids.append(np.array(frame_ids, np.int64))
    return joints, ids


def _extent(joints: FloatArray) -> FloatArray:
    """Boxes (G, 4) around joints (G, K, 2), a tenth larger on each side, as a person's outline."""
    if not len(joints):
        return np.zeros((0, 4))
    low, high = np.nanmin(joints, axis=1), np.nanmax(joints, axis=1)  # (G, 2)
    margin = np.maximum(0.1 * (high - low), 4.0)
    return np.concatenate([low - margin, high + margin], axis=1)
