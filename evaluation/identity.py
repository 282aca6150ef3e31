"""Identity scores IDF1, IDP, IDR: how long each person was followed under one id.

Ristani et al., ECCV 2016 workshops: over the whole sequence every truth is given at most one
predicted id, so that the appearances that agree are as many as can be.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.matching import FloatArray, FramePairs, best_pairs, renumbered, sums_by


class IdentityCounts(NamedTuple):
    """Appearances under the right id, (K,) each; counts of sequences add with +."""

    true_positives: FloatArray
    false_negatives: FloatArray
    false_positives: FloatArray

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
    agree = np.zeros((layers, len(truths), len(predictions)))  # appearances of each pair of ids
    truth_total, predicted_total = np.zeros(layers), np.zeros(layers)
    for frame, rows, columns in zip(frames, truth_numbers, predicted_numbers, strict=True):
        agree[:, rows[:, None], columns] += frame.pairs >= threshold
        truth_total += frame.truth_there.sum(1)
        predicted_total += frame.predicted_there.sum(1)
    layer, truth, prediction = best_pairs(agree)
    right = sums_by(layer, agree[layer, truth, prediction], layers)
    return IdentityCounts(right, truth_total - right, predicted_total - right)


def identity_scores(counts: IdentityCounts) -> dict[str, FloatArray]:
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
