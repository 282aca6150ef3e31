"""The session without any window: what is shown, what is dropped, what is corrected."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from fake_session import (
    FakeCamera,
    FakeFile,
    TwoWalkers,
    burnt_number,
    make_pipeline,
    opener,
    wait_for,
)

from app.corrections import Correction
from app.live.feeds import LiveFeed
from app.live.gauges import Gauges
from app.live.recording import RecordingPlan
from app.session import Session
from app.video.source import MediaError
from pose.people import Frame
from tracking.files import read_tracks
from tracking.ground import Ground
from tracking.pipeline import PipelineConfig
from tracking.tracker import TrackerConfig
from tracking.tracks import KnownFrame


@pytest.fixture
def begin():
    """Make sessions that are closed after the test, and check that no thread is left."""
    before = set(threading.enumerate())
    sessions: list[Session] = []

    def make(*sources, delay_s: float = 0.0, **more) -> Session:
        session = Session(
            PipelineConfig(),
            make_pipeline=lambda config: make_pipeline(config, delay_s),
            open_source=opener(*sources),
            **more,
        )
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()
    assert set(threading.enumerate()) <= before


def watch(session: Session, seconds: float) -> list:
    """The views that a screen polling every 4 ms shows in `seconds`."""
    views, end_s = [], time.monotonic() + seconds
    while time.monotonic() < end_s:
        view = session.take()
        if view is not None:
            session.painted(view)
            views.append(view)
        time.sleep(0.004)
    return views


def shown_until(session: Session, condition, timeout_s: float = 30.0) -> list:
    """Views taken until `condition(views)`."""
    views: list = []

    def look() -> bool:
        view = session.take()
        if view is not None:
            views.append(view)
        return bool(condition(views))

    wait_for(look, timeout_s)
    return views


def test_a_camera_shows_people_on_the_frames_they_belong_to(begin) -> None:
    session = begin(FakeCamera(60))
    session.open("0")
    views = shown_until(session, lambda views: len(views) > 10 and len(views[-1].result.people))
    for view in views:
        assert abs(burnt_number(view.result.frame.image) / 1e6 - view.time_s) < 0.001
    assert views[-1].result.people.ids.tolist() == [1, 2]


@pytest.mark.parametrize("rate", [30, 60])
def test_a_slow_pipeline_drops_frames_and_counts_every_one(begin, rate: int) -> None:
    camera = FakeCamera(rate)
    session = begin(camera, delay_s=10 / rate)
    session.open("0")
    shown_until(session, lambda views: views and len(views[-1].result.people))
    gauges = session.gauges
    views = watch(session, 2.0)
    ages_ms = [session.status().flow.latency_median_ms]
    assert ages_ms[0] < 2 * 10_000 / rate + 50
    session.stop()
    wait_for(lambda: gauges.counts().captured == camera.given)
    wait_for(lambda: gauges.counts().in_flight == 0)
    counts = gauges.counts()
    assert counts.captured == camera.given
    assert counts.captured == counts.shown + counts.dropped
    assert counts.dropped > counts.shown > 0
    times_s = [view.time_s for view in views]
    assert times_s == sorted(times_s)


def test_a_camera_is_shown_while_the_networks_are_still_loading(begin) -> None:
    gate = threading.Event()
    session = Session(
        PipelineConfig(),
        make_pipeline=lambda config: gate.wait(5) and make_pipeline(config),
        open_source=opener(FakeCamera(60)),
    )
    try:
        session.open("0")
        views = shown_until(session, lambda views: len(views) > 3)
        assert session.status().loading and not len(views[-1].result.people)
        gate.set()
        shown_until(session, lambda views: views and len(views[-1].result.people) == 2)
        assert not session.status().loading
    finally:
        session.close()


def test_a_camera_that_is_unplugged_says_so_and_can_be_started_again(begin) -> None:
    session = begin(FakeCamera(60, frames=5), FakeCamera(60))
    session.open("0")
    wait_for(lambda: session.take() is None and session.status().state == "failed")
    assert session.status().problem == "fake: unplugged"
    session.reopen()
    shown_until(session, lambda views: len(views) > 3)
    assert session.status().problem == ""


def test_a_file_is_shown_completely_in_order_and_ends(begin) -> None:
    session = begin(FakeFile(30))
    session.set_speed(4)
    session.open("a.mp4")
    session.set_speed(1e9)
    views = shown_until(session, lambda views: session.status().state == "ended")
    assert [burnt_number(view.result.frame.image) for view in views][-1] == 29
    frames = session.history.frames()
    assert len(frames) == 30
    assert all(people.ids.tolist() == [1, 2] for _, people, _ in frames)


def test_a_file_plays_at_its_own_speed(begin) -> None:
    session = begin(FakeFile(30, rate=50))
    session.open("a.mp4")
    views = shown_until(session, lambda views: session.status().state == "ended")
    assert [burnt_number(view.result.frame.image) for view in views] == list(range(30))
    counts = session.status().counts
    assert (counts.captured, counts.shown, counts.dropped) == (30, 30, 0)


def test_pause_step_and_seek_show_exactly_the_frame_asked_for(begin) -> None:
    session = begin(FakeFile(50))
    session.open("a.mp4")
    session.play(False)
    numbers: list[int] = []

    def expect(number: int) -> None:
        views = shown_until(session, lambda views: views)
        numbers.append(burnt_number(views[-1].result.frame.image))
        assert numbers[-1] == number
        assert not watch(session, 0.1)  # and it stays paused

    expect(0)
    session.step(forward=True)
    expect(1)
    session.seek(1.0)
    expect(25)
    session.step(forward=False)
    expect(24)
    session.step(forward=True)
    expect(25)


def test_a_seek_back_keeps_the_ids_that_were_given(begin) -> None:
    session = begin(FakeFile(100))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    session.seek(0.0)
    views = shown_until(session, lambda views: views and views[-1].time_s > 0.5)
    assert all(view.result.people.ids.tolist() == [1, 2] for view in views)


def test_following_continues_where_the_known_people_end(begin) -> None:
    session = begin(FakeFile(50), FakeFile(50), FakeFile(50))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    frames = session.history.frames()
    swap = Correction("swap", 1, 2, from_s=0.4)

    session.open("a.mp4", corrections=[swap], known=frames[:20], goes_on=True)
    shown_until(session, lambda views: session.status().state == "ended")
    assert not session.follows_known
    assert [people.ids.tolist() for _, people, _ in session.history.frames()] == [[1, 2]] * 50
    assert [span.start_s for span in session.history.spans([swap])] == [0.0, 0.4, 0.0, 0.4]

    session.reopen((0.2, 0.6))
    assert len(session.history.frames()) == 50
    assert session.corrections.done == (swap,)


def test_following_continues_with_people_who_scored_low_lately(begin) -> None:
    session = begin(FakeFile(50), FakeFile(50))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    known = [
        KnownFrame(
            time_s, replace(people, poses=replace(people.poses, scores=np.float32([0.9, 0.3])))
        )
        for time_s, people, _ in session.history.frames()[:20]
    ]
    session.open("a.mp4", known=known, goes_on=True)
    shown_until(session, lambda views: session.status().state == "ended")
    assert [people.ids.tolist() for _, people, _ in session.history.frames()] == [[1, 2]] * 50


def test_what_was_undone_can_be_redone_after_a_restart(begin) -> None:
    session = begin(FakeFile(50), FakeFile(50))
    session.open("a.mp4")
    shown_until(session, lambda views: views)
    split = Correction("split", 1, session.new_id(), from_s=0.4)
    session.correct(split)
    session.undo()
    session.reopen((0.2, None))
    assert session.new_id() != split.other  # else redoing would merge two people
    assert session.redo() == split
    assert session.corrections.done == (split,)


def test_after_new_settings_people_found_before_a_restart_are_found_anew(begin) -> None:
    session = begin(FakeFile(50), FakeFile(50))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    session.reopen()
    shown_until(session, lambda views: session.status().state == "ended")
    assert [people.ids.tolist() for _, people, _ in session.history.frames()] == [[1, 2]] * 50
    assert session.gauges.stages() == []  # no frame was processed twice
    session.play(False)
    session.seek(0.4)
    shown_until(session, lambda views: views)
    session.configure(PipelineConfig(max_people=1))
    shown_until(session, lambda views: views and len(views[-1].result.people) == 1)
    session.play(True)
    shown_until(session, lambda views: session.status().state == "ended")
    assert [len(people) for _, people, _ in session.history.frames()] == [2] * 10 + [1] * 40


def test_settings_changed_right_before_a_restart_count_from_the_first_frame_on(begin) -> None:
    session = begin(FakeFile(50), FakeFile(50))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    session.configure(PipelineConfig(max_people=1))
    wait_for(lambda: session._inference.changes == 1)
    session.reopen()
    shown_until(session, lambda views: views and session.status().state == "ended")
    assert [len(people) for _, people, _ in session.history.frames()] == [1] * 50


def test_where_the_ground_was_in_known_frames_is_shown_and_outlives_a_restart(begin) -> None:
    session = begin(FakeFile(20), FakeFile(20), FakeFile(20))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    frames, pan = session.history.frames(), np.array([[1, 0, 5.0], [0, 1, 0], [0, 0, 1]])
    known = [frame._replace(ground=Ground(3, pan)) for frame in frames[:10]]
    session.open("a.mp4", known=known, goes_on=True)
    for _ in range(2):
        views = shown_until(session, lambda views: session.status().state == "ended")
        assert {view.result.shot for view in views if view.time_s < 0.39} == {3}
        # How the camera moved before the first frame that was not known is unknown
        assert [frame.ground.shot for frame in session.history.frames()] == [3] * 10 + [4] * 10
        assert session.history.ground_at(0.36).camera is pan
        session.reopen()


def test_no_network_is_loaded_if_all_people_are_known(begin) -> None:
    def never(config: PipelineConfig):
        raise AssertionError("no network is needed")

    session = begin(FakeFile(30), FakeFile(30))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    frames = session.history.frames()
    for known, goes_on in ((frames, True), (frames[:10], False)):
        other = Session(PipelineConfig(), never, opener(FakeFile(30)))
        other.set_speed(1e9)
        try:
            other.open("a.mp4", known=known, goes_on=goes_on)
            shown_until(other, lambda views, other=other: other.status().state == "ended")
            assert other.status().problem == ""
            assert len(other.history.frames()) == len(known)
        finally:
            other.close()


def test_new_settings_do_not_change_known_people(begin) -> None:
    session = begin(FakeFile(50), FakeFile(50))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    frames = session.history.frames()
    session.open("a.mp4", known=[*frames[:10], *frames[20:30]], goes_on=True)
    shown_until(session, lambda views: session.status().state == "ended")
    session.play(False)
    session.seek(0.0)
    shown_until(session, lambda views: views and views[-1].time_s == 0.0)
    session.configure(PipelineConfig(max_people=1))
    session.play(True)
    shown_until(session, lambda views: views and session.status().state == "ended")
    found = [len(people) for _, people, _ in session.history.frames()]
    assert found == [2] * 10 + [1] * 10 + [2] * 10 + [1] * 20


def test_a_jump_ahead_gives_new_ids_never_old_ones(begin) -> None:
    session = begin(FakeFile(200))
    session.open("a.mp4")
    shown_until(session, lambda views: views and len(views[-1].result.people) == 2)
    session.seek(6.0)
    views = shown_until(session, lambda views: views and views[-1].time_s >= 6.0)
    assert views[-1].result.people.ids.tolist() == [3, 4]


def test_a_file_that_breaks_off_keeps_what_was_read(begin) -> None:
    session = begin(FakeFile(30, breaks_at=10))
    session.set_speed(1e9)
    session.open("a.mp4")
    shown_until(session, lambda views: session.status().state == "ended")
    assert session.status().problem == "fake file: breaks off"
    assert len(session.history.frames()) == 10


def test_a_seek_past_the_end_shows_the_last_frame(begin) -> None:
    session = begin(FakeFile(30))
    session.open("clip.mp4")
    shown_until(session, lambda views: len(views) > 2)
    session.play(False)
    session.seek(1000.0)
    views = shown_until(session, lambda views: views and views[-1].result.frame.index == 29)
    assert burnt_number(views[-1].result.frame.image) == 29


def test_after_a_failed_seek_another_one_works(begin) -> None:
    class Torn(FakeFile):
        def seek(self, time_s: float) -> None:
            if time_s > 0.5:
                raise MediaError("fake file: cannot go there")
            super().seek(time_s)

    session = begin(Torn(30))
    session.open("clip.mp4")
    shown_until(session, lambda views: len(views) > 2)
    session.seek(1.0)
    wait_for(lambda: session.status().problem == "fake file: cannot go there")
    session.seek(0.2)
    views = shown_until(session, lambda views: views and views[-1].result.frame.index == 5)
    assert session.status().state == "running"
    assert session.status().problem == ""
    assert views


def test_scrubbing_faster_than_the_file_is_decoded_shows_pictures_on_the_way(begin) -> None:
    class Sparse(FakeFile):
        """A file whose key frames are far apart."""

        def seek(self, time_s: float) -> None:
            time.sleep(0.05)
            super().seek(time_s)

    session = begin(Sparse(200))
    session.open("clip.mp4")
    session.play(False)
    shown_until(session, lambda views: views)
    times_s: list[float] = []
    for step in range(100):  # dragging for a second
        session.seek(step * 0.04)
        times_s += [view.time_s for view in watch(session, 0.01)]
    assert len(times_s) > 2 and times_s == sorted(times_s)
    views = shown_until(session, lambda views: views and views[-1].time_s == 3.96)
    assert len(views) <= 2  # the pending one, and the one where the drag ended
    assert not watch(session, 0.2)


def test_a_frame_that_comes_while_its_camera_is_closed_counts_as_dropped() -> None:
    class Closing(FakeCamera):
        """Gives one frame, at the very moment of being closed."""

        def __iter__(self):
            feed.close()
            self.given += 1
            yield Frame(0, 0.0, np.zeros((8, 8, 3), np.uint8))

    camera, gauges = Closing(), Gauges()
    feed = LiveFeed("0", opener(camera), gauges)
    feed.start()
    assert feed.join(5)
    counts = gauges.counts()
    assert (counts.captured, counts.dropped, counts.in_flight) == (1, 1, 0)


def test_a_camera_closed_while_it_opens_ends_its_thread() -> None:
    class Silent(FakeCamera):
        """Connects, but sends nothing until it is stopped."""

        def __iter__(self):
            self._stopped.wait()
            yield from ()

    camera, opening, go_on = Silent(), threading.Event(), threading.Event()

    def open_slowly(spec: str) -> Silent:
        opening.set()
        go_on.wait()
        return camera

    feed = LiveFeed("0", open_slowly, Gauges())
    feed.start()
    opening.wait()
    feed.close()
    go_on.set()
    assert feed.join(30.0)


def test_a_loop_begins_again(begin) -> None:
    session = begin(FakeFile(5))
    session.loop = True
    session.set_speed(1e9)
    session.open("a.mp4")
    views = shown_until(session, lambda views: len([v for v in views if v.time_s == 0]) > 2)
    assert {view.result.people.ids.tolist()[0] for view in views if len(view.result.people)} == {1}


def test_a_loop_is_recorded_as_one_film(begin, tmp_path) -> None:
    session = begin(FakeFile(10))
    session.loop = True
    session.open("a.mp4")
    session.record(RecordingPlan(tmp_path, "loop", Fraction(25), overlay=False))
    shown_until(session, lambda views: len(views) > 15)
    session.close()
    times_s = [one.frame.time_s for one in read_tracks(tmp_path / "loop.csv").frames]
    assert len(times_s) > 15
    assert times_s == pytest.approx([i / 25 for i in range(len(times_s))], abs=1e-4)


def test_corrections_apply_at_once_and_later_and_can_be_undone(begin) -> None:
    session = begin(FakeFile(100))
    session.open("a.mp4")
    session.play(False)
    first = shown_until(session, lambda views: views)[-1]
    assert first.result.people.ids.tolist() == [1, 2]
    session.correct(Correction("swap", 1, 2, from_s=first.time_s))
    assert shown_until(session, lambda views: views)[-1].result.people.ids.tolist() == [2, 1]
    session.step(forward=True)
    assert shown_until(session, lambda views: views)[-1].result.people.ids.tolist() == [2, 1]
    session.undo()
    assert shown_until(session, lambda views: views)[-1].result.people.ids.tolist() == [1, 2]
    session.redo()
    assert shown_until(session, lambda views: views)[-1].result.people.ids.tolist() == [2, 1]


def test_settings_apply_from_the_frame_on_screen(begin) -> None:
    session = begin(FakeFile(100))
    session.open("a.mp4")
    session.play(False)
    shown_until(session, lambda views: views and len(views[-1].result.people) == 2)
    session.configure(PipelineConfig(max_people=1))
    views = shown_until(session, lambda views: views and len(views[-1].result.people) == 1)
    assert views[-1].time_s == 0.0


@pytest.mark.parametrize(
    ("change", "loads"),
    [
        ({"max_latency_ms": 40.0}, False),
        ({"find_missed": True, "camera_motion": False}, False),
        ({"detect_every": 3, "tracker": TrackerConfig(memory_s=7)}, False),
        ({"detector_size": 448}, True),
        ({"appearance": True}, True),
        ({"flip": True, "pose": "other"}, True),
    ],
)
def test_settings_change_between_frames_without_a_restart(change, loads: bool) -> None:
    built = []

    def make(config: PipelineConfig):
        built.append(make_pipeline(config))
        return built[-1]

    camera = FakeCamera(60)
    session = Session(PipelineConfig(), make, opener(camera))
    try:
        session.open("0")
        shown_until(session, lambda views: views and len(views[-1].result.people) == 2)
        config = PipelineConfig(**change)
        session.configure(config)
        shown_until(session, lambda views: built[-1].config == config and len(views) > 5)
        views = shown_until(session, lambda views: len(views) > 5)
        assert len(built) == 1 + loads
        assert built[-1].budget.limit_ms == config.max_latency_ms
        assert built[-1].tracker.config == config.tracker
        # The same camera, and the same people in front of it
        assert session.status().counts.captured >= camera.given - 1
        assert all(view.result.people.ids.tolist() == [1, 2] for view in views)
    finally:
        session.close()


def test_networks_that_are_slow_at_first_make_nobody_forgotten(begin) -> None:
    class SlowAtFirst(TwoWalkers):
        def __call__(self, frame: Frame):
            found, self.delay_s = super().__call__(frame), 0.0
            return found

    def make(config: PipelineConfig):
        wait_for(lambda: session._loader.picture_wh)
        pipeline = make_pipeline(config)
        pipeline.detector = SlowAtFirst(delay_s=1.0)
        return pipeline

    config = PipelineConfig(tracker=TrackerConfig(memory_s=0.5))
    session = Session(config, make, opener(FakeCamera(60)))
    try:
        session.open("0")
        for _ in range(2):
            shown_until(session, lambda views: views and len(views[-1].result.people) == 2)
            views = watch(session, 0.5)
            assert {tuple(view.result.people.ids.tolist()) for view in views} == {(1, 2)}
            session.configure(replace(config, flip=True))
            shown_until(session, lambda views: not session.status().loading)
    finally:
        session.close()


def test_a_pipeline_that_fails_leaves_the_picture_running(begin) -> None:
    def broken(config: PipelineConfig):
        pipeline = make_pipeline(config)
        pipeline.detector = lambda frame: 1 / 0
        return pipeline

    session = Session(PipelineConfig(), broken, opener(FakeCamera(60)))
    try:
        session.open("0")
        shown_until(session, lambda views: len(views) > 5 and session.status().problem)
        assert "ZeroDivisionError" in session.status().problem
    finally:
        session.close()


def test_a_correction_that_the_tracker_cannot_apply_leaves_the_picture_running(
    begin, monkeypatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("nobody of that number")

    monkeypatch.setattr("app.live.inference.honour", fail)
    session = begin(FakeCamera())
    session.open("0")
    shown_until(session, lambda views: views and len(views[-1].tracked))
    session.correct(Correction("rename", 1, name="Anna"))
    wait_for(lambda: "nobody of that number" in session.status().problem)
    assert len(shown_until(session, lambda views: len(views) > 3)) > 3


def test_an_error_outside_the_networks_is_reported_and_survived(begin, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no room for that")

    session = begin(FakeCamera())
    session.open("0")
    shown_until(session, lambda views: views and len(views[-1].tracked))
    with monkeypatch.context() as patch:
        patch.setattr("app.live.run.corrected_view", fail)
        wait_for(lambda: "no room for that" in session.status().problem)
    assert len(shown_until(session, lambda views: len(views) > 3)) > 3
    wait_for(lambda: session.status().problem == "")


def test_the_delay_mirror_shows_the_past(begin) -> None:
    session = begin(FakeCamera(60))
    session.set_delay(0.5)
    session.open("0")
    views = watch(session, 1.2)
    assert views
    session.set_delay(0.0)
    ages_s = [session.status().flow.latency_median_ms / 1000]
    assert 0.48 < ages_s[0] < 0.65


def test_quick_starts_stops_and_changes_leave_nothing_behind(begin) -> None:
    before = threading.active_count()
    sources = [FakeCamera(60) if turn % 2 else FakeFile(20) for turn in range(60)]
    session = begin(*sources)
    for turn in range(60):
        session.open("0" if turn % 2 else "a.mp4")
        if turn % 3 == 0:
            session.take()
        if turn % 5 == 0:
            session.stop()
    session.stop()
    wait_for(lambda: threading.active_count() <= before + 2)  # the session's loader and inference
