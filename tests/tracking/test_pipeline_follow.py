"""Working ahead only saves time: people, ids and the place of a failure stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pose.people import Detections, Frame, Poses
from pose.skeleton import COCO17, Skeleton
from tracking.budget import STEPS, Budget
from tracking.pipeline import FrameResult, Pipeline, PipelineConfig
from tracking.tracker import TrackerConfig


class WalkersInSight:
    """Two people walking to the right; records which frames it was asked for."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.effort = 1.0

    def __call__(self, frame: Frame) -> Detections:
        return self.submit(frame)()

    def submit(self, frame: Frame) -> Callable[[], Detections]:
        self.begun.append(frame.index)
        left = np.array([[10.0], [200.0]]) + 3 * frame.index
        boxes = np.hstack([left, [[20], [30]], left + 40, [[120], [150]]])
        return lambda: Detections(boxes.astype(np.float32), np.array([0.9, 0.8], np.float32))


class JointsInTheMiddle:
    skeleton: Skeleton = COCO17

    def __init__(self, log: list[str] | None = None) -> None:
        self.log = [] if log is None else log

    def __call__(self, frame: Frame, detections: Detections) -> Poses:
        centres = (detections.boxes[:, :2] + detections.boxes[:, 2:]) / 2
        count = len(detections)
        keypoints = np.repeat(centres[:, None], 17, axis=1)
        scores = np.full((count, 17), 0.8, np.float32)
        return Poses(detections.boxes, detections.scores, keypoints, scores, COCO17)


def frames(count: int = 12) -> list[Frame]:
    image = np.zeros((160, 320, 3), np.uint8)
    return [Frame(index, index / 25, image) for index in range(count)]


def pipeline(**settings: float) -> Pipeline:
    return Pipeline(WalkersInSight(), JointsInTheMiddle(), PipelineConfig(**settings))  # type: ignore[arg-type]


def told(results: list[FrameResult]) -> list[object]:
    return [
        (result.frame.index, result.people.ids.tolist(), result.people.poses.boxes.tolist())
        for result in results
    ]


@pytest.mark.parametrize("detect_every", [1, 2, 3])
def test_following_gives_what_one_call_after_the_other_gives(detect_every: int) -> None:
    one_by_one, ahead = (pipeline(detect_every=detect_every) for _ in range(2))
    expected = [one_by_one(frame) for frame in frames()]
    assert told(list(ahead.follow(frames()))) == told(expected)
    assert ahead.detector.begun == one_by_one.detector.begun  # type: ignore[attr-defined]
    assert max(len(result.people) for result in expected) == 2


@pytest.mark.parametrize(
    ("settings", "begun"),
    [
        ({}, [0, 1, 2]),
        ({"find_missed": True}, [0, 1]),  # boxes of the second frame come from the first's people
        ({"max_latency_ms": 1e6}, [0, 1]),  # a frame is timed correctly only on its own
        ({"detect_every": 2}, [0]),
    ],
)
def test_work_on_the_next_frames_begins_before_this_frames_result(
    settings: dict[str, float], begun: list[int]
) -> None:
    line = pipeline(**settings)
    results = line.follow(frames())
    next(results)
    assert line.detector.begun == begun  # type: ignore[attr-defined]


def test_the_next_frames_poses_begin_before_this_frames_are_done() -> None:
    class Submitting(JointsInTheMiddle):
        def submit(self, frame: Frame, detections: Detections) -> Callable[[], Poses]:
            self.log.append(f"begin {frame.index}")

            def wait() -> Poses:
                self.log.append(f"end {frame.index}")
                return self(frame, detections)

            return wait

    estimator = Submitting()
    line = Pipeline(WalkersInSight(), estimator, PipelineConfig())
    assert told(list(line.follow(frames(3)))) == told(list(pipeline().follow(frames(3))))
    assert estimator.log == ["begin 0", "begin 1", "end 0", "begin 2", "end 1", "end 2"]


def test_a_source_that_breaks_off_gives_all_results_before() -> None:
    def broken() -> Iterator[Frame]:
        yield from frames(3)
        raise OSError("cable pulled")

    results = pipeline().follow(broken())
    assert [next(results).frame.index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="cable pulled"):
        next(results)


def test_pictures_that_are_no_frames_are_refused() -> None:
    with pytest.raises(TypeError, match=r"expected Frames, not ndarray: make each picture a Frame"):
        next(pipeline().follow([frames(1)[0].image]))  # type: ignore[list-item]


def test_no_frames_give_no_results() -> None:
    assert list(pipeline().follow([])) == []


@pytest.mark.parametrize("at", [1, 5, 6])
def test_a_state_saved_on_the_way_goes_on_with_the_same_ids(at: int) -> None:
    expected = told(list(pipeline(detect_every=2).follow(frames())))
    first = pipeline(detect_every=2)
    results = first.follow(frames())
    begun = [next(results) for _ in range(at)]
    saved = first.save()
    second = pipeline(detect_every=2)
    second.load(saved)
    assert told(begun + list(second.follow(frames()[at:]))) == expected


def test_another_pipeline_goes_on_in_the_same_shot_with_the_same_ids() -> None:
    """After the cut, those of the first shot, who stood where these stand, are not these."""
    walls = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    before, after = walls.repeat(10, axis=1).repeat(20, axis=2)
    shown = [replace(frame, image=before if frame.index < 6 else after) for frame in frames()]
    older, newer = pipeline(), pipeline(nms_thr=0.5)
    told_before = [older(frame) for frame in shown[:9]]
    newer.continue_from(older)
    told_after = [newer(frame) for frame in shown[9:]]
    assert [result.shot for result in told_before + told_after] == [0] * 6 + [1] * 6
    assert [result.people.ids.tolist() for result in told_after] == [[3, 4]] * 3


def test_another_pose_network_keeps_ids_but_not_what_the_joints_were() -> None:
    """The other network puts joints 60 pixels lower; then everybody is missed for a frame."""

    class JointsAtTheFeet(JointsInTheMiddle):
        def __call__(self, frame: Frame, detections: Detections) -> Poses:
            poses = super().__call__(frame, detections)
            return replace(poses, keypoints=poses.keypoints + np.float32([0, 60]))

    older, newer = pipeline(), pipeline(pose="other")  # type: ignore[arg-type]
    newer.estimator = JointsAtTheFeet()
    list(older.follow(frames(8)))
    newer.continue_from(older)
    newer(frames()[8])
    newer.detector = lambda _: Detections.empty()
    people = newer(frames()[9]).people
    assert people.ids.tolist() == [1, 2]
    np.testing.assert_allclose(people.poses.keypoints[:, 0, 1], [70 + 60, 90 + 60], atol=4)


def painted_wall() -> np.ndarray:
    """A picture 600 x 1500 of soft blobs, past which a camera can pan."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 60, 3), np.uint8)
    return cv2.resize(noise, (1500, 600), interpolation=cv2.INTER_CUBIC)


def test_people_keep_their_ids_while_the_camera_jumps() -> None:
    """The whole picture moves 40 pixels a frame to the left: more than the people are wide."""
    wall = painted_wall()

    class Standing(WalkersInSight):
        def submit(self, frame: Frame) -> Callable[[], Detections]:
            left = np.array([[700.0], [760.0]]) - 40 * max(frame.index - 4, 0)
            boxes = np.hstack([left, [[20], [20]], left + 30, [[120], [120]]])
            return lambda: Detections(boxes.astype(np.float32), np.ones(2, np.float32))

    def shots() -> list[Frame]:
        starts = [40 * max(index - 4, 0) for index in range(9)]
        return [
            Frame(index, index / 25, np.ascontiguousarray(wall[:, start : start + 800]))
            for index, start in enumerate(starts)
        ]

    line = Pipeline(Standing(), JointsInTheMiddle(), PipelineConfig())
    results = list(line.follow(shots()))
    ids = [result.people.ids.tolist() for result in results]
    assert ids[-1] == ids[0] == [1, 2]
    assert [result.camera is None for result in results] == [True] * 5 + [False] * 4
    np.testing.assert_allclose(results[-1].camera, [[1, 0, -160], [0, 1, 0], [0, 0, 1]], atol=0.5)


def test_the_cameras_motion_is_kept_over_a_break_and_a_switch_and_begins_anew_at_a_cut() -> None:
    wall = painted_wall()

    def frame(index: int, flipped: bool = False) -> Frame:
        view = wall[:, 10 * index : 10 * index + 800]
        return Frame(index, index / 25, np.ascontiguousarray(view[::-1] if flipped else view))

    def shifted(result: FrameResult) -> float | None:
        return None if result.camera is None else float(result.camera[0, 2])

    def nobody() -> Pipeline:
        return Pipeline(lambda _: Detections.empty(), JointsInTheMiddle(), PipelineConfig())

    first, later = nobody(), nobody()
    found = [shifted(first(frame(index))) for index in range(3)]
    later.load(first.save())
    found.append(shifted(later(frame(3))))
    later.config = replace(later.config, camera_motion=False)
    found.append(shifted(later(frame(4))))
    later.config = replace(later.config, camera_motion=True)
    found += [shifted(later(frame(index))) for index in (5, 6)]
    assert found[0] is None
    # Not followed in frame 4, and not from there to frame 5
    assert found[1:] == pytest.approx([-10, -20, -30, -30, -30, -40], abs=0.5)
    cut = later(frame(7, flipped=True))
    assert (cut.shot, cut.camera) == (1, None)


@pytest.mark.parametrize("ahead", [False, True], ids=["called", "followed"])
def test_predicted_boxes_move_with_the_camera(ahead: bool) -> None:
    """Two people stand before a wall, past which the camera pans; every third frame is detected."""
    wall = painted_wall()

    class Standing(WalkersInSight):
        def submit(self, frame: Frame) -> Callable[[], Detections]:
            boxes = np.float32([[500, 20, 530, 120], [560, 20, 590, 120]])
            boxes[:, ::2] -= 20 * frame.index
            return lambda: Detections(boxes, np.ones(2, np.float32))

    images = [np.ascontiguousarray(wall[:, 20 * n : 20 * n + 800]) for n in range(9)]
    frames = [Frame(n, n / 25, image) for n, image in enumerate(images)]
    line = Pipeline(Standing(), JointsInTheMiddle(), PipelineConfig(detect_every=3))
    results = list(line.follow(frames)) if ahead else [line(frame) for frame in frames]
    for result in results:
        assert result.people.ids.tolist() == [1, 2]
        np.testing.assert_allclose(result.found.boxes[0, 0], 500 - 20 * result.frame.index, atol=1)


def test_camera_motion_switched_on_again_starts_from_the_frame_of_then() -> None:
    """The camera pans while its motion is not measured; the people stay in the picture's middle."""
    wall = painted_wall()

    class Standing(WalkersInSight):
        def submit(self, frame: Frame) -> Callable[[], Detections]:
            boxes = np.float32([[400, 20, 430, 120], [460, 20, 490, 120]])
            return lambda: Detections(boxes, np.ones(2, np.float32))

    line = Pipeline(Standing(), JointsInTheMiddle(), PipelineConfig(camera_motion=True))
    ids = []
    for index in range(12):
        line.config = replace(line.config, camera_motion=not 4 <= index < 8)
        start = 15 * min(max(index - 3, 0), 4)
        image = np.ascontiguousarray(wall[:, start : start + 800])
        ids.append(line(Frame(index, index / 25, image)).people.ids.tolist())
    assert ids == [[1, 2]] * 12


def test_max_people_keeps_those_with_the_best_scores() -> None:
    result = list(pipeline(max_people=1).follow(frames(8)))[-1]
    np.testing.assert_allclose(result.people.poses.scores, [0.9])


@pytest.mark.parametrize("find_missed", [False, True])
def test_max_people_counts_those_who_were_missed_too(find_missed: bool) -> None:
    """From frame 8 on the other person has the better score, and the first is missed."""

    class Changing(WalkersInSight):
        def submit(self, frame: Frame) -> Callable[[], Detections]:
            found = super().submit(frame)()
            scores = found.scores if frame.index < 8 else found.scores[::-1]
            return lambda: Detections(found.boxes, scores)

    config = PipelineConfig(max_people=1, find_missed=find_missed)
    line = Pipeline(Changing(), JointsInTheMiddle(), config)
    results = list(line.follow(frames()))
    assert [len(result.people) for result in results] == [1] * 12
    assert [len(result.found or ()) for result in results] == [1] * 12


def spend(budget: Budget, elapsed_ms: float, frames: int) -> list[tuple[float, int]]:
    steps = []
    for _ in range(frames):
        budget.spend(elapsed_ms)
        steps.append((budget.effort, budget.detect_every))
    return steps


def test_a_budget_goes_down_step_by_step_and_no_further(caplog: pytest.LogCaptureFixture) -> None:
    budget = Budget(40)
    steps = spend(budget, 50, 200)
    assert list(dict.fromkeys(steps)) == list(STEPS)
    assert "a frame takes 50 ms, the limit is 40" in caplog.text


def test_a_budget_recovers_when_there_is_room() -> None:
    budget = Budget(40)
    spend(budget, 50, 45)
    assert budget.effort < 1
    spend(budget, 30, 200)
    assert budget.effort < 1  # within the limit, but no room for more
    spend(budget, 10, 200)
    assert (budget.effort, budget.detect_every) == (1, 1)


def test_without_a_limit_nothing_changes() -> None:
    assert set(spend(Budget(0), 1e6, 50)) == {(1.0, 1)}


def test_when_the_limit_is_lifted_the_detector_does_all_again() -> None:
    budget = Budget(40)
    spend(budget, 50, 200)
    budget.limit_ms = 0.0
    assert spend(budget, 50, 1) == [(1.0, 1)]


def test_a_slow_pipeline_lets_its_detector_do_less() -> None:
    line = pipeline(max_latency_ms=1e-6)
    list(line.follow(frames(60)))
    assert line.detector.effort == 0.5  # type: ignore[attr-defined]


def test_a_person_the_detector_misses_for_a_while_is_found_where_expected() -> None:
    """The detector misses the second person in frames 10 to 12; the pose network looks there."""

    class Blinking(WalkersInSight):
        def submit(self, frame: Frame) -> Callable[[], Detections]:
            boxes = np.float32([[20, 20, 60, 120], [200, 20, 240, 120]])
            scores = np.ones(2, np.float32)
            count = 1 if 10 <= frame.index <= 12 else 2
            return lambda: Detections(boxes[:count], scores[:count])

    def people_in(find_missed: bool, coast_s: float = 0.0) -> list[int]:
        config = PipelineConfig(find_missed=find_missed, tracker=TrackerConfig(coast_s=coast_s))
        line = Pipeline(Blinking(), JointsInTheMiddle(), config)
        return [len(result.people) for result in line.follow(frames(20))]

    assert people_in(find_missed=True) == [2] * 20
    assert people_in(find_missed=False)[10:13] == [1] * 3
    assert people_in(find_missed=False, coast_s=0.08)[10:13] == [2, 2, 1]


def test_when_everybody_is_missed_people_whose_looks_are_known_are_shown_for_a_moment() -> None:
    class Blinking(WalkersInSight):
        def submit(self, frame: Frame) -> Callable[[], Detections]:
            found = super().submit(frame)
            return Detections.empty if frame.index == 10 else found

    class WithLooks(JointsInTheMiddle):
        def __call__(self, frame: Frame, detections: Detections) -> Poses:
            poses = super().__call__(frame, detections)
            return replace(poses, appearance=np.eye(8)[: len(poses)])

    line = Pipeline(Blinking(), WithLooks(), PipelineConfig(shot_cuts=False))
    ids = [result.people.ids.tolist() for result in line.follow(frames())]
    assert ids[9:] == [[1, 2]] * 3


def test_a_person_who_has_left_the_picture_is_not_shown_outside_it() -> None:
    """The middle of the second person's box leaves at the right, at 320 pixels, in frame 34."""
    line = pipeline()
    results = [line(frame) for frame in frames(34)]
    assert [len(result.people) for result in results[-2:]] == [2, 2]

    nobody = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    line.detector = lambda _: nobody
    after = [line(frame) for frame in frames(36)[34:]]
    assert [result.people.ids.tolist() for result in after] == [[1], [1]]
