"""Overlap and OKS by numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracking.similarity import box_iou, grown, oks


def test_overlap_of_halves_touching_and_apart() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[5, 0, 15, 10], [10, 0, 20, 10], [50, 50, 60, 60], [0, 0, 10, 10]], np.float32)
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 0, 0, 1]], rtol=1e-6)
    empty = np.zeros((1, 4), np.float32)
    assert box_iou(empty, empty) == 0


def test_boxes_grow_by_a_share_of_their_size() -> None:
    box = np.array([[10, 20, 20, 40]], np.float32)
    np.testing.assert_allclose(grown(box, 0.5), [[5, 10, 25, 50]])


def test_oks_is_one_on_the_spot_and_falls_as_a_gaussian() -> None:
    a = np.zeros((1, 2, 2), np.float32)
    b = np.array([[[0, 0], [3, 4]]], np.float32)  # the second joint is 5 px off
    var = np.full((1, 2), 12.5, np.float32)
    sure = np.ones((1, 2), np.float32)
    value, common = oks(a, b, sure, sure, var)
    assert value[0, 0] == pytest.approx((1 + np.exp(-1)) / 2)
    assert common[0, 0] == 2


def test_oks_counts_only_joints_that_both_have() -> None:
    a = np.zeros((1, 2, 2), np.float32)
    b = np.array([[[0, 0], [900, 900]]], np.float32)
    first, both = np.array([[1, 0]], np.float32), np.ones((1, 2), np.float32)
    var = np.ones((1, 2), np.float32)
    assert oks(a, b, first, both, var)[0] == 1
    assert oks(a, b, first, both[:, ::-1] * [[0, 1]], var)[0] == 0
