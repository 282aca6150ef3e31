"""Drop duplicate detections of a person, but keep two people who overlap.

Two boxes that overlap may be one person found twice or two people, one behind the other. Their
poses decide: the same joints in the same places are one person (OKS-NMS; Papandreou et al., CVPR
2017, section 3.3). Where there are no joints to compare, a very large overlap of boxes decides.
"""

from __future__ import annotations

import numpy as np

from pose.oks import oks, variance_of_area
from pose.people import IntArray
from tracking.observation import Seen
from tracking.similarity import iou_of_sides, overlaps

_NEAR_IOU = 0.3  # boxes that overlap less are not compared
_SAME_IOU = 0.85  # above it two boxes are one person, where joints cannot decide
_ENOUGH_JOINTS = 4.0  # sum of the scores of common joints from which joints decide


def distinct(seen: Seen, sigmas: tuple[float, ...], same_oks: float) -> IntArray:
    """Indices (M,), ascending, of the people (N,) who are not lower-scored duplicates of others.

    People whose OKS is above `same_oks` are one; `sigmas` (K,) are OKS's constants. Of equal scores
    the first stays.
    """
    centre, half = seen.measured[:, :2], np.maximum(seen.measured[:, 2:4], 1.0) / 2  # (N, 2) each
    # Boxes whose IoU is above t overlap by more than t times the wider one, in both directions.
    inner = (1 - _NEAR_IOU) * half
    widths, heights = overlaps(centre, inner, centre, inner)  # (N, N)
    first, second = ((widths > 0) & (heights > 0)).nonzero()
    if len(first) == len(seen):  # each box meets only itself
        return np.arange(len(seen))
    later = first < second
    first, second = first[later], second[later]  # (P,) pairs, the better one first
    sides = half[first] + half[second] - np.abs(centre[first] - centre[second])  # (P, 2)
    iou = iou_of_sides(sides, half[first], half[second])
    near = iou > _NEAR_IOU
    if not near.any():
        return np.arange(len(seen))
    first, second, iou = first[near], second[near], iou[near]

    weights = seen.joint_scores[first] * seen.joint_scores[second]  # (P, K)
    offset = np.square(seen.measured[first, 4:] - seen.measured[second, 4:])  # (P, 2 K)
    area = 4 * half[first, 0] * half[first, 1]  # (P,)
    variance = area[:, None] * variance_of_area(sigmas)  # (P, K)
    agreement, _ = oks(offset[:, ::2] + offset[:, 1::2], weights, variance)  # (P,)
    comparable = np.sqrt(weights).sum(1) >= _ENOUGH_JOINTS
    same = np.where(comparable, agreement > same_oks, iou > _SAME_IOU)

    kept = np.ones(len(seen), bool)
    for one, double in zip(first[same].tolist(), second[same].tolist(), strict=True):
        if kept[one]:  # a duplicate removes nobody else
            kept[double] = False
    return kept.nonzero()[0]
