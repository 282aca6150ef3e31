"""A pause of the source does not reset the tracker; a seek far away does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fake_session import make_pipeline, picture

from app.corrections import Correction
from app.live.feeds import Captured
from app.live.gauges import Gauges
from app.live.history import History
from app.live.inference import Follower
from pose.people import Frame
from tracking.ground import Ground
from tracking.pipeline import FrameResult, PipelineConfig

Follow = Callable[..., list[int]]  # time_s, generation -> ids


@pytest.fixture
def follower() -> Follower:
    """Follows the people of a file, who get the ids 1 and 2."""
    return Follower(History(keep_people=True), Gauges())


@pytest.fixture
def follow(follower: Follower) -> Follow:
    """Run the frame of a time through the pipeline; return the ids."""
    pipeline = make_pipeline(PipelineConfig())

    def ids_at(time_s: float, generation: int = 0) -> list[int]:
        captured = Captured(Frame(0, time_s, picture(0)), 0.0, generation)
        return follower.follow(captured, pipeline).result.people.ids.tolist()

    return ids_at


def test_a_source_slower_than_a_frame_per_second_keeps_the_ids(follow: Follow) -> None:
    assert [follow(1.1 * frame) for frame in range(5)] == [[1, 2]] * 5


def test_a_locked_person_keeps_the_id_while_the_source_stalls(
    follower: Follower, follow: Follow
) -> None:
    follow(6.0)
    follower.locked = 2
    assert follow(6.04) == [1, 2]
    after = [follow(36.0 + 0.04 * frame) for frame in range(5)]
    assert after[-1] == [3, 2]


def test_a_seek_to_a_part_not_seen_yet_gives_new_ids(follow: Follow) -> None:
    follow(6.0)
    assert follow(8.0, generation=1) == [3, 4]
    assert follow(7.5, generation=2) == [3, 4]  # near enough to continue
    assert follow(1.0, generation=3) == [5, 6]


def test_a_jump_to_where_the_locked_id_is_unknown_says_so(
    follower: Follower, follow: Follow
) -> None:
    follow(6.0)
    follower.locked = 2
    assert follow(6.5, generation=1) == [1, 2] and follower.unknown == 0
    assert follow(9.0, generation=2) == [3, 4] and follower.unknown == 2


def test_a_jump_to_where_known_frames_end_continues_with_their_people(
    follower: Follower, follow: Follow
) -> None:
    for frame in range(5):
        follow(1.0 + 0.1 * frame)
    assert follow(6.0, generation=1) == [3, 4]
    assert follow(1.5, generation=2) == [1, 2]
    assert follower.issue_ids.new() == 5
    assert follow(6.1, generation=3) == [3, 4]


class Panned:
    """A pipeline over which a camera pans by 100 pixels a second."""

    def __init__(self) -> None:
        self.pipeline = make_pipeline(PipelineConfig())

    def __getattr__(self, name: str) -> object:
        return getattr(self.pipeline, name)

    def __call__(self, frame: Frame) -> FrameResult:
        pan = np.array([[1, 0, -100 * frame.time_s], [0, 1, 0], [0, 0, 1.0]])
        return replace(self.pipeline(frame), camera=pan)


def test_known_frames_say_again_where_the_ground_was(follower: Follower) -> None:
    def ground(time_s: float, generation: int) -> Ground:
        captured = Captured(Frame(0, time_s, picture(0)), 0.0, generation)
        return follower.follow(captured, panned).result.ground

    panned = Panned()
    first = [ground(1.0 + 0.1 * frame, 0) for frame in range(3)]
    assert [each.shot for each in first] == [0, 0, 0]
    far = ground(6.0, 1)
    assert far.shot == 1  # how the camera moved in between is not known
    again = ground(1.1, 2)
    assert again == first[1]
    np.testing.assert_allclose(again.camera[:2, 2], [-110, 0])
    assert ground(1.3, 2).shot == 2


def test_a_tracker_that_continues_from_known_frames_gets_the_corrections(
    follower: Follower, follow: Follow
) -> None:
    pipeline = make_pipeline(PipelineConfig())
    steps = (Correction("set id", 2, 8),)
    for generation, time_s in enumerate((1.0, 6.0, 1.1)):
        captured = Captured(Frame(0, time_s, picture(0)), 0.0, generation)
        people = follower.follow(captured, pipeline, steps).result.people
    assert people.ids.tolist() == [1, 2]  # ours, to which the correction is yet to be applied
    assert pipeline.tracker._memory.ids.tolist() == [1, 8]


def test_after_a_seek_back_and_known_frames_the_tracker_continues(follow: Follow) -> None:
    times_s = [6.0 + 0.5 * frame for frame in range(8)]
    for time_s in times_s:
        follow(time_s)
    assert [follow(time_s, generation=1) for time_s in [*times_s, 10.0]] == [[1, 2]] * 9
