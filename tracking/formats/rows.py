"""What several formats share: converting people to lists of numbers and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose.command import counted
from pose.geometry import xywh_to_xyxy, xyxy_to_xywh
from pose.people import FloatArray, Poses
from pose.reading import ContentError, whole
from pose.skeleton import (
    COCO17,
    POSETRACK15,
    POSETRACK18,
    Skeleton,
    coco17_to_posetrack15,
    common_joints,
)
from tracking.files import NO_TIMES, TracksFileError
from tracking.tracks import TrackedPoses


def triplets(poses: Poses) -> list[list[float]]:
    """x, y, confidence of every joint in one flat list per person, to a hundredth of a pixel."""
    scores = np.round(poses.keypoint_scores.astype(np.float64), 4)[..., None]  # (N, K, 1)
    points = np.round(poses.keypoints.astype(np.float64), 2)  # (N, K, 2)
    flat = np.concatenate([points, scores], axis=2).reshape(len(poses), 3 * len(poses.skeleton))
    return flat.tolist()


def xywh(boxes: FloatArray) -> list[list[float]]:
    """x, y, width, height of (N, 4) boxes, to a hundredth of a pixel."""
    return np.round(xyxy_to_xywh(boxes).astype(np.float64), 2).tolist()


def scores_of(poses: Poses) -> list[float]:
    """The people's scores, to four decimals."""
    return np.round(poses.scores.astype(np.float64), 4).tolist()


def people_of(
    skeleton: Skeleton,
    ids: list[int],
    scores: Sequence[float],
    boxes_xywh: Sequence[Sequence[float]],
    flat: Sequence[Sequence[float]],
) -> TrackedPoses:
    """The people of a frame from flat lists of x, y, confidence per joint.

    Raises MALFORMED errors if the lists do not fit `skeleton`.
    """
    count, joints = len(ids), len(skeleton)
    keypoints = finite(flat, (count, joints, 3))
    boxes = xywh_to_xyxy(finite(boxes_xywh, (count, 4)))
    poses = Poses(boxes, finite(scores, (count,)), keypoints[..., :2], keypoints[..., 2], skeleton)
    return TrackedPoses(poses, np.array(ids, np.int64))


def frame_numbers(stated: Sequence[Any]) -> list[int]:
    """The frames' 0-based numbers as `stated` in a PoseTrack file, if they increase.

    Otherwise frames are counted: some programs omit the number, or write the same for every frame.
    Official ones of 2018 are 1, six digits of the video and four of the frame. Raises ContentError.
    """
    numbers = [-1 if number is None else whole(number) for number in stated]
    rise = all(before < after for before, after in pairwise([-1, *numbers]))
    if not rise:
        return list(range(len(numbers)))
    return [number % 10**4 if number >= 10**10 else number for number in numbers]


def notes_of(timed: bool, regions: int, unlabelled: int) -> tuple[str, ...]:
    """The notes of a reader of PoseTrack files.

    timed: whether the file gives times; regions: number of frames with regions to be ignored;
    unlabelled: number of frames marked as not labelled.
    """
    lost = [
        f"{what} ({counted(count, 'frame')})"
        for what, count in (
            ("regions to be ignored", regions),
            ("marks of frames that are not labelled", unlabelled),
        )
        if count
    ]
    notes = [] if timed else [NO_TIMES]
    return (*notes, *([f"{' and '.join(lost)} are not kept"] if lost else []))


def unwrapped(value: Any) -> Any:
    """The first value in nested lists, such as OpenPose's [1] and AlphaPose's [[1.0], [1.0]]."""
    while isinstance(value, list) and value:
        value = value[0]
    return value


def finite(values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Numbers from a file, nested or flat, as a float32 array of the given `shape`.

    Raises ContentError if there are more or fewer, or if one is not finite.
    """
    array = np.array(values, np.float64)
    if array.size != math.prod(shape):
        raise ContentError(f"{array.size} numbers, expected {' x '.join(map(str, shape))}")
    if not all_finite(array):
        raise ContentError("a coordinate or score is not a finite number")
    return array.astype(np.float32).reshape(shape)


def all_finite(numbers: NDArray[np.float64]) -> bool:
    """Whether no number is nan, infinite or too large for float32."""
    return bool((np.abs(numbers) < np.finfo(np.float32).max).all())


def boxes_around(keypoints: FloatArray, seen: FloatArray) -> FloatArray:
    """(N, 4) boxes around the joints (N, K, 2) whose `seen` (N, K) is above 0; zeros if none is."""
    given = (seen > 0)[..., None]  # (N, K, 1)
    low = np.where(given, keypoints, np.inf).min(axis=1)  # (N, 2)
    high = np.where(given, keypoints, -np.inf).max(axis=1)
    boxes = np.concatenate([low, high], axis=1)
    return np.where(np.isfinite(boxes), boxes, 0).astype(np.float32)


def to_posetrack15(poses: Poses) -> Poses:
    """The poses in PoseTrack 2017's 15 joints, matched by name; those without a match score 0.

    Raises TracksFileError if the skeleton has none of them.
    """
    names, count = poses.skeleton.names, len(COCO17)
    if poses.skeleton == POSETRACK15:
        return poses
    if names[:count] == COCO17.names:  # COCO-WholeBody begins with the same 17
        keypoints, scores = coco17_to_posetrack15(
            poses.keypoints[:, :count], poses.keypoint_scores[:, :count]
        )
        return Poses(poses.boxes, poses.scores, keypoints, scores, POSETRACK15)
    if not common_joints(poses.skeleton, POSETRACK15)[0]:
        raise TracksFileError(
            f"the skeleton {poses.skeleton.name} has none of PoseTrack's joints; "
            "choose another --format (csv, coco)"
        )
    return poses.in_joints_of(POSETRACK15)


def to_posetrack18(poses: Poses) -> Poses:
    """The poses in PoseTrack 2018's 17 joints; from other skeletons the ears are never given."""
    if poses.skeleton == POSETRACK18:
        return poses
    return to_posetrack15(poses).in_joints_of(POSETRACK18)
