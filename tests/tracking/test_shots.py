"""A pan, a flash or darkness is not a cut, and no id passes to somebody else over a cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.video.source import open_source
from pose.people import Detections, Frame, ImageArray, Poses
from pose.skeleton import COCO17, Skeleton
from tracking.pipeline import FrameResult, Pipeline, PipelineConfig
from tracking.refine import refined
from tracking.shots import Shot
from tracking.tracker import PoseTracker
from tracking.tracks import TrackedPoses

STEP_S = 0.04


def scene(seed: int) -> ImageArray:
    """A room unlike those of other seeds: large patches, 480 x 270."""
    patches = np.random.default_rng(seed).integers(20, 200, (6, 10, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(patches, (480, 270), interpolation=cv2.INTER_CUBIC), np.uint8)


HALL, STREET, DARK = scene(1), scene(2), np.zeros((270, 480, 3), np.uint8)


def shots(images: Iterable[ImageArray], step_s: float = STEP_S) -> list[int]:
    """The number of each picture's shot."""
    shot, numbers = Shot(), []
    for index, image in enumerate(images):
        shot = shot.after(Frame(index, index * step_s, image))
        numbers.append(shot.number)
    return numbers


@pytest.mark.parametrize(("step_s", "numbers"), [(0.04, [0, 1]), (0.2, [0, 0])])
def test_the_longer_between_two_frames_the_less_alike_they_may_be(
    step_s: float, numbers: list[int]
) -> None:
    """The correlation of the two pictures is about 0.5."""
    half = cv2.addWeighted(HALL, 0.4, STREET, 0.6, 0)
    assert shots([HALL, half], step_s) == numbers


def test_frames_more_than_a_quarter_of_a_second_apart_are_of_one_shot() -> None:
    assert shots([HALL, STREET], step_s=0.24) == [0, 1]
    assert shots([HALL, STREET], step_s=0.26) == [0, 0]


def test_a_cut_begins_a_shot_and_the_shot_before_may_come_back() -> None:
    assert shots([HALL, HALL, STREET, STREET, HALL, STREET]) == [0, 0, 1, 1, 0, 1]
    assert shots([HALL, STREET, scene(3), HALL]) == [0, 1, 2, 3], "older shots are forgotten"


def test_a_pan_a_flash_and_the_dark_are_no_cut() -> None:
    pan = [np.roll(HALL, 12 * n, axis=1) for n in range(10)]
    assert shots(pan) == [0] * 10
    flash = np.clip(2.0 * HALL + 60, 0, 255).astype(np.uint8)
    noisy = np.clip(HALL + np.random.default_rng(0).normal(0, 20, HALL.shape), 0, 255)
    assert shots([HALL, flash, HALL, DARK, DARK, HALL, noisy.astype(np.uint8)]) == [0] * 7
    assert shots([HALL, *[DARK] * 20, STREET]) == [0] * 21 + [1]  # a cut through black


def test_somebody_who_moves_before_a_plain_wall_is_no_cut() -> None:
    walls = [np.full((270, 480, 3), 120, np.uint8) for _ in range(4)]
    for n, wall in enumerate(walls):
        wall[60:260, 100 * n : 100 * n + 60] = 30
    assert shots(walls, step_s=0.1) == [0] * 4


def test_frames_far_apart_or_tiny_give_no_cut() -> None:
    assert shots([HALL, STREET, HALL], step_s=0.5) == [0, 0, 0]
    assert shots([HALL, STREET], step_s=0.0) == [0, 1]
    assert shots([np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)]) == [0, 0]


def test_real_clips_are_one_shot_each_and_have_cuts_where_they_are_joined(shared: Path) -> None:
    clips = []
    for path in sorted((shared / "clips").iterdir()):
        with open_source(str(path)) as source:
            clips.append([frame.image for frame in itertools.islice(source, 60)])
        assert set(shots(clips[-1])) == {0}, path.name
        assert set(shots(clips[-1][::3], 3 * STEP_S)) == {0}, path.name
    joined = [image for clip in clips for image in clip]
    assert shots(joined) == [n for n, clip in enumerate(clips) for _ in clip]


def person(x: float = 100.0) -> Poses:
    """One person, 50 x 150 pixels."""
    joints = np.stack([np.linspace(x, x + 50, 17), np.linspace(50, 200, 17)], axis=1)[None]
    box = np.array([[x, 50, x + 50, 200]])
    return Poses(box, np.full(1, 0.9), joints, np.full((1, 17), 0.8), COCO17)


def test_a_person_in_the_same_place_in_another_shot_is_somebody_else() -> None:
    tracker = PoseTracker()
    numbers = [0] * 10 + [1] * 10 + [0] * 10
    ids = [
        tracker.update(person(), n * STEP_S, shot=shot).ids.tolist()
        for n, shot in enumerate(numbers)
    ]
    assert ids == [[1]] * 10 + [[2]] * 10 + [[1]] * 10


def test_nobody_coasts_or_is_predicted_into_another_shot() -> None:
    tracker = PoseTracker()
    for n in range(10):
        tracker.update(person(), n * STEP_S)
    nobody = Poses.empty(COCO17)
    tracker.update(nobody, 10 * STEP_S, shot=1)
    assert not len(tracker.coasting(COCO17)) and not len(tracker.predict(11 * STEP_S))
    tracker.update(nobody, 11 * STEP_S, shot=0)
    assert tracker.coasting(COCO17).ids.tolist() == [1]


def test_corrections_reach_people_in_another_shot_and_a_lock_lasts() -> None:
    tracker = PoseTracker()
    for n in range(10):
        tracker.update(person(), n * STEP_S)
    for n in range(10, 20):
        tracker.update(person(), n * STEP_S, shot=1)
    tracker.swap(1, 2)
    assert tracker.update(person(), 20 * STEP_S, shot=1).ids.tolist() == [1]
    assert tracker.update(person(), 21 * STEP_S, shot=0).ids.tolist() == [2]
    tracker.lock(2)
    for n in range(22, 150):
        assert tracker.update(person(), n * STEP_S, shot=1).ids.tolist() != [2]
    assert tracker.update(person(), 150 * STEP_S, shot=0).ids.tolist() == [2]


class OneInSight:
    """One person, elsewhere in each room; records which frames it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, frame: Frame) -> Detections:
        self.asked.append(frame.index)
        left = 100 if frame.image is HALL else 300
        return Detections(np.array([[left, 50, left + 50, 200]]), np.full(1, 0.9))


class JointsInTheBox:
    skeleton: Skeleton = COCO17

    def __call__(self, frame: Frame, detections: Detections) -> Poses:
        bodies = [person(float(left)) for left in detections.boxes[:, 0]]
        poses = Poses.stacked(bodies) if bodies else Poses.empty(COCO17)
        return replace(poses, scores=detections.scores)


def edited(count: int = 40) -> list[Frame]:
    """A film that cuts from the hall to the street after 13 frames, and back after 26."""
    rooms = [HALL] * 13 + [STREET] * 13 + [HALL] * (count - 26)
    return [Frame(n, n * STEP_S, room) for n, room in enumerate(rooms)]


def ids_of(results: Iterable[FrameResult]) -> list[list[int]]:
    return [result.people.ids.tolist() for result in results]


@pytest.mark.parametrize("settings", [{}, {"detect_every": 5}, {"find_missed": True}])
def test_a_pipeline_detects_again_at_a_cut(settings: dict[str, int]) -> None:
    pipeline = Pipeline(OneInSight(), JointsInTheBox(), PipelineConfig(**settings))  # type: ignore[arg-type]
    results = list(pipeline.follow(edited()))
    assert ids_of(results) == [[1]] * 13 + [[2]] * 13 + [[1]] * 14
    assert [result.shot for result in results] == [0] * 13 + [1] * 13 + [0] * 14
    assert {13, 26} <= set(pipeline.detector.asked)  # type: ignore[attr-defined]
    places = [result.people.poses.boxes[0, 0] for result in results]
    np.testing.assert_allclose(places, [100] * 13 + [300] * 13 + [100] * 14, atol=1)


def test_the_search_for_cuts_can_be_switched_off() -> None:
    config = PipelineConfig(shot_cuts=False)
    results = list(Pipeline(OneInSight(), JointsInTheBox(), config).follow(edited()))
    assert {result.shot for result in results} == {0}


@pytest.mark.parametrize("done", [12, 13, 14, 26])
def test_a_pipeline_saved_near_a_cut_goes_on_unchanged(done: int) -> None:
    whole = list(Pipeline(OneInSight(), JointsInTheBox(), PipelineConfig()).follow(edited()))
    first, second = (Pipeline(OneInSight(), JointsInTheBox(), PipelineConfig()) for _ in "ab")
    begun = list(itertools.islice(first.follow(edited()), done))  # it has looked ahead by then
    second.load(first.save())
    rest = list(second.follow(edited()[done:]))
    assert ids_of(begun + rest) == ids_of(whole)
    assert [result.shot for result in begun + rest] == [result.shot for result in whole]


def test_the_second_pass_joins_and_fills_only_within_a_shot() -> None:
    def seen(person_id: int) -> TrackedPoses:
        return TrackedPoses(person(), np.array([person_id]))

    frames = [seen(1)] * 10 + [seen(2)] * 8 + [seen(3)] * 10
    times_s = [n * STEP_S for n in range(len(frames))]
    numbers = [0] * 10 + [1] * 8 + [0] * 10
    after = [frame.ids.tolist() for frame in refined(frames, times_s, shots=numbers)]
    assert after == [[1]] * 10 + [[2]] * 8 + [[1]] * 10
