"""Poses tell one person found twice from two people who overlap."""

from __future__ import annotations

import numpy as np

from pose.people import Detections, Poses
from pose.skeleton import COCO17
from tracking.duplicates import distinct
from tracking.propagation import FADE, confirmed, with_missed

RNG = np.random.default_rng(3)
SHAPE = RNG.uniform(0, 1, (17, 2)) * (60, 160)


def people(*offsets: tuple[float, float, float], joints: float = 0.9) -> Poses:
    """People 60 x 160 px, each at (x, y) with a score."""
    places = np.array([offset[:2] for offset in offsets], np.float32)
    boxes = np.concatenate([places, places + np.float32([60, 160])], axis=1)
    return Poses(
        boxes,
        np.array([offset[2] for offset in offsets], np.float32),
        (places[:, None] + SHAPE).astype(np.float32),
        np.full((len(offsets), 17), joints, np.float32),
        COCO17,
    )


def test_the_better_of_two_equal_poses_stays() -> None:
    assert distinct(people((0, 0, 0.5), (2, 1, 0.9), (300, 0, 0.4))).tolist() == [1, 2]


def test_overlapping_people_with_other_poses_stay_two() -> None:
    pair = people((0, 0, 0.9), (5, 0, 0.8))
    other = pair.keypoints.copy()
    other[1] = pair.boxes[1, :2] + RNG.uniform(0, 1, (17, 2)) * (60, 160)
    apart = Poses(pair.boxes, pair.scores, other, pair.keypoint_scores, COCO17)
    assert distinct(apart).tolist() == [0, 1]


def test_without_joints_only_all_but_equal_boxes_are_one() -> None:
    assert distinct(people((0, 0, 0.9), (2, 1, 0.8), joints=0.0)).tolist() == [0]
    assert distinct(people((0, 0, 0.9), (20, 0, 0.8), joints=0.0)).tolist() == [0, 1]


def test_a_double_takes_nobody_else_away() -> None:
    """Three in a row, each the double of its neighbour only: the middle one goes, the ends stay."""
    row = people((0, 0, 0.9), (6, 0, 0.8), (12, 0, 0.7))
    assert distinct(row).tolist() == [0, 2]


def test_nobody_and_one() -> None:
    assert distinct(Poses.empty(COCO17)).tolist() == []
    assert distinct(people((0, 0, 0.1))).tolist() == [0]


def test_only_people_without_a_detection_are_propagated() -> None:
    detected = Detections(np.float32([[0, 0, 60, 160]]), np.float32([0.9]))
    predicted = Detections(
        np.float32([[5, 0, 65, 160], [300, 0, 360, 160]]), np.float32([0.9, 0.5])
    )
    both = with_missed(detected, predicted)
    assert both.boxes[:, 0].tolist() == [0, 300]
    np.testing.assert_allclose(both.scores, [0.9, FADE * 0.5])
    assert len(with_missed(Detections.empty(), predicted)) == 2
    assert with_missed(detected, Detections.empty()) is detected


def test_a_propagated_box_is_kept_for_a_good_pose_of_its_own() -> None:
    """Detected; propagated with a good pose; one that slid onto the first; one without a pose."""
    found = people((0, 0, 0.9), (300, 0, 0.5), (3, 0, 0.5), (600, 0, 0.5))
    sure = found.keypoint_scores.copy()
    sure[3] = 0.1
    found = Poses(found.boxes, found.scores, found.keypoints, sure, COCO17)
    assert confirmed(found, detected=1).boxes[:, 0].tolist() == [0, 300]
