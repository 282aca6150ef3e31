"""The angles that are drawn at people's joints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.drawing import Number
from app.measures.angles import ANGLES, Measurer
from app.overlay import Overlay, OverlayStyle
from app.paint import rasterise
from app.plates import with_room
from pose.people import Frame, Poses
from pose.skeleton import COCO17, Skeleton
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses

BARE = OverlayStyle(boxes=False, skeleton=False, joints=False, labels=False, trails_s=0)
SHOWN = replace(BARE, angles=True)
LEFT_LEG = {"left_hip": (200, 200), "left_knee": (200, 300), "left_ankle": (100, 300)}


def people(*joints: dict[str, tuple[float, float]], scale: float = 1.0) -> FrameResult:
    """A person for each of `joints`, by name; other joints are not seen. Ids from 1."""
    keypoints = np.zeros((len(joints), 17, 2), np.float32)
    scores = np.zeros((len(joints), 17), np.float32)
    for row, of_person in enumerate(joints):
        for name, place in of_person.items():
            keypoints[row, COCO17.index(name)] = np.float32(place) * scale
            scores[row, COCO17.index(name)] = 0.9
    boxes = np.float32([[50, 50, 300, 450 + row] for row in range(len(joints))]) * scale
    poses = Poses(boxes, np.ones(len(joints)), keypoints, scores, COCO17)
    image = np.full((480, 640, 3), 90, np.uint8)
    return FrameResult(Frame(0, 0.0, image), TrackedPoses(poses, 1 + np.arange(len(joints))), {})


def moved(joints: dict[str, tuple[float, float]], right: float) -> dict[str, tuple[float, float]]:
    return {name: (x + right, y) for name, (x, y) in joints.items()}


def test_none_are_drawn_unless_asked_for() -> None:
    assert Overlay(OverlayStyle()).layout(people(LEFT_LEG)).angles == ()


def test_an_arc_lies_between_the_limbs_and_the_number_on_the_other_side() -> None:
    (angle,) = Overlay(SHOWN).layout(people(LEFT_LEG)).angles
    assert angle.number.text == "90°"
    np.testing.assert_allclose(angle.arc.points[[0, -1]], [[180, 300], [200, 280]], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(angle.arc.points - (200, 300), axis=1), 20, atol=1e-3)
    x1, y1, _, _ = angle.number.plate
    assert x1 > 200
    assert y1 > 290


def test_where_the_drawing_is_smoothed_the_numbers_are_those_measured() -> None:
    straight = people(LEFT_LEG | {"left_ankle": (200, 400)})
    measured = people(LEFT_LEG).people.poses
    (angle,) = Overlay(SHOWN).layout(straight, measured=measured).angles
    assert angle.number.text == "90°"
    np.testing.assert_allclose(angle.arc.points[[0, -1], 1], [320, 280], atol=1e-3)


def test_the_numbers_are_those_of_the_measures() -> None:
    rng = np.random.default_rng(3)
    joints = {name: tuple(rng.uniform(50, 400, 2)) for name in COCO17.names}
    result = people(joints, {name: place for name, place in joints.items() if "knee" not in name})
    measured = Measurer(ANGLES)(result, 0.3)  # (2, 8)
    drawn = Overlay(SHOWN).layout(result).angles
    second, first = measured  # the lower in the picture comes first
    wanted = [f"{value:.0f}°" for value in (*first, *second) if np.isfinite(value)]
    assert len(wanted) == 4 + 8
    assert [angle.number.text for angle in drawn] == wanted


def test_a_joint_below_the_threshold_has_none() -> None:
    style = OverlayStyle(angles=True, kpt_thr=0.95)
    assert Overlay(style).layout(people(LEFT_LEG)).angles == ()


def test_a_skeleton_without_limbs_has_none() -> None:
    face = Skeleton("face", ("nose",), (), (0,), (0.026,))
    poses = Poses([[0, 0, 9, 9]], [1.0], np.zeros((1, 1, 2)), np.ones((1, 1)), face)
    frame = Frame(0, 0.0, np.zeros((20, 20, 3), np.uint8))
    shown = FrameResult(frame, TrackedPoses(poses, np.array([1])), {})
    assert Overlay(SHOWN).layout(shown).angles == ()


@pytest.mark.parametrize(("chosen", "count"), [((), 2), ((2,), 1), ((2, 1), 2), ((7,), 0)])
def test_they_can_be_of_some_people_alone(chosen: tuple[int, ...], count: int) -> None:
    style = OverlayStyle(angles=True, angles_of=chosen)
    angles = Overlay(style).layout(people(LEFT_LEG, moved(LEFT_LEG, 30))).angles
    assert len(angles) == count


@pytest.mark.parametrize("twin_x", [120, 280])
def test_at_a_straight_joint_the_arc_faces_the_body_however_the_joint_jitters(
    twin_x: float,
) -> None:
    sides = set()
    for knee_x in (198, 202):  # 178 degrees to the left, and to the right
        leg = {**LEFT_LEG, "left_knee": (knee_x, 300), "left_ankle": (200, 400)}
        (angle,) = Overlay(SHOWN).layout(people({**leg, "right_knee": (twin_x, 300)})).angles
        assert angle.number.text == "178°"
        middle = angle.arc.points[len(angle.arc.points) // 2]
        x1, _, x2, _ = angle.number.plate
        sides.add((middle[0] > knee_x, (x1 + x2) / 2 > knee_x))
    assert sides == {(twin_x > 200, twin_x < 200)}


def test_arcs_and_numbers_are_painted_where_the_person_is_large_enough() -> None:
    for scale, seen in ((1.0, True), (0.3, False)):  # 400 and 120 pixels high
        shown = people(LEFT_LEG, scale=scale)
        drawing = Overlay(SHOWN).layout(shown)
        plain = rasterise(Overlay(BARE).layout(shown), shown.frame.image)
        assert len(drawing.angles) == 1
        assert (rasterise(drawing, shown.frame.image) != plain).any() == seen


def test_a_far_person_has_none_in_a_large_picture_that_will_be_shown_small() -> None:
    (angle,) = Overlay(SHOWN).layout(people(LEFT_LEG)).angles
    assert angle.legible(9.0, 40.0) is not None  # of 640x480
    assert angle.legible(0.006 * 7680, 200.0) is None  # of 8K


def number(x: float, y: float, right: float = 1.0) -> Number:
    return Number("90°", x, y, (right, 0.0), 10.0, (0, 0, 0), (255, 255, 255))


def test_numbers_go_where_there_is_room_and_stay_in_the_picture() -> None:
    wide, high = 10 * (0.6 + 0.8 * 3), 17  # of a plate
    kept = with_room(
        [number(50, 50), number(60, 55), number(95, 80), number(2, 20, -1), number(50, 95)],
        (0, 0, 100, 100),
        [(40, 90, 60, 100)],
    )
    assert [plate for _, plate in kept] == [
        (50, 50 - high / 2, 50 + wide, 50 + high / 2),
        (100 - wide, 80 - high / 2, 100, 80 + high / 2),
        (0, 20 - high / 2, wide, 20 + high / 2),
    ]
