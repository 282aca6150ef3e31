"""After the last frame, pieces are joined, gaps filled and jitter smoothed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pose.people import Poses
from pose.skeleton import COCO17
from tracking.assignment import assign
from tracking.refine import FILL_S, LIKELY, LINK_S, best_links, refined
from tracking.tracks import TrackedPoses

STEP_S = 0.04


def person(x: float, person_id: int, y: float = 0.0) -> TrackedPoses:
    box = np.array([[x, y, x + 50, y + 150]], np.float32)
    joints = np.full((1, 17, 2), (x + 25, y + 75), np.float32)
    poses = Poses(box, np.full(1, 0.9), joints, np.full((1, 17), 0.8), COCO17)
    return TrackedPoses(poses, np.array([person_id]))


def dressed(people: TrackedPoses, look: np.ndarray) -> TrackedPoses:
    return replace(people, poses=replace(people.poses, appearance=look[None]))


NOBODY = TrackedPoses.empty(COCO17)


def after(frames: list[TrackedPoses]) -> list[TrackedPoses]:
    return refined(frames, [n * STEP_S for n in range(len(frames))])


def test_a_piece_that_goes_on_where_another_ended_is_the_same_person() -> None:
    walk = [person(4 * n, 1) for n in range(20)]
    walk += [NOBODY] * 20
    walk += [person(4 * n, 2) for n in range(40, 60)]
    found = after(walk)
    assert {i for frame in found for i in frame.ids.tolist()} == {1}
    assert len(walk[45].ids) == 1 and walk[45].ids[0] == 2, "the online tracks are not changed"


def test_people_too_far_away_or_too_long_gone_stay_two() -> None:
    start = [person(0, 1) for _ in range(20)]
    far = [*start, NOBODY, *(person(900, 2) for _ in range(20))]
    late = [*start, *[NOBODY] * round((LINK_S + 1) / STEP_S), *(person(0, 2) for _ in range(20))]
    for frames in (far, late):
        assert {i for frame in after(frames) for i in frame.ids.tolist()} == {1, 2}


def test_a_short_gap_is_filled_along_the_way_and_a_long_one_is_left() -> None:
    gap = round(FILL_S / STEP_S) - 2
    short = [person(4 * n, 1) for n in range(20)] + [NOBODY] * gap
    short += [person(4 * n, 1) for n in range(20 + gap, 50)]
    found = after(short)
    middle = found[20 + gap // 2]
    assert middle.ids.tolist() == [1]
    assert abs(middle.poses.boxes[0, 0] - 4 * (20 + gap // 2)) < 3
    assert middle.poses.scores[0] < 0.5, "a guess does not look like a sight"
    long = short[:20] + [NOBODY] * 3 * gap + short[20 + gap :]
    assert len(after(long)[20 + gap].ids) == 0


def test_pieces_of_people_in_other_clothes_are_not_joined() -> None:
    """The second piece is off by 120 px: in the same clothes it may be the same person."""

    def ids_joined(look: int) -> set[int]:
        looks = np.eye(2, dtype=np.float32)
        walk = [dressed(person(4 * n, 1), looks[0]) for n in range(20)] + [NOBODY] * 20
        walk += [dressed(person(4 * n + 120, 2), looks[look]) for n in range(40, 60)]
        return {i for frame in after(walk) for i in frame.ids.tolist()}

    assert ids_joined(look=0) == {1}
    assert ids_joined(look=1) == {1, 2}


def test_joints_that_were_not_seen_stay_where_the_network_put_them() -> None:
    """Smoothed, they would be guesses."""
    frames = [person(4 * n, 1) for n in range(20)]
    for frame in frames:
        frame.poses.keypoint_scores[0, 3] = 0.1
    frames[10].poses.keypoints[0, 3:5] = 500
    unseen, seen = after(frames)[10].poses.keypoints[0, 3:5]
    assert unseen.tolist() == [500, 500]
    assert (seen < 450).all()


def test_jitter_is_smoothed_and_the_number_of_frames_is_kept() -> None:
    rng = np.random.default_rng(0)
    frames = [person(4 * n + float(rng.normal(0, 3)), 1) for n in range(80)]
    found = after(frames)
    truth = 4.0 * np.arange(80)
    before = np.array([f.poses.boxes[0, 0] for f in frames]) - truth
    now = np.array([f.poses.boxes[0, 0] for f in found]) - truth
    assert len(found) == 80
    assert np.std(now) < 0.7 * np.std(before)


def test_a_flash_is_dropped_and_an_empty_video_stays_empty() -> None:
    frames = [NOBODY, person(0, 1), NOBODY, *(person(500, 2) for _ in range(20))]
    assert {i for frame in after(frames) for i in frame.ids.tolist()} == {2}
    assert [len(frame) for frame in after([NOBODY] * 3)] == [0, 0, 0]
    assert refined([], []) == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_in_a_video_of_a_few_frames_people_stay(count: int) -> None:
    found = after([person(4 * n, 1) for n in range(count)])
    assert [frame.ids.tolist() for frame in found] == [[1]] * count


def test_a_clock_that_stands_still_does_no_harm() -> None:
    found = refined([person(4 * n, 1) for n in range(10)], [1.0] * 10)
    assert all(np.isfinite(frame.poses.boxes).all() for frame in found)


def test_links_solved_in_groups_are_those_of_all_pieces_at_once() -> None:
    rng = np.random.default_rng(4)
    alike = np.where(rng.random((60, 60)) < 0.03, rng.uniform(LIKELY, 1, (60, 60)), 0)
    links = [(r, c, alike[r, c]) for r, c in np.argwhere(alike).tolist()]
    rows, columns = assign(alike, LIKELY)
    assert len(rows) > 30
    assert sorted(best_links(links, 60)) == list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_tens_of_thousands_of_pieces_need_no_matrix_of_them_all() -> None:
    links = [(piece, piece + 1, 0.9) for piece in range(0, 100_000, 20)]  # all pairs: 40 GB
    assert len(list(best_links(links, 100_001))) == 5_000
