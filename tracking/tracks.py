"""The poses of one frame with the identity of each person."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from pose.people import Index, IntArray, Poses
from pose.skeleton import Skeleton

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
