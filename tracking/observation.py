"""The people of a frame as the coordinates that are filtered, with their uncertainty.

The C = 4 + 2 K coordinates: box centre x y, width, height, then x y of each joint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose.people import DoubleArray, FloatArray, Index, IntArray, Poses
from tracking.config import TrackerConfig

_LEAST_SHARE = 0.7  # of a score that stays: of a head close to the camera few joints are clear


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The N people of a frame in the tracker's own order, whatever order they came in."""

    order: IntArray  # (N,) index of each person in the frame
    scores: DoubleArray  # (N,) as given
    trust: DoubleArray  # (N,) lower where the pose is doubtful; starts and confirms people
    measured: DoubleArray  # (N, C)
    noise: DoubleArray  # (N, C) variance of what was measured
    joint_scores: DoubleArray  # (N, K) 0 where not seen
    appearance: FloatArray  # (N, D)

    def __len__(self) -> int:
        return len(self.order)

    def select(self, index: Index) -> Seen:
        """The people that `index` (a mask or indices) picks."""
        return Seen(
            self.order[index],
            self.scores[index],
            self.trust[index],
            self.measured[index],
            self.noise[index],
            self.joint_scores[index],
            self.appearance[index],
        )


def observed(poses: Poses, config: TrackerConfig) -> tuple[Poses, Seen]:
    """The people of a frame as given, and the same sorted by score, box and joints.

    Both leave out people whose box or score is not finite; a joint that is not finite gets score 0.
    One wide array is checked and sorted: with few people, the number of calls sets the cost.
    """
    packed, end = _packed(poses), 5 + 2 * poses.keypoints.shape[1]
    described = poses.appearance.size > 0
    if not np.isfinite(packed).all() or (described and not np.isfinite(poses.appearance).all()):
        poses = _finite(poses)
        packed = _packed(poses)
    x1, y1, x2, y2 = packed[:, 1:5].T
    order = np.lexsort((packed[:, 5:].sum(1), y2, x2, y1, x1, -packed[:, 0]))
    packed = packed[order]
    joint_scores = packed[:, end:]
    trust = _trusted(packed[:, 0], joint_scores, config.sure_pose)
    joint_scores[joint_scores < config.joint_thr] = 0
    low, high = packed[:, 1:3], packed[:, 3:5]  # become centre and size
    high -= low
    low += high / 2
    measured = packed[:, 1:end]
    noise = uncertainty(measured[:, 3], joint_scores, config)
    looks = poses.appearance[order]
    return poses, Seen(order, packed[:, 0], trust, measured, noise, joint_scores, looks)


def _finite(poses: Poses) -> Poses:
    """Drop people whose box or score is not finite; a joint that is not finite gets score 0."""
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


def _trusted(scores: DoubleArray, joint_scores: DoubleArray, sure: float) -> DoubleArray:
    """People's scores (N,), lowered where their joints' scores (N, K) are low.

    Unchanged where the mean joint score is `sure` or more, or no joints are known; otherwise lower
    in proportion, down to _LEAST_SHARE.
    """
    total, enough = joint_scores.sum(1), sure * joint_scores.shape[1]
    if total.min(initial=enough) >= enough:
        return scores
    share = np.clip(total / enough, _LEAST_SHARE, 1.0)
    return scores * np.where(total > 0, share, 1.0)


def _packed(poses: Poses) -> DoubleArray:
    """Score, box, joints and their scores side by side (N, 5 + 3 K)."""
    people, joints = poses.keypoint_scores.shape
    parts = (
        poses.scores[:, None],
        poses.boxes,
        poses.keypoints.reshape(people, 2 * joints),
        poses.keypoint_scores,
    )
    return np.concatenate(parts, axis=1, dtype=np.float64)


def clear_joints(poses: Poses, joint_thr: float) -> FloatArray:
    """Joint scores (N, K), 0 where they are below the threshold."""
    return np.where(poses.keypoint_scores >= joint_thr, poses.keypoint_scores, np.float32(0))


def coordinates(poses: Poses) -> DoubleArray:
    """The coordinates (N, C) of people."""
    low, high = poses.boxes[:, :2], poses.boxes[:, 2:]
    joints = poses.keypoints.reshape(len(poses), 2 * len(poses.skeleton))
    return np.concatenate([(low + high) / 2, high - low, joints], axis=1).astype(np.float64)


def boxes_of(values: DoubleArray) -> FloatArray:
    """Boxes (T, 4) x1 y1 x2 y2 of coordinates (T, C), at least a pixel wide and high."""
    centre, half = values[:, :2], np.maximum(values[:, 2:4], 1.0) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def joints_of(values: DoubleArray) -> FloatArray:
    """Joints (T, K, 2) of coordinates (T, C)."""
    people, columns = values.shape
    return values[:, 4:].reshape(people, columns // 2 - 2, 2).astype(np.float32)


def uncertainty(
    heights: DoubleArray, joint_scores: NDArray[np.floating], config: TrackerConfig
) -> DoubleArray:
    """Variance (N, C) of the coordinates: grows with a person's height and falls with the scores.

    heights (N,) in pixels; joint_scores (N, K), where 0 (not seen) gives infinite variance.
    """
    people, joints = joint_scores.shape
    noise = np.empty((people, 4 + 2 * joints))
    noise[:, :4] = config.box_noise
    with np.errstate(divide="ignore"):
        spread = config.joint_noise / joint_scores  # (N, K)
    noise[:, 4::2] = spread
    noise[:, 5::2] = spread
    noise *= np.maximum(heights, 1.0)[:, None]
    noise *= noise
    return noise
