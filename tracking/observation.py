"""People of a frame as the coordinates that are filtered, and how far each can be trusted.

The C = 4 + 2 K coordinates: box centre x y, width, height, then x y of each joint.
"""

from __future__ import annotations

import numpy as np

from pose.people import FloatArray, IntArray, Poses
from tracking.config import TrackerConfig
from tracking.motion import MotionArray


def finite(poses: Poses) -> Poses:
    """Drop people whose box or score is not finite; a joint that is not gets score 0."""
    parts = (poses.boxes, poses.scores, poses.keypoints, poses.keypoint_scores, poses.appearance)
    if all(np.isfinite(part).all() for part in parts):
        return poses
    good = np.isfinite(poses.boxes).all(1) & np.isfinite(poses.scores)
    joint_good = np.isfinite(poses.keypoints).all(2) & np.isfinite(poses.keypoint_scores)
    known = np.isfinite(poses.appearance).all(1)
    mended = Poses(
        poses.boxes,
        poses.scores,
        np.where(joint_good[..., None], poses.keypoints, 0),
        np.where(joint_good, poses.keypoint_scores, 0),
        poses.skeleton,
        np.where(known.reshape(-1, 1), poses.appearance, 0),
    )
    return mended.select(good)


def canonical_order(poses: Poses) -> IntArray:
    """Indices (N,) that sort people by score, box and joints, however they were given."""
    keys = (poses.keypoints.sum((1, 2)), *poses.boxes.T[::-1], -poses.scores)
    return np.lexsort(keys)


def clear_joints(poses: Poses, joint_thr: float) -> FloatArray:
    """Joint scores (N, K), 0 where below the threshold."""
    return np.where(poses.keypoint_scores >= joint_thr, poses.keypoint_scores, np.float32(0))


def coordinates(poses: Poses) -> MotionArray:
    """The coordinates (N, C) of people."""
    low, high = poses.boxes[:, :2], poses.boxes[:, 2:]
    joints = poses.keypoints.reshape(len(poses), 2 * len(poses.skeleton))
    return np.concatenate([(low + high) / 2, high - low, joints], axis=1).astype(np.float64)


def boxes_of(values: MotionArray) -> FloatArray:
    """Boxes (T, 4) x1 y1 x2 y2 of coordinates (T, C), at least a pixel wide and high."""
    centre, half = values[:, :2], np.maximum(values[:, 2:4], 1.0) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def joints_of(values: MotionArray) -> FloatArray:
    """Joints (T, K, 2) of coordinates (T, C)."""
    people, columns = values.shape
    return values[:, 4:].reshape(people, columns // 2 - 2, 2).astype(np.float32)


def uncertainty(poses: Poses, joint_scores: FloatArray, config: TrackerConfig) -> MotionArray:
    """Variance (N, C) of the coordinates: grows with a person's height and falls with the scores.

    joint_scores (N, K) from `clear_joints`; infinite where a joint was not seen.
    """
    heights = np.maximum(poses.boxes[:, 3:] - poses.boxes[:, 1:2], 1.0).astype(np.float64)  # (N, 1)
    joints = np.full(joint_scores.shape, np.inf)
    np.divide(config.joint_noise, joint_scores, out=joints, where=joint_scores > 0)
    box = np.full((len(poses), 4), config.box_noise)
    relative = np.concatenate([box, np.repeat(joints, 2, axis=1)], axis=1)  # (N, C)
    return (relative * heights) ** 2
