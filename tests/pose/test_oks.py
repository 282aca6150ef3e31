"""OKS by numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pose.oks import oks


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
