"""Heads, and joints within half of one, by numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np

from pose.pckh import head_lengths, joints_in_mean, within_half_a_head
from pose.skeleton import COCO17, MPII16, POSETRACK18


def test_a_head_reaches_from_the_neck_to_its_top() -> None:
    for skeleton, neck in ((MPII16, "upper_neck"), (POSETRACK18, "head_bottom")):
        points = np.zeros((2, len(skeleton), 2))
        points[:, skeleton.index(neck)] = [30, 40]
        points[1, skeleton.index("head_top")] = np.nan
        np.testing.assert_array_equal(head_lengths(points, skeleton), [50, np.nan])
    assert np.isnan(head_lengths(np.zeros((2, 17, 2)), COCO17)).all()


def test_half_a_head_itself_counts() -> None:
    truth = np.zeros((1, 4, 2))
    predicted = np.array([[[14, 0], [15, 0], [9, 12], [16, 0]]], float)
    near = within_half_a_head(predicted, truth, np.array([30.0]))
    assert near.tolist() == [[True, True, True, False]]
    assert not within_half_a_head(predicted, truth, np.array([np.nan])).any()


def test_the_published_mean_leaves_out_two_joints_of_mpii_alone() -> None:
    assert np.flatnonzero(~joints_in_mean(MPII16)).tolist() == [6, 7]
    assert joints_in_mean(POSETRACK18).all()
