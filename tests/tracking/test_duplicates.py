"""Poses distinguish one person found twice from two people who overlap."""

from __future__ import annotations

import numpy as np
import pytest

from pose.people import Detections, Poses
from pose.skeleton import COCO17
from tracking import duplicates
from tracking.observation import observed
from tracking.propagation import FADE, confirmed, with_missed
from tracking.tracker import PoseTracker, TrackerConfig

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


def distinct(found: Poses) -> list[int]:
    """Indices of the people who are not duplicates of others, best first."""
    config = TrackerConfig()
    _, seen = observed(found, config)
    kept = duplicates.distinct(seen, COCO17.sigmas, config.double_oks)
    return seen.order[kept].tolist()


def test_the_better_of_two_equal_poses_stays() -> None:
    assert distinct(people((0, 0, 0.5), (2, 1, 0.9), (300, 0, 0.4))) == [1, 2]


def test_the_upper_half_alone_is_the_same_person() -> None:
    """The boxes' IoU is 1/2; the joints, all in the upper half, are in the same places."""
    both = people((0, 0, 0.9), (0, 0, 0.8))
    both.boxes[1, 3] = 80
    assert distinct(both) == [0]


def test_overlapping_people_with_different_poses_stay_two() -> None:
    pair = people((0, 0, 0.9), (5, 0, 0.8))
    other = pair.keypoints.copy()
    other[1] = pair.boxes[1, :2] + RNG.uniform(0, 1, (17, 2)) * (60, 160)
    apart = Poses(pair.boxes, pair.scores, other, pair.keypoint_scores, COCO17)
    assert distinct(apart) == [0, 1]


def test_without_joints_only_nearly_equal_boxes_are_one_person() -> None:
    assert distinct(people((0, 0, 0.9), (2, 1, 0.8), joints=0.0)) == [0]
    assert distinct(people((0, 0, 0.9), (20, 0, 0.8), joints=0.0)) == [0, 1]


def test_a_duplicate_removes_nobody_else() -> None:
    """Three in a row, each a duplicate of its neighbour only: the middle goes, the ends stay."""
    row = people((0, 0, 0.9), (6, 0, 0.8), (12, 0, 0.7))
    assert distinct(row) == [0, 2]


def test_nobody_and_one() -> None:
    assert distinct(Poses.empty(COCO17)) == []
    assert distinct(people((0, 0, 0.1))) == [0]


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
    """The people: one detected, one propagated with a good pose, one propagated without."""
    found = people((0, 0, 0.9), (300, 0, 0.5), (600, 0, 0.5))
    sure = found.keypoint_scores.copy()
    sure[2] = 0.1
    found = Poses(found.boxes, found.scores, found.keypoints, sure, COCO17)
    assert confirmed(found, detected=1).boxes[:, 0].tolist() == [0, 300]


@pytest.mark.parametrize(("double_oks", "shown"), [(0.75, [0, 300]), (1.0, [0, 2, 300])])
def test_the_tracker_follows_a_person_found_twice_as_one(
    double_oks: float, shown: list[float]
) -> None:
    tracker = PoseTracker(TrackerConfig(double_oks=double_oks))
    for frame in range(8):
        tracks = tracker.update(people((0, 0, 0.9), (2, 0, 0.8), (300, 0, 0.7)), frame / 25)
    assert tracks.poses.boxes[:, 0].tolist() == shown
    assert len(set(tracks.ids.tolist())) == len(shown)
