"""CLEAR MOT, HOTA and identity of boxes or of whole people: one layer, not one for each joint."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.hota import HotaCounts, hota
from evaluation.identity import IdentityCounts, identity
from evaluation.matching import FramePairs
from evaluation.mota import MotCounts, clear

AGREE = 0.5  # similarity (IoU or OKS) at which two are the same person


class PeopleCounts(NamedTuple):
    """What the scores are computed from; counts of sequences add with +."""

    mot: MotCounts
    hota: HotaCounts
    identity: IdentityCounts

    def __add__(self, other: PeopleCounts) -> PeopleCounts:  # type: ignore[override]  # sums
        return PeopleCounts(*map(operator.add, self, other))

    @classmethod
    def zero(cls) -> PeopleCounts:
        """The counts of nothing."""
        return cls(MotCounts.zero(1), HotaCounts.zero(1), IdentityCounts.zero(1))


def count_people(frames: Sequence[FramePairs]) -> PeopleCounts:
    """Count one sequence of one layer, whose `pairs` are similarities in 0..1."""
    distances = [1 - frame.pairs for frame in frames]
    near = [
        frame._replace(pairs=np.where(distance <= 1 - AGREE, distance, np.nan))
        for frame, distance in zip(frames, distances, strict=True)
    ]
    return PeopleCounts(clear(near, 1).counts, hota(frames, 1), identity(frames, 1, AGREE))
