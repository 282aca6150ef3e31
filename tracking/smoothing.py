"""Steady the drawing: One-Euro smoothing of boxes and joints. For display only, never for scores.

Casiez, Roussel and Vogel, CHI 2012: a low-pass filter whose cut-off frequency rises with speed, so
that a person who stands still does not jitter and one who jumps does not lag behind.
"""

from __future__ import annotations

import numpy as np

from pose.people import DoubleArray, Poses
from pose.skeleton import Skeleton
from tracking.tracks import TrackedPoses

MOST_LAG_S = 0.15  # lag of a person at rest at full strength
_SPEED_LAG_S = 0.1  # low-pass on the speed itself; the paper's 1 Hz is 0.16
_QUICK_HZ = 1.5  # added to the cut-off for each height per second of speed
_FORGOTTEN_S = 0.5  # a person unseen for longer starts anew


class Smoother:
    """Smooths people frame by frame, each by their id; `share` 0 to 1 chooses the lag.

    At rest the lag is `share` times MOST_LAG_S; it shrinks with speed. Where the clock stands
    still or runs backwards, or the poses have another skeleton, smoothing starts anew.
    """

    def __init__(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}, expected 0 to 1")
        self._lag_s = share * MOST_LAG_S
        self._skeleton: Skeleton | None = None  # of the last frame's people
        self._last: dict[int, tuple[float, DoubleArray]] = {}  # by id: time, (2, C) value, speed

    def update(self, people: TrackedPoses, time_s: float) -> TrackedPoses:
        """The same people in the same order, with smooth boxes and joints."""
        poses, ids = people.poses, people.ids.tolist()
        if not ids:
            return people
        if poses.skeleton != self._skeleton:  # another pose network: the ids go on
            self._skeleton, self._last = poses.skeleton, {}
        joints = poses.keypoints.reshape(len(poses), -1)
        given = np.concatenate([poses.boxes, joints], axis=1).astype(np.float64)  # (N, C)
        start = np.stack([given, np.zeros_like(given)], axis=1)  # (N, 2, C)
        before, elapsed_s = start.copy(), np.zeros((len(ids), 1))
        for row, person in enumerate(ids):
            seen_s, state = self._last.get(person, (time_s, before[row]))
            if 0 < time_s - seen_s <= _FORGOTTEN_S:
                before[row], elapsed_s[row] = state, time_s - seen_s
        heights = np.maximum(poses.boxes[:, 3:4] - poses.boxes[:, 1:2], 1.0)  # (N, 1)
        after = _filtered(before, given, elapsed_s, self._lag_s, heights)
        after = np.where(elapsed_s[..., None] > 0, after, start)
        self._last = {
            person: (seen_s, state)
            for person, (seen_s, state) in self._last.items()
            if 0 < time_s - seen_s <= _FORGOTTEN_S
        } | {person: (time_s, state) for person, state in zip(ids, after, strict=True)}
        smooth = Poses(
            after[:, 0, :4].astype(np.float32),
            poses.scores,
            after[:, 0, 4:].reshape(poses.keypoints.shape).astype(np.float32),
            poses.keypoint_scores,
            poses.skeleton,
            poses.appearance,
        )
        return TrackedPoses(smooth, people.ids)


def _filtered(
    before: DoubleArray,
    given: DoubleArray,
    elapsed_s: DoubleArray,
    lag_s: float,
    heights: DoubleArray,
) -> DoubleArray:
    """One step of the filter: state (N, 2, C) and new coordinates (N, C) give the new state."""
    value, speed = before[:, 0], before[:, 1]
    seconds = np.maximum(elapsed_s, 1e-6)  # (N, 1)
    speed_now = speed + (given - value) / seconds * _weight(seconds, _SPEED_LAG_S)
    speed_now -= speed * _weight(seconds, _SPEED_LAG_S)
    if lag_s == 0:
        return np.stack([given, speed_now], axis=1)
    cut_off_hz = 1 / (2 * np.pi * lag_s) + _QUICK_HZ * np.abs(speed_now) / heights  # (N, C)
    smooth = value + (given - value) * _weight(seconds, 1 / (2 * np.pi * cut_off_hz))
    return np.stack([smooth, speed_now], axis=1)


def _weight(elapsed_s: DoubleArray, lag_s: float | DoubleArray) -> DoubleArray:
    """Weight of the newest value in a low-pass filter of time constant `lag_s`."""
    return elapsed_s / (elapsed_s + lag_s)
