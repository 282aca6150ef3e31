"""Compare trackers on recorded detections: `python -m evaluation.tracking`.

Every tracker gets the same people, frame by frame, and is scored on boxes: MOTA, IDF1, switches and
fragments at IoU 0.5, HOTA over its nineteen thresholds, and the median milliseconds of a frame.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.hota import HotaCounts, hota, hota_scores
from evaluation.identity import IdentityCounts, identity, identity_scores
from evaluation.matching import FloatArray, box_iou, whole_people
from evaluation.mota import MotCounts, clear
from evaluation.recordings import Recording
from evaluation.rivals import Tracked, Tracker, TrackerMaker
from pose.people import Poses
from tracking.tracker import PoseTracker, TrackerConfig


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What the scores of recordings are computed from; adds with +."""

    clear: MotCounts
    identity: IdentityCounts
    hota: HotaCounts
    frames_ms: FloatArray  # (F,) of every frame

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.clear + other.clear,
            self.identity + other.identity,
            self.hota + other.hota,
            np.concatenate([self.frames_ms, other.frames_ms]),
        )


def posse(config: TrackerConfig | None = None) -> TrackerMaker:
    """Our tracker."""

    def make(_frame_rate: float) -> Tracker:
        tracker = PoseTracker(config)

        def step(people: Poses, time_s: float) -> Tracked:
            tracked = tracker.update(people, time_s)
            return tracked.poses.boxes.astype(np.float64), tracked.ids

        return step

    return make


def run(recording: Recording, make: TrackerMaker) -> tuple[list[Tracked], FloatArray]:
    """Track a recording; returns the frames' tracks and the milliseconds (F,) each took."""
    tracker = make(recording.frame_rate)
    tracked, spent = [], []
    for index, people in enumerate(recording.people):
        start = time.perf_counter()
        tracked.append(tracker(people, index / recording.frame_rate))
        spent.append(1000 * (time.perf_counter() - start))
    return tracked, np.array(spent)


def count(recording: Recording, tracked: Sequence[Tracked], frames_ms: FloatArray) -> Counts:
    """Hold tracks against a recording's truth."""
    overlaps = [
        box_iou(truth, boxes)
        for truth, (boxes, _) in zip(recording.truth_boxes, tracked, strict=True)
    ]
    ids = [(truth, ids) for truth, (_, ids) in zip(recording.truth_ids, tracked, strict=True)]
    alike = [whole_people(*pair, iou) for pair, iou in zip(ids, overlaps, strict=True)]
    apart = [
        whole_people(*pair, np.where(iou >= 0.5, 1 - iou, np.nan))
        for pair, iou in zip(ids, overlaps, strict=True)
    ]
    return Counts(clear(apart, 1).counts, identity(alike, 1), hota(alike, 1), frames_ms)


def scores(counts: Counts) -> dict[str, float]:
    """The figures of the table."""
    mot, parts = counts.clear, hota_scores(counts.hota)
    errors = mot.misses + mot.false_positives + mot.switches
    return {
        "MOTA": float(100 * (1 - errors[0] / mot.truth[0])),
        "IDF1": float(identity_scores(counts.identity)["IDF1"][0]),
        "HOTA": float(parts["HOTA"][0]),
        "DetA": float(parts["DetA"][0]),
        "AssA": float(parts["AssA"][0]),
        "switches": float(mot.switches[0]),
        "fragments": float(mot.fragments[0]),
        "ms": float(np.median(counts.frames_ms)),
    }


def total(recordings: Iterable[Recording], make: TrackerMaker) -> Counts:
    """The summed counts of a tracker over recordings."""
    result = None
    for recording in recordings:
        counts = count(recording, *run(recording, make))
        result = counts if result is None else result + counts
    if result is None:
        raise ValueError("no recordings")
    return result
