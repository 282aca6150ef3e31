"""What the tracker remembers of everybody, as parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pose.people import BoolArray, DoubleArray, FloatArray, Index, IntArray
from tracking.motion import MotionArray

UNSEEN_JOINT = 0.5  # heights: standard deviation of a joint that has not been seen yet


@dataclass(slots=True, eq=False)
class Memory:
    """T people, T = 0 included; only the tracker writes to it.

    The motion of a person is as of `seen_s`, when the person was last seen: nothing is
    extrapolated in place, so an absence of any length is predicted in one step.
    """

    ids: IntArray  # (T,)
    confirmed: BoolArray  # (T,) shown; until then a candidate
    locked: BoolArray  # (T,) never forgotten
    evidence: DoubleArray  # (T,) sum of scores so far
    scores: DoubleArray  # (T,) when last seen
    seen_s: DoubleArray  # (T,) when last seen, in the tracker's own time
    shot: IntArray  # (T,) the shot they belong to
    joint_scores: DoubleArray  # (T, K) when last seen, fading for joints not seen since
    motion: MotionArray  # (5, T, C), see tracking.motion and tracking.observation
    appearance: FloatArray  # (T, D) running mean, unit length; zeros where unknown

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls) -> Memory:
        """Nobody yet, and nothing known of joints and features."""
        none, nobody = np.zeros(0, bool), np.zeros(0)
        return cls(
            ids=np.zeros(0, np.int64),
            confirmed=none,
            locked=none,
            evidence=nobody,
            scores=nobody,
            seen_s=nobody,
            shot=np.zeros(0, np.int64),
            joint_scores=np.zeros((0, 0)),
            motion=np.zeros((5, 0, 4)),
            appearance=np.zeros((0, 0), np.float32),
        )

    def select(self, index: Index) -> Memory:
        """The people that `index` picks, in its order."""
        values = (getattr(self, field.name) for field in fields(self))
        return Memory(*(value[:, index] if value.ndim == 3 else value[index] for value in values))

    def kept(self, mask: BoolArray) -> Memory:
        """The people that the mask (T,) keeps; usually everybody, which costs nothing."""
        return self if mask.all() else self.select(mask)

    def joined(self, other: Memory) -> Memory:
        """These people, then the others."""
        if not len(other):
            return self
        both = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Memory(*(np.concatenate(pair, axis=int(pair[0].ndim == 3)) for pair in both))

    def fitted(self, joints: int, features: int) -> Memory:
        """Adapt to another pose network: keep boxes and ids, forget joints and appearance.

        Until they are seen, the joints are somewhere near the box's centre and move with it.
        """
        if self.joint_scores.shape[1] != joints:
            unseen = self.motion[..., :2].copy()  # (5, T, 2)
            unseen[2] += (UNSEEN_JOINT * self.motion[0, :, 3:4]) ** 2
            self.motion = np.concatenate([self.motion[..., :4], np.tile(unseen, joints)], axis=2)
            self.joint_scores = np.zeros((len(self), joints))
        if self.appearance.shape[1] != features:
            self.appearance = np.zeros((len(self), features), np.float32)
        return self


def mixed(old: FloatArray, new: FloatArray, share: FloatArray) -> FloatArray:
    """Running mean (M, D) of descriptors, unit length; the new one alone where none was known."""
    share = np.where(old.any(1, keepdims=True), share, 1) * new.any(1, keepdims=True)
    mean = (1 - share) * old + share * new
    return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
