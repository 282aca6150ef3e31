"""Angles and speeds of figures drawn by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.measures.angles import MEASURES, Measurer, angles_deg
from app.measures.log import MeasureLog
from app.picking import person_at
from app.thumbnails import MOST_PEOPLE, SIZE_WH, Thumbnails
from pose.people import Frame, Poses
from pose.skeleton import COCO17
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses

NAMES = [measure.name for measure in MEASURES]


def standing(time_s: float, x: float = 0.0, score: float = 0.9) -> FrameResult:
    """One person 100 pixels high at `x`, the left knee bent at a right angle."""
    keypoints = np.zeros((1, 17, 2), np.float32)
    for name, place in (
        ("left_hip", (0, 50)),
        ("right_hip", (10, 50)),
        ("left_knee", (0, 75)),
        ("left_ankle", (25, 75)),
    ):
        keypoints[0, COCO17.index(name)] = place
    keypoints[..., 0] += x
    box = np.array([[x, 0, x + 40, 100]], np.float32)
    poses = Poses(box, [0.9], keypoints, np.full((1, 17), score, np.float32), COCO17)
    image = np.full((120, 400, 3), 77, np.uint8)
    people = TrackedPoses(poses, np.array([4]))
    return FrameResult(Frame(round(time_s * 25), time_s, image), people, {})


def test_angles_go_from_folded_to_stretched() -> None:
    middle = np.zeros((3, 2), np.float32)
    first = np.array([[1, 0]] * 3, np.float32)
    last = np.array([[1, 0], [0, -2], [-3, 0]], np.float32)
    assert angles_deg(first, middle, last) == pytest.approx([0, 90, 180])


def test_there_is_no_angle_where_two_joints_are_in_one_place() -> None:
    place, elsewhere = np.full((1, 2), 5, np.float32), np.zeros((1, 2), np.float32)
    assert np.isnan(angles_deg(place, place, elsewhere))
    assert np.isnan(angles_deg(elsewhere, place, place))


def test_a_joint_that_is_not_given_is_not_seen_at_any_threshold() -> None:
    """Files without a joint have it at 0, 0 with score 0."""
    column = NAMES.index("knee left")
    assert np.isnan(Measurer()(standing(0, score=0.0), 0.0)[0, column])
    assert Measurer()(standing(0, score=0.01), 0.0)[0, column] == pytest.approx(90)


def test_a_bent_knee_is_measured_and_an_unseen_one_is_not() -> None:
    column = NAMES.index("knee left")
    assert Measurer()(standing(0), 0.3)[0, column] == pytest.approx(90)
    assert np.isnan(Measurer()(standing(0, score=0.1), 0.3)[0, column])
    assert Measurer()(standing(0, score=0.1), 0.05)[0, column] == pytest.approx(90)


def test_speed_is_in_heights_a_second() -> None:
    measure, column = Measurer(), NAMES.index("body speed")
    speeds = [measure(standing(t / 25, x=200 * t / 25), 0.3)[0, column] for t in range(10)]
    assert np.isnan(speeds[:3]).all()  # not for 0.12 s yet
    assert speeds[3:] == pytest.approx([2.0] * 7, rel=1e-4)  # 200 px/s of 100 px


@pytest.mark.parametrize("rate", [25, 50, 800])
def test_a_speed_is_over_as_long_in_every_frame(rate: int) -> None:
    """At 25 a second 0.12 s are three frames, and by rounding were four in every other frame."""
    measure, column = Measurer(), NAMES.index("body speed")
    times_s = np.arange(10 * rate // 25 + 1) / rate + 1.0
    speeds = [measure(standing(t, x=100 * (t - 1) ** 2), 0.3)[0, column] for t in times_s.tolist()]
    over = 2 * (times_s - 1) - 0.12  # heights a second: the mean of the last 0.12 s
    seen = np.isfinite(speeds)
    assert seen.tolist() == (times_s > 1.119).tolist()
    assert np.array(speeds)[seen] == pytest.approx(over[seen], abs=2e-3)


def affine(zoom: float = 1.0, x: float = 0.0) -> np.ndarray:
    return np.array([[zoom, 0, x], [0, zoom, 0], [0, 0, 1.0]])


@pytest.mark.parametrize(("follows", "speed"), [(0.0, 2.0), (1.0, 2.0), (-1.5, 2.0)])
def test_a_speed_is_relative_to_the_ground(follows: float, speed: float) -> None:
    """A camera that turns with a runner of 200 pixels a second, or against, changes nothing."""
    measure, column = Measurer(), NAMES.index("body speed")
    for frame in range(10):
        pan = follows * 8 * frame
        shown = standing(frame / 25, x=8 * frame - pan)
        value = measure(replace(shown, camera=affine(x=-pan)), 0.3)[0, column]
    assert value == pytest.approx(speed, rel=1e-4)


def test_somebody_who_stands_has_no_speed_where_the_camera_turns_and_zooms() -> None:
    measure, column = Measurer(unit_per_pixel=1.0), NAMES.index("body speed")
    for frame in range(10):
        camera = affine(1.02**frame, 7.0 * frame)
        seen = camera[:2, :2] @ [305, 50] + camera[:2, 2] - [5, 50]  # of the middle of the hips
        result = standing(frame / 25)
        result.people.poses.keypoints[:] += seen.astype(np.float32)
        speed = measure(replace(result, camera=camera), 0.3)[0, column]
    assert speed == pytest.approx(0, abs=1e-2)


def test_a_speed_is_in_pixels_of_the_present_picture() -> None:
    """The camera zooms in to twice the size before the last frame."""
    measure, column = Measurer(unit_per_pixel=1.0), NAMES.index("left ankle speed")
    for frame in range(4):
        x, zoom = 8.0 * frame, 2.0 if frame == 3 else 1.0
        result = standing(frame / 25, x=x)
        result.people.poses.keypoints[:] *= np.float32(zoom)
        speed = measure(replace(result, camera=affine(zoom)), 0.3)[0, column]
    assert speed == pytest.approx(2 * 200, rel=1e-4)


def test_there_is_no_speed_across_a_cut() -> None:
    measure, column = Measurer(), NAMES.index("body speed")
    shots = [0, 0, 0, 0, 1, 0, 0, 0, 0]  # back in the first shot: the camera may have moved
    results = [standing(frame / 25, x=8 * frame) for frame in range(len(shots))]
    speeds = [
        measure(replace(result, shot=shot), 0.3)[0, column]
        for result, shot in zip(results, shots, strict=True)
    ]
    assert np.isfinite(speeds).tolist() == [False] * 3 + [True] + [False] * 4 + [True]


def test_frames_a_second_apart_have_speeds_too() -> None:
    measure, column = Measurer(step_s=1.0), NAMES.index("body speed")
    speeds = [measure(standing(t, x=30 * t), 0.3)[0, column] for t in (0.0, 1.0, 2.0, 9.0)]
    assert speeds[1:3] == pytest.approx([0.3, 0.3], rel=1e-4)
    assert np.isnan(speeds[3])  # away for longer


def test_a_jump_back_in_time_begins_the_speed_anew() -> None:
    measure, column = Measurer(), NAMES.index("body speed")
    measure(standing(5.0, x=300), 0.3)
    assert np.isnan(measure(standing(1.0), 0.3)[0, column])


def test_a_frame_that_is_shown_again_keeps_its_speed() -> None:
    measure, column = Measurer(), NAMES.index("body speed")
    for time_s in (0.0, 0.04, 0.08, 0.12, 0.12):
        speed = measure(standing(time_s, x=200 * time_s), 0.3)[0, column]
    assert speed == pytest.approx(2.0, rel=1e-4)


def test_the_log_keeps_curves_by_person() -> None:
    log = MeasureLog()
    for frame in range(50):
        log.add(standing(frame / 25, x=frame), 0.3)
    times, values = log.curve(4, NAMES.index("knee left"), from_s=1.0)
    assert len(times) == 25
    assert values == pytest.approx(np.full(25, 90.0))
    assert len(log.curve(5, 0, 0.0)[0]) == 0


def test_the_log_keeps_what_was_before_a_frame_that_is_shown_again() -> None:
    log = MeasureLog()
    for time_s in (0.0, 0.04, 0.08, 0.08, 0.04):  # corrected at rest, then one frame back
        log.add(standing(time_s), 0.3)
    assert log.curve(4, 0, 0.0)[0].tolist() == [0.0, 0.04]


def test_the_log_measures_speeds_at_a_slow_frame_rate_as_files_do() -> None:
    log = MeasureLog()
    for time_s in (0.0, 2.0, 4.0):
        log.add(standing(time_s, x=30 * time_s), 0.3, step_s=2.0)
    speeds = log.curve(4, NAMES.index("body speed"), 0.0)[1]
    assert speeds[1:] == pytest.approx([0.3, 0.3], rel=1e-4)


def test_a_curve_breaks_where_time_was_jumped_over() -> None:
    log = MeasureLog()
    for time_s in (0.0, 0.04, 1.5, 1.54):
        log.add(standing(time_s), 0.3)
    times, values = log.curve(4, NAMES.index("knee left"), 0.0, gap_s=0.25)
    assert times.tolist() == [0.0, 0.04, 1.5, 1.5, 1.54]
    assert np.isnan(values).tolist() == [False, False, True, False, False]


def test_whoever_has_gone_is_forgotten() -> None:
    measure = Measurer()
    measure(standing(0.0), 0.3)
    assert measure._ways
    empty = FrameResult(standing(9.0).frame, TrackedPoses.empty(COCO17), {})
    measure(empty, 0.3)
    assert not measure._ways


def test_a_point_means_the_person_whose_joints_are_nearest() -> None:
    people = standing(0, x=50).people
    assert person_at(people, 60, 60) == 4
    assert person_at(people, 300, 60) == 0
    assert person_at(TrackedPoses.empty(COCO17), 0, 0) == 0


def test_a_thumbnail_is_taken_once_and_redone_when_it_is_better() -> None:
    thumbnails = Thumbnails()
    assert thumbnails.add(standing(0))
    assert not thumbnails.add(standing(0.04))
    assert thumbnails.pictures[4].shape == (SIZE_WH[1], SIZE_WH[0], 3)
    assert thumbnails.add(standing(19.0))  # the old one has aged


def test_of_many_people_the_pictures_of_the_last_are_kept() -> None:
    thumbnails, first = Thumbnails(), standing(0)
    for person in range(1, MOST_PEOPLE + 11):
        people = TrackedPoses(first.people.poses, np.array([person]))
        assert thumbnails.add(FrameResult(first.frame, people, {}))
    assert list(thumbnails.pictures) == list(range(11, MOST_PEOPLE + 11))
