"""A second video beside the picture: together with a file, by itself beside a camera."""

from __future__ import annotations

import math
import shutil
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_video, turn
from fake_session import BoxJoints, FakeCamera, FakeFile, TwoWalkers
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication

from app.corrections import Correction
from app.results import GOES_ON, save_result
from pose.people import Frame
from pose.skeleton import COCO17
from tracking.files import ClipInfo
from tracking.tracks import KnownFrame, TrackedPoses

EXACT = {"abs": 2e-3}


def trigger(window, name: str) -> None:
    """Run a command as its shortcut would."""
    action = window.actions_by_name[name]
    assert action.isEnabled(), f"{name} is disabled"
    action.trigger()


def shown_s(window) -> float:
    """The time of the picture on screen; nan for none."""
    view = window.presenter.view
    return math.nan if view is None else view.time_s


def wait_for_both(qtbot, window, main_s: float, reference_s: float) -> None:
    """Wait until both pictures on screen are those of these times."""
    qtbot.waitUntil(
        lambda: (
            shown_s(window) == pytest.approx(main_s, **EXACT)
            and window.reference.now_s == pytest.approx(reference_s, **EXACT)
        )
    )


@pytest.fixture
def beside(qtbot, paused, tmp_path: Path):
    """A window on a paused file of 4 s with a reference of 4 s at twice its rate."""
    paused.reference.open(str(make_video(tmp_path / "teacher.mp4", 200, rate=50)))
    qtbot.waitUntil(lambda: paused.reference._moment is not None)
    qtbot.waitUntil(lambda: paused.stage.reference.slider.maximum() > 0)  # its length is reported
    return paused


def test_the_reference_plays_pauses_steps_and_jumps_with_a_file(qtbot, beside) -> None:
    beside.session.seek(2.0)
    wait_for_both(qtbot, beside, 2.0, 2.0)
    trigger(beside, "forward")
    wait_for_both(qtbot, beside, 2.04, 2.04)
    trigger(beside, "back")
    wait_for_both(qtbot, beside, 2.0, 2.0)
    trigger(beside, "play")
    qtbot.waitUntil(lambda: beside.reference.now_s > 2.3)
    trigger(beside, "play")
    qtbot.wait(100)
    assert beside.reference.now_s == pytest.approx(shown_s(beside), **EXACT)
    trigger(beside, "start")
    wait_for_both(qtbot, beside, 0.0, 0.0)


def test_the_reference_loops_with_a_file(qtbot, beside) -> None:
    trigger(beside, "loop")
    beside.session.seek(3.8)
    wait_for_both(qtbot, beside, 3.8, 3.8)
    trigger(beside, "play")
    qtbot.waitUntil(lambda: 0 <= beside.reference.now_s < 1)


def test_a_nudge_moves_the_reference_by_a_frame_of_its_own_and_lasts(qtbot, beside) -> None:
    beside.session.seek(2.0)
    wait_for_both(qtbot, beside, 2.0, 2.0)
    for now_s in (2.02, 2.04, 2.06):
        trigger(beside, "reference-forward")
        wait_for_both(qtbot, beside, 2.0, now_s)
    trigger(beside, "reference-back")
    wait_for_both(qtbot, beside, 2.0, 2.04)
    beside.session.seek(1.0)
    wait_for_both(qtbot, beside, 1.0, 1.04)


def test_nudges_past_an_end_do_nothing(qtbot, beside) -> None:
    for _ in range(3):
        trigger(beside, "reference-back")
    trigger(beside, "reference-forward")
    wait_for_both(qtbot, beside, 0.0, 0.02)
    beside.stage.reference.slider.setValue(beside.stage.reference.slider.maximum())
    qtbot.waitUntil(lambda: beside.reference.now_s == pytest.approx(3.98, **EXACT))
    for _ in range(3):
        trigger(beside, "reference-forward")
    trigger(beside, "reference-back")
    wait_for_both(qtbot, beside, 0.0, 3.96)


def test_sync_here_takes_the_two_pictures_on_screen_as_one_moment(qtbot, beside) -> None:
    trigger(beside, "sync")  # let go
    beside.stage.reference.slider.setValue(1000)
    beside.session.seek(3.0)
    wait_for_both(qtbot, beside, 3.0, 1.0)
    trigger(beside, "reference-forward")
    wait_for_both(qtbot, beside, 3.0, 1.02)
    trigger(beside, "sync")
    qtbot.wait(50)
    wait_for_both(qtbot, beside, 3.0, 1.02)
    beside.session.seek(3.4)
    wait_for_both(qtbot, beside, 3.4, 1.42)
    beside.session.seek(1.0)  # before the reference begins
    wait_for_both(qtbot, beside, 1.0, 0.0)
    beside.session.seek(2.6)
    wait_for_both(qtbot, beside, 2.6, 0.62)


def test_a_shorter_reference_stays_at_its_end_and_comes_back(qtbot, paused, tmp_path) -> None:
    paused.reference.open(str(make_video(tmp_path / "short.mp4", 25)))
    paused.session.seek(3.0)
    wait_for_both(qtbot, paused, 3.0, 0.96)
    paused.session.seek(0.4)
    wait_for_both(qtbot, paused, 0.4, 0.4)


def test_a_reference_opened_later_shows_the_time_of_the_picture(qtbot, paused, tmp_path) -> None:
    paused.session.seek(2.0)
    qtbot.waitUntil(lambda: shown_s(paused) == 2.0)
    paused.reference.open(str(make_video(tmp_path / "teacher.mp4", 100)))
    wait_for_both(qtbot, paused, 2.0, 2.0)


def test_beside_a_camera_the_transport_works_the_reference(qtbot, open_window, tmp_path) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    qtbot.waitUntil(lambda: window.session.status().state == "running")
    window.presenter.report()
    assert not window.actions_by_name["play"].isEnabled()
    window.reference.open(str(make_video(tmp_path / "teacher.mp4", 200)))
    qtbot.waitUntil(lambda: window.reference.now_s > 0.2)
    assert not window.actions_by_name["sync"].isEnabled()
    trigger(window, "play")
    qtbot.wait(100)
    paused_s = window.reference.now_s
    qtbot.wait(150)
    assert window.reference.now_s == paused_s
    trigger(window, "forward-far")
    qtbot.waitUntil(lambda: window.reference.now_s == pytest.approx(paused_s + 5, abs=0.05))
    before_s = window.reference.now_s
    trigger(window, "forward")
    qtbot.waitUntil(lambda: window.reference.now_s == pytest.approx(before_s + 0.04, **EXACT))
    trigger(window, "back")
    qtbot.waitUntil(lambda: window.reference.now_s == pytest.approx(before_s, **EXACT))
    window.presenter.report()
    assert window.stage.transport._time.text().endswith("/  0:08.00")
    assert window.stage.transport._speed.isEnabled()
    trigger(window, "start")
    qtbot.waitUntil(lambda: window.reference.now_s == 0.0)
    assert window.session.status().playing  # the camera


def test_beside_a_camera_the_reference_stops_at_its_end_or_loops(
    qtbot, open_window, tmp_path
) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    window.reference.open(str(make_video(tmp_path / "teacher.mp4", 20)))
    qtbot.waitUntil(lambda: window.reference.now_s > 0.7 and not window.reference.playing)
    qtbot.waitUntil(window.actions_by_name["play"].isEnabled)
    trigger(window, "play")
    qtbot.waitUntil(lambda: window.reference.playing and window.reference.now_s < 0.7)
    trigger(window, "loop")
    seen_s = []
    qtbot.waitUntil(lambda: seen_s.append(window.reference.now_s) or max(seen_s) > 0.7)
    qtbot.waitUntil(lambda: window.reference.now_s < 0.5)
    assert window.reference.playing


def test_beside_a_camera_the_reference_loops_in_a_range(qtbot, open_window, tmp_path) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    window.reference.open(str(make_video(tmp_path / "teacher.mp4", 200)))
    qtbot.waitUntil(lambda: window.reference.now_s > 0)
    qtbot.waitUntil(window.actions_by_name["range-start"].isEnabled)
    for name, time_s in (("range-start", 2.0), ("range-end", 2.2)):
        window.reference.play(False)
        window.reference.seek(time_s)
        qtbot.waitUntil(lambda t=time_s: window.reference.now_s == pytest.approx(t, **EXACT))
        trigger(window, name)
    assert window.status.currentMessage() == "The reference plays from 0:02.00 to 0:02.20"
    trigger(window, "loop")
    window.reference.play(True)
    seen_s = []
    qtbot.waitUntil(lambda: seen_s.append(window.reference.now_s) or max(seen_s) > 2.1)
    qtbot.waitUntil(lambda: window.reference.now_s < 2.1)
    trigger(window, "loop")
    qtbot.waitUntil(lambda: not window.reference.playing)
    assert window.reference.now_s == pytest.approx(2.2, abs=0.05)
    trigger(window, "play")
    qtbot.waitUntil(lambda: window.reference.now_s < 2.1)
    trigger(window, "range-clear")
    window.reference.seek(6.0)
    qtbot.waitUntil(lambda: window.reference.now_s > 6.1)


def test_the_speed_is_also_that_of_a_reference_on_its_own(qtbot, open_window, tmp_path) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    window.reference.open(str(make_video(tmp_path / "teacher.mp4", 20)))
    speed = window.stage.transport._speed
    for index, times in ((speed.count() - 1, 4.0), (0, 0.1)):  # “Fastest”, slowest
        speed.setCurrentIndex(index)
        assert window.reference._clock._speed == times


def test_another_source_begins_together_with_the_reference(qtbot, beside, tmp_path) -> None:
    trigger(beside, "reference-forward")
    trigger(beside, "sync")
    beside.open([str(tmp_path / "b.mp4")])
    beside.session.play(False)
    qtbot.waitUntil(lambda: beside.presenter.view is not None)
    wait_for_both(qtbot, beside, 0.0, 0.0)
    assert beside.actions_by_name["sync"].isChecked()


def test_what_belongs_together_is_kept_for_the_two_files(
    qtbot, beside, open_window, tmp_path
) -> None:
    beside.session.seek(1.0)
    wait_for_both(qtbot, beside, 1.0, 1.0)
    beside.reference._pane.slider.setValue(2500)
    wait_for_both(qtbot, beside, 1.0, 2.5)
    teacher = tmp_path / "teacher.mp4"
    again = open_window()
    again.reference.open(str(teacher))
    again.open([str(tmp_path / "other.mp4")])  # never beside it before: both from the start
    again.session.play(False)
    wait_for_both(qtbot, again, 0.0, 0.0)
    again.open([str(tmp_path / "a.mp4")])
    again.session.play(False)
    wait_for_both(qtbot, again, 0.0, 1.5)
    again.reference.open(str(make_video(tmp_path / "pupil.mp4", 50)))
    wait_for_both(qtbot, again, 0.0, 0.0)
    again.reference.open(str(teacher))
    wait_for_both(qtbot, again, 0.0, 1.5)


def test_a_reference_on_its_own_or_let_go_of_changes_nothing_kept(qtbot, beside, memory) -> None:
    trigger(beside, "sync")
    beside.reference.seek(2.0)
    trigger(beside, "close-source")
    qtbot.waitUntil(lambda: beside.reference.on_its_own)
    beside.reference.seek(3.0)
    assert memory._pairs() == []


def test_damaged_pairs_are_left_out_and_the_newest_are_kept(memory) -> None:
    memory.set_value("pairs", '[["a", "b", NaN], ["a", "b"]]')
    assert memory.time_after("a", "b") == 0
    for number in range(300):
        memory.set_time_after("a", str(number), 1.5)
    assert memory.time_after("a", "299") == 1.5
    assert memory.time_after("a", "0") == 0
    memory.set_time_after("a", "299", 0.0)
    assert memory.time_after("a", "299") == 0


def test_the_slider_shades_what_goes_with_the_picture(qtbot, beside) -> None:
    def shaded() -> tuple[float, float] | None:
        beside.presenter.report()
        return beside.reference._pane.slider._shaded_s

    assert shaded() == pytest.approx((0.0, 4.0))
    beside.reference.seek(1.0)
    assert shaded() == pytest.approx((1.0, 5.0))
    slider = beside.reference._pane.slider
    qtbot.waitUntil(lambda: slider.value() == 1000)
    inside, outside = slider.grab().toImage(), slider.width() // 8
    low = slider.height() // 2 + 4  # below the groove
    assert inside.pixel(slider.width() // 2, low) != inside.pixel(outside, low)
    trigger(beside, "sync")
    assert shaded() is None


def test_the_reference_goes_on_when_the_source_is_closed_and_opened(
    qtbot, beside, tmp_path
) -> None:
    trigger(beside, "close-source")
    qtbot.waitUntil(lambda: beside.reference.on_its_own and beside.reference.now_s > 0.1)
    assert beside.stage.welcome.isVisible()
    beside.open([str(tmp_path / "b.mp4")])
    qtbot.waitUntil(lambda: not beside.reference.on_its_own)
    beside.session.play(False)
    beside.session.seek(0.4)
    wait_for_both(qtbot, beside, 0.4, 0.4)


def test_another_range_keeps_what_belongs_together(qtbot, open_window, tmp_path) -> None:
    window = open_window(FakeFile(100), FakeFile(100))
    window.session.play(False)
    window.reference.open(str(make_video(tmp_path / "teacher.mp4", 200, rate=50)))
    window.session.seek(1.0)
    wait_for_both(qtbot, window, 1.0, 1.0)
    trigger(window, "reference-forward")
    wait_for_both(qtbot, window, 1.0, 1.02)
    trigger(window, "range-start")
    window.session.play(False)
    window.session.seek(1.2)
    wait_for_both(qtbot, window, 1.2, 1.22)


def saved(video: Path, goes_on: bool = False) -> None:
    """Save tracks of two people and corrections beside `video`, as the window does."""
    frames = []
    for index in range(10):
        frame = Frame(index, index / 25, np.zeros((120, 160, 3), np.uint8))
        people = TrackedPoses(BoxJoints()(frame, TwoWalkers()(frame)), np.array([1, 2]))
        frames.append(KnownFrame(frame.time_s, people))
    info = ClipInfo(video.stem, (160, 120), COCO17, None, {GOES_ON: goes_on})
    steps = (Correction("rename", 1, name="Anna"), Correction("delete", 2))
    save_result(video.with_suffix(".json"), info, frames, steps, lambda _: None)


@pytest.mark.parametrize("name", ["teacher.mp4", "teacher.json"])
def test_saved_tracks_are_drawn_with_their_corrections(qtbot, paused, tmp_path, name) -> None:
    saved(make_video(tmp_path / "teacher.mp4", 20))
    paused.editing.rename(1, "Ben")
    paused.reference.open(str(tmp_path / name))
    canvas = paused.stage.reference.canvas
    qtbot.waitUntil(lambda: canvas._drawing is not None)
    assert [label.text for label in canvas._drawing.labels] == ["Anna"]
    assert len(canvas._drawing.segments)
    qtbot.waitUntil(lambda: paused.status.currentMessage().startswith(f"{name}: 2 people"))
    paused.overlay.toggle("labels")
    qtbot.waitUntil(lambda: canvas._drawing.labels == ())
    paused.session.seek(0.6)  # nobody was saved there
    wait_for_both(qtbot, paused, 0.6, 0.6)
    assert len(canvas._drawing.segments) == 0


def test_a_reference_followed_in_part_says_how_to_see_the_rest(qtbot, paused, tmp_path) -> None:
    saved(make_video(tmp_path / "teacher.mp4", 20), goes_on=True)
    paused.reference.open(str(tmp_path / "teacher.mp4"))
    told = "; follow the rest and save it (Ctrl+S) to see it drawn"
    qtbot.waitUntil(lambda: paused.status.currentMessage().endswith(told))


def test_a_reference_without_tracks_says_so(qtbot, beside) -> None:
    text = "teacher.mp4 has no saved tracks: follow and save it (Ctrl+S) to see its people drawn"
    qtbot.waitUntil(lambda: beside.status.currentMessage() == text)
    assert beside.stage.reference.canvas._drawing is None


def test_damaged_tracks_are_reported_in_one_line(qtbot, paused, tmp_path) -> None:
    saved(make_video(tmp_path / "teacher.mp4", 20))
    (tmp_path / "teacher.json").write_text("{")
    paused.reference.open(str(tmp_path / "teacher.mp4"))
    qtbot.waitUntil(lambda: "teacher.json" in paused.stage.reference.canvas._waiting)
    assert "\n" not in paused.stage.reference.canvas._waiting


def test_the_same_file_can_be_beside_itself(qtbot, paused, tmp_path) -> None:
    path = str(make_video(tmp_path / "a.mp4", 100))
    paused.reference.open(path)
    paused.reference.open(path)  # and again, before it was read
    qtbot.waitUntil(lambda: paused.reference._moment is not None)
    paused.session.seek(1.0)
    wait_for_both(qtbot, paused, 1.0, 1.0)


def test_a_turned_reference_is_shown_upright(qtbot, paused, tmp_path) -> None:
    paused.reference.open(str(turn(make_video(tmp_path / "phone.mp4", 20))))
    canvas = paused.stage.reference.canvas
    qtbot.waitUntil(lambda: canvas.viewport.frame_wh == (120, 160))


def test_what_cannot_be_shown_is_said_in_the_pane_and_leaves_the_picture(
    qtbot, beside, tmp_path
) -> None:
    for name, content in (("gone.mp4", None), ("text.mp4", "not a video"), ("empty.mp4", "")):
        if content is not None:
            (tmp_path / name).write_text(content)
        beside.reference.open(str(tmp_path / name))
        canvas = beside.stage.reference.canvas
        qtbot.waitUntil(lambda name=name, canvas=canvas: f"{name}: " in canvas._waiting)
        assert "\n" not in canvas._waiting
        assert beside.status.currentMessage() == canvas._waiting
        assert not beside.stage.notice.isVisible()
    trigger(beside, "forward")
    qtbot.waitUntil(lambda: shown_s(beside) == pytest.approx(0.04))
    beside.reference.open(str(tmp_path / "teacher.mp4"))
    wait_for_both(qtbot, beside, 0.04, 0.04)
    said = []
    beside.status.messageChanged.connect(said.append)
    beside.reference.open("rtsp://here/1")
    assert said == ["rtsp://here/1: only a file can be a reference"]
    wait_for_both(qtbot, beside, 0.04, 0.04)


def test_a_file_that_breaks_off_or_vanishes_keeps_its_last_picture(qtbot, paused, tmp_path) -> None:
    path = make_video(tmp_path / "cut.ts", 100, codec="mpeg2video", sound=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    paused.reference.open(str(path))
    qtbot.waitUntil(lambda: paused.reference._moment is not None)
    path.unlink()
    paused.session.seek(3.8)
    qtbot.waitUntil(lambda: shown_s(paused) == pytest.approx(3.8))
    qtbot.waitUntil(lambda: paused.reference.now_s > 0.5)
    paused.session.seek(0.2)
    wait_for_both(qtbot, paused, 0.2, 0.2)


def test_the_mirror_is_the_reference_s_own_and_is_remembered(qtbot, beside, open_window) -> None:
    trigger(beside, "reference-mirror")
    assert beside.stage.reference.canvas.viewport.mirror
    assert not beside.stage.canvas.viewport.mirror
    beside.close()
    again = open_window()
    assert again.actions_by_name["reference-mirror"].isChecked()
    assert again.stage.reference.canvas.viewport.mirror


def test_both_pictures_are_named_and_level(qtbot, beside) -> None:
    beside.presenter.report()
    main, reference = beside.stage.main, beside.stage.reference
    assert main.canvas.size() == reference.canvas.size()  # at first
    for name, pane in (("fake file", main), ("teacher.mp4", reference)):
        assert pane._name.isVisible() and pane._name.text() == name
    tops = {pane._name.mapTo(beside, pane._name.rect().center()).y() for pane in (main, reference)}
    assert len(tops) == 1
    reference.show_name(40 * "practice-")
    assert "…" in reference._name.text()
    beside.reference.close()
    assert not main.below.isVisible()


def test_a_snapshot_has_the_two_pictures_side_by_side_too(qtbot, beside, memory) -> None:
    trigger(beside, "snapshot")
    folder = memory.folder()
    qtbot.waitUntil(lambda: len(list(folder.glob("*.png"))) == 2)
    both, one = (cv2.imread(str(path)) for path in sorted(folder.glob("*.png")))
    assert one.shape[:2] == (120, 160)
    pictures = beside.stage.pictures
    assert both.shape[:2] == (beside.stage.canvas.height(), pictures.width())
    centre = beside.stage.reference.geometry().center().x()
    assert both[both.shape[0] // 2, centre].max() > 30  # the reference is there
    qtbot.waitUntil(lambda: beside.status.currentMessage().endswith("-beside.png"))


def test_closing_it_returns_to_one_picture_and_ends_its_thread(qtbot, beside) -> None:
    name = f"capture {beside.reference._feed.spec}"
    assert name in [thread.name for thread in threading.enumerate()]
    alone = beside.stage.pictures.width()
    trigger(beside, "reference-close")
    assert not beside.stage.reference.isVisible()
    assert QApplication.focusWidget() is beside.stage.canvas
    qtbot.waitUntil(lambda: beside.stage.canvas.width() == alone)
    qtbot.waitUntil(lambda: name not in [thread.name for thread in threading.enumerate()])
    for command in ("sync", "reference-back", "reference-forward", "reference-close"):
        assert not beside.actions_by_name[command].isEnabled()


def test_the_widths_of_the_pictures_are_remembered(qtbot, beside, open_window, tmp_path) -> None:
    beside.stage.pictures.setSizes([500, 400])
    widths = beside.stage.pictures.sizes()
    beside.close()
    again = open_window()
    again.reference.open(str(tmp_path / "teacher.mp4"))
    qtbot.waitUntil(lambda: again.stage.pictures.sizes() == pytest.approx(widths, abs=2))
    trigger(again, "reference-close")
    again.close()  # closed while there is one picture
    third = open_window()
    third.reference.open(str(tmp_path / "teacher.mp4"))
    qtbot.waitUntil(lambda: third.stage.pictures.sizes() == pytest.approx(widths, abs=2))


def drop(window, place: QPointF, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    button, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(place, Qt.DropAction.CopyAction, data, button, modifiers)
    window.dropEvent(event)


def test_a_file_dropped_on_the_reference_replaces_it(qtbot, beside, tmp_path) -> None:
    other = Path(shutil.copy(tmp_path / "teacher.mp4", tmp_path / "other.mp4"))
    for pane, opened in ((beside.stage.reference, "a.mp4"), (beside.stage.main, "other.mp4")):
        drop(beside, pane.mapTo(beside, pane.rect().center()).toPointF(), other)
        assert Path(beside.session.status().spec).name == opened
        assert beside.reference._feed.spec == str(other)
    beside.reference.close()
    drop(beside, QPointF(700, 300), tmp_path / "b.mp4")  # where the reference was
    assert Path(beside.session.status().spec).name == "b.mp4"


def test_the_command_asks_for_a_file(qtbot, paused, tmp_path) -> None:
    trigger(paused, "reference")
    dialog = paused.playing.dialog
    assert dialog.isVisible() and not dialog.isModal()
    path = make_video(tmp_path / "teacher.mp4", 20)
    dialog.fileSelected.emit(str(path))
    dialog.close()
    qtbot.waitUntil(lambda: paused.reference._moment is not None)


def test_the_window_closes_while_a_reference_is_being_opened(
    qtbot, paused, tmp_path, monkeypatch
) -> None:
    reading = threading.Event()

    def slow(path: Path) -> None:
        reading.set()
        time.sleep(0.3)

    monkeypatch.setattr("app.gui.reference.saved_with", slow)
    paused.reference.open(str(make_video(tmp_path / "teacher.mp4", 20)))
    assert reading.wait(5)
    assert paused.stage.reference.canvas._waiting == "Opening teacher.mp4…"
    paused.close()  # afterwards no thread may be left


def test_the_reference_reads_no_more_than_is_shown(qtbot, open_window, tmp_path, monkeypatch):
    shown = []
    window = open_window(FakeFile(100), delay_s=0.1)  # people are found at 10 frames a second
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.reference.open(str(make_video(tmp_path / "teacher.mp4", 200, rate=50)))
    qtbot.waitUntil(lambda: window.reference._moment is not None)
    ask = window.reference._feed.ask
    monkeypatch.setattr(window.reference._feed, "ask", lambda at: shown.append(at) or ask(at))
    count, began_s = window.session.gauges.counts().shown, shown_s(window)
    qtbot.wait(1000)
    assert len(shown) <= window.session.gauges.counts().shown - count + 1
    assert window.reference.now_s == pytest.approx(shown_s(window), abs=0.2) and began_s < shown[-1]
