"""Identities last: through crossings, absences, odd clocks and odd input; and obey corrections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pose.people import Poses
from pose.skeleton import COCO17, POSETRACK15, skeleton_of
from tracking.tracker import PoseTracker, TrackerConfig

STEP_S = 0.04
SHAPE = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * (20, 70)


def people(*places: tuple[float, float], scores: float = 0.9, joints: float = 0.8) -> Poses:
    """People 50 x 150 px around their places, all in the same pose."""
    centres = np.array(places, np.float32).reshape(-1, 2)
    half = np.float32([25, 75])
    count = len(centres)
    return Poses(
        np.concatenate([centres - half, centres + half], axis=1),
        np.full(count, scores, np.float32),
        (centres[:, None] + SHAPE).astype(np.float32),
        np.full((count, 17), joints, np.float32),
        COCO17,
    )


def follow(tracker: PoseTracker, frames: list[Poses], start: int = 0) -> list[list[int]]:
    """The ids of each frame, in the order of its people."""
    return [
        tracker.update(poses, (start + n) * STEP_S).ids.tolist() for n, poses in enumerate(frames)
    ]


def test_two_people_who_cross_keep_their_ids() -> None:
    frames = [people((100 + 8 * n, 200), (500 - 8 * n, 215)) for n in range(50)]
    assert follow(PoseTracker(), frames) == [[1, 2]] * 50


def test_boxes_alone_are_enough() -> None:
    frames = [people((100 + 8 * n, 200), (500 - 8 * n, 290), joints=0.0) for n in range(50)]
    assert follow(PoseTracker(), frames) == [[1, 2]] * 50


def test_a_person_who_walks_on_behind_a_wall_is_found_again() -> None:
    walk = [people((100 + 5 * n, 200)) for n in range(60)]
    hidden = [people() if 25 <= n < 45 else poses for n, poses in enumerate(walk)]
    ids = follow(PoseTracker(), hidden)
    assert ids[:25] == [[1]] * 25
    assert {i for frame in ids[45:] for i in frame} == {1}


def test_a_person_gone_for_longer_than_the_memory_comes_back_as_a_new_one() -> None:
    tracker = PoseTracker(TrackerConfig(memory_s=0.5))
    follow(tracker, [people((100, 200))] * 5)
    later = follow(tracker, [people()] * 20 + [people((100, 200))] * 5, start=5)
    assert later[-1] == [2]


def test_a_detection_in_a_single_frame_is_not_a_person() -> None:
    frames = [people((100, 200)), people((100, 200), (600, 300)), people((100, 200))]
    assert follow(PoseTracker(), frames) == [[1], [1], [1]]


def test_a_new_person_is_shown_when_sure() -> None:
    frames = [people((100, 200))] + [people((100, 200), (600, 300))] * 3
    assert follow(PoseTracker(), frames)[-1] == [1, 2]


def test_low_scores_continue_a_track_but_start_none() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 3)
    weak = people((100, 200), (600, 300), scores=0.3)
    assert follow(tracker, [weak] * 10, start=3) == [[1]] * 10


def test_somebody_seen_in_the_last_frame_is_not_late() -> None:
    """However high the price of being unseen, it is not paid by those who were seen."""
    tracker = PoseTracker(TrackerConfig(lost_penalty=100, lost_penalty_most=100, reach=0))
    assert follow(tracker, [people((100, 200))] * 10) == [[1]] * 10
    assert follow(tracker, [people(), people((100, 200))], start=10)[-1] != [1]


def test_candidates_get_what_known_people_leave() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 3 + [people((100, 200), (130, 200), scores=0.6)])
    assert follow(tracker, [people((130, 200), scores=0.6)], start=4) == [[1]]


def test_a_candidate_missed_for_longer_than_a_moment_is_dropped() -> None:
    both = people((100, 200), (600, 300))
    missed = [people((100, 200))] * 4  # candidate_s is 2.5 frames
    assert follow(PoseTracker(), [*missed, both, *missed[:2], both])[-1] == [1, 2]
    assert follow(PoseTracker(), [*missed, both, *missed, both])[-1] == [1]


@pytest.mark.parametrize(("apart_px", "frames"), [(600.0, 2), (50 / 3, 3)])
def test_somebody_new_who_overlaps_a_known_person_is_doubted(apart_px: float, frames: int) -> None:
    """At an IoU of 1/2 the second 0.9 counts for 0.54, too little to be shown at 1.5."""
    pair = people((100, 200), (100 + apart_px, 200), joints=0.0)
    shown = follow(PoseTracker(), [people((100, 200), joints=0.0)] * 3 + [pair] * 3)[3:]
    assert [len(ids) for ids in shown] == [1] * (frames - 1) + [2] * (4 - frames)


def test_a_box_without_joints_does_not_fit_better_than_the_person_whose_joints_tremble() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 8)
    both = people((90, 200), (107, 200))  # the person, and something a little closer to the track
    both.keypoints[0] += np.random.default_rng(3).normal(0, 12, (17, 2)).astype(np.float32)
    both.keypoint_scores[1] = 0.0
    seen = tracker.update(both, 8 * STEP_S)
    assert seen.ids.tolist() == [1]
    assert seen.poses.boxes[0, 0] == 65  # the person's


@pytest.mark.parametrize("assignment", ["hungarian", "greedy"])
def test_the_order_of_people_changes_nothing_but_the_order(assignment: str) -> None:
    rng = np.random.default_rng(2)
    config = TrackerConfig(assignment=assignment)  # type: ignore[arg-type]
    straight, shuffled = PoseTracker(config), PoseTracker(config)
    places = rng.uniform(0, 400, (12, 2))
    for n in range(30):
        places = places + rng.normal(0, 6, places.shape)
        seen = people(*places.tolist()).select(rng.uniform(size=12) < 0.8)
        order = rng.permutation(len(seen))
        expected = straight.update(seen, n * STEP_S)
        found = shuffled.update(seen.select(order), n * STEP_S)
        by_box = {
            tuple(box): i
            for box, i in zip(expected.poses.boxes.tolist(), expected.ids, strict=True)
        }
        assert [by_box[tuple(box)] for box in found.poses.boxes.tolist()] == found.ids.tolist()
        assert len(found) == len(expected)


def test_ids_are_never_given_twice_and_start_from_one_in_each_tracker() -> None:
    rng = np.random.default_rng(0)
    config = TrackerConfig(memory_s=0.2, reach=0)
    tracker, seen_until = PoseTracker(config), {}
    for n in range(200):
        places = [(float(x), 200.0) for x in rng.choice(10, 3, replace=False) * 300]
        for person in tracker.update(people(*places), n * STEP_S).ids.tolist():
            assert n - seen_until.get(person, n) <= 0.2 / STEP_S + 1
            seen_until[person] = n
    assert min(seen_until) == 1
    assert follow(PoseTracker(), [people((0, 0))]) == [[1]]


def test_a_thousand_empty_frames_and_then_somebody() -> None:
    tracker = PoseTracker()
    assert follow(tracker, [people()] * 1000) == [[]] * 1000
    assert follow(tracker, [people((100, 200))] * 4, start=1000)[-1] == [1]


@pytest.mark.parametrize("size", [(0, 90), (50, 0), (-5, 90)])
def test_a_lost_person_whose_box_was_empty_or_inside_out_does_no_harm(
    size: tuple[int, int],
) -> None:
    """Boxes cut off at the edge of the picture are empty; numpy's warnings are errors here."""
    tracker = PoseTracker()
    seen, back = (people(*places, joints=0.0) for places in ([(0, 55)], [(80, 55)]))
    seen.boxes[0, 2:] = seen.boxes[0, :2] + size
    ids = follow(tracker, [seen] * 10 + [people()] * 12 + [back] * 10)
    assert ids[0] == [1] and len(ids[-1]) == 1


def test_two_hundred_people_at_once() -> None:
    places = [(60.0 * (n % 20), 170.0 * (n // 20)) for n in range(200)]
    ids = follow(PoseTracker(), [people(*places)] * 3)
    assert ids[0] == ids[2]
    assert sorted(ids[0]) == list(range(1, 201))


@pytest.mark.parametrize("times_s", [[1.0] * 40, [9.0 - 0.04 * n for n in range(40)]])
def test_ids_are_kept_when_the_clock_stops_or_runs_backwards(times_s: list[float]) -> None:
    tracker = PoseTracker()
    for n, time_s in enumerate(times_s):
        assert tracker.update(people((100 + 5 * n, 200)), time_s).ids.tolist() == [1]


def test_after_a_jump_of_the_clock_everybody_is_new() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 3)
    ids = [tracker.update(people((100, 200)), 1000 + n * STEP_S).ids.tolist() for n in range(3)]
    assert ids[-1] == [2]


def test_what_is_not_a_number_is_left_out() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200), (400, 200))] * 2)
    poses = people((100, 200), (400, 200))
    boxes, joints = poses.boxes.copy(), poses.keypoints.copy()
    boxes[0, 2], joints[1, 3] = np.nan, np.inf
    odd = Poses(boxes, poses.scores, joints, poses.keypoint_scores, COCO17)
    found = tracker.update(odd, 2 * STEP_S)
    assert found.ids.tolist() == [2]
    assert np.isfinite(found.poses.keypoints).all()
    assert found.poses.keypoint_scores[0, 3] == 0
    assert follow(tracker, [people((100, 200), (400, 200))], start=3) == [[1, 2]]


def test_a_camera_pan_is_not_taken_for_motion_of_people() -> None:
    """The picture jumps by a person's height; only the warp tells which person is which."""
    tracker = PoseTracker()
    follow(tracker, [people((200, 200), (350, 200))] * 5)
    pan = np.float32([[1, 0, -150], [0, 1, 0]])
    found = tracker.update(people((50, 200), (200, 200)), 5 * STEP_S, pan)
    assert found.ids.tolist() == [1, 2]


def test_prediction_goes_on_at_the_last_speed() -> None:
    tracker = PoseTracker()
    assert len(tracker.predict(0.0)) == 0
    follow(tracker, [people((100 + 5 * n, 200)) for n in range(20)])
    boxes = tracker.predict(21 * STEP_S).boxes
    assert boxes[0, [0, 2]].mean() == pytest.approx(205, abs=2)
    assert boxes[0, 3] - boxes[0, 1] == pytest.approx(150, abs=2)


def test_a_person_missed_for_a_moment_is_shown_where_the_motion_predicts() -> None:
    tracker = PoseTracker(TrackerConfig(coast_s=0.12))
    follow(tracker, [people((100 + 5 * n, 200)) for n in range(20)])
    assert not len(tracker.coasting(COCO17))
    for missed in range(1, 4):
        follow(tracker, [people()], start=19 + missed)
        coasting = tracker.coasting(COCO17)
        assert coasting.ids.tolist() == [1]
        middle = (coasting.poses.boxes[0, :2] + coasting.poses.boxes[0, 2:]) / 2
        np.testing.assert_allclose(middle, (195 + 5 * missed, 200), atol=3)  # they walk 15 in all
        np.testing.assert_allclose(coasting.poses.keypoints[0], middle + SHAPE, atol=2)
        np.testing.assert_allclose(coasting.poses.scores, 0.45)
        np.testing.assert_allclose(coasting.poses.keypoint_scores, 0.4)
    follow(tracker, [people()], start=23)
    assert not len(tracker.coasting(COCO17))
    assert follow(tracker, [people((220, 200))], start=24) == [[1]]
    assert not len(tracker.coasting(COCO17))


def test_a_box_that_grows_does_not_grow_on_while_nobody_sees_it() -> None:
    tracker = PoseTracker()
    for n in range(10):
        poses = people((100, 200))
        poses.boxes[0, 2] += 10 * n
        tracker.update(poses, n * STEP_S)
    last = tracker.predict(9 * STEP_S).boxes[0]
    follow(tracker, [people()] * 3, start=10)
    box = tracker.coasting(COCO17).poses.boxes[0]
    assert box[2] - box[0] == pytest.approx(last[2] - last[0])


def test_joints_not_seen_for_some_frames_fade() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 5 + [people((100, 200), joints=0.1)] * 2 + [people()])
    faded = tracker.coasting(COCO17).poses.keypoint_scores
    np.testing.assert_allclose(faded, 0.5 * 0.8 * 0.7**2, rtol=1e-6)


def test_looks_are_a_running_mean() -> None:
    """A view of score 0.9 counts for 9% of the mean."""
    tracker = PoseTracker()
    for n, look in enumerate([0, 0, 0, 0, 1]):
        looks = np.eye(8, dtype=np.float32)[[look]]
        tracker.update(replace(people((100, 200)), appearance=looks), n * STEP_S)
    follow(tracker, [people()], start=5)
    looks = tracker.coasting(COCO17).poses.appearance[0]
    np.testing.assert_allclose(looks[:2], np.array([0.91, 0.09]) / np.hypot(0.91, 0.09), rtol=1e-5)


def test_a_person_who_was_hardly_seen_does_not_coast() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 2 + [people()])
    assert not len(tracker.coasting(COCO17))


def test_a_stranger_elsewhere_does_not_change_who_coasts() -> None:
    def coasting(stranger: bool) -> list[int]:
        tracker = PoseTracker()
        pair, far = [(150.0, 250.0), (175.0, 250.0)], [(930.0, 200.0)]
        for n in range(4):
            seen = people(*pair, *(far if stranger and n else []), scores=0.78, joints=0.0)
            seen.scores[2:] = 0.5
            tracker.update(seen, n * STEP_S)
        tracker.update(people(), 4 * STEP_S)
        return tracker.coasting(COCO17).ids.tolist()

    assert coasting(stranger=False) == coasting(stranger=True) == [1, 2]


@pytest.mark.parametrize(
    ("joints", "score", "shown"),
    [(0.8, 0.6, True), (0.15, 0.6, False), (0.15, 0.9, True), (0.0, 0.6, True)],
)
def test_a_doubtful_box_in_which_no_joint_is_clear_starts_no_new_person(
    joints: float, score: float, shown: bool
) -> None:
    """Joint scores of 0 mean that nothing is known of joints: then the box is trusted."""
    frames = [people((100, 200), scores=score, joints=joints)] * 10
    assert (follow(PoseTracker(), frames)[-1] == [1]) == shown


def test_a_known_person_continues_while_no_joint_is_clear() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 5)
    blurred = [people((100, 200), joints=0.15)] * 5
    assert follow(tracker, blurred, start=5) == [[1]] * 5


def test_appearance_decides_near_ties_and_similar_costumes_change_nothing() -> None:
    """Two people, 8 px apart, are hidden and come back with their places swapped."""
    red, blue = np.eye(2, 8, dtype=np.float32)

    lighter = np.array([1, 0.3, 0, 0, 0, 0, 0, 0], np.float32) / np.float32(np.hypot(1, 0.3))

    def ids_after(first: np.ndarray, second: np.ndarray) -> list[int]:
        def worn(poses: Poses, *colours: np.ndarray) -> Poses:
            looks = np.stack(colours) if colours else np.zeros((0, 8), np.float32)
            parts = poses.boxes, poses.scores, poses.keypoints, poses.keypoint_scores
            return Poses(*parts, COCO17, looks)

        tracker = PoseTracker()
        for n in range(10):
            tracker.update(worn(people((100, 200), (108, 200)), first, second), n * STEP_S)
        for n in range(10, 20):
            tracker.update(worn(people()), n * STEP_S)
        for n in range(20, 25):
            back = worn(people((100, 200), (108, 200)), second, first)
            found = tracker.update(back, n * STEP_S)
        return found.ids.tolist()

    assert ids_after(red, blue) == [2, 1]
    assert ids_after(red, red) == [1, 2]
    assert ids_after(red, lighter) == [1, 2], "light and shade change one person as much"


def test_corrections_are_obeyed() -> None:
    tracker = PoseTracker()
    trio = people((100, 200), (400, 200), (700, 200))
    follow(tracker, [trio] * 2)
    tracker.swap(1, 2)
    assert follow(tracker, [trio], start=2) == [[2, 1, 3]]
    tracker.reassign(3, 9)
    assert follow(tracker, [trio], start=3) == [[2, 1, 9]]
    tracker.merge(keep=1, gone=9)
    assert follow(tracker, [people((400, 900), (700, 200))], start=4)[0][-1] == 1
    tracker.forget(1)
    assert follow(tracker, [trio] * 3, start=5)[-1][2] >= 10, "9 was given, so 10 is next"


@pytest.mark.parametrize(
    "correct",
    [
        lambda tracker, person: tracker.swap(1, person),
        lambda tracker, person: tracker.merge(person, 1),
        lambda tracker, person: tracker.reassign(1, person),
    ],
    ids=["swap", "merge", "reassign"],
)
def test_an_id_that_a_correction_used_first_is_given_to_nobody_else(
    correct: Callable[[PoseTracker, int], None],
) -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 3)
    correct(tracker, 3)
    trio = people((100, 200), (400, 200), (700, 200))
    assert follow(tracker, [trio] * 3, start=3)[-1] == [3, 4, 5]
    with pytest.raises(ValueError, match="an id is 0, expected 1 or more"):
        correct(tracker, 0)


def test_a_locked_person_is_never_forgotten() -> None:
    tracker = PoseTracker(TrackerConfig(memory_s=0.2))
    follow(tracker, [people((100, 200))] * 5)
    tracker.lock(1)
    later = follow(tracker, [people()] * 200 + [people((110, 200))] * 4, start=5)
    assert later[-1] == [1]


def test_a_locked_identity_is_not_given_to_somebody_else() -> None:
    """Somebody far from where a locked person was lost long ago is somebody new."""
    tracker = PoseTracker(TrackerConfig(memory_s=0.4))
    follow(tracker, [people((100, 200))] * 5)
    tracker.lock(1)
    stranger = [people()] * 500 + [people((1500, 200))] * 5
    assert follow(tracker, stranger, start=5)[-1] == [2]
    assert follow(tracker, [people((100, 200), (1500, 200))] * 3, start=510)[-1] == [1, 2]


def test_a_lock_goes_with_its_identity() -> None:
    def after(correct: Callable[[PoseTracker], None]) -> list[int]:
        """The ids of two people, the first one locked, when both come back much later."""
        tracker = PoseTracker(TrackerConfig(memory_s=0.2))
        pair = people((100, 200), (900, 200))
        follow(tracker, [pair] * 5)
        tracker.lock(1)
        correct(tracker)
        return follow(tracker, [people()] * 50 + [pair] * 4, start=5)[-1]

    assert after(lambda tracker: None) == [1, 3]
    assert after(lambda tracker: tracker.swap(1, 2)) == [3, 1]
    assert after(lambda tracker: tracker.reassign(1, 7)) == [7, 8]
    assert after(lambda tracker: tracker.merge(keep=1, gone=2)) == [3, 1]
    assert after(lambda tracker: tracker.merge(keep=1, gone=1)) == [1, 3]


def test_another_pose_network_goes_on_with_the_same_people() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 3)
    poses = people((100, 200))
    other = Poses(
        poses.boxes, poses.scores, poses.keypoints[:, :15], poses.keypoint_scores[:, :15],
        POSETRACK15,
    )  # fmt: skip
    assert follow(tracker, [other] * 3, start=3) == [[1]] * 3


def test_forgotten_poses_do_not_coast() -> None:
    tracker = PoseTracker()
    follow(tracker, [people((100, 200))] * 9 + [people()])
    tracker.forget_poses()
    coasting = tracker.coasting(COCO17)
    assert coasting.ids.tolist() == [1]
    assert not coasting.poses.keypoint_scores.any()


@pytest.mark.parametrize("count", [15, 17])
def test_joints_of_another_pose_network_are_in_place_at_once(count: int) -> None:
    """The other network has the joints in reverse order; 17 joints look like those before."""
    tracker = PoseTracker()
    follow(tracker, [people((100 + 5 * n, 200)) for n in range(10)])
    tracker.forget_poses()
    skeleton = skeleton_of("other", COCO17.names[:count], (), COCO17.sigmas[:count])
    for n in (10, 11):
        seen = people((100 + 5 * n, 200))
        joints, scores = seen.keypoints[:, ::-1][:, :count], seen.keypoint_scores[:, :count]
        poses = Poses(seen.boxes, seen.scores, joints, scores, skeleton)
        assert tracker.update(poses, n * STEP_S).ids.tolist() == [1]
    tracker.update(Poses.empty(skeleton), 12 * STEP_S)
    expected = np.add((160, 200), SHAPE[::-1][:count])
    found = tracker.coasting(skeleton).poses.keypoints[0]
    np.testing.assert_allclose(found, expected, atol=5)  # a person is 150 high


def test_sigmas_of_another_skeleton_are_refused() -> None:
    tracker = PoseTracker(TrackerConfig(sigmas=(0.05,) * 3))
    with pytest.raises(ValueError, match="sigmas has 3 numbers, expected 17"):
        tracker.update(people((100, 200)), 0.0)


@pytest.mark.parametrize("time_s", [float("nan"), float("inf")])
def test_a_time_that_is_no_number_is_refused(time_s: float) -> None:
    with pytest.raises(ValueError, match=f"time_s is {time_s}, expected seconds"):
        PoseTracker().update(people((100, 200)), time_s)


def test_a_warp_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"warp has shape \(3, 3\), expected \(2, 3\)"):
        PoseTracker().update(people((100, 200)), 0.0, np.eye(3, dtype=np.float32))


@pytest.mark.parametrize(
    ("name", "value"), [("assignment", "best"), ("oks_weight", 1.5), ("memory_s", -1.0),
                        ("box_noise", 0.0), ("min_similarity", float("nan")),
                        ("velocity_decay_s", float("inf")), ("velocity_decay_s", 1e9),
                        ("acceleration", float("inf")),
                        ("sigmas", (0.1, float("nan"))), ("sigmas", (0.1, 0.0))],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        TrackerConfig(**{name: value})  # type: ignore[arg-type]
