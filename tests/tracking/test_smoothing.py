"""The smoother reduces jitter, hardly lags, and keeps people apart."""

from __future__ import annotations

import numpy as np
import pytest

from pose.people import Poses
from pose.skeleton import COCO17, POSETRACK15, POSETRACK18, Skeleton
from tracking.smoothing import MOST_LAG_S, Smoother
from tracking.tracks import TrackedPoses


def person(x: float, person_id: int = 1, skeleton: Skeleton = COCO17) -> TrackedPoses:
    joints = np.full((1, len(skeleton), 2), x, np.float32)
    box = np.array([[x - 20, 0, x + 20, 100]], np.float32)
    poses = Poses(box, np.ones(1), joints, np.ones((1, len(skeleton))), skeleton)
    return TrackedPoses(poses, np.array([person_id]))


def drawn(smoother: Smoother, xs: list[float], step_s: float = 0.04) -> list[float]:
    return [
        float(smoother.update(person(x), n * step_s).poses.keypoints[0, 0, 0])
        for n, x in enumerate(xs)
    ]


def test_jitter_is_reduced() -> None:
    rng = np.random.default_rng(1)
    xs = (100 + rng.normal(0, 0.5, 200)).tolist()
    assert np.std(drawn(Smoother(1.0), xs)[20:]) < 0.5 * np.std(xs[20:])


def test_a_share_of_0_changes_nothing() -> None:
    assert drawn(Smoother(0.0), [3.0, 50.0, 7.0]) == [3.0, 50.0, 7.0]


def test_a_quick_move_lags_less_than_a_slow_one() -> None:
    """Lag in seconds behind a person 100 px tall who moves at a constant speed in px per second."""

    def lag_s(speed: float) -> float:
        xs = [speed * n * 0.04 for n in range(100)]
        return (xs[-1] - drawn(Smoother(1.0), xs)[-1]) / speed

    assert lag_s(500) < lag_s(5) / 3
    assert lag_s(5) < MOST_LAG_S


def test_people_are_smoothed_each_under_their_own_id() -> None:
    smoother = Smoother(1.0)
    smoother.update(person(0.0, 1), 0.0)
    assert smoother.update(person(90.0, 2), 0.04).poses.keypoints[0, 0, 0] == 90.0


@pytest.mark.parametrize("later_s", [0.0, -5.0, 0.6])
def test_smoothing_restarts_when_the_clock_stops_or_jumps(later_s: float) -> None:
    smoother = Smoother(1.0)
    smoother.update(person(0.0), 10.0)
    assert smoother.update(person(90.0), 10.0 + later_s).poses.keypoints[0, 0, 0] == 90.0


@pytest.mark.parametrize("skeleton", [POSETRACK15, POSETRACK18], ids=["15", "17, others"])
def test_smoothing_restarts_with_another_skeleton(skeleton: Skeleton) -> None:
    smoother = Smoother(1.0)
    smoother.update(person(0.0), 0.0)
    found = smoother.update(person(90.0, skeleton=skeleton), 0.04).poses
    assert found.skeleton == skeleton
    assert (found.keypoints == 90).all()


def test_nobody_is_nobody() -> None:
    assert len(Smoother(0.5).update(TrackedPoses.empty(COCO17), 0.0)) == 0


def test_a_share_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share is 1\.5"):
        Smoother(1.5)
