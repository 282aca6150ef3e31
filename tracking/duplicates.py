"""One person is one person, two who overlap stay two: told apart by their poses.

Two boxes that overlap may be one person found twice or two people, one behind the other. Their
poses decide: the same joints in the same places are one person (OKS-NMS; Papandreou et al., CVPR
2017, section 3.3). Where there are no joints to compare, a very large overlap of boxes decides.
"""

from __future__ import annotations

import numpy as np

from pose.people import IntArray, Poses
from tracking.similarity import box_iou

_NEAR_IOU = 0.3  # boxes that overlap less are not compared
_SAME_IOU = 0.85  # one person, where joints cannot tell
_SAME_OKS = 0.75  # one person
_ENOUGH_JOINTS = 4.0  # sum of the scores of joints that both have


def distinct(poses: Poses, joint_thr: float = 0.2) -> IntArray:
    """Indices (M,), ascending, of the people who are nobody's lower-scored double.

    Joints scored below `joint_thr` do not count. Equal scores: the first one stays.
    """
    iou = box_iou(poses.boxes, poses.boxes)  # (N, N)
    first, second = np.nonzero(np.triu(iou > _NEAR_IOU, 1))  # (P,) pairs worth a look
    if not len(first):
        return np.arange(len(poses))
    ahead = poses.scores[second] > poses.scores[first]
    better, worse = np.where(ahead, second, first), np.where(ahead, first, second)

    clear = np.where(poses.keypoint_scores >= joint_thr, poses.keypoint_scores, 0)  # (N, K)
    weights = clear[better] * clear[worse]  # (P, K)
    offset = poses.keypoints[better] - poses.keypoints[worse]  # (P, K, 2)
    sides = poses.boxes[better, 2:] - poses.boxes[better, :2]  # (P, 2)
    area = np.maximum(sides.prod(1), 1.0)[:, None]  # (P, 1)
    spread = 2 * np.asarray(poses.skeleton.sigmas)  # (K,)
    near = np.exp(-(offset**2).sum(2) / (2 * area * spread**2))  # (P, K)
    total = weights.sum(1)
    oks = (near * weights).sum(1) / np.maximum(total, 1e-9)  # (P,)
    comparable = np.sqrt(weights).sum(1) >= _ENOUGH_JOINTS
    same = np.where(comparable, oks > _SAME_OKS, iou[better, worse] > _SAME_IOU)

    kept = np.ones(len(poses), bool)
    pairs = np.stack([better, worse], axis=1)[same]
    for one, double in pairs[np.argsort(-poses.scores[pairs[:, 0]], kind="stable")].tolist():
        if kept[one]:  # who is a double takes nobody else away
            kept[double] = False
    return np.flatnonzero(kept)
