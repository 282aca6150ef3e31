"""The likeness of two people, part by part, in numbers that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pose.people import DoubleArray, Poses
from pose.skeleton import Skeleton
from tracking import motion
from tracking.association import likeness, returned
from tracking.config import TrackerConfig
from tracking.memory import Memory
from tracking.observation import observed

SIGMA = 0.5  # (2 sigma)^2 is 1: a joint's variance is the area of the box, 100 x 100
JOINTS = Skeleton("eight", tuple(f"joint_{n}" for n in range(8)), (), tuple(range(8)), (SIGMA,) * 8)
PLAIN = TrackerConfig(box_margin=0.0, oks_weight=0.0)
LOOKS = np.eye(4, dtype=np.float32)


def people(
    *lefts: float, score: float = 0.9, joints: int = 0, joint_offset_px: float = 0.0
) -> Poses:
    """People 100 x 100 px from left to right, the first `joints` of whose joints are certain."""
    left = np.array(lefts, np.float32)[:, None]  # (N, 1)
    boxes = np.hstack([left, left * 0, left + 100, left * 0 + 100])
    keypoints = np.full((len(left), 8, 2), 50.0)
    keypoints[..., 0] = left + 50 + joint_offset_px
    scores = np.tile(np.arange(8) < joints, (len(left), 1)).astype(np.float32)
    return Poses(boxes, np.full(len(left), score), keypoints, scores, JOINTS)


def remembered(poses: Poses, deviation_px: float = 0.0) -> Memory:
    """Everybody known since long ago, with this standard deviation of all their coordinates."""
    _, seen = observed(poses, TrackerConfig())
    count = len(seen)
    certain = np.full_like(seen.measured, deviation_px**2)
    return Memory(
        ids=np.arange(1, count + 1),
        confirmed=np.ones(count, bool),
        locked=np.zeros(count, bool),
        evidence=np.full(count, 9.0),
        scores=seen.scores,
        seen_s=np.zeros(count),
        shot=np.zeros(count, np.int64),
        joint_scores=seen.joint_scores,
        motion=motion.started(seen.measured, certain, np.zeros((1, 1))),
        appearance=seen.appearance,
    )


def alike(
    known: Poses,
    found: Poses,
    config: TrackerConfig = PLAIN,
    deviation_px: float = 0.0,
    unseen_s: float = 0.0,
) -> DoubleArray:
    """The likeness (T, N) of people `known` and people `found`."""
    memory = remembered(known, deviation_px)
    unseen = np.full(len(memory), unseen_s)
    _, seen = observed(found, config)
    return likeness(memory, memory.motion, seen, unseen, JOINTS.sigmas, config)


@pytest.mark.parametrize(("margin", "iou"), [(0.0, 50 / 150), (0.5, 150 / 250)])
def test_boxes_grow_by_the_margin_on_each_side(margin: float, iou: float) -> None:
    found = alike(people(0), people(50), replace(PLAIN, box_margin=margin))
    assert found == pytest.approx(np.array([[iou]]))


@pytest.mark.parametrize(("score", "deducted"), [(0.5, 0.0), (0.4, 0.2), (0.19, np.inf)])
def test_a_low_score_costs_and_one_below_the_least_is_no_person(
    score: float, deducted: float
) -> None:
    found = alike(people(0), people(0, score=score))
    assert found == pytest.approx(np.array([[1 - deducted]]), abs=1e-6)


@pytest.mark.parametrize(("unseen_s", "deducted"), [(0.0, 0.0), (0.2, 0.1), (9.0, 0.15)])
def test_the_time_unseen_costs_up_to_a_limit(unseen_s: float, deducted: float) -> None:
    assert alike(people(0), people(0), unseen_s=unseen_s) == pytest.approx(1 - deducted)


@pytest.mark.parametrize(("gap_px", "compared"), [(14, True), (16, False)])
def test_nobody_is_looked_for_further_than_three_deviations_away(
    gap_px: float, compared: bool
) -> None:
    found = alike(people(0), people(100 + gap_px), deviation_px=5.0)
    assert np.isfinite(found[0, 0]) == compared


@pytest.mark.parametrize(("joints", "share"), [(0, 0.0), (2, 0.25), (4, 0.5), (8, 0.5)])
def test_the_more_joints_are_certain_the_more_oks_counts(joints: int, share: float) -> None:
    """The boxes are in one place, and all joints so far off that OKS is exp(-1)."""
    off = people(0, joints=joints, joint_offset_px=100 * np.sqrt(2))
    found = alike(people(0, joints=joints), off, replace(PLAIN, oks_weight=0.5))
    assert found == pytest.approx(np.array([[1 - share + share * np.exp(-1)]]))


def test_joints_count_less_where_they_may_have_moved() -> None:
    """A deviation as large as the box's side doubles the variance: OKS is exp(-1/2)."""
    off = people(0, joints=8, joint_offset_px=100 * np.sqrt(2))
    config = replace(PLAIN, oks_weight=1.0)
    assert alike(people(0, joints=8), off, config, 100.0) == pytest.approx(np.exp(-0.5))


def test_joints_that_were_certain_and_are_unseen_agree_with_nothing() -> None:
    found = Poses.stacked([people(0), people(500, joints=8)])
    scores = alike(people(0, joints=8), found, replace(PLAIN, oks_weight=0.5))
    assert scores[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("known", "more"),
    [
        (LOOKS[[0, 1, 2]], [0.95, 0, 0]),  # 1, 0, 0: more than the median by 1
        (LOOKS[[0, 0, 0]], [0, 0, 0]),  # all in one costume
        (LOOKS[[0, 0, 1]], [0, 0, -0.95]),  # somebody in another costume lowers no one else
    ],
)
def test_looks_count_by_what_they_differ_from_most_peoples(
    known: np.ndarray, more: list[float]
) -> None:
    """Everybody stands in one place; the person found looks as in LOOKS[0]."""
    config = replace(PLAIN, appearance_weight=1.0)
    found = alike(
        replace(people(0, 0, 0), appearance=known), replace(people(0), appearance=LOOKS[:1]), config
    )
    assert found[:, 0] - 1 == pytest.approx(more)


@pytest.mark.parametrize(
    ("deviations", "width_px", "found"),
    [(2.4, 200, True), (2.7, 200, False), (3.7, 100, True), (4.0, 100, False)],
)
def test_who_is_found_again_must_be_near_and_of_the_size(
    deviations: float, width_px: float, found: bool
) -> None:
    """`reach` (2.5) and twice the width is the limit, or 1.55 times that at the same size."""
    memory = remembered(people(0, 1000), deviation_px=10.0)
    apart = deviations * np.sqrt(10.0**2 + 10.0**2)  # of both
    memory.motion[0, 1, 0] = memory.motion[0, 0, 0] + apart
    memory.motion[0, 1, 2] = width_px
    lost, new = np.array([0]), np.array([1])
    rows, _ = returned(memory, memory.motion, lost, new, PLAIN)
    assert rows.tolist() == ([0] if found else [])
