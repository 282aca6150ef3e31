"""People become coordinates and back, and what is less certain weighs less."""

from __future__ import annotations

import numpy as np

from pose.people import Poses
from pose.skeleton import COCO17
from tracking.config import TrackerConfig
from tracking.observation import boxes_of, coordinates, joints_of, observed, uncertainty


def two_people() -> Poses:
    boxes = np.array([[10, 20, 60, 220], [-5, 0, 45, 100]])
    joints = np.random.default_rng(0).uniform(0, 200, (2, 17, 2))
    return Poses(boxes, np.array([0.6, 0.9]), joints, np.full((2, 17), 0.8), COCO17)


def test_coordinates_give_back_boxes_and_joints() -> None:
    poses = two_people()
    values = coordinates(poses)
    assert values[0, :4].tolist() == [35, 120, 50, 200]
    np.testing.assert_allclose(boxes_of(values), poses.boxes)
    np.testing.assert_allclose(joints_of(values), poses.keypoints)


def test_what_is_observed_is_the_coordinates_best_score_first() -> None:
    poses = two_people()
    _, seen = observed(poses, TrackerConfig())
    assert seen.order.tolist() == [1, 0]
    np.testing.assert_allclose(seen.measured, coordinates(poses)[[1, 0]])


def test_uncertainty_grows_with_the_height_and_as_the_score_falls() -> None:
    config = TrackerConfig(box_noise=0.05, joint_noise=0.06)
    noise = uncertainty(np.array([100.0, 200.0]), np.array([[1.0, 0.5, 0.0]] * 2), config)
    deviations = [5.0] * 4 + [6.0] * 2 + [12.0] * 2 + [np.inf] * 2
    np.testing.assert_allclose(np.sqrt(noise[0]), deviations)
    np.testing.assert_allclose(np.sqrt(noise[1]), 2 * np.array(deviations))
