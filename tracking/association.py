"""How likely each known person is each person seen: in the next frame, and after an absence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.people import FloatArray, IntArray, Poses
from tracking.assignment import assign
from tracking.config import TrackerConfig
from tracking.memory import Memory
from tracking.motion import MotionArray
from tracking.observation import boxes_of, joints_of
from tracking.similarity import box_iou, grown, oks

_SAME_AGAIN = 0.3  # what remains at `reach` standard deviations and twice the width
_FULL_POSE = 4.0  # so many sure joints make OKS count with its whole weight


def likeness(
    memory: Memory,
    ahead: MotionArray,
    poses: Poses,
    joint_scores: FloatArray,
    unseen_s: NDArray[np.float64],
    config: TrackerConfig,
) -> FloatArray:
    """Similarity (T, N) of remembered people, predicted to be at `ahead`, and `poses`.

    OKS and IoU weighted by how many joints are sure; appearance decides between near ties. Taken
    off: a share for people unseen for `unseen_s` (T,), and one for low scores.
    """
    iou = box_iou(
        grown(boxes_of(ahead[0]), config.box_margin), grown(poses.boxes, config.box_margin)
    )
    alike = _with_joints(iou, memory, ahead, poses, joint_scores, config)
    if config.appearance_weight:
        alike = alike + config.appearance_weight * _resemblance(memory.appearance, poses.appearance)
    lost = np.minimum(config.lost_penalty * unseen_s, config.lost_penalty_most)  # (T,)
    low = config.low_penalty * np.maximum(config.high_thr - poses.scores, 0)  # (N,)
    return alike - lost[:, None].astype(np.float32) - low


def _with_joints(
    iou: FloatArray,
    memory: Memory,
    ahead: MotionArray,
    poses: Poses,
    joint_scores: FloatArray,
    config: TrackerConfig,
) -> FloatArray:
    """Blend IoU (T, N) with OKS over predicted joints; IoU alone where no joint is sure in both."""
    if not config.oks_weight or not joint_scores.any() or not len(memory):
        return iou
    sigmas = np.asarray(config.sigmas or poses.skeleton.sigmas)
    area = np.maximum(ahead[0, :, 2] * ahead[0, :, 3], 1.0)  # (T,)
    spread = ahead[2, :, 4::2]  # (T, K) the same for x and y
    var = (area[:, None] * (2 * sigmas) ** 2 + spread).astype(np.float32)
    joints = joints_of(ahead[0])
    pose, common = oks(joints, poses.keypoints, memory.joint_scores, joint_scores, var)
    share = config.oks_weight * np.minimum(common / _FULL_POSE, 1)  # (T, N)
    return share * pose + (1 - share) * iou


def _resemblance(known: FloatArray, seen: FloatArray) -> FloatArray:
    """How much more than the others each known person (T, D) resembles each one seen (N, D).

    Cosine less its mean over all known people: nothing where all wear the same, where there is
    only one, and where nothing is known of the appearance.
    """
    if not known.size or not seen.size:
        return np.zeros((len(known), len(seen)), np.float32)
    cosine = known @ seen.T  # (T, N)
    return cosine - cosine.mean(0)


def returned(
    memory: Memory, ahead: MotionArray, lost: IntArray, new: IntArray, config: TrackerConfig
) -> tuple[IntArray, IntArray]:
    """Pairs of rows (M,), (M,): who of the `lost` (L,) is who of the `new` people (F,).

    By the distance that a person can have moved, in standard deviations of the predicted position,
    by size, and by appearance.
    """
    motion = memory.motion
    offset = ahead[0, lost, None, :2] - motion[0, new, :2]  # (L, F, 2)
    var = ahead[2, lost, :1] + motion[2, new, 0]  # (L, F)
    distance = (offset**2).sum(-1) / var
    growth = np.log(motion[0, lost, None, 2:4] / motion[0, new, 2:4])  # (L, F, 2)
    unlike = 0.5 * distance / config.reach**2 + np.abs(growth).sum(-1)
    if config.appearance_weight:
        seen = memory.appearance[new]
        cosine = _resemblance(memory.appearance, seen)[lost]
        unlike = unlike - config.appearance_weight * cosine / config.min_similarity
    r, c = assign(np.exp(-unlike).astype(np.float32), _SAME_AGAIN, config.assignment)
    return lost[r], new[c]
