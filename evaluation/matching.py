"""True and predicted people of each frame: who is there, how near each pair is, who is matched.

Metrics take a sequence as a list of FramePairs, or at once as JoinedFrames. K layers are scored in
parallel: 15 joints of a pose, or one layer for boxes and whole people. Arrays are float64, so that
scores equal the reference programs' to the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose.people import BoolArray, DoubleArray, IntArray


class FramePairs(NamedTuple):
    """One frame: G true and P predicted people, and how each pair compares in K layers."""

    truth_ids: IntArray  # (G,) unique in the frame
    predicted_ids: IntArray  # (P,) unique in the frame
    truth_there: BoolArray  # (K, G) the person has this joint
    predicted_there: BoolArray  # (K, P)
    pairs: DoubleArray  # (K, G, P) a distance or a similarity, as the metric needs


def whole_people(truth_ids: object, predicted_ids: object, pairs: object) -> FramePairs:
    """One layer (K = 1) of boxes or whole people: ids (G,) and (P,), pairs (G, P)."""
    truth, predicted = np.asarray(truth_ids, np.int64), np.asarray(predicted_ids, np.int64)
    values = np.asarray(pairs, np.float64).reshape(1, len(truth), len(predicted))
    there = np.ones((1, len(truth)), bool), np.ones((1, len(predicted)), bool)
    return FramePairs(truth, predicted, *there, values)


class JoinedFrames(NamedTuple):
    """All F frames of a sequence at once: G true and P predicted people, and M pairs of them.

    People come in any order, pairs by frame, then truth, then prediction.
    """

    frames: int
    truth_frame: IntArray  # (G,)
    truth_ids: IntArray  # (G,)
    truth_there: BoolArray  # (G, K)
    predicted_frame: IntArray  # (P,)
    predicted_ids: IntArray  # (P,)
    predicted_there: BoolArray  # (P, K)
    truth: IntArray  # (M,) index of the true person
    predicted: IntArray  # (M,) index of the predicted one, in the same frame
    pairs: DoubleArray  # (M, K) as in FramePairs


def joined(frames: Sequence[FramePairs], layers: int) -> JoinedFrames:
    """Concatenate the frames of a sequence, with the pairs that are allowed in some layer."""
    truths = [len(frame.truth_ids) for frame in frames]
    predictions = [len(frame.predicted_ids) for frame in frames]
    pairs = [np.zeros((0, layers))]
    truth, predicted = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for g, p, g_before, p_before, frame in zip(
        truths,
        predictions,
        accumulate(truths, initial=0),
        accumulate(predictions, initial=0),
        frames,
        strict=False,
    ):
        values = frame.pairs.reshape(layers, g * p).T
        near = np.flatnonzero(np.isfinite(values).any(1))  # few, where many people stand apart
        pairs.append(values[near])
        truth.append(g_before + near // p)
        predicted.append(p_before + near % p)
    none, nowhere = np.zeros(0, np.int64), np.zeros((0, layers), bool)
    return JoinedFrames(
        len(frames),
        np.repeat(np.arange(len(frames)), truths),
        np.concatenate([none, *(frame.truth_ids for frame in frames)]),
        np.concatenate([nowhere, *(frame.truth_there.T for frame in frames)]),
        np.repeat(np.arange(len(frames)), predictions),
        np.concatenate([none, *(frame.predicted_ids for frame in frames)]),
        np.concatenate([nowhere, *(frame.predicted_there.T for frame in frames)]),
        np.concatenate(truth),
        np.concatenate(predicted),
        np.concatenate(pairs),
    )


def side_by_side(truth_frame: IntArray, predicted_frame: IntArray) -> tuple[IntArray, IntArray]:
    """Indices (M,) of the true and of the predicted people who share a frame, by true person.

    truth_frame (G,) and predicted_frame (P,) are the frames they are in, the latter ascending.
    """
    first = np.searchsorted(predicted_frame, truth_frame)  # (G,)
    partners = np.searchsorted(predicted_frame, truth_frame, "right") - first
    truth = np.repeat(np.arange(len(truth_frame)), partners)  # (M,)
    place = np.arange(len(truth)) - np.repeat(np.cumsum(partners) - partners, partners)
    return truth, first[truth] + place


def renumbered(ids: Sequence[IntArray]) -> tuple[list[IntArray], IntArray]:
    """Renumber the ids (N,) of a sequence's frames as 0..n-1, alike in all frames.

    Returns the frames' numbers, (N,) each, and the n ids in ascending order.
    """
    if not ids:
        return [], np.zeros(0, np.int64)
    ends = accumulate((len(frame) for frame in ids), initial=0)
    known, numbers = np.unique(np.concatenate(ids), return_inverse=True)
    return [numbers[start:end] for start, end in pairwise(ends)], known


def sums_by(index: IntArray, weights: NDArray[np.generic], size: int) -> DoubleArray:
    """Sum the weights (M,) that share an index (M,) in 0..size-1: (size,)."""
    return np.asarray(np.bincount(index, weights, size), np.float64)


def box_iou(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """IoU (G, P) of boxes x1 y1 x2 y2 (G, 4) and (P, 4); 0 where both are empty."""
    corner = np.maximum(a[:, None, :2], b[None, :, :2])  # (G, P, 2)
    sides = np.maximum(np.minimum(a[:, None, 2:], b[None, :, 2:]) - corner, 0)  # (G, P, 2)
    inter = sides[..., 0] * sides[..., 1]  # (G, P)
    area_a, area_b = ((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b))
    union = area_a[:, None] + area_b[None, :] - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def cheapest_mask(costs: DoubleArray) -> BoolArray:
    """Pair rows with columns: as many pairs as possible, then the smallest sum.

    costs (..., G, P), NaN where a pair is forbidden. Returns a mask of the pairs.
    """
    allowed = np.isfinite(costs)
    chosen, contested = _uncontested(allowed)
    for layer in contested:
        # One forbidden pair costs more than all allowed ones together, so that the number of
        # allowed pairs takes precedence over their sum; motmetrics' rule.
        largest = np.abs(costs[layer][allowed[layer]]).max() + 1
        forbidden = 2 * min(costs.shape[-2:]) * largest + 1
        row, column = _assign(np.where(allowed[layer], costs[layer], forbidden))
        chosen[layer][row, column] = allowed[layer][row, column]
    return chosen


def best_pairs(scores: DoubleArray) -> tuple[IntArray, ...]:
    """Pair rows with columns for the largest sum of `scores` (..., G, P), all 0 or more.

    Pairs that score 0 are left out. Returns the pairs as np.nonzero would.
    """
    chosen, contested = _uncontested(scores > 0)
    for layer in contested:
        row, column = _assign(-scores[layer])
        chosen[layer][row, column] = scores[layer][row, column] > 0
    return np.nonzero(chosen)


def largest_sum(row: IntArray, column: IntArray, score: IntArray) -> float:
    """The largest sum of scores (U,), all above 0, of pairs that use each row and column once.

    Takes a list of pairs: a long video has too many ids for a matrix of all of them.
    """
    # Of the columns whose only partner is the same row, only the best can be matched.
    for _ in range(2):  # columns with one row, then, the other way round, rows with one column
        lonely = np.asarray(np.bincount(column)[column] == 1)
        order = np.lexsort((-score, row, ~lonely))  # the lonely first, by partner, best first
        first = np.diff(row[order], prepend=-1) != 0
        kept = order[first | ~lonely[order]]
        row, column, score = column[kept], row[kept], score[kept]
    rows, r = np.unique(row, return_inverse=True)
    columns, c = np.unique(column, return_inverse=True)
    table = np.zeros((len(rows), len(columns)))
    table[r, c] = score
    return float(table[best_pairs(table)].sum())


def _uncontested(candidates: BoolArray) -> tuple[BoolArray, list[tuple[int, ...]]]:
    """Candidates (..., G, P) whose two people have no other, and the layers that have the rest.

    Most frames need no solver at all, since people stand apart.
    """
    alone = (candidates.sum(-1, keepdims=True) == 1) & (candidates.sum(-2, keepdims=True) == 1)
    chosen = candidates & alone
    contested = np.argwhere((candidates & ~alone).any((-2, -1)))
    return chosen, [tuple(layer) for layer in contested.tolist()]


def _assign(costs: DoubleArray) -> tuple[IntArray, IntArray]:
    """The cheapest complete assignment of a (G, P) matrix: rows and columns."""
    # The solvers are imported here: most sequences never need one, and start-up time matters.
    if costs.size > 40_000:  # lap makes the matrix square, which costs memory
        from scipy.optimize import linear_sum_assignment

        return linear_sum_assignment(costs)
    from lap import lapjv

    columns = lapjv(costs, extend_cost=True)[1]  # (G,), -1 where a row has no column
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows]
