"""HOTA: detection and association with equal weight, over nineteen similarity thresholds.

Luiten et al., IJCV 2021, as `trackeval` computes it: the pairs of a frame are chosen once, for the
largest sum of similarity times how well the two ids go together over the whole sequence; each
threshold alpha then keeps the pairs of at least that similarity.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.matching import FramePairs, best_pairs, renumbered, sums_by
from pose.people import DoubleArray, IntArray

ALPHAS = np.arange(0.05, 0.99, 0.05)  # (A,) trackeval's own expression: the same last digits
_EPSILON = np.finfo(float).eps


class HotaCounts(NamedTuple):
    """What HOTA is computed from, (K, A) each; counts of sequences add with +."""

    true_positives: DoubleArray
    false_negatives: DoubleArray
    false_positives: DoubleArray
    similarity: DoubleArray  # sum over the true positives
    association: DoubleArray  # sums over the true positives of their AssA, AssRe and AssPr
    association_recall: DoubleArray
    association_precision: DoubleArray

    def __add__(self, other: HotaCounts) -> HotaCounts:  # type: ignore[override]  # sums, not joins
        return HotaCounts(*map(operator.add, self, other))

    @classmethod
    def zero(cls, layers: int) -> HotaCounts:
        """The counts of nothing."""
        return cls(*(np.zeros((layers, len(ALPHAS))) for _ in cls._fields))


def hota(frames: Sequence[FramePairs], layers: int) -> HotaCounts:
    """Count one sequence. `pairs` are similarities in 0..1, 0 where either lacks the joint."""
    truth_numbers, truths = renumbered([frame.truth_ids for frame in frames])
    predicted_numbers, predictions = renumbered([frame.predicted_ids for frame in frames])
    shape = (layers, len(truths), len(predictions))
    truth_count, predicted_count = np.zeros(shape[:2]), np.zeros((layers, len(predictions)))
    near, keys, shares = [], [], []  # the pairs that are similar at all, frame by frame
    for frame, rows, columns in zip(frames, truth_numbers, predicted_numbers, strict=True):
        truth_count[:, rows] += frame.truth_there
        predicted_count[:, columns] += frame.predicted_there
        layer, g, p = frame.pairs.nonzero()  # (M,)
        near.append((layer, g, p))
        keys.append(np.ravel_multi_index((layer, rows[g], columns[p]), shape))
        shares.append(_share(frame.pairs)[layer, g, p])

    # From here on a pair of ids is an index into `layer, truth, prediction`: (U,)
    numbers, known = renumbered(keys)
    layer, truth, prediction = np.unravel_index(known, shape)
    together = truth_count[layer, truth] + predicted_count[layer, prediction]
    overlap = _tally(numbers, shares, len(known))
    alignment = overlap / (together - overlap)

    matches = np.zeros((len(ALPHAS), len(known)))
    similarity = np.zeros((layers, len(ALPHAS)))
    for frame, (k, g, p), pair in zip(frames, near, numbers, strict=True):
        score = np.zeros(frame.pairs.shape)
        score[k, g, p] = frame.pairs[k, g, p] * alignment[pair]
        best = best_pairs(score)
        value = frame.pairs[best]  # (M,)
        chosen = np.zeros(score.shape, bool)
        chosen[best] = True
        kept = value >= ALPHAS[:, None] - _EPSILON  # (A, M)
        matches[:, pair[chosen[k, g, p]]] += kept
        np.add.at(similarity, best[0], (kept * value).T)

    def summed(weights: DoubleArray) -> DoubleArray:
        """Sum (A, U) over the pairs of ids of each layer: (K, A)."""
        return np.stack([sums_by(layer, w, layers) for w in weights], axis=1)

    found = summed(matches)
    return HotaCounts(
        found,
        truth_count.sum(1)[:, None] - found,
        predicted_count.sum(1)[:, None] - found,
        similarity,
        summed(matches * (matches / np.maximum(1, together - matches))),
        summed(matches * (matches / truth_count[layer, truth])),
        summed(matches * (matches / predicted_count[layer, prediction])),
    )


def _share(similarity: DoubleArray) -> DoubleArray:
    """Each pair's similarity divided by the total of its two people in the frame: (K, G, P)."""
    total = similarity.sum(1, keepdims=True) + similarity.sum(2, keepdims=True) - similarity
    return np.divide(similarity, total, out=np.zeros_like(similarity), where=total > _EPSILON)


def _tally(numbers: Sequence[IntArray], weights: Sequence[DoubleArray], size: int) -> DoubleArray:
    """Sum the frames' weights by number: (size,)."""
    if not numbers:
        return np.zeros(size)
    return sums_by(np.concatenate(numbers), np.concatenate(weights), size)


def hota_scores(counts: HotaCounts) -> dict[str, DoubleArray]:
    """HOTA and its parts (K,) in percent, each the mean over alpha.

    NaN where there is neither truth nor prediction. Without any match LocA is 100, as in trackeval.
    """
    found, missed, wrong = counts.true_positives, counts.false_negatives, counts.false_positives
    some = np.maximum(1, found)
    detection = found / np.maximum(1, found + missed + wrong)  # (K, A)
    association = counts.association / some
    by_alpha = {
        "HOTA": np.sqrt(detection * association),
        "DetA": detection,
        "AssA": association,
        "DetRe": found / np.maximum(1, found + missed),
        "DetPr": found / np.maximum(1, found + wrong),
        "AssRe": counts.association_recall / some,
        "AssPr": counts.association_precision / some,
        "LocA": np.maximum(1e-10, counts.similarity) / np.maximum(1e-10, found),
    }
    absent = (found + missed + wrong == 0).all(1)  # (K,)
    return {name: np.where(absent, np.nan, 100 * v.mean(1)) for name, v in by_alpha.items()}
