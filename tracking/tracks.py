"""The poses of one frame with the identity of each person, and all that is known of the frame."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pose.people import DoubleArray, Frame, Index, IntArray, Poses
from pose.skeleton import Skeleton
from tracking.ground import STILL, Ground

UNSEEN_SCORE = 0.5  # factor on the scores of people in a frame that does not show them


@dataclass(frozen=True, slots=True, eq=False)
class TrackedPoses:
    """The people of one frame and their identities."""

    poses: Poses  # N people
    ids: IntArray  # (N,) >= 1, unique in the frame, never reused in the video

    def __post_init__(self) -> None:
        ids = np.asarray(self.ids, np.int64)
        if ids.shape != (len(self.poses),):
            raise ValueError(f"ids has shape {ids.shape}, expected ({len(self.poses)},)")
        object.__setattr__(self, "ids", ids)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    @functools.cache  # empty arrays cannot change, and most frames need one
    def empty(cls, skeleton: Skeleton) -> TrackedPoses:
        """Nobody."""
        return cls(Poses.empty(skeleton), np.zeros(0, np.int64))

    def joined(self, others: TrackedPoses) -> TrackedPoses:
        """These people, then `others`, who have other ids."""
        if not len(others):
            return self
        poses = Poses.stacked([self.poses, others.poses])
        return TrackedPoses(poses, np.concatenate([self.ids, others.ids]))

    def select(self, index: Index) -> TrackedPoses:
        """The people that `index` (a mask, indices or a slice) picks, in its order."""
        return TrackedPoses(self.poses.select(index), self.ids[index])

    def in_joints_of(self, skeleton: Skeleton) -> TrackedPoses:
        """See Poses.in_joints_of."""
        return TrackedPoses(self.poses.in_joints_of(skeleton), self.ids)


class KnownFrame(NamedTuple):
    """What is kept of a frame without its picture."""

    time_s: float
    people: TrackedPoses
    ground: Ground = STILL


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """A frame, the people in it, and where its time went."""

    frame: Frame
    people: TrackedPoses
    timings_ms: Mapping[str, float]  # stage ("detect", "pose", "track") -> milliseconds
    found: Poses | None = None  # everybody found, also those whose identity is not yet confirmed
    shot: int = 0  # number of the shot in an edited video
    # (3, 3) float64: takes the pixels at which the ground was in the shot's first picture to those
    # at which it is now. None: the camera has stood still, or its motion is unknown
    camera: DoubleArray | None = None

    @property
    def ground(self) -> Ground:
        """Where the ground lies in the picture."""
        return Ground(self.shot, self.camera)
