"""Average precision of joints, as poseval and the PoseTrack papers compute it.

Each prediction keeps its best true person, and each true person their best prediction, by the share
of the true joints that match. Then, for each joint, the predictions of the whole set are ranked by
that joint's score, and AP is the area under the precision-recall curve (VOC, all points).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.forked import forked_map
from evaluation.tie_order import poseval_argsorts
from pose.people import BoolArray, DoubleArray, IntArray

_TOGETHER = 50_000  # scores sorted at once; more would only take memory


class JointDetections(NamedTuple):
    """Every predicted joint of a sequence; + joins those of several sequences."""

    scores: DoubleArray  # (D, K) of each predicted person, NaN where a joint is not predicted
    correct: BoolArray  # (D, K)
    truth: IntArray  # (K,) how often the joint is labelled

    def __add__(self, other: JointDetections) -> JointDetections:  # type: ignore[override]
        return JointDetections(
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.correct, other.correct]),
            self.truth + other.truth,
        )

    @classmethod
    def zero(cls, joints: int) -> JointDetections:
        """No predictions, no truth."""
        none = np.zeros((0, joints))
        return cls(none, none.astype(bool), np.zeros(joints, np.int64))


class AveragePrecision(NamedTuple):
    """Scores of each joint in percent; NaN where it is predicted but never labelled."""

    ap: DoubleArray  # (K,)
    precision: DoubleArray  # (K,) with every prediction counted
    recall: DoubleArray  # (K,)


def correct_joints(
    matched: BoolArray, truth_joints: IntArray, truth: IntArray, predicted: IntArray, people: int
) -> BoolArray:
    """Which joints (`people`, K) of the predicted people match those of their true person.

    The M pairs are those of true and predicted people who share a frame: matched (M, K) says which
    joints are near, `truth` and `predicted` (M,) are the indices of the two. truth_joints (G,) is
    how many joints each true person has.
    """
    share = matched.sum(1) / np.maximum(truth_joints[truth], 1)  # (M,)
    order = np.lexsort((truth, -share, predicted))  # a prediction's best true person comes first
    best = order[_first_of_each(predicted[order])]
    best = best[share[best] > 0]
    order = best[np.lexsort((predicted[best], -share[best], truth[best]))]
    pairs = order[_first_of_each(truth[order])]
    correct = np.zeros((people, matched.shape[1]), bool)
    correct[predicted[pairs]] = matched[pairs]
    return correct


def _first_of_each(sorted_keys: IntArray) -> BoolArray:
    return np.diff(sorted_keys, prepend=-1) != 0


class Curve(NamedTuple):
    """One joint's detections in order of falling score, (D,) each."""

    precision: DoubleArray  # of the detections up to here
    recall: DoubleArray  # NaN where the joint is never labelled
    scores: DoubleArray


def precision_recall(
    detections: JointDetections, *, group_ties: bool, workers: int = 1
) -> list[Curve]:
    """The curve of each joint; `workers` processes share the ranking of a large set.

    Equal scores have no defined order. poseval takes the one its sort leaves; `group_ties` counts
    them as one step, so that the order of files and people cannot matter.
    """
    there = ~np.isnan(detections.scores).T  # (K, D)
    scores = [s[known] for s, known in zip(detections.scores.T, there, strict=True)]
    correct = [c[known] for c, known in zip(detections.correct.T, there, strict=True)]
    orders = [s.argsort(kind="stable")[::-1] for s in scores]
    if not group_ties:
        _order_ties(orders, scores, correct, workers)
    curves = []
    for order, s, c, truth in zip(orders, scores, correct, detections.truth, strict=True):
        ranked, found = s[order], np.cumsum(c[order])
        precision = found / np.arange(1, len(found) + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            recall = found / np.float64(truth)
        last = np.diff(ranked, append=-np.inf) != 0 if group_ties else slice(None)
        curves.append(Curve(precision[last], recall[last], ranked[last]))
    return curves


def _order_ties(
    orders: list[IntArray],
    scores: Sequence[DoubleArray],
    correct: Sequence[BoolArray],
    workers: int,
) -> None:
    """Rank equal scores as poseval does, in the `orders` of those joints where it matters."""
    mixed = []
    for order, s, c in zip(orders, scores, correct, strict=True):
        mixed.append(np.zeros(len(s), bool))
        mixed[-1][order] = _mixed_ties(s[order], c[order])
    tied = [joint for joint, ties in enumerate(mixed) if ties.any()]
    step = max(1, _TOGETHER // max(1, *map(len, scores)))
    batches = [tied[first : first + step] for first in range(0, len(tied), step)]

    def rising(joints: list[int]) -> list[IntArray]:
        return poseval_argsorts([scores[j] for j in joints], [mixed[j] for j in joints])

    found = forked_map(rising, batches, workers, range(len(batches)))
    for joints, ranked in zip(batches, found, strict=True):
        for joint, order in zip(joints, ranked, strict=True):
            orders[joint] = order[::-1]


def _mixed_ties(scores: DoubleArray, correct: BoolArray) -> BoolArray:
    """Which detections (D,) have a score that right and wrong ones share; scores are sorted."""
    group = np.cumsum(np.diff(scores, prepend=np.nan) != 0)  # (D,) 1, 2, ...
    size, right = np.bincount(group), np.bincount(group, correct)
    return ((right > 0) & (right < size))[group]


def average_precision(
    detections: JointDetections, *, group_ties: bool, workers: int = 1
) -> AveragePrecision:
    """Score every joint. One that is never predicted scores 0, one that is never labelled NaN.

    With `group_ties` a joint that is neither labelled nor predicted is NaN too; poseval gives 0.
    """
    result = np.zeros((3, len(detections.truth)))
    curves = precision_recall(detections, group_ties=group_ties, workers=workers)
    for joint, curve in enumerate(curves):
        if len(curve.scores):
            area = _area(curve.precision, curve.recall)
            result[:, joint] = area, curve.precision[-1], curve.recall[-1]
        elif group_ties and detections.truth[joint] == 0:
            result[:, joint] = np.nan
    return AveragePrecision(*(100 * result))


def _area(precision: DoubleArray, recall: DoubleArray) -> float:
    """Area under the curve, each precision raised to the highest one at its right."""
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * falling))
