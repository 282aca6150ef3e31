"""Average precision of joints, as poseval and the PoseTrack papers compute it.

Each prediction keeps its best truth and each truth its best prediction, by the share of the truth's
joints that match; then every joint is ranked by its own score over the whole set, and AP is the
area under its precision-recall curve (VOC, all points).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.matching import BoolArray, FloatArray, IntArray
from evaluation.tie_order import poseval_argsort


@dataclass(frozen=True, slots=True, eq=False)
class JointDetections:
    """Every predicted joint of a sequence; those of sequences join with +."""

    scores: FloatArray  # (D, K) of each predicted person, NaN where a joint is not predicted
    correct: BoolArray  # (D, K)
    truth: IntArray  # (K,) how often the joint is labelled

    def __add__(self, other: JointDetections) -> JointDetections:
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


@dataclass(frozen=True, slots=True, eq=False)
class AveragePrecision:
    """Scores of each joint in percent; NaN where it is predicted but never labelled."""

    ap: FloatArray  # (K,)
    precision: FloatArray  # (K,) with every prediction counted
    recall: FloatArray  # (K,)


def correct_joints(
    matched: BoolArray, truth_joints: IntArray, truth: IntArray, predicted: IntArray, people: int
) -> BoolArray:
    """Which joints (`people`, K) of the predicted people match those of the truth each stands for.

    matched (M, K) tells of each pair of a truth and a prediction that share a frame which joints
    are near; `truth` and `predicted` (M,) are their numbers; truth_joints (G,) how many joints each
    truth has.
    """
    share = matched.sum(1) / np.maximum(truth_joints[truth], 1)  # (M,)
    order = np.lexsort((truth, -share, predicted))  # a prediction's best truth comes first
    best = order[_first_of_each(predicted[order])]
    best = best[share[best] > 0]
    order = best[np.lexsort((predicted[best], -share[best], truth[best]))]
    pairs = order[_first_of_each(truth[order])]
    correct = np.zeros((people, matched.shape[1]), bool)
    correct[predicted[pairs]] = matched[pairs]
    return correct


def _first_of_each(sorted_keys: IntArray) -> BoolArray:
    return np.diff(sorted_keys, prepend=-1) != 0


def precision_recall(
    detections: JointDetections, joint: int, *, group_ties: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Precision, recall and score threshold (D',) of one joint, by falling score.

    Joints of equal score have no order. poseval takes the one its sort leaves; `group_ties` counts
    them as one step, so that the order of files and people cannot matter.
    """
    there = ~np.isnan(detections.scores[:, joint])
    scores, correct = detections.scores[there, joint], detections.correct[there, joint]
    order = scores.argsort(kind="stable")[::-1]
    if not group_ties and (matters := _mixed_ties(scores[order], correct[order])).any():
        order = poseval_argsort(scores, matters[order.argsort()])[::-1]
    scores, found = scores[order], np.cumsum(correct[order])
    precision = found / np.arange(1, len(found) + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = found / np.float64(detections.truth[joint])
    if group_ties:
        last = np.diff(scores, append=-np.inf) != 0
        return precision[last], recall[last], scores[last]
    return precision, recall, scores


def _mixed_ties(scores: FloatArray, correct: BoolArray) -> BoolArray:
    """Which joints (D,) share their score both with right and with wrong ones; scores sorted."""
    group = np.cumsum(np.diff(scores, prepend=np.nan) != 0)  # (D,) 1, 2, ...
    size, right = np.bincount(group), np.bincount(group, correct)
    return ((right > 0) & (right < size))[group]


def average_precision(detections: JointDetections, *, group_ties: bool) -> AveragePrecision:
    """Score every joint. One that is never predicted scores 0, one never labelled NaN.

    With `group_ties` a joint that is neither labelled nor predicted is NaN too; poseval gives 0.
    """
    joints = len(detections.truth)
    result = np.zeros((3, joints))
    for joint in range(joints):
        precision, recall, _ = precision_recall(detections, joint, group_ties=group_ties)
        if len(precision):
            unlabelled = detections.truth[joint] == 0
            area = np.nan if unlabelled else _area(precision, recall)
            result[:, joint] = area, precision[-1], np.nan if unlabelled else recall[-1]
        elif group_ties and detections.truth[joint] == 0:
            result[:, joint] = np.nan
    return AveragePrecision(*(100 * result))


def _area(precision: FloatArray, recall: FloatArray) -> float:
    """Area under the curve, made falling from the right."""
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * falling))
