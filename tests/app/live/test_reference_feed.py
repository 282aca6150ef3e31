"""The reference's frames by time, with the people saved with them, and its clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import make_video, picture, turn
from fake_session import BoxJoints, FakeFile, TwoWalkers, wait_for

from app.corrections import Correction
from app.live.playback import LATE_S
from app.live.reference import Clock, FramesByTime, ReferenceFeed
from app.results import OpenResult
from app.video.file import FileSource
from app.video.source import MediaError, open_source
from pose.people import Frame
from tracking.tracks import KnownFrame, TrackedPoses


def by_time(source) -> FramesByTime:
    return FramesByTime(source, float(1 / source.frame_rate))


def no_tracks(path: Path) -> None:
    return None


@pytest.mark.parametrize("kind", ["mp4", "avi", "ts", "mkv"])
def test_every_time_has_the_picture_that_is_on_screen_then(tmp_path: Path, kind: str) -> None:
    path = make_video(tmp_path / f"walk.{kind}", 60, options={"g": "25"})
    with open_source(path) as source:
        frames = by_time(source)
        for index in (0, 1, 2, 5, 40, 41, 12, 12, 11, 59, 0):
            for late_s in (-0.015, 0.0, 0.015):  # nearer to this frame than to its neighbours
                frame = frames.at(index / 25 + late_s)
                assert frame is not None
                assert frame.time_s == pytest.approx(index / 25, abs=2e-3)
            assert np.abs(frame.image.astype(int) - picture(index)).mean() < 4
            last = index == 59
            assert frames.next_s == (None if last else pytest.approx((index + 1) / 25, abs=2e-3))


@pytest.mark.parametrize("name", ["walk.mp4", "raw.h264"])
def test_outside_the_file_its_first_or_last_picture_stays(tmp_path: Path, name: str) -> None:
    kind = "h264" if name.endswith("h264") else None
    path = make_video(tmp_path / name, 20, format_name=kind)
    with open_source(path) as source:
        frames = by_time(source)
        for time_s, index in ((-5.0, 0), (1000.0, 19), (0.4, 10), (0.84, 19), (0.0, 0)):
            frame = frames.at(time_s)
            assert frame is not None
            assert frame.time_s == pytest.approx(index / 25, abs=2e-3)


def test_where_frames_come_at_any_time_each_stays_until_the_next(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 1.0, 1.01, 1.02, 1.03, 2.5, 2.54]
    path = make_video(tmp_path / "screen.mkv", 8, times_s=times_s)
    with open_source(path) as source:
        frames = FramesByTime(source, 0.04)
        for time_s, there_s in ((0.9, 0.04), (2.4, 1.03), (0.5, 0.04), (1.6, 1.03), (2.6, 2.54)):
            frame = frames.at(time_s)
            assert frame is not None
            assert frame.time_s == pytest.approx(there_s, abs=2e-3)


def test_frames_that_are_not_shown_are_not_converted(tmp_path: Path, monkeypatch) -> None:
    converted: list[int] = []
    convert = FileSource._picture
    monkeypatch.setattr(
        FileSource, "_picture", lambda self, frame: converted.append(1) or convert(self, frame)
    )
    path = make_video(tmp_path / "walk.mp4", 100, rate=50, options={"g": "250"})
    with open_source(path) as source:
        frames = by_time(source)
        monkeypatch.setattr(source, "_land", lambda _: pytest.fail("back to a key frame"))
        for index in range(0, 100, 5):  # as beside a picture at 10 frames a second
            frame = frames.at(index / 50)
            assert frame is not None and frame.index == index
        assert len(converted) == 2 * 20  # it, and the one after it
        assert frames.at(1.9) is frames.at(1.905)


def test_a_file_that_breaks_off_is_shown_up_to_there(tmp_path: Path) -> None:
    frames = FramesByTime(FakeFile(50, breaks_at=10), 0.04)
    frame = frames.at(0.36)
    assert frame is not None and frame.index == 9
    assert frames.problem == "fake file: breaks off"
    frame = frames.at(1.0)
    assert frame is not None and frame.index == 9 and frames.problem
    frame = frames.at(0.2)
    assert frame is not None and frame.index == 5 and not frames.problem


def started(spec: str, saved_with=no_tracks, **how) -> ReferenceFeed:
    feed = ReferenceFeed(spec, saved_with, **how)
    feed.start()
    return feed


def taken(feed: ReferenceFeed):
    """The next moment that the feed gives."""
    moments = []
    wait_for(lambda: (moment := feed.take()) is not None and moments.append(moment) is None)
    return moments[0]


def ended(feed: ReferenceFeed) -> bool:
    feed.close()
    return feed.join(10)


def test_a_rotation_tag_is_obeyed_and_the_people_saved_come_with_corrections(
    tmp_path: Path,
) -> None:
    path = turn(make_video(tmp_path / "phone.mp4", 10))
    frame = Frame(0, 0.2, np.zeros((160, 120, 3), np.uint8))
    people = TrackedPoses(BoxJoints()(frame, TwoWalkers()(frame)), np.array([1, 2]))
    steps = (Correction("set id", 1, 7), Correction("rename", 7, name="Anna"))
    result = OpenResult(str(path), False, [KnownFrame(0.2, people)], steps, path, False)
    feed = started("phone.json", lambda _: result)
    feed.ask(0.2)
    moment = taken(feed)
    assert moment.view.result.frame.size_wh == (120, 160)
    assert moment.view.result.people.ids.tolist() == [7, 2]
    assert feed.names == {7: "Anna"}
    feed.ask(0.24)  # nobody was saved there
    assert len(taken(feed).view.result.people) == 0
    assert ended(feed)


def test_of_many_requests_only_the_newest_is_answered(tmp_path: Path) -> None:
    class Slow(FakeFile):
        seeks = 0

        def seek(self, time_s: float) -> None:
            self.seeks += 1
            if self.seeks == 1:
                wait_for(lambda: asked)
            super().seek(time_s)

    asked: list[bool] = []
    source = Slow(1000)
    feed = started("a.mp4", open_source=lambda _: source)
    feed.ask(1.0)
    wait_for(lambda: source.seeks == 1)
    for index in range(500):
        feed.ask(index / 25)
    asked.append(True)
    wait_for(lambda: source.seeks == 2)
    wait_for(lambda: (moment := feed.take()) is not None and moment.view.result.frame.index == 499)
    assert source.seeks == 2
    assert ended(feed)


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    for name in ("text.mp4", "missing.mp4"):
        feed = started(str(tmp_path / name))
        wait_for(lambda feed=feed: feed.state == "failed")
        assert name in feed.problem and "\n" not in feed.problem
        assert ended(feed)

    def broken(path: Path) -> None:
        raise MediaError("a.json: damaged")

    feed = started(str(tmp_path / "a.mp4"), broken)
    wait_for(lambda: feed.problem == "a.json: damaged")
    assert ended(feed)


def test_a_clock_plays_pauses_and_changes_its_speed_without_a_jump() -> None:
    clock = Clock()
    clock.go_to(3.0, 100.0)
    assert clock.time_s(101.0) == 4.0
    clock.set_speed(0.5, 101.0)
    assert clock.time_s(103.0) == 5.0
    clock.play(False, 103.0)
    assert clock.time_s(110.0) == 5.0
    clock.play(True, 110.0)
    assert clock.time_s(111.0) == 5.5


def test_a_clock_waits_for_late_frames_but_not_for_those_from_before_a_jump() -> None:
    clock = Clock()
    clock.go_to(0.0, 100.0)
    clock.wait_for(0.95, 101.0)
    assert clock.time_s(101.0) == 1.0
    clock.wait_for(0.5, 101.0)
    assert clock.time_s(101.0) == 0.5 + LATE_S
    clock.wait_for(0.5, 102.0)
    assert clock.time_s(102.0) == 0.5 + LATE_S
    clock.go_to(5.0, 101.0)
    clock.wait_for(0.7, 101.2)
    assert clock.time_s(101.2) == pytest.approx(5.2)
    clock.go_to(0.0, 102.0)
    clock.wait_for(5.2, 102.1)
    assert clock.time_s(102.1) == pytest.approx(0.1)
