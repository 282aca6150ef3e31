"""Match remembered people with those seen, from frame to frame and after an absence."""

from __future__ import annotations

import numpy as np

from pose.oks import oks, variance_of_area
from pose.people import BoolArray, DoubleArray, FloatArray, IntArray
from tracking.assignment import assign
from tracking.config import TrackerConfig
from tracking.memory import Memory
from tracking.motion import MotionArray
from tracking.observation import Seen
from tracking.similarity import box_iou, iou_of_sides, overlaps

_GATE = 3.0  # search radius, in standard deviations of the prediction
_SAME_AGAIN = 0.3  # least similarity: that of `reach` standard deviations and twice the width
_SAME_LOOK = 0.05  # standard deviation of the cosine of one person's looks, frame to frame
_FULL_POSE = 4.0  # number of confident joints from which OKS has its full weight


def likeness(
    memory: Memory,
    ahead: MotionArray,
    seen: Seen,
    unseen_s: DoubleArray,
    sigmas: tuple[float, ...],
    config: TrackerConfig,
) -> DoubleArray:
    """Similarity (T, N) of remembered people, predicted to be at `ahead`, and those seen.

    A mix of OKS (constants `sigmas`) and IoU; the more joints are confident, the more OKS counts.
    Joints that were confident and are not seen now count as disagreement; otherwise a person who
    shows no joints would fit better than one who does. Appearance decides near ties. Penalties are
    deducted for the time unseen, `unseen_s` (T,), and for low scores. -inf where a person cannot
    have moved: only pairs whose boxes meet within `_GATE` standard deviations of the prediction are
    compared at all.
    """
    half_a = (0.5 + config.box_margin) * np.maximum(ahead[0, :, 2:4], 1.0)  # (T, 2)
    half_b = (0.5 + config.box_margin) * np.maximum(seen.measured[:, 2:4], 1.0)  # (N, 2)
    reach = -_GATE * np.sqrt(ahead[2, :, :1])  # (T, 1)
    widths, heights = overlaps(ahead[0, :, :2], half_a, seen.measured[:, :2], half_b)  # (T, N)
    a, b = ((widths > reach) & (heights > reach)).nonzero()  # (P,) each

    sides = np.empty((len(a), 2))
    sides[:, 0], sides[:, 1] = widths[a, b], heights[a, b]
    similar = iou_of_sides(sides, half_a[a], half_b[b])
    if config.oks_weight and seen.joint_scores.any():
        pose, common = _pose_agreement(memory, ahead, seen, sigmas, a, b)
        known = np.square(memory.joint_scores).sum(1)[a]  # (P,) `common` if no joint were lost
        share = config.oks_weight * np.minimum(common / _FULL_POSE, 1)
        full_share = config.oks_weight * np.minimum(np.maximum(known, common) / _FULL_POSE, 1)
        similar = (1 - full_share) * similar + share * pose
    if config.appearance_weight and seen.appearance.size:
        resemblance = _resemblance(memory.appearance, seen.appearance)
        similar += config.appearance_weight * resemblance[a, b]
    lost = np.minimum(config.lost_penalty * unseen_s, config.lost_penalty_most)  # (T,)
    low = config.low_penalty * np.maximum(config.high_thr - seen.scores, 0)  # (N,)
    low[seen.scores < config.low_thr] = np.inf
    alike = np.full((len(memory), len(seen)), -np.inf)
    alike[a, b] = similar - lost[a] - low[b]
    return alike


def _pose_agreement(
    memory: Memory,
    ahead: MotionArray,
    seen: Seen,
    sigmas: tuple[float, ...],
    a: IntArray,
    b: IntArray,
) -> tuple[DoubleArray, DoubleArray]:
    """OKS (P,) of pairs, and the sum (P,) of their common joints' scores.

    The variance is the sum of COCO's and the prediction's.
    """
    area = np.maximum(ahead[0, :, 2] * ahead[0, :, 3], 1.0)  # (T,)
    spread = ahead[2, :, 4::2]  # (T, K) the same for x and y
    var = area[:, None] * variance_of_area(sigmas) + spread
    offset = ahead[0, a, 4:] - seen.measured[b, 4:]  # (P, 2 K)
    offset *= offset
    weights = memory.joint_scores[a] * seen.joint_scores[b]  # (P, K)
    return oks(offset[:, ::2] + offset[:, 1::2], weights, var[a])


def _resemblance(known: FloatArray, seen: FloatArray) -> FloatArray:
    """How much more each known person (T, D) resembles each one seen (N, D) than the others do.

    The cosine minus its median over all known people, shrunk towards 0 by `_SAME_LOOK`: 0 where all
    wear the same, where there is only one person, and where appearance is unknown.
    """
    if not known.size or not seen.size:
        return np.zeros((len(known), len(seen)), np.float32)
    cosine = known @ seen.T  # (T, N)
    more = cosine - np.median(cosine, axis=0)
    return np.asarray(np.copysign(np.maximum(np.abs(more) - _SAME_LOOK, 0), more), np.float32)


def paired(
    alike: DoubleArray, confirmed: BoolArray, config: TrackerConfig
) -> tuple[IntArray, IntArray]:
    """Matched rows and columns (M,) of `alike` (T, N); candidates get what is left over.

    Candidates are the people who are not `confirmed` (T,).
    """
    if confirmed.all():
        return assign(alike, config.min_similarity, config.assignment)
    known = np.where(confirmed[:, None], alike, -np.inf)
    rows, columns = assign(known, config.min_similarity, config.assignment)
    left = np.where(confirmed[:, None], -np.inf, alike)
    left[:, columns] = -np.inf
    more_rows, more_columns = assign(left, config.min_similarity, config.assignment)
    return np.concatenate([rows, more_rows]), np.concatenate([columns, more_columns])


def crowding(boxes: FloatArray, sure: IntArray) -> FloatArray:
    """Largest IoU (N,) of each box with that of another confirmed person (`sure`: indices)."""
    overlap = box_iou(boxes, boxes[sure])
    overlap[sure, np.arange(len(sure))] = 0
    return overlap.max(1, initial=0)


def returned(
    memory: Memory, ahead: MotionArray, lost: IntArray, new: IntArray, config: TrackerConfig
) -> tuple[IntArray, IntArray]:
    """Match rows `lost` (L,) with rows `new` (F,) of the memory: pairs of rows (M,), (M,).

    Compares the distance, in standard deviations of the predicted position, the size, and the
    appearance.
    """
    motion = memory.motion
    offset = ahead[0, lost, None, :2] - motion[0, new, :2]  # (L, F, 2)
    var = ahead[2, lost, :1] + motion[2, new, 0]  # (L, F)
    distance = (offset**2).sum(-1) / var
    sizes = np.maximum(motion[0, :, 2:4], 1.0)  # (T, 2)
    growth = np.log(sizes[lost, None] / sizes[new])  # (L, F, 2)
    unlike = 0.5 * distance / config.reach**2 + np.abs(growth).sum(-1)
    if config.appearance_weight:
        seen = memory.appearance[new]
        cosine = _resemblance(memory.appearance, seen)[lost]
        unlike = unlike - config.appearance_weight * cosine / config.min_similarity
    r, c = assign(np.exp(-unlike), _SAME_AGAIN, config.assignment)
    return lost[r], new[c]
