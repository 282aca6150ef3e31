"""Overlap and OKS by numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracking.similarity import box_iou, oks


def test_overlap_of_halves_touching_and_apart() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[5, 0, 15, 10], [10, 0, 20, 10], [50, 50, 60, 60], [0, 0, 10, 10]], np.float32)
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 0, 0, 1]], rtol=1e-6)
    empty = np.zeros((1, 4), np.float32)
    assert box_iou(empty, empty) == 0


def test_oks_is_one_on_the_spot_and_falls_as_a_gaussian() -> None:
    squared = np.array([[0.0, 25.0]])  # the second joint is 5 px off
    value, common = oks(squared, np.ones((1, 2)), np.full((1, 2), 12.5))
    assert value[0] == pytest.approx((1 + np.exp(-1)) / 2)
    assert common[0] == 2


def test_oks_counts_only_joints_that_both_have() -> None:
    squared = np.array([[0.0, 900.0**2]])
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # three pairs
    value, common = oks(squared.repeat(3, axis=0), weights, np.ones((3, 2)))
    assert value.tolist() == [1, 0, 0]
    assert common.tolist() == [1, 1, 0]
