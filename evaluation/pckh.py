"""PCKh over many people: how many joints are within half a head of the true ones."""

from __future__ import annotations

import numpy as np

from evaluation.ap import correct_joints
from evaluation.matching import side_by_side
from pose.pckh import within_half_a_head
from pose.people import BoolArray, DoubleArray, IntArray


def pckh_counts(
    truth: DoubleArray,
    head_px: DoubleArray,
    predicted: DoubleArray,
    truth_image: IntArray,
    predicted_image: IntArray,
) -> tuple[IntArray, IntArray]:
    """How many joints are right and how many are labelled, (K,) each; counts of sets add.

    truth (G, K, 2) and predicted (P, K, 2), NaN for missing joints; head_px (G,), people with NaN
    or 0 are left out; truth_image (G,) and predicted_image (P,) say in which picture each person
    is. Each true person is compared with at most one prediction: the one with the most joints
    right, as in PoseTrack's mAP.
    """
    usable = head_px > 0
    truth, head_px, truth_image = truth[usable], head_px[usable], truth_image[usable]
    labelled: BoolArray = ~np.isnan(truth[..., 0])  # (G, K)
    order = np.argsort(predicted_image, kind="stable")
    g, p = side_by_side(truth_image, predicted_image[order])  # (M,) each
    p = order[p]
    matched = within_half_a_head(predicted[p], truth[g], head_px[g])  # (M, K)
    right = correct_joints(matched, labelled.sum(1), g, p, len(predicted))
    return right.sum(0), labelled.sum(0)
