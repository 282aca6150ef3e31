"""The tracker follows corrections, live and on files, with undo, and none is applied twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fake_session import BoxJoints, FakeCamera, FakeFile, make_pipeline, opener, wait_for

from app.corrections import Correction, corrected_ids
from app.live.ids import IdIssuer, hold, honour
from app.session import Session
from pose.people import Detections, Frame
from tracking.pipeline import Pipeline, PipelineConfig
from tracking.tracker import PoseTracker

LEFT, MIDDLE, RIGHT = (10, 20, 30, 80), (60, 20, 80, 80), (110, 20, 130, 80)
STEP_S = 0.04


def test_ids_are_unique_across_tracker_restarts_and_ids_set_by_hand() -> None:
    issue = IdIssuer()
    assert issue(_ids(1, 2)).tolist() == [1, 2]
    issue.reserve([3])
    assert issue(_ids(1, 3)).tolist() == [1, 4]
    issue.restart()
    assert issue(_ids(1, 2)).tolist() == [5, 6]
    assert issue.new() == 7


class Watched:
    """A tracker with its issuer, and the people they show after corrections."""

    def __init__(self) -> None:
        self.tracker = PoseTracker()
        self.issuer = IdIssuer()
        self.corrections: tuple[Correction, ...] = ()
        self.time_s = 0.0
        self.in_sight: list[int] = []

    def see(self, *boxes: tuple[int, ...], frames: int = 1) -> dict[tuple[int, ...], int]:
        """Show people in `boxes` for some frames; return their last ids, by box."""
        for _ in range(frames):
            frame = Frame(0, self.time_s, np.zeros((120, 160, 3), np.uint8))
            scores = np.full(len(boxes), 0.95, np.float32)
            found = Detections(np.array(boxes, np.float32).reshape(-1, 4), scores)
            people = self.tracker.update(BoxJoints()(frame, found), self.time_s)
            ours = self.issuer(people.ids)
            self.in_sight = ours.tolist()
            shown = corrected_ids(ours, np.full(len(ours), self.time_s), self.corrections)
            self.time_s += STEP_S
        places = [tuple(round(x) for x in box) for box in people.poses.boxes.tolist()]
        return dict(zip(places, shown.tolist(), strict=True))

    def correct(self, *corrections: Correction) -> None:
        """Apply these corrections, and no others."""
        self.corrections = corrections
        honour(self.tracker, self.issuer, corrections, self.time_s, self.in_sight)

    def own_ids(self) -> list[int]:
        """The tracker's own ids of the people it remembers."""
        return sorted(self.tracker._memory.ids.tolist())


@pytest.mark.parametrize("locked", [True, False])
def test_only_a_locked_person_keeps_the_id_however_long_they_were_gone(locked: bool) -> None:
    watched = Watched()
    watched.see(LEFT, MIDDLE, frames=5)
    watched.correct(Correction("set id", 1, 9))
    hold(watched.tracker, watched.issuer, watched.corrections, watched.time_s, 9 * locked)
    watched.see(MIDDLE, frames=1 + round(2 * watched.tracker.config.memory_s / STEP_S))
    back = watched.see(LEFT, MIDDLE, frames=5)
    assert back[MIDDLE] == 2
    assert (back[LEFT] == 9) == locked


def test_nobody_is_matched_with_the_lost_half_of_a_merged_person() -> None:
    watched = Watched()
    watched.see(LEFT, MIDDLE, frames=5)
    watched.see(MIDDLE, frames=3)  # 1 is lost
    watched.see(MIDDLE, RIGHT, frames=5)  # and returns as 3 on the right, as the user knows
    watched.correct(Correction("merge", 1, 3))
    assert watched.own_ids() == [1, 2]
    assert watched.see(MIDDLE, RIGHT) == {MIDDLE: 2, RIGHT: 1}
    somebody = watched.see(LEFT, MIDDLE, RIGHT, frames=5)[LEFT]
    assert somebody not in (1, 2, 3)


def test_a_merge_keeps_whichever_of_the_two_is_in_sight() -> None:
    watched = Watched()
    watched.see(LEFT, MIDDLE, frames=5)
    watched.see(LEFT, frames=2)
    watched.correct(Correction("merge", 1, 2))
    assert watched.own_ids() == [1]
    assert watched.see(LEFT) == {LEFT: 1}


def test_a_person_found_twice_stays_one_after_a_merge() -> None:
    watched = Watched()
    watched.see(LEFT, MIDDLE, frames=5)
    watched.correct(Correction("merge", 1, 2))
    assert watched.see(LEFT, MIDDLE, frames=5) == {LEFT: 1, MIDDLE: 1}  # as one on screen
    assert watched.own_ids() == [1, 2]


def test_a_deleted_person_stays_deleted_in_sight_and_their_id_is_not_used_again() -> None:
    watched = Watched()
    watched.see(LEFT, MIDDLE, frames=5)
    watched.correct(Correction("delete", 1))
    assert watched.see(LEFT, MIDDLE, frames=5) == {LEFT: 0, MIDDLE: 2}
    watched.see(MIDDLE, frames=2)
    watched.correct(Correction("delete", 1), Correction("rename", 2, name="Anna"))
    assert watched.own_ids() == [2]
    assert watched.see(LEFT, MIDDLE, frames=5)[LEFT] > 2


def test_a_cycle_of_id_swaps_reaches_the_tracker() -> None:
    watched = Watched()
    watched.see(LEFT, MIDDLE, RIGHT, frames=5)
    steps = Correction("swap", 1, 2), Correction("swap", 2, 3)
    watched.correct(*steps)
    # 1 became 2 and then 3, 2 became 1, 3 became 2; the tracker's own ids agree
    assert watched.see(LEFT, MIDDLE, RIGHT) == {LEFT: 3, MIDDLE: 1, RIGHT: 2}
    alone = watched.tracker.predict(watched.time_s).boxes[:, 0].round().tolist()
    assert dict(zip(alone, watched.tracker._memory.ids.tolist(), strict=True)) == {
        LEFT[0]: 3,
        MIDDLE[0]: 1,
        RIGHT[0]: 2,
    }
    watched.correct()
    assert watched.see(LEFT, MIDDLE, RIGHT) == {LEFT: 1, MIDDLE: 2, RIGHT: 3}


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ((Correction("set id", 1, 9), Correction("set id", 2, 1)), {LEFT: 9, MIDDLE: 1, RIGHT: 3}),
        ((Correction("set id", 3, 9), Correction("set id", 2, 3)), {LEFT: 1, MIDDLE: 3, RIGHT: 9}),
        ((Correction("split", 1, 7), Correction("merge", 1, 2)), {LEFT: 7, MIDDLE: 1, RIGHT: 3}),
    ],
)
def test_a_freed_number_can_be_given_to_another_person_before_the_next_frame(
    steps: tuple[Correction, ...], shown: dict[tuple[int, ...], int]
) -> None:
    watched = Watched()
    watched.see(LEFT, MIDDLE, RIGHT, frames=5)
    watched.correct(*steps)
    assert watched.see(LEFT, MIDDLE, RIGHT) == shown
    assert sorted(watched.own_ids()) == sorted(shown.values())
    watched.correct()
    assert watched.see(LEFT, MIDDLE, RIGHT) == {LEFT: 1, MIDDLE: 2, RIGHT: 3}


def test_a_person_confirmed_after_a_split_gets_a_third_id() -> None:
    watched = Watched()
    watched.see(LEFT, frames=5)
    new = watched.issuer.new()
    assert new == 2
    watched.correct(Correction("split", 1, new))
    assert watched.see(LEFT, MIDDLE, frames=5) == {LEFT: 2, MIDDLE: 3}


# kind of correction -> the step, the tracker's own ids after it, the ids on screen
CASES = {
    "swap": (Correction("swap", 1, 2), [2, 1], [2, 1]),
    "merge": (Correction("merge", 1, 2), [1, 2], [1]),
    "split": (Correction("split", 1, 3), [3, 2], [3, 2]),
    "set id": (Correction("set id", 2, 9), [1, 9], [1, 9]),
    "set id of another": (Correction("set id", 1, 2), [2, 1], [2, 1]),
    "delete": (Correction("delete", 1), [1, 2], [2]),
    "rename": (Correction("rename", 1, name="Anna"), [1, 2], [1, 2]),
}


@pytest.fixture(params=["live", "file"])
def watching(request: pytest.FixtureRequest) -> Iterator[tuple[Session, list[Pipeline]]]:
    """A session that shows the people 1 and 2, and its pipelines."""
    pipelines = []

    def make(config: PipelineConfig):
        pipelines.append(make_pipeline(config))
        return pipelines[-1]

    live = request.param == "live"
    source = FakeCamera(60) if live else FakeFile(2000, rate=60)
    session = Session(PipelineConfig(), make, opener(source))
    session.open("0" if live else "a.mp4")
    _shown(session, [1, 2], frames=1)
    yield session, pipelines
    session.close()


def _shown(session: Session, ids: list[int], frames: int = 12) -> None:
    """Wait until `ids` are shown, and check that they stay for `frames` more frames."""
    views: list[list[int]] = []

    def look() -> bool:
        view = session.take()
        if view is not None:
            views.append(view.result.people.ids.tolist())
        return ids in views

    wait_for(look)
    later: list[list[int]] = []

    def look_on() -> bool:
        view = session.take()
        if view is not None:
            later.append(view.result.people.ids.tolist())
        return len(later) >= frames

    wait_for(look_on)
    assert later == [ids] * len(later)


@pytest.mark.parametrize("case", CASES)
def test_the_tracker_adopts_a_correction_and_its_undo_and_redo(watching, case: str) -> None:
    session, pipelines = watching
    step, own, shown = CASES[case]

    def followed() -> list[int]:
        return pipelines[-1].tracker._memory.ids.tolist()

    session.correct(step)
    _shown(session, shown)
    wait_for(lambda: followed() == own)
    assert session.undo() == step
    _shown(session, [1, 2])
    wait_for(lambda: followed() == [1, 2])
    assert session.redo() == step
    _shown(session, shown)
    wait_for(lambda: followed() == own)
    # The frames keep the ids they were given, whatever is corrected or undone later
    for _, people, _ in session.history.frames():
        assert people.ids.tolist() == [1, 2]


def _ids(*ids: int) -> np.ndarray:
    return np.array(ids, np.int64)
