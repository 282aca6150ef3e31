"""Run trackers over recordings and score their tracks; used by evaluation.tracking."""

from __future__ import annotations

import functools
import operator
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evaluation.matching import box_iou, whole_people
from evaluation.mot import box_scores
from evaluation.people_counts import PeopleCounts, count_people
from evaluation.recorded_poses import followed
from evaluation.recordings import GYMNASTS_FROM, Recording
from evaluation.rivals import Tracked, TrackerMaker
from pose.people import DoubleArray, FloatArray, Poses
from tracking.pipeline import PipelineConfig
from tracking.refine import refined
from tracking.tracker import PoseTracker, TrackerConfig
from tracking.tracks import TrackedPoses

Contender = Callable[[Recording], tuple[list[Tracked], DoubleArray]]
"""Tracks a recording; returns each frame's tracks and the milliseconds (F,) it took."""


class Counts(NamedTuple):
    """What the scores of recordings are computed from; counts add with +."""

    boxes: PeopleCounts
    frames_ms: DoubleArray  # (F,) of every frame

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override]  # sums, not joins
        frames_ms = np.concatenate([self.frames_ms, other.frames_ms])
        return Counts(self.boxes + other.boxes, frames_ms)


def posse(config: TrackerConfig | None = None) -> TrackerMaker:
    """Our tracker behind the benchmark's interface."""
    return lambda _frame_rate: functools.partial(_step, PoseTracker(config))


def _step(
    tracker: PoseTracker,
    people: Poses,
    time_s: float,
    warp: FloatArray | None = None,
    shot: int = 0,
) -> Tracked:
    """Everybody the program would show in this frame."""
    seen = tracker.update(people, time_s, warp, shot)
    return _boxes_and_ids(seen.joined(tracker.coasting(people.skeleton)))


def run(recording: Recording, make: TrackerMaker) -> tuple[list[Tracked], DoubleArray]:
    """Track a recording; returns each frame's tracks and the milliseconds (F,) it took."""
    return _timed(make(recording.frame_rate), recording)


def run_refined(recording: Recording) -> tuple[list[Tracked], DoubleArray]:
    """As `run`, for our tracker followed by the second pass over its tracks."""
    tracker, people, times_s = PoseTracker(), recording.people, _times_s(recording)
    start = time.process_time()
    online = [tracker.update(seen, time_s) for seen, time_s in zip(people, times_s, strict=True)]
    tracked = [_boxes_and_ids(frame) for frame in refined(online, times_s)]
    mean_ms = 1000 * (time.process_time() - start) / len(people)
    return tracked, np.full(len(people), mean_ms)


def run_with_camera(recording: Recording) -> tuple[list[Tracked], DoubleArray]:
    """As `run`, for our tracker given the camera's motion; the time to measure it is left out."""
    return _timed(functools.partial(_step, PoseTracker()), recording, recording.warps or [])


def run_with_shots(recording: Recording) -> tuple[list[Tracked], DoubleArray]:
    """As `run`, for our tracker given the shot of each frame."""
    tracker = PoseTracker()

    def step(people: Poses, time_s: float, shot: int) -> Tracked:
        return _step(tracker, people, time_s, shot=shot)

    return _timed(step, recording, recording.shots or [])


def _timed(
    step: Callable[..., Tracked], recording: Recording, *others: Sequence[object]
) -> tuple[list[Tracked], DoubleArray]:
    """Call `step` with each frame's people, its time and its items of `others`."""
    tracked, spent_ms = [], []
    for frame in zip(recording.people, _times_s(recording), *others, strict=True):
        start = time.process_time()
        tracked.append(step(*frame))
        spent_ms.append(1000 * (time.process_time() - start))
    return tracked, np.array(spent_ms)


def _times_s(recording: Recording) -> list[float]:
    return [index / recording.frame_rate for index in range(len(recording.people))]


def run_pipeline(video: Path, config: PipelineConfig) -> Contender:
    """The whole program on the gymnasts' video; what was recorded of it is not used."""

    def track(recording: Recording) -> tuple[list[Tracked], DoubleArray]:
        results = followed(video, config)[GYMNASTS_FROM:][: len(recording.people)]
        spent_ms = np.array([result.timings_ms["track"] for result in results])
        return [_boxes_and_ids(result.people) for result in results], spent_ms

    return track


def online(make: TrackerMaker) -> Contender:
    """The tracker, started anew for each recording."""
    return lambda recording: run(recording, make)


def _boxes_and_ids(people: TrackedPoses) -> Tracked:
    return people.poses.boxes.astype(np.float64), people.ids


def count(recording: Recording, tracked: Sequence[Tracked], frames_ms: DoubleArray) -> Counts:
    """Compare the tracks (F) of a recording with its truth; two boxes agree at IoU 0.5.

    frames_ms (F,): how long each frame took. Tracks less tall than `least_height` are not counted.
    """
    alike = []
    truth = zip(recording.truth_boxes, recording.truth_ids, strict=True)
    for (truth_boxes, truth_ids), (boxes, ids) in zip(truth, tracked, strict=True):
        tall = boxes[:, 3] - boxes[:, 1] >= recording.least_height
        boxes, ids = boxes[tall], ids[tall]
        alike.append(whole_people(truth_ids, ids, box_iou(truth_boxes, boxes)))
    return Counts(count_people(alike), frames_ms)


def scores(counts: Counts, copies: int = 1) -> dict[str, float]:
    """The figures of a table row; the tallies are divided by the number of `copies`.

    IDSR (Milan et al., 2016, "MOT16") is switches over recall: a tracker that finds fewer people
    has fewer occasions to mistake them. NaN where nobody was found.
    """
    figures = box_scores(counts.boxes)
    switches = figures["switches"] / copies
    recall = figures["Rec"] / 100
    return {
        **{name: figures[name] for name in ("MOTA", "IDF1", "HOTA", "DetA", "AssA")},
        "recall": figures["Rec"],
        "switches": switches,
        "IDSR": switches / recall if recall else float("nan"),
        "fragments": figures["fragments"] / copies,
        "ms": float(np.median(counts.frames_ms)),
    }


def total(recordings: Iterable[Recording], contender: Contender) -> Counts:
    """The summed counts of a tracker over recordings."""
    parts = [count(recording, *contender(recording)) for recording in recordings]
    return functools.reduce(operator.add, parts)
