"""Other projects' trackers behind the benchmark's interface; all are optional, with their defaults.

Their packages pull in another OpenCV: give them an environment of their own (see docs/tracking.md).
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from pose.people import DoubleArray, IntArray, Poses

Tracked = tuple[DoubleArray, IntArray]  # boxes (P, 4) and ids (P,) of a frame
Tracker = Callable[[Poses, float], Tracked]  # a frame's people and its time in seconds
TrackerMaker = Callable[[float], Tracker]  # from the frame rate


def installed() -> dict[str, TrackerMaker]:
    """The rivals whose package is installed, by their name in the table."""
    makers: dict[str, dict[str, TrackerMaker]] = {
        "trackers": {
            f"trackers {name}": _roboflow(name) for name in ("SORT", "ByteTrack", "OCSORT", "CBIoU")
        },
        "boxmot": {f"boxmot {name}": _boxmot(name) for name in ("ByteTrack", "OcSort")},
        "supervision": {"supervision ByteTrack": _supervision},
        "norfair": {"norfair": _norfair},
    }
    found: dict[str, TrackerMaker] = {}
    for package, trackers in makers.items():
        if importlib.util.find_spec(package):
            found |= trackers
    return found


def _roboflow(name: str) -> TrackerMaker:
    def make(frame_rate: float) -> Tracker:
        import trackers

        return _by_supervision(getattr(trackers, f"{name}Tracker")(frame_rate=frame_rate).update)

    return make


def _supervision(frame_rate: float) -> Tracker:
    import supervision

    return _by_supervision(
        supervision.ByteTrack(frame_rate=round(frame_rate)).update_with_detections
    )


def _by_supervision(update: Any) -> Tracker:
    """A tracker that takes and returns supervision.Detections."""
    import supervision

    def step(people: Poses, _time_s: float) -> Tracked:
        tracked = update(
            supervision.Detections(
                xyxy=people.boxes,
                confidence=people.scores,
                class_id=np.zeros(len(people), int),
            )
        )
        ids = np.zeros(0, np.int64) if tracked.tracker_id is None else tracked.tracker_id
        ids = np.asarray(ids, np.int64)
        known = ids >= 0  # -1 marks people without an identity yet
        return np.asarray(tracked.xyxy, np.float64)[: len(ids)][known], ids[known]

    return step


def _boxmot(name: str) -> TrackerMaker:
    def make(_frame_rate: float) -> Tracker:
        import boxmot

        boxmot_log = logging.getLogger("boxmot")
        boxmot_log.setLevel(logging.ERROR)  # it reports its settings for every video
        tracker = getattr(boxmot, name)()
        image = np.zeros((1080, 1920, 3), np.uint8)  # only its size is read

        def step(people: Poses, _time_s: float) -> Tracked:
            classes = np.zeros((len(people), 1), np.float32)
            found = np.concatenate([people.boxes, people.scores[:, None], classes], axis=1)
            tracked = np.asarray(tracker.update(found, image)).reshape(-1, 8)
            return tracked[:, :4].astype(np.float64), tracked[:, 4].astype(np.int64)

        return step

    return make


def _norfair(_frame_rate: float) -> Tracker:
    import norfair

    # norfair leaves the threshold to its user; the distance is 1 - IoU. Not tuned.
    tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7)

    def step(people: Poses, _time_s: float) -> Tracked:
        sure = people.scores >= 0.4  # norfair has no second pass for low scores
        found = [
            norfair.Detection(points=box.reshape(2, 2), scores=np.array([score, score]))
            for box, score in zip(people.boxes[sure], people.scores[sure], strict=True)
        ]
        tracked = tracker.update(detections=found)
        boxes = np.array([person.estimate.reshape(4) for person in tracked]).reshape(-1, 4)
        return boxes, np.array([person.id for person in tracked], np.int64)

    return step
