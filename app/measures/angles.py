"""Angles and speeds of joints, frame by frame, for the charts and for files.

Angles are measured in the picture plane, in degrees from 0 (folded) to 180 (stretched). Speeds are
relative to the ground, wherever the camera turns, in the person's own heights per second, so that
near and far people compare, or in pixels or metres as the caller chooses. nan = not seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pose.people import FloatArray, Poses
from tracking.ground import Points, in_picture, on_ground
from tracking.tracks import FrameResult

SPEED_OVER_S = 0.12  # period over which a speed is measured, to average out the joints' jitter
GONE_S = 1.0  # after a longer absence a person's speeds start anew
SAME_S = 1e-3  # Matroska and tracks files round a frame's time by less
STEPS_AWAY = 2.5  # frame steps after which a missing person is away, whatever the frame rate

_Way = deque[tuple[float, Points]]  # time_s, where a joint was on the ground (2,)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number per person and frame."""

    name: str
    unit: str
    joints: tuple[str, ...]  # angle: three, measured at the middle one; speed: of their mean

    @property
    def is_angle(self) -> bool:
        """True for an angle, False for a speed."""
        return self.unit == "°"


def _angle(name: str, *joints: str) -> list[Measure]:
    return [
        Measure(f"{name} {side}", "°", tuple(f"{side}_{joint}" for joint in joints))
        for side in ("left", "right")
    ]


def _speed(name: str, *joints: str) -> list[Measure]:
    return [Measure(f"{name} speed", "heights/s", joints)]


ANGLES: tuple[Measure, ...] = (
    *_angle("knee", "hip", "knee", "ankle"),
    *_angle("hip", "shoulder", "hip", "knee"),
    *_angle("elbow", "shoulder", "elbow", "wrist"),
    *_angle("shoulder", "hip", "shoulder", "elbow"),
)

MEASURES: tuple[Measure, ...] = (
    *ANGLES,
    *_speed("body", "left_hip", "right_hip"),
    *_speed("left wrist", "left_wrist"),
    *_speed("right wrist", "right_wrist"),
    *_speed("left ankle", "left_ankle"),
    *_speed("right ankle", "right_ankle"),
)


def angles_deg(first: FloatArray, middle: FloatArray, last: FloatArray) -> FloatArray:
    """Angles (N,) between the lines from `middle` (N, 2) to `first` and to `last` (N, 2).

    nan where one of these coincides with `middle`: the line has no direction.
    """
    one, other = first - middle, last - middle  # (N, 2)
    cross = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    dot = (one * other).sum(1)
    angles = np.degrees(np.abs(np.arctan2(cross, dot))).astype(np.float32)
    return np.where((cross == 0) & (dot == 0), np.float32(np.nan), angles)


class Measurer:
    """Measures frame by frame; remembers where joints were, for the speeds."""

    def __init__(
        self,
        measures: Sequence[Measure] = MEASURES,
        unit_per_pixel: float | None = None,  # of speeds; None: in heights
        step_s: float = 0.0,  # time from frame to frame; matters only if it is long
    ) -> None:
        self.measures = tuple(measures)
        self._unit_per_pixel = unit_per_pixel
        self.step_s = step_s
        self._ways: dict[tuple[int, int], _Way] = {}
        self._shot = 0

    def __call__(self, result: FrameResult, kpt_thr: float) -> FloatArray:
        """The measures (N, M) of the frame's people; give the frames of a video in order.

        Joints that score below `kpt_thr` count as not seen; it may differ from frame to frame.
        """
        if result.shot != self._shot:  # how the camera moved in between is not known
            self._ways.clear()
            self._shot = result.shot
        values = np.full((len(result.people), len(self.measures)), np.nan, np.float32)
        for column, measure in enumerate(self.measures):
            places = places_of(result.people.poses, measure.joints, kpt_thr)  # (N, J, 2) or None
            if places is None:
                continue
            if measure.is_angle:
                values[:, column] = angles_deg(places[:, 0], places[:, 1], places[:, 2])
            else:
                values[:, column] = self._speeds(result, column, places.mean(1))
        self._forget(result.frame.time_s)
        return values

    def _speeds(self, result: FrameResult, column: int, places: FloatArray) -> FloatArray:
        """Everybody's speeds (N,) at `places` (N, 2), with those before of the same `column`."""
        people, now_s, scale = result.people, result.frame.time_s, self._unit_per_pixel
        heights = np.maximum(people.poses.boxes[:, 3] - people.poses.boxes[:, 1], 1.0)
        grounds = on_ground(places, result.camera)  # (N, 2)
        speeds = np.full(len(people), np.nan, np.float32)
        for row, person in enumerate(people.ids.tolist()):
            way = self._ways.setdefault((person, column), deque())
            before = _before(way, now_s, grounds[row], self._gone_s)
            if before is None:
                continue
            before_s, there = before
            moved_px = places[row] - in_picture(there[None], result.camera)[0]
            speed = float(np.linalg.norm(moved_px)) / (now_s - before_s)
            speeds[row] = speed / heights[row] if scale is None else speed * scale
        return speeds

    @property
    def _gone_s(self) -> float:
        return max(GONE_S, STEPS_AWAY * self.step_s)

    def _forget(self, now_s: float) -> None:
        """Forget people away too long to continue: a camera that runs for days sees many people."""
        oldest_s = now_s - self._gone_s
        gone = [key for key, way in self._ways.items() if not way or way[-1][0] <= oldest_s]
        for key in gone:
            del self._ways[key]


def places_of(poses: Poses, joints: Iterable[str], kpt_thr: float) -> FloatArray | None:
    """Where these joints are, (N, J, 2), nan where not seen; None if the skeleton lacks one."""
    try:
        indices = [poses.skeleton.index(joint) for joint in joints]
    except ValueError:
        return None
    seen = poses.seen(kpt_thr)[:, indices]  # (N, J)
    return np.where(seen[..., None], poses.keypoints[:, indices], np.nan).astype(np.float32)


def _before(way: _Way, now_s: float, place: Points, gone_s: float) -> tuple[float, Points] | None:
    """When and where the joint was SPEED_OVER_S ago, or longer if it was not seen then.

    Adds `place` (2,) to `way`. None if the joint is not seen, or was first seen more recently than
    that: over a frame or two its jitter would be most of the speed.
    """
    over_s = SPEED_OVER_S - SAME_S
    if way and way[-1][0] == now_s:  # the same frame again
        way.pop()
    if way and not way[-1][0] < now_s < way[-1][0] + gone_s:
        way.clear()
    if np.isfinite(place).all():
        way.append((now_s, place))
    while len(way) > 2 and now_s - way[1][0] >= over_s:
        way.popleft()
    if len(way) < 2 or way[-1][0] != now_s or now_s - way[0][0] < over_s:
        return None
    return way[0]
