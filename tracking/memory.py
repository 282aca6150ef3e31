"""What the tracker remembers of everybody, as parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pose.people import BoolArray, FloatArray, Index, IntArray
from tracking.motion import MotionArray


@dataclass(slots=True, eq=False)
class Memory:
    """T people, T = 0 included. The tracker alone writes to it.

    The coordinates C of `motion` are box centre x y, width, height, then x y of each joint. The
    motion of a person is as of `seen_s`, when the person was last seen; nothing is extrapolated
    in place.
    """

    ids: IntArray  # (T,)
    confirmed: BoolArray  # (T,) shown; before that, a candidate
    evidence: FloatArray  # (T,) sum of scores so far
    scores: FloatArray  # (T,) of the last sight
    seen_s: NDArray[np.float64]  # (T,) the tracker's time of the last sight
    joint_scores: FloatArray  # (T, K) of the last sight, less for joints not seen since
    motion: MotionArray  # (5, T, C)
    appearance: FloatArray  # (T, D) running mean, unit length; zeros where unknown

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls, joints: int, features: int) -> Memory:
        """Nobody yet."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros(0, bool),
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.float64),
            np.zeros((0, joints), np.float32),
            np.zeros((5, 0, 4 + 2 * joints)),
            np.zeros((0, features), np.float32),
        )

    def select(self, index: Index) -> Memory:
        """The people that `index` picks, in its order."""
        picked = (
            value[:, index] if value.ndim == 3 else value[index]
            for value in (getattr(self, f.name) for f in fields(self))
        )
        return Memory(*picked)

    def joined(self, other: Memory) -> Memory:
        """These people, then the others."""
        both = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Memory(*(np.concatenate(pair, axis=int(pair[0].ndim == 3)) for pair in both))
