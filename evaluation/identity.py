"""Identity scores IDF1, IDP, IDR: how long each person was tracked under one id.

Ristani et al., ECCV 2016 workshops: over the whole sequence every true id is given at most one
predicted id, so that as many appearances as possible agree.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.matching import FramePairs, largest_sum, renumbered
from pose.people import DoubleArray


class IdentityCounts(NamedTuple):
    """Appearances under the right id, (K,) each; counts of sequences add with +."""

    true_positives: DoubleArray
    false_negatives: DoubleArray
    false_positives: DoubleArray

    def __add__(self, other: IdentityCounts) -> IdentityCounts:  # type: ignore[override]  # sums
        return IdentityCounts(*map(operator.add, self, other))

    @classmethod
    def zero(cls, layers: int) -> IdentityCounts:
        """The counts of nothing."""
        return cls(*(np.zeros(layers) for _ in cls._fields))


def identity(frames: Sequence[FramePairs], layers: int, threshold: float = 0.5) -> IdentityCounts:
    """Count one sequence. `pairs` are similarities; two agree at `threshold` or above."""
    truth_numbers, truths = renumbered([frame.truth_ids for frame in frames])
    predicted_numbers, predictions = renumbered([frame.predicted_ids for frame in frames])
    shape = (layers, len(truths), len(predictions))
    keys = [np.zeros(0, np.int64)]  # pairs of ids that agree, one for each appearance
    truth_total, predicted_total = np.zeros(layers), np.zeros(layers)
    for frame, rows, columns in zip(frames, truth_numbers, predicted_numbers, strict=True):
        layer, g, p = np.nonzero(frame.pairs >= threshold)
        keys.append(np.ravel_multi_index((layer, rows[g], columns[p]), shape))
        truth_total += frame.truth_there.sum(1)
        predicted_total += frame.predicted_there.sum(1)
    known, together = np.unique(np.concatenate(keys), return_counts=True)  # (U,)
    layer, truth, prediction = np.unravel_index(known, shape)
    right = np.zeros(layers)
    for number in range(layers):
        own = layer == number
        right[number] = largest_sum(truth[own], prediction[own], together[own])
    return IdentityCounts(right, truth_total - right, predicted_total - right)


def identity_scores(counts: IdentityCounts) -> dict[str, DoubleArray]:
    """IDF1, IDP and IDR (K,) in percent; NaN where there is neither truth nor prediction."""
    right = counts.true_positives
    truth = right + counts.false_negatives
    predicted = right + counts.false_positives
    with np.errstate(invalid="ignore"):
        return {
            "IDF1": 100 * 2 * right / (truth + predicted),
            "IDP": 100 * right / predicted,
            "IDR": 100 * right / truth,
        }
