"""AP of joints, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import ap
from evaluation.ap import JointDetections, average_precision, correct_joints, precision_recall
from evaluation.tie_order import poseval_argsorts


def one_joint(scores: list[float], correct: list[bool], truth: int) -> JointDetections:
    column = np.array(scores, float)[:, None], np.array(correct, bool)[:, None]
    return JointDetections(*column, np.array([truth]))


@pytest.mark.parametrize(
    ("scores", "correct", "truth", "expected"),
    [
        ([0.9, 0.8], [True, True], 2, 100),
        ([0.9, 0.8], [True, True], 4, 50),  # half of the truth is never found
        ([0.9, 0.8], [False, True], 1, 50),  # found at precision 1/2
        ([0.9, 0.8, 0.7], [True, False, True], 2, 100 * (0.5 + 0.5 * 2 / 3)),
        ([], [], 3, 0),
    ],
)
def test_area_under_the_curve(
    scores: list[float], correct: list[bool], truth: int, expected: float
) -> None:
    for group_ties in (False, True):
        result = average_precision(one_joint(scores, correct, truth), group_ties=group_ties)
        assert result.ap[0] == pytest.approx(expected)


def test_a_joint_that_is_never_labelled_has_no_ap_but_a_precision() -> None:
    result = average_precision(one_joint([0.9], [False], 0), group_ties=False)
    assert np.isnan(result.ap[0])
    assert np.isnan(result.recall[0])
    assert result.precision[0] == 0


def test_equal_scores_are_one_step_where_ties_are_grouped() -> None:
    for correct in ([True, False], [False, True]):
        detections = one_joint([0.5, 0.5], correct, 1)
        (curve,) = precision_recall(detections, group_ties=True)
        assert [values.tolist() for values in curve] == [[0.5], [1.0], [0.5]]


def test_only_the_ties_that_matter_are_put_in_the_reference_s_order() -> None:
    """Ordering all equal scores, or only those that are partly right, gives the same AP."""
    rng = np.random.default_rng(0)
    scores, correct = rng.integers(0, 300, 2000) / 300, rng.random(2000) < 0.6
    detections = JointDetections(scores[:, None], correct[:, None], np.array([1500]))
    (curve,) = precision_recall(detections, group_ties=False)
    order = poseval_argsorts([scores])[0][::-1]
    expected = np.cumsum(correct[order]) / np.arange(1, 2001)
    assert curve.precision.tolist() == expected.tolist()


def test_each_truth_keeps_its_best_prediction_and_the_other_way_round() -> None:
    """Truth 0 takes prediction 1 (both joints), not 0 (one joint); 0 is then left over."""
    matched = np.array([[True, False], [True, True], [False, False], [False, True]])
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    correct = correct_joints(matched, np.array([2, 2]), truth, predicted, 2)
    assert correct.tolist() == [[False, False], [True, True]]


def test_of_equally_good_partners_the_first_is_taken() -> None:
    matched = np.ones((4, 1), bool)
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    correct = correct_joints(matched, np.array([1, 1]), truth, predicted, 2)
    assert correct.tolist() == [[True], [False]]  # both predictions choose truth 0


def test_several_processes_rank_equal_scores_as_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ap, "_TOGETHER", 1000)  # so that each joint is a separate piece of work
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 40, (700, 4)) / 40
    detections = JointDetections(scores, rng.random((700, 4)) < 0.5, np.full(4, 600))
    one, three = (average_precision(detections, group_ties=False, workers=w) for w in (1, 3))
    assert np.array_equal(one, three)
