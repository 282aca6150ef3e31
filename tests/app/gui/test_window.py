"""Every control of the window does what it says, and nothing blocks the window."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from fake_session import (
    BoxJoints,
    FakeCamera,
    FakeFile,
    TwoWalkers,
    burnt_number,
    opener,
    picture,
)
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QColor, QDropEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollBar,
    QWidget,
)

from app.config import Settings
from app.corrections import Correction, load_corrections, sidecar_of
from app.gui.actions import commands
from app.gui.main_window import MainWindow
from app.gui.menus import fill_recent
from app.gui.painting import LEAST_NUMBER_PX
from app.gui.reporting import awaited, device_name, unjoined_s
from app.gui.timeline import ROW, RULER
from app.live.feeds import SourceInfo
from app.live.gauges import Flow
from app.live.run import Status
from app.measures.angles import MEASURES
from app.overlay import OverlayStyle, colour_of
from app.results import DRAWN, OpenResult, save_result
from app.video.source import MediaError
from pose.people import Frame
from pose.skeleton import COCO17
from tracking.files import ClipInfo, read_tracks
from tracking.pipeline import PipelineConfig
from tracking.tracker import TrackerConfig
from tracking.tracks import TrackedPoses

FIRST = Frame(0, 0.0, picture(0))
BOTH = TrackedPoses(BoxJoints()(FIRST, TwoWalkers()(FIRST)), np.array([1, 2]))


def number_shown(window) -> int:
    """The number burnt into the frame on screen; -1 for none."""
    if window.presenter.view is None:
        return -1
    return burnt_number(window.presenter.view.result.frame.image)


def ids_shown(window) -> list[int]:
    """The ids on screen."""
    return window.presenter.view.result.people.ids.tolist()


def trigger(window, name: str) -> None:
    """Run a command as its shortcut would."""
    action = window.actions_by_name[name]
    assert action.isEnabled(), f"{name} is disabled"
    action.trigger()


def test_a_file_plays_with_the_overlay_of_its_own_frame(qtbot, open_window) -> None:
    window = open_window(FakeFile(20))
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert number_shown(window) == 19
    assert ids_shown(window) == [1, 2]
    assert window.stage.canvas._view is window.presenter.view


def test_everybody_on_a_photograph_has_a_picture_in_the_panel(qtbot, open_window) -> None:
    window = open_window(FakeFile(1))
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    assert all(row.picture is not None for row in window.people.model.rows)


def test_an_empty_window_says_how_to_begin(qtbot, open_window) -> None:
    window = open_window()
    qtbot.waitUntil(window.stage.welcome.isVisible)
    assert not window.actions_by_name["record"].isEnabled()


def test_the_stage_says_what_the_first_picture_waits_for(qtbot, open_window) -> None:
    opened = threading.Event()

    class Slow(FakeFile):
        """A file on a slow disk."""

        def __enter__(self):
            opened.wait(5)
            return self

    window = open_window(Slow(20))
    canvas = window.stage.canvas
    qtbot.waitUntil(lambda: canvas._waiting in ("Opening a.mp4…", "Loading the networks…"))
    opened.set()
    qtbot.waitUntil(lambda: window.presenter.view is not None and canvas._waiting == "")


def test_before_the_first_picture_the_window_does_not_say_that_it_plays() -> None:
    assert awaited(Status("opening", "/clips/a.mp4")) == "Opening a.mp4…"
    assert awaited(Status("running", loading=True)) == "Loading the networks…"
    assert awaited(Status("running")) == "Finding people in the first picture…"
    assert awaited(Status("idle")) == awaited(Status("failed")) == ""


def test_space_and_arrows_play_and_step(qtbot, paused) -> None:
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: number_shown(paused) == 1)
    trigger(paused, "back")
    qtbot.waitUntil(lambda: number_shown(paused) == 0)
    trigger(paused, "play")
    qtbot.waitUntil(lambda: number_shown(paused) > 3)
    trigger(paused, "play")
    assert not paused.session.status().playing


def test_jumps_of_five_seconds_and_to_the_start(qtbot, open_window) -> None:
    window = open_window(FakeFile(400))
    window.session.play(False)
    qtbot.waitUntil(lambda: window.actions_by_name["forward-far"].isEnabled())
    trigger(window, "forward-far")
    qtbot.waitUntil(lambda: number_shown(window) == 125)
    trigger(window, "back-far")
    qtbot.waitUntil(lambda: number_shown(window) == 0)
    trigger(window, "forward-far")
    qtbot.waitUntil(lambda: number_shown(window) == 125)
    trigger(window, "start")
    qtbot.waitUntil(lambda: number_shown(window) == 0)


def test_a_click_on_the_timeline_jumps_there(qtbot, paused) -> None:
    timeline = paused.stage.timeline
    place = QPoint(round(timeline._x_of(2.0)), 60)
    qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: abs(number_shown(paused) - 50) <= 1)


def test_a_slow_seek_is_reported_until_its_picture_is_there(qtbot, open_window) -> None:
    arrived = threading.Event()

    class Sparse(FakeFile):
        """A file whose key frames are far apart."""

        def seek(self, time_s: float) -> None:
            arrived.wait(5)
            super().seek(time_s)

    window = open_window(Sparse(400))
    window.session.play(False)
    qtbot.waitUntil(lambda: number_shown(window) == 0)
    state, canvas = window.status._state, window.stage.canvas
    trigger(window, "forward-far")
    qtbot.waitUntil(lambda: state.text().startswith("Going to 0:05.00"))
    assert canvas.cursor().shape() == Qt.CursorShape.BusyCursor
    arrived.set()
    qtbot.waitUntil(lambda: number_shown(window) == 125 and state.text().startswith("Paused"))
    assert canvas.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_the_speed_and_the_loop_reach_the_session(qtbot, open_window) -> None:
    window = open_window(FakeFile(10))
    window.stage.transport._speed.setCurrentIndex(window.stage.transport._speed.count() - 1)
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert window.session._speed == float("inf")
    window.actions_by_name["loop"].setChecked(True)
    qtbot.waitUntil(lambda: window.session.status().state == "running")
    window.actions_by_name["loop"].setChecked(False)
    assert window.session.loop is False


def test_a_range_of_a_file_is_all_that_plays(qtbot, open_window) -> None:
    window = open_window(FakeFile(100), FakeFile(100), FakeFile(100), FakeFile(100))
    window.session.play(False)
    qtbot.waitUntil(lambda: window.actions_by_name["range-start"].isEnabled())
    window.session.seek(1.0)
    qtbot.waitUntil(lambda: number_shown(window) == 25)
    trigger(window, "range-start")
    qtbot.waitUntil(lambda: number_shown(window) >= 26)
    trigger(window, "range-end")
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert 25 < number_shown(window) < 60
    trigger(window, "range-clear")
    qtbot.waitUntil(lambda: 0 <= number_shown(window) < 20)


def test_a_range_ends_with_its_video(qtbot, open_window) -> None:
    window = open_window(FakeFile(100), FakeFile(100), FakeFile(50), FakeFile(50))
    window.session.play(False)
    qtbot.waitUntil(lambda: window.actions_by_name["range-start"].isEnabled())
    window.session.seek(1.0)
    qtbot.waitUntil(lambda: number_shown(window) == 25)
    trigger(window, "range-start")
    window.open(["b.mp4"])
    window.session.play(False)
    qtbot.waitUntil(lambda: number_shown(window) == 0)
    window.session.seek(0.4)
    qtbot.waitUntil(lambda: number_shown(window) == 10)
    trigger(window, "range-end")
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert number_shown(window) == 10


def test_a_range_keeps_the_playlist_and_the_corrections(qtbot, open_window) -> None:
    files = [FakeFile(20), FakeFile(100), FakeFile(100), FakeFile(20)]
    window = open_window(*files, specs=("a.mp4", "b.mp4", "c.mp4"))
    qtbot.waitUntil(lambda: window.session.status().spec == "b.mp4")
    window.session.play(False)
    qtbot.waitUntil(lambda: number_shown(window) >= 0 and len(window.people.model.rows) == 2)
    window.editing.rename(1, "Anna")
    window.library.reopen((0.2, 0.4))
    assert window.presenter.names == {1: "Anna"} and window.library.unsaved
    qtbot.waitUntil(lambda: 5 <= number_shown(window) <= 10)
    qtbot.waitUntil(window.stage.unsaved.isVisible)
    window.stage.unsaved.discard.click()
    qtbot.waitUntil(lambda: window.session.status().spec == "c.mp4")
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert window.session.status().range_s == (0.0, None)


def test_speeds_are_charted_also_where_frames_are_seconds_apart(qtbot, open_window) -> None:
    window = open_window(FakeFile(4, rate=0.5))
    window.session.set_speed(10)
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    column = [measure.name for measure in MEASURES].index("body speed")
    _, speeds = window.presenter.measures.curve(1, column, 0.0)
    assert len(speeds) > 1 and np.isfinite(speeds[1:]).all()


def test_every_command_can_be_run_in_every_state(qtbot, paused) -> None:
    for command in commands():
        if command.name not in ("quit", "close-source", "open", "open-folder", "full-screen"):
            paused.actions_by_name[command.name].trigger()
            qtbot.wait(5)
    trigger(paused, "close-source")
    qtbot.waitUntil(paused.stage.welcome.isVisible)
    for command in commands():
        if command.name not in ("quit", "open", "open-folder", "full-screen"):
            paused.actions_by_name[command.name].trigger()
            qtbot.wait(5)


def test_the_picture_can_be_alone_in_the_window(qtbot, open_window) -> None:
    window = open_window(FakeFile(100))
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    around = (window.menuBar(), window.tools, window.side, window.status, window.stage.timeline)
    trigger(window, "picture-alone")
    assert not any(part.isVisible() for part in around)
    qtbot.waitUntil(lambda: window.stage.canvas.size() == window.size())
    qtbot.keyClick(window.stage.canvas, Qt.Key.Key_Escape)
    assert all(part.isVisible() for part in around)
    trigger(window, "picture-alone")
    window.editing.select((1,))
    trigger(window, "rename")  # needs the panel
    assert window.people.list.isVisible()
    trigger(window, "picture-alone")
    window.close()
    assert open_window().side.isVisible()


@pytest.mark.parametrize("place", ["list", "timeline"])
def test_a_right_click_on_a_person_s_row_offers_the_corrections(qtbot, paused, place) -> None:
    if place == "list":
        rows = paused.people.list
        at = rows.visualRect(paused.people.model.index(1)).center()
        rows.customContextMenuRequested.emit(at)
    else:
        at = QPoint(20, RULER + ROW + ROW // 2)
        qtbot.mouseClick(paused.stage.timeline, Qt.MouseButton.RightButton, pos=at)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu) and paused.presenter.selected == (2,)
    assert paused.actions_by_name["split"] in menu.actions()
    menu.close()
    assert number_shown(paused) == 0  # it did not jump


def test_full_screen_and_back(qtbot, paused) -> None:
    trigger(paused, "full-screen")
    assert paused.isFullScreen()
    trigger(paused, "full-screen")
    assert not paused.isFullScreen()


def test_file_dialogs_do_not_block_the_picture(qtbot, paused) -> None:
    for name in ("open", "open-folder", "export"):
        trigger(paused, name)
        assert paused.playing.dialog.isVisible()
        assert not paused.playing.dialog.isModal()
        paused.playing.dialog.close()
    paused.tools.record_folder.trigger()
    paused.playing.dialog.close()
    paused.tracking.file_wanted.emit("pose")
    paused.playing.dialog.close()


def test_file_dialogs_begin_where_the_last_file_was(paused, memory, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir("/")
    for ask, folder in (
        (paused.playing.choose_files, tmp_path),
        (paused.playing.choose_folder, tmp_path),
        (paused.playing.choose_record_folder, memory.folder().parent),  # not made before use
    ):
        ask()
        assert paused.playing.dialog.directory().path() == str(folder)
        paused.playing.dialog.close()


def test_an_export_is_suggested_beside_the_video_under_a_new_name(paused, tmp_path) -> None:
    trigger(paused, "export")
    dialog = paused.playing.dialog
    assert dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave
    assert dialog.selectedFiles() == [str(tmp_path / "a-corrected.json")]
    dialog.close()


@pytest.mark.parametrize("name", ["skeleton", "joints", "boxes", "labels"])
def test_the_overlay_s_parts_can_be_switched(qtbot, paused, name: str) -> None:
    before = getattr(paused.presenter.style, name)
    trigger(paused, name)
    assert getattr(paused.presenter.style, name) is not before
    drawing = paused.stage.canvas._drawing
    shapes = {
        "skeleton": len(drawing.segments),
        "joints": len(drawing.circles),
        "boxes": len(drawing.polylines),
        "labels": len(drawing.labels),
    }
    assert shapes[name] == 0


def angles_shown(window) -> list[tuple[int, int, int]]:
    """The colours, and so the people, of the angles on screen, each once."""
    return sorted({angle.number.colour for angle in window.stage.canvas._drawing.angles})


def test_angles_are_those_of_the_selected_people_or_of_the_locked_one_or_of_all(
    qtbot, paused
) -> None:
    one, both = [colour_of(1)], sorted([colour_of(1), colour_of(2)])
    assert angles_shown(paused) == []
    trigger(paused, "angles")
    assert paused.overlay._checks["angles"].isChecked()
    assert angles_shown(paused) == both
    paused.editing.select((1,))
    assert angles_shown(paused) == one
    trigger(paused, "lock")
    paused.editing.select(())
    assert angles_shown(paused) == one
    trigger(paused, "lock")
    assert angles_shown(paused) == both
    assert paused.tuning.style == OverlayStyle(angles=True)  # whose they are is not kept


@pytest.mark.parametrize("mirror", [False, True])
def test_the_number_of_an_angle_is_beside_its_joint_mirrored_or_not(paused, mirror: bool) -> None:
    canvas = paused.stage.canvas
    canvas.set_mirror(mirror)
    for name in ("skeleton", "joints", "boxes", "labels"):
        trigger(paused, name)
    before = canvas.grab().toImage()
    trigger(paused, "angles")
    after = canvas.grab().toImage()
    angle = canvas._drawing.angles[0]
    x1, y1, x2, y2 = replace(
        angle.number, size_px=LEAST_NUMBER_PX / canvas.viewport_now.scale
    ).plate
    x, y = canvas.viewport_now.to_canvas((x1 + x2) / 2, (y1 + y2) / 2)
    around = {(round(x) + right, round(y) + down) for right in (-6, 0, 6) for down in (-6, 6)}
    plate = QColor(*angle.number.colour)
    assert plate in [after.pixelColor(*place) for place in around]
    assert plate not in [before.pixelColor(*place) for place in around]


def test_the_overlay_s_style_can_be_changed(qtbot, paused) -> None:
    panel = paused.overlay
    panel.trails.setValue(3)
    panel.thickness.setValue(7)
    panel.radius.setValue(5)
    for name in ("heat", "black_background", "blur_faces"):
        panel._checks[name].setChecked(True)
    style = paused.presenter.style
    assert (style.trails_s, style.thickness, style.radius) == (3, 7, 5)
    assert style.heat and style.black_background and style.blur_faces
    assert paused.stage.canvas._drawing.black_background


def test_tracking_settings_reach_the_pipeline_while_it_runs(qtbot, paused) -> None:
    panel = paused.tracking
    panel.max_people.setValue(1)
    panel.detect_every.setValue(3)
    panel.kpt_thr.set_share(0.5)
    panel.bbox_thr.set_share(0.4)
    panel.nms_thr.set_share(0.5)
    panel.flip.setChecked(True)
    panel.oks_weight.set_share(0.25)
    panel.birth_thr.set_share(0.7)
    panel.memory.setValue(5)
    panel.assignment.setCurrentIndex(1)
    panel.detector_size.setValue(448)
    panel.max_latency.setValue(80)
    for box in (panel.appearance, panel.find_missed):
        box.setChecked(True)
    panel.camera_motion.setChecked(False)
    qtbot.waitUntil(lambda: len(ids_shown(paused)) == 1)
    config = paused.session.config
    assert (config.detect_every, config.kpt_thr, config.bbox_thr) == (3, 0.5, 0.4)
    assert (config.nms_thr, config.flip) == (0.5, True)
    assert (config.tracker.oks_weight, config.tracker.birth_thr) == (0.25, 0.7)
    assert (config.tracker.memory_s, config.tracker.assignment) == (5, "greedy")
    assert (config.detector_size, config.max_latency_ms) == (448, 80)
    assert config.appearance and config.find_missed and not config.camera_motion
    assert paused.presenter.style.kpt_thr == 0.5
    panel.show_config(PipelineConfig())
    assert (panel.detector_size.value(), panel.max_latency.value()) == (0, 0)
    assert not panel.appearance.isChecked()


def test_a_control_that_is_touched_changes_nothing_else(qtbot, paused) -> None:
    exact = PipelineConfig(  # all values that a control cannot show exactly
        detector_size=2560,
        max_latency_ms=16.6,
        bbox_thr=0.125,
        nms_thr=0.655,
        tracker=TrackerConfig(memory_s=1.25, oks_weight=0.123, birth_thr=0.456),
    )
    panel = paused.tracking
    panel.show_config(exact)
    with qtbot.waitSignal(panel.config_changed) as changed:
        panel.flip.setChecked(True)
    assert changed.args == [replace(exact, flip=True)]
    with qtbot.waitSignal(panel.config_changed) as changed:
        panel.memory.setValue(3)
    assert changed.args[0] == replace(exact, flip=True, tracker=replace(exact.tracker, memory_s=3))


def test_a_control_that_was_just_touched_keeps_its_value_when_settings_change(
    qtbot, paused
) -> None:
    panel, other = paused.tracking, PipelineConfig(pose="other", flip=False, max_people=3)
    panel.detect_every.setValue(2)
    qtbot.waitUntil(lambda: paused.session.config.detect_every == 2)
    panel.flip.setChecked(True)
    with qtbot.waitSignal(panel.config_changed) as changed:
        panel.show_config(other)
    assert changed.args == [replace(other, flip=True)]  # values emitted before are replaced
    assert panel.flip.isChecked() and panel.detect_every.value() == 1


def test_a_half_typed_size_becomes_the_smallest_that_works(qtbot, paused) -> None:
    with qtbot.waitSignal(paused.tracking.config_changed) as changed:
        paused.tracking.detector_size.setValue(4)
    assert changed.args[0].detector_size == 64


def test_a_style_control_that_is_touched_changes_nothing_else(qtbot, paused) -> None:
    exact = OverlayStyle(trails_s=1.26, thickness=2.34, radius=3.21)
    paused.overlay.show_style(exact)
    with qtbot.waitSignal(paused.overlay.style_changed) as changed:
        paused.overlay.toggle("heat")
    assert changed.args == [replace(exact, heat=True)]


def test_networks_can_be_chosen_and_load_while_the_picture_runs(qtbot, open_window) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.tracking.pose.setCurrentIndex(1)
    qtbot.waitUntil(lambda: window.session.config.pose == window.tracking.pose.itemData(1))
    shown = window.session.status().counts.shown
    qtbot.waitUntil(lambda: window.session.status().counts.shown > shown + 5)


def test_smoothing_is_for_the_drawing_only(qtbot, paused) -> None:
    paused.tracking.smoothing.set_share(0.8)
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: number_shown(paused) == 1)
    drawn = paused.stage.canvas._drawing.circles[:, :2]
    found = paused.presenter.view.result.people.poses.keypoints
    assert len(drawn) and len(found) == 2
    paused.tracking.smoothing.set_share(0)
    assert paused.presenter._smoother is None


def test_mirror_zoom_pan_and_fit(qtbot, paused) -> None:
    canvas = paused.stage.canvas
    x, y = canvas.viewport_now.to_canvas(10, 20)
    trigger(paused, "mirror")
    assert canvas.viewport_now.to_canvas(149, 20) == pytest.approx((x, y))
    trigger(paused, "mirror")
    trigger(paused, "zoom-in")
    assert canvas.viewport_now.zoom is not None
    assert canvas.viewport_now.to_frame(x, y) != pytest.approx((10, 20))
    before = canvas.viewport_now.origin
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    qtbot.mouseMove(canvas, QPoint(140, 120))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(140, 120))
    assert canvas.viewport_now.origin != before
    trigger(paused, "zoom-out")
    trigger(paused, "fit")
    assert canvas.viewport_now.zoom is None


def test_the_delay_shows_the_past(qtbot, open_window) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.tools.delay.setValue(0.5)
    window.actions_by_name["delay"].setChecked(True)
    qtbot.waitUntil(lambda: window.session.status().flow.latency_median_ms > 450)
    window.tools.delay.setValue(0.6)
    window.actions_by_name["delay"].setChecked(False)
    assert window.session._delay_s == 0


def test_a_problem_is_shown_over_the_picture_with_a_button_to_restart(qtbot, open_window) -> None:
    window = open_window(FakeCamera(30, frames=3), FakeCamera(30), specs=("0",))
    qtbot.waitUntil(window.stage.notice.isVisible)
    assert "unplugged" in window.stage.notice._text.text()
    qtbot.mouseClick(window.stage.notice.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.session.status().state == "running")
    qtbot.waitUntil(lambda: not window.stage.notice.isVisible())


def test_files_dropped_on_the_window_are_opened_and_remembered(qtbot, open_window, memory) -> None:
    window = open_window()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/films/a.mp4"), QUrl.fromLocalFile("/films/b.mp4")])
    window.dropEvent(
        QDropEvent(
            QPointF(50, 50),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    assert memory.recent() == ["/films/a.mp4", "/films/b.mp4"]
    qtbot.waitUntil(lambda: window.session.status().spec == "/films/b.mp4")
    assert [action.text() for action in window.recent_menu.actions()] == ["a.mp4", "b.mp4"]
    window.recent_menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: window.session.status().spec == "/films/a.mp4")


def test_files_are_remembered_from_wherever_the_program_is_started(
    open_window, memory, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for spec in ("a.mp4", "rtsp://camera/1", "0"):
        open_window(FakeFile(5), specs=(spec,))
    assert memory.recent() == ["0", "rtsp://camera/1", str(tmp_path / "a.mp4")]


def test_cameras_are_offered_with_their_sizes_and_rates(qtbot, open_window, monkeypatch) -> None:
    from fractions import Fraction

    from app.video.devices import Camera, Mode

    mode = Mode((1280, 720), Fraction(30))
    found = threading.Event()

    def list_cameras() -> list[Camera]:
        """Takes a while, as if each camera had to be opened."""
        found.wait(5)
        return [Camera(2, "Front", (mode,))]

    monkeypatch.setattr("app.gui.playing.list_cameras", list_cameras)
    window = open_window()
    trigger(window, "camera")
    sheet = window.stage.sources
    assert sheet.isVisible() and not sheet.start.isEnabled()
    assert sheet._none.text() == "Looking for cameras…"
    found.set()
    qtbot.waitUntil(lambda: sheet.camera.itemText(0) == "Front")
    assert sheet.start.isEnabled() and not sheet._none.isVisible()
    sheet.mode.setCurrentIndex(1)
    opened: list[str] = []
    sheet.chosen.connect(opened.append)
    qtbot.mouseClick(sheet.start, Qt.MouseButton.LeftButton)
    assert opened == ["camera://2?size=1280x720&rate=30"]
    trigger(window, "camera")
    sheet.url.setText("rtsp://here/1")
    qtbot.mouseClick(sheet.connect_button, Qt.MouseButton.LeftButton)
    assert opened[1] == "rtsp://here/1"
    assert not sheet.isVisible()


def test_the_screen_is_offered_as_a_whole_and_by_halves_where_there_is_no_camera_too(
    qtbot, open_window, monkeypatch
) -> None:
    monkeypatch.setattr("app.gui.playing.list_cameras", list)
    window = open_window()
    trigger(window, "camera")
    sheet = window.stage.sources
    qtbot.waitUntil(lambda: sheet.camera.itemText(0) == "Screen")
    assert sheet._none.isVisible()
    opened: list[str] = []
    sheet.chosen.connect(opened.append)
    for part in range(sheet.mode.count()):
        sheet.mode.setCurrentIndex(part)
        qtbot.mouseClick(sheet.start, Qt.MouseButton.LeftButton)
        sheet.show()
    assert opened == ["screen", "screen:left", "screen:right"]


def test_a_status_bar_text_that_grows_is_not_cut_off(open_window) -> None:
    bar = open_window().status
    for flow in (Flow(), Flow(capture_fps=1.0), Flow(capture_fps=25.0, inference_fps=24.0)):
        bar.show_status(Status(state="running", flow=flow), 2, 2, "CPU")
        assert bar._rates.width() >= bar._rates.sizeHint().width()


def test_a_camera_is_not_called_live_while_it_is_reconnected(open_window) -> None:
    bar = open_window().status
    info = SourceInfo("camera", (160, 120), Fraction(30), None, live=True)
    live = Status("running", info=info, playing=True)
    bar.show_status(live, 0, 0, "CPU")
    green = bar._dot.styleSheet()
    assert bar._state.text().startswith("Live · camera")
    bar.show_status(replace(live, reconnecting=True), 0, 0, "CPU")
    assert bar._state.text().startswith("Reconnecting… · camera")
    assert bar._dot.styleSheet() != green


def test_a_long_name_does_not_widen_the_window(open_window) -> None:
    bar = open_window().status
    info = SourceInfo("a", (160, 120), Fraction(25), None, live=False)
    widths = []
    for name in ("a.mp4", 40 * "practice-" + ".mp4"):
        bar.show_status(Status("running", info=replace(info, name=name)), 0, 0, "CPU")
        widths.append(bar.minimumSizeHint().width())
    assert widths[0] == widths[1]


def test_a_message_too_long_to_fit_beside_the_numbers_hides_them(paused) -> None:
    paused.resize(900, 600)
    status, people = paused.status, paused.status._people
    status.say("Saved a.json")
    assert people.isVisible()
    status.say(f"{'four_women_dance_portrait' * 6}.json exists already: open it")
    assert not people.isVisible()
    status.clearMessage()
    assert people.isVisible()


@pytest.mark.parametrize("size", [(900, 560), (1280, 720), (1280, 800)])
def test_every_shortcut_can_be_read_in_a_window_of_any_size(qtbot, open_window, size) -> None:
    window = open_window()
    window.resize(*size)
    trigger(window, "help")
    qtbot.wait(50)
    rows = [label for label in window.stage.help.findChildren(QLabel) if label.text()]
    assert len(rows) > 80
    for label in rows:
        assert label.height() >= label.sizeHint().height()
        assert label.width() >= label.sizeHint().width()
    area = window.stage.help.area
    assert area.horizontalScrollBar().maximum() == 0
    bar = area.verticalScrollBar()
    for _ in range(5):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_PageDown)
    assert bar.value() == bar.maximum()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert not window.stage.help.isVisible()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_terminal_closes_the_window(tmp_path: Path, number: int) -> None:
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    code = f"""
import signal
from app.gui import program

listen = program._close_on_signals
program._close_on_signals = lambda window: (listen(window), signal.raise_signal({int(number)}))
raise SystemExit(program.run([], None, None))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_help_about_and_log_can_be_shown(qtbot, open_window) -> None:
    window = open_window()
    trigger(window, "help")
    assert window.stage.help.isVisible()
    qtbot.keyClick(window.stage.help, Qt.Key.Key_Escape)
    assert not window.stage.help.isVisible()
    assert not window.actions_by_name["help"].isChecked()
    trigger(window, "help")
    assert window.stage.help.isVisible()
    trigger(window, "about")
    assert window.stage.about.isVisible() and not window.stage.help.isVisible()
    trigger(window, "log")
    assert window.log_dock.isVisible()


def test_settings_and_geometry_are_remembered(qtbot, open_window, memory) -> None:
    first = open_window()
    first.overlay.trails.setValue(7.5)
    first.tracking.memory.setValue(9)
    qtbot.waitUntil(lambda: first.session.config.tracker.memory_s == 9)
    first.close()
    kept = memory.load()
    assert kept.overlay.trails_s == 7.5
    assert kept.pipeline.tracker.memory_s == 9
    assert memory.value("geometry") is not None


def test_switches_of_the_window_are_remembered(qtbot, open_window) -> None:
    first = open_window()
    trigger(first, "mirror")
    first.tools.record_clean.setChecked(True)
    first.tools.record_tracks.setChecked(False)
    first.tools.delay.setValue(12)
    first.tracking.smoothing.set_share(0.4)
    first.close()
    second = open_window()
    assert second.stage.canvas.viewport_now.mirror
    assert second.tools.recording_choice() == (True, True, False)
    assert second.tools.delay.value() == 12
    assert second.presenter._smoother is not None


def test_a_window_closed_in_full_screen_reopens_as_a_normal_window(
    open_window, monkeypatch
) -> None:
    def restore(window: MainWindow, _: object) -> None:  # as on a real display
        window.setWindowState(Qt.WindowState.WindowFullScreen)

    open_window().close()
    monkeypatch.setattr(MainWindow, "restoreGeometry", restore)
    second = open_window()
    assert not second.isFullScreen()
    trigger(second, "full-screen")
    assert second.isFullScreen()


@pytest.mark.parametrize("kept", ["", "much", "nan", None])
def test_a_damaged_number_falls_back_to_the_default(memory, kept) -> None:
    memory.set_value("delay_s", kept)
    assert memory.number("delay_s", 5.0) == 5.0


def test_the_log_s_command_is_ticked_while_the_log_is_open(qtbot, open_window) -> None:
    first = open_window()
    trigger(first, "log")
    first.close()
    second = open_window()
    command = second.actions_by_name["log"]
    assert second.log_dock.isVisible()
    assert command.isChecked()
    second.log_dock.close()  # as by its close button
    assert not command.isChecked()
    trigger(second, "log")
    assert second.log_dock.isVisible()


def test_the_chart_of_milliseconds_can_be_put_away_for_good(qtbot, open_window) -> None:
    first = open_window()
    assert first.stages.isVisible()
    before = first.tabs.height()
    trigger(first, "timings")
    assert not first.stages.isVisible()
    qtbot.waitUntil(lambda: first.tabs.height() > before)
    first.close()
    second = open_window(FakeFile(30))
    assert not second.stages.isVisible()
    qtbot.waitUntil(lambda: second.session.status().state == "ended")
    trigger(second, "timings")
    qtbot.waitUntil(lambda: "detect" in second.stages._legend.text())


def test_settings_of_another_version_are_read_as_far_as_they_are_known(memory) -> None:
    kept = {
        "overlay": {"trails_s": 3.0, "glow": 1, "thickness": "much"},
        "pipeline": {"bbox_thr": 7, "detect_every": 2, "tracker": {"memory_s": 4.0, "magic": 1}},
        "sound": {"on": True},
    }
    memory.set_value("settings", json.dumps(kept))
    settings = memory.load()
    assert settings.overlay == OverlayStyle(trails_s=3.0)
    assert settings.pipeline == PipelineConfig(detect_every=2, tracker=TrackerConfig(memory_s=4.0))


@pytest.mark.parametrize("kept", ["", "{", "[1]", '{"overlay": 3}', "9" * 5000])
def test_damaged_settings_fall_back_to_the_defaults(memory, kept) -> None:
    memory.set_value("settings", kept)
    assert memory.load() == Settings()


def test_every_frame_keeps_the_time_that_it_was_drawn_in(qtbot, open_window) -> None:
    window = open_window(FakeFile(5))
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    presenter = window.presenter
    presenter._draws_ms.clear()
    presenter._draws_ms.extend((7.0, 8.0, 90.0))
    assert [frame["draw"] for frame in presenter.stages()] == [7.0, 8.0, 90.0]
    assert {"detect", "pose", "track"} <= presenter.stages()[0].keys()
    window.open(["b.mp4"])
    assert presenter.stages() == []


def test_measures_are_plotted_for_the_selected(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.measures)
    paused.people.select((1, 2))
    paused.editing.select((1, 2))
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: len(paused.measures._charts[0].listDataItems()) == 2)
    paused.measures.choices[0].setCurrentIndex(3)
    qtbot.wait(200)


def test_the_present_values_of_the_selected_are_told(qtbot, paused) -> None:
    panel = paused.measures
    paused.tabs.setCurrentWidget(panel)
    qtbot.waitUntil(panel.hint.isVisible)
    assert not panel.values[0].isVisible()
    paused.editing.rename(2, "<Anna>")
    paused.editing.select((1, 2))
    qtbot.waitUntil(lambda: "&lt;Anna&gt;" in panel.values[0].text())
    column = [measure.name for measure in MEASURES].index(panel.choices[0].currentData())
    degrees = paused.presenter.measures.curve(2, column, 0.0)[1][-1]
    assert f"&lt;Anna&gt;&nbsp;<b>{degrees:.0f}°</b>" in panel.values[0].text()
    assert "<b>–</b>" in panel.values[1].text()  # nobody has a speed in a video's first picture


def test_charts_do_not_join_points_before_and_after_a_jump(qtbot, open_window) -> None:
    window = open_window(FakeFile(50))
    window.session.set_speed(float("inf"))
    qtbot.waitUntil(lambda: number_shown(window) == 49)
    window.session.play(False)
    window.tabs.setCurrentWidget(window.measures)
    window.editing.select((1,))
    for time_s, number in ((0.0, 0), (0.04, 1), (1.6, 40)):
        window.session.seek(time_s)
        qtbot.waitUntil(lambda number=number: number_shown(window) == number)
    chart = window.measures._charts[0]
    qtbot.waitUntil(lambda: [len(item.getData()[0]) for item in chart.listDataItems()] == [4, 1])
    line, dot = (item.getData() for item in chart.listDataItems())
    assert line[0].round(2).tolist() == [-1.6, -1.56, 0.0, 0.0]
    assert np.isnan(line[1]).tolist() == [False, False, True, False]
    assert dot[0].tolist() == [0.0]


@pytest.mark.parametrize(
    ("rate", "live", "gap_s"), [(30, False, 0.25), (10, False, 0.6), (30, True, 1.0)]
)
def test_a_jump_in_a_file_is_distinguished_from_a_camera_followed_slowly(rate, live, gap_s) -> None:
    info = SourceInfo("a", (160, 120), Fraction(rate), None, live)
    assert unjoined_s(info) == gap_s


def test_every_control_has_a_name_and_every_command_a_hint(open_window) -> None:
    window = open_window()
    kinds = (QAbstractButton, QAbstractSpinBox, QAbstractSlider, QComboBox, QLineEdit)
    nameless = [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, kinds)
        and not isinstance(widget, QScrollBar)
        and not isinstance(widget.parent(), QAbstractSpinBox | QComboBox)
        and not widget.objectName().startswith("qt_")
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert nameless == []
    assert all(action.toolTip() for action in window.actions_by_name.values())


def test_every_menu_can_be_opened_by_keyboard_and_holds_what_to_record(open_window) -> None:
    window = open_window()
    titles = [action.text() for action in window.menuBar().actions()]
    keys = [title[title.index("&") + 1].lower() for title in titles]
    assert len(set(keys)) == len(keys) == 6
    assert window.tools.record_menu.menuAction() in window.menuBar().actions()[1].menu().actions()


def test_recent_files_of_one_name_can_be_told_apart(open_window) -> None:
    window = open_window()
    fill_recent(window.recent_menu, ["/a/rock & roll.mp4", "/b/rock & roll.mp4"], window.open)
    actions = window.recent_menu.actions()
    assert [action.text() for action in actions] == 2 * ["rock && roll.mp4"]
    assert [action.toolTip() for action in actions] == ["/a/rock & roll.mp4", "/b/rock & roll.mp4"]
    assert window.recent_menu.toolTipsVisible()


def test_no_shortcut_is_given_twice() -> None:
    keys = [command.keys for command in commands() if command.keys]
    assert len(keys) == len(set(keys))


def test_a_finished_result_is_opened_with_its_corrections(qtbot, open_window, tmp_path) -> None:
    video = tmp_path / "walk.mp4"
    video.write_bytes(b"not read: the source is a fake")
    first = open_window(FakeFile(30), specs=(str(video),))
    first.session.set_speed(float("inf"))
    qtbot.waitUntil(lambda: first.session.status().state == "ended")
    first.editing.rename(1, "Anna")
    trigger(first, "save")
    tracks = tmp_path / "walk.json"
    qtbot.waitUntil(lambda: tracks.exists() and not first.work.busy)
    assert (tmp_path / "walk.corrections.json").exists()

    again = open_window(FakeFile(30), specs=(str(tracks),))
    qtbot.waitUntil(lambda: again.presenter.names == {1: "Anna"})
    assert "1 correction" in again.status.currentMessage()
    assert "the rest is followed" not in again.status.currentMessage()
    qtbot.waitUntil(lambda: again.presenter.view is not None and ids_shown(again) == [1, 2])
    again.library.reopen()
    qtbot.waitUntil(lambda: again.presenter.view is not None and ids_shown(again) == [1, 2])
    assert again.presenter.names == {1: "Anna"}
    qtbot.waitUntil(lambda: not again.stages.isVisible())  # nothing is computed
    again.library.reopen((0.2, 0.6))
    qtbot.waitUntil(lambda: again.presenter.view is not None and ids_shown(again) == [1, 2])
    assert again.presenter.names == {1: "Anna"}
    again.editing.rename(2, "Ben")
    trigger(again, "save")
    qtbot.waitUntil(lambda: "Ben" in (tmp_path / "walk.corrections.json").read_text())
    assert len(read_tracks(tracks).frames) == 30


def test_following_a_video_saved_half_way_continues(qtbot, open_window, tmp_path) -> None:
    video, tracks = tmp_path / "walk.mp4", tmp_path / "walk.json"
    video.write_bytes(b"not read: the source is a fake")
    first = open_window(FakeFile(40), specs=(str(video),))
    qtbot.waitUntil(lambda: len(first.people.model.rows) == 2)
    first.session.play(False)
    first.editing.rename(1, "Anna")
    trigger(first, "save")
    qtbot.waitUntil(lambda: sidecar_of(tracks).exists() and not first.work.busy, timeout=20_000)
    assert len(read_tracks(tracks).frames) < 40
    first.close()

    again = open_window(FakeFile(40), specs=(str(video),))
    qtbot.waitUntil(lambda: "the rest is followed" in again.status.currentMessage())
    again.session.set_speed(float("inf"))
    qtbot.waitUntil(lambda: again.session.status().state == "ended", timeout=20_000)
    assert ids_shown(again) == [1, 2] and again.presenter.names == {1: "Anna"}
    trigger(again, "save")
    qtbot.waitUntil(lambda: len(read_tracks(tracks).frames) == 40)


def test_tracks_made_by_others_are_not_overwritten(qtbot, open_window, tmp_path) -> None:
    video, tracks = tmp_path / "walk.mp4", tmp_path / "walk.json"
    video.write_bytes(b"not read: the source is a fake")
    tracks.write_text("a night of work")
    window = open_window(FakeFile(30), specs=(str(video),))
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    trigger(window, "save")
    assert "open it to correct it" in window.status.currentMessage()
    assert not window.work.busy and tracks.read_text() == "a night of work"
    tracks.unlink()
    for name in ("Anna", "Ben"):  # the window's own tracks are overwritten
        window.editing.rename(1, name)
        trigger(window, "save")
        qtbot.waitUntil(lambda: sidecar_of(tracks).exists() and not window.work.busy)
        assert name in sidecar_of(tracks).read_text()


def test_tracks_made_by_others_are_shown_as_they_are(qtbot, open_window, tmp_path) -> None:
    tracks = tmp_path / "walk.json"
    info = ClipInfo("walk", (160, 120), COCO17)
    save_result(tracks, info, [(0.0, BOTH), (0.16, BOTH)], (), lambda share: None)
    (tmp_path / "walk.mp4").write_bytes(b"not read: the source is a fake")
    window = open_window(FakeFile(30), specs=(str(tracks),))
    window.session.set_speed(float("inf"))
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    window.editing.rename(1, "Anna")
    trigger(window, "save")
    assert "Anna" in sidecar_of(tracks).read_text()
    assert len(read_tracks(tracks).frames) == 2 == len(window.session.history.frames())


def test_the_window_says_which_settings_do_not_apply_to_opened_tracks(
    qtbot, open_window, tmp_path
) -> None:
    tracks = tmp_path / "theirs.json"
    frames = [(index / 25, BOTH) for index in range(20)]
    save_result(tracks, ClipInfo("theirs", (160, 120), COCO17), frames, (), lambda share: None)
    (tmp_path / "theirs.mp4").touch()
    window = open_window(FakeFile(20), specs=(str(tracks),))
    qtbot.waitUntil(lambda: window.session.follows_known)
    window.status.clearMessage()
    window.tracking.kpt_thr.set_share(0.6)  # applies to what is drawn
    qtbot.waitUntil(lambda: window.session.config.kpt_thr == 0.6)
    assert window.status.currentMessage() == ""
    window.tracking.bbox_thr.set_share(0.6)
    said = "Opened tracks stay as they are; these settings apply to other videos"
    qtbot.waitUntil(lambda: window.status.currentMessage() == said)


def test_every_video_of_a_playlist_opens_with_its_saved_corrections(
    qtbot, open_window, tmp_path
) -> None:
    specs = [str(tmp_path / name) for name in ("a.mp4", "b.mp4", "c.mp4")]
    for spec, name in zip(specs[:2], ("Anna", "Ben"), strict=True):
        Path(spec).write_bytes(b"not read: the source is a fake")
        step = Correction("rename", 1, name=name)
        tracks, info = Path(spec).with_suffix(".json"), ClipInfo(name, (160, 120), COCO17)
        save_result(tracks, info, [(0.0, BOTH)], [step], lambda share: None)
    window = open_window(FakeFile(8), FakeFile(100), FakeFile(8), specs=tuple(specs))
    window.actions_by_name["loop"].setChecked(True)  # repeats the last
    names: list[str] = []
    window.presenter.reported.connect(lambda: names.extend(window.presenter.names.values()))
    qtbot.waitUntil(lambda: window.session.status().spec == specs[1])
    qtbot.waitUntil(lambda: window.presenter.names == {1: "Ben"} and number_shown(window) >= 0)
    window.editing.rename(2, "Cleo")
    trigger(window, "save")
    assert "Cleo" in sidecar_of(Path(specs[1])).read_text()
    assert "Cleo" not in sidecar_of(Path(specs[0])).read_text()
    window.session.set_speed(float("inf"))
    qtbot.waitUntil(lambda: window.session.status().spec == specs[2])
    assert names[0] == "Anna"
    qtbot.waitUntil(lambda: number_shown(window) == 7)
    qtbot.waitUntil(lambda: number_shown(window) == 0)  # repeated


def test_one_can_go_through_a_playlist_in_both_directions(qtbot, open_window, tmp_path) -> None:
    specs = [str(tmp_path / name) for name in ("a.mp4", "b.mp4", "table.csv", "d.mp4")]
    window = open_window(*(FakeFile(200) for _ in range(6)), specs=tuple(specs))
    further, back = (window.actions_by_name[name] for name in ("next-source", "previous-source"))

    def wait_for(place: int) -> None:
        qtbot.waitUntil(lambda: window.session.status().spec == specs[place])
        qtbot.waitUntil(lambda: f"file {place + 1} of 4" in window.status._state.text())
        assert (further.isEnabled(), back.isEnabled()) == (place < 3, place > 0)

    wait_for(0)
    for action, place in ((further, 1), (further, 3), (back, 1), (back, 0)):
        action.trigger()
        wait_for(place)  # past the table, from which no tracks can be made, either way
    window.editing.rename(1, "Anna")
    further.trigger()
    qtbot.waitUntil(window.stage.unsaved.isVisible)
    assert window.session.status().spec == specs[0]
    window.stage.unsaved.discard.click()
    wait_for(1)
    window.open([specs[0]])
    qtbot.waitUntil(lambda: not (further.isEnabled() or back.isEnabled()))
    assert "of 4" not in window.status._state.text()


def test_a_cancelled_step_of_a_playlist_is_not_taken_again(
    qtbot, open_window, tmp_path, monkeypatch
) -> None:
    tracks, info = tmp_path / "b.json", ClipInfo("b", (160, 120), COCO17)
    save_result(tracks, info, [(0.0, BOTH)], (), lambda share: None)
    (tmp_path / "b.mp4").touch()
    read = threading.Event()
    monkeypatch.setattr("app.gui.library.saved_with", lambda *_: read.wait(5))
    window = open_window(FakeFile(5), specs=("a.mp4", str(tracks)))
    qtbot.waitUntil(lambda: window.work.busy)
    window.work.cancel()
    read.set()
    qtbot.waitUntil(lambda: not window.work.busy)
    qtbot.wait(400)  # a report or two
    assert not window.work.busy and window.session.status().spec == "a.mp4"


def test_tracks_that_are_read_slowly_do_not_replace_a_source_opened_since(
    qtbot, open_window, tmp_path, monkeypatch
) -> None:
    read = threading.Event()
    result = OpenResult("a.mp4", False, [(0.0, BOTH)], (), tmp_path / "a.json", False)
    monkeypatch.setattr("app.gui.library.saved_with", lambda *_: read.wait(5) and result)
    window = open_window(FakeFile(8), specs=(str(tmp_path / "a.json"),))
    window.open(["b.mp4"])
    read.set()
    qtbot.waitUntil(lambda: not window.work.busy)
    assert window.session.status().spec == "b.mp4"


def test_another_range_keeps_the_saved_tracks_and_corrections_of_a_file(
    qtbot, open_window, tmp_path
) -> None:
    window = open_window(FakeFile(100), FakeFile(100))
    window.session.set_speed(float("inf"))
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    window.editing.set_id(1, 7)
    trigger(window, "save")
    qtbot.waitUntil(lambda: not window.library.unsaved)
    window.session.play(False)
    window.session.seek(1.0)
    qtbot.waitUntil(lambda: number_shown(window) == 25)
    trigger(window, "range-start")
    qtbot.waitUntil(lambda: number_shown(window) >= 25)
    assert sorted(ids_shown(window)) == [2, 7] and window.actions_by_name["undo"].isEnabled()
    trigger(window, "save")
    qtbot.waitUntil(lambda: not window.work.busy)
    assert len(read_tracks(tmp_path / "a.json").frames) == 100
    assert load_corrections(tmp_path / "a.corrections.json") == (Correction("set id", 1, 7),)


def test_another_range_keeps_the_selection_and_the_lock(qtbot, paused) -> None:
    paused.editing.click(2, False)
    trigger(paused, "lock")
    picture_before = paused.presenter.rows()[1].picture
    trigger(paused, "range-start")
    qtbot.waitUntil(lambda: number_shown(paused) >= 0)
    assert paused.presenter.selected == paused.people.selected() == (2,)
    assert paused.editing.locked == paused.session._run.follower.locked == 2
    assert paused.presenter.rows()[1].picture is picture_before


def test_people_found_after_a_camera_s_restart_have_no_names(qtbot, open_window) -> None:
    window = open_window(FakeCamera(30), FakeCamera(30), specs=("0",))
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    window.editing.rename(1, "Anna")
    window.stage.notice.restart_wanted.emit()
    assert window.presenter.names == {}


def test_tracks_are_saved_beside_the_video_of_the_playlist_that_is_shown(
    qtbot, open_window, tmp_path
) -> None:
    specs = (str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"))
    window = open_window(FakeFile(20), FakeFile(20), specs=specs)
    qtbot.waitUntil(lambda: window.session.status().spec == specs[1])
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    trigger(window, "save")
    qtbot.waitUntil(lambda: (tmp_path / "b.json").exists() and not window.work.busy)
    assert not (tmp_path / "a.json").exists()
    assert window.library.export_path == tmp_path / "b-corrected.json"


@pytest.mark.parametrize("opened", ["take.json", "take.mp4"])
def test_people_are_not_drawn_over_a_video_that_shows_them_already(
    qtbot, open_window, memory, tmp_path, opened: str
) -> None:
    info = ClipInfo("take", (160, 120), COCO17, settings={DRAWN: "take.mp4"})
    frames = [(index / 25, BOTH) for index in range(30)]
    save_result(tmp_path / "take.json", info, frames, (), lambda share: None)
    (tmp_path / "take.mp4").write_bytes(b"not read: the source is a fake")
    window = open_window(FakeFile(30), FakeFile(30), specs=(str(tmp_path / opened),))
    qtbot.waitUntil(lambda: window.presenter.view is not None and ids_shown(window) == [1, 2])
    drawing = window.stage.canvas._drawing
    assert not (len(drawing.segments) or len(drawing.circles) or drawing.labels or drawing.angles)
    assert not window.overlay._checks["skeleton"].isChecked()
    assert window.tuning.style.skeleton  # the style to remember
    trigger(window, "skeleton")  # for a user who wants both
    assert len(window.stage.canvas._drawing.segments)
    window.open([str(tmp_path / "other.mp4")])
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    drawing = window.stage.canvas._drawing
    assert len(drawing.segments) and drawing.labels


def test_the_tracks_of_a_clip_s_part_fit_its_overlay_video_and_keep_their_times_in_files(
    qtbot, open_window, tmp_path
) -> None:
    settings = {DRAWN: "part.mp4", "clip": {"time_range": [1.0, 2.0], "mirror": True}}
    info = ClipInfo("part", (160, 120), COCO17, settings=settings)
    tracks = tmp_path / "part.json"
    frames = [(1.0 + index / 25, BOTH) for index in range(25)]
    save_result(tracks, info, frames, (), lambda share: None)
    (tmp_path / "part.mp4").write_bytes(b"not read: the source is a fake")
    window = open_window(FakeFile(25), FakeFile(25), specs=(str(tracks),))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.session.play(False)
    window.session.seek(0.4)
    qtbot.waitUntil(lambda: number_shown(window) == 10)
    assert ids_shown(window) == [1, 2]
    qtbot.waitUntil(lambda: window.stage.timeline._range_s() == (0.0, 1.0))
    window.editing.select((1, 2))
    trigger(window, "swap")
    trigger(window, "save")
    assert [step.from_s for step in load_corrections(sidecar_of(tracks))] == [1.4]
    window.library.export(tmp_path / "out.json")
    qtbot.waitUntil(lambda: not window.work.busy)
    exported = read_tracks(tmp_path / "out.json").frames
    assert [round(result.frame.time_s, 2) for result in exported[9:11]] == [1.36, 1.4]
    assert [result.people.ids.tolist() for result in exported[9:11]] == [[1, 2], [2, 1]]
    window.open([str(tracks)])
    qtbot.waitUntil(lambda: window.presenter.view is not None and ids_shown(window) == [1, 2])
    qtbot.waitUntil(lambda: number_shown(window) > 10)
    assert ids_shown(window) == [2, 1]


def test_corrected_tracks_and_measures_are_exported(qtbot, open_window, tmp_path) -> None:
    window = open_window(FakeFile(20))
    window.session.set_speed(float("inf"))
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    window.editing.set_id(1, 8)
    window.library.export(tmp_path / "out.json")
    qtbot.waitUntil(lambda: not window.work.busy)
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 20
    measures = (tmp_path / "out.measures.csv").read_text().splitlines()
    assert measures[0].startswith("frame,time_s,id,name,knee left (°)")
    assert {row.split(",")[2] for row in measures[1:]} == {"8", "2"}


@pytest.mark.parametrize("opened", ["a.json", "a.mp4"])
def test_paths_relative_to_the_program_s_folder_mean_the_same_in_dialogs(
    qtbot, open_window, tmp_path, monkeypatch, opened: str
) -> None:
    monkeypatch.chdir(tmp_path)
    tracks = tmp_path / "day" / "a.json"
    tracks.parent.mkdir()
    (tracks.parent / "a.mp4").touch()
    if opened == tracks.name:
        info = ClipInfo("a", (160, 120), COCO17)
        save_result(tracks, info, [(0.0, BOTH)], (), lambda share: None)
    window = open_window(FakeFile(20), specs=(f"day/{opened}",))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    assert window.library.export_path == tmp_path / "day" / "a-corrected.json"
    if opened == tracks.name:
        sidecar_of(tracks).unlink()
        window.library.export(tracks)  # as from a dialog: with the whole path
        assert "choose another name" in window.status.currentMessage()


def test_an_export_does_not_replace_tracks_that_have_corrections(
    qtbot, open_window, tmp_path
) -> None:
    tracks = tmp_path / "a.json"
    save_result(tracks, ClipInfo("a", (160, 120), COCO17), [(0.0, BOTH)], (), lambda share: None)
    before = tracks.read_bytes()
    (tmp_path / "a.mp4").touch()
    window = open_window(FakeFile(20), specs=(str(tracks),))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.editing.rename(1, "Anna")
    said: list[str] = []
    window.library.said.connect(said.append)
    window.library.export(tracks)
    assert said == ["a.json: there are corrections for these tracks; choose another name"]
    assert tracks.read_bytes() == before
    window.library.export(tmp_path / "a.v2")  # v2 is a version, not a format
    qtbot.waitUntil(lambda: said[1:] == ["Exported a.v2.json and its tables"])
    assert tracks.read_bytes() == before
    assert (tmp_path / "a.v2.csv").is_file()


def test_the_joint_threshold_applies_to_the_charts_and_the_export(
    qtbot, paused, tmp_path: Path
) -> None:
    def knee() -> float:
        return paused.presenter.measures.curve(1, 0, 0.0)[1][-1]

    assert knee() > 0  # the joints score 0.8
    paused.tracking.kpt_thr.set_share(0.9)
    qtbot.waitUntil(lambda: np.isnan(knee()))  # of the paused frame
    shown = number_shown(paused)
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: number_shown(paused) > shown)
    assert np.isnan(knee())
    paused.library.export(tmp_path / "out.json")
    qtbot.waitUntil(lambda: not paused.work.busy)
    rows = (tmp_path / "out.measures.csv").read_text().splitlines()[1:]
    assert rows
    assert all(row.endswith("," * len(MEASURES)) for row in rows)
    paused.tracking.kpt_thr.set_share(0.5)
    qtbot.waitUntil(lambda: knee() > 0)


def test_long_work_can_be_cancelled(qtbot, open_window) -> None:
    window = open_window()
    steps: list[int] = []

    def job(progress) -> None:
        while True:
            steps.append(1)
            progress(0.5)

    window.work.begin("Counting", job, lambda _: None)
    qtbot.waitUntil(window.status._work.isVisible)
    with qtbot.waitSignal(window.work.failed) as failed:
        window.status.cancelled.emit()
    assert failed.args == ["Counting: cancelled"]
    assert not window.work.busy


@pytest.mark.parametrize("pictures", ["walk", "walk.jpg"])
def test_the_tracks_of_pictures_are_opened_over_them(
    qtbot, open_window, tmp_path: Path, pictures: str
) -> None:
    info = ClipInfo("walk", (160, 120), COCO17)
    save_result(tmp_path / "walk.json", info, [(0.0, BOTH)], (), lambda share: None)
    place = tmp_path / pictures
    place.touch() if place.suffix else place.mkdir()
    window = open_window(FakeFile(20), specs=(str(tmp_path / "walk.json"),))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    assert window.session.status().spec == str(place)


def test_the_tracks_of_a_missing_video_give_one_line(qtbot, open_window, tmp_path: Path) -> None:
    (tmp_path / "lost.json").write_text("{}")
    window = open_window()
    with qtbot.waitSignal(window.work.failed) as failed:
        window.open([str(tmp_path / "lost.json")])
    assert "\n" not in failed.args[0]


def test_opening_a_table_says_what_to_open_instead(qtbot, open_window, tmp_path: Path) -> None:
    window = open_window()
    window.open([str(tmp_path / "walk.csv")])
    assert "“posse convert walk.csv walk.json”" in window.status.currentMessage()
    window.open([str(tmp_path / "walk.measures.csv")])  # no tracks can be made from it
    assert "a table of measures" in window.status.currentMessage()
    (tmp_path / "walk.json").write_text("{}")
    for name in ("walk.csv", "walk.measures.csv"):
        window.open([str(tmp_path / name)])
        assert window.status.currentMessage().endswith("open the tracks walk.json beside it")
    assert window.session.status().state == "idle"


class NoVideo(FakeFile):
    """A file that is no video."""

    def __enter__(self):
        raise MediaError("a.mp4: not a video")


def test_of_two_problems_the_newer_is_shown(qtbot, open_window, tmp_path: Path) -> None:
    window = open_window(NoVideo(), NoVideo(), FakeFile(50))
    notice = window.stage.notice
    qtbot.waitUntil(lambda: notice._text.text() == "a.mp4: not a video")
    qtbot.waitUntil(notice.button.isVisible)
    (tmp_path / "lost.json").write_text("{}")
    window.open([str(tmp_path / "lost.json")])
    qtbot.waitUntil(lambda: "lost.json" in notice._text.text())
    assert not notice.button.isVisible()  # it would restart the other source
    window.open([str(tmp_path / "a.mp4")])
    qtbot.waitUntil(lambda: notice._text.text() == "a.mp4: not a video")
    qtbot.waitUntil(notice.button.isVisible)
    window.open([str(tmp_path / "table.csv")])
    qtbot.waitUntil(lambda: "table.csv" in notice._text.text())
    window.open([str(tmp_path / "b.mp4")])
    qtbot.waitUntil(lambda: window.presenter.view is not None and not notice.isVisible())
    window.open([str(tmp_path / "table.csv")])  # the source on screen has no problem
    window.presenter.report()
    assert not notice.isVisible()


def test_a_folder_of_videos_is_a_playlist_in_order_of_their_numbers(
    qtbot, open_window, tmp_path: Path
) -> None:
    for name in ("take10.mp4", "take9.MOV", "plot.png", "._take9.mov"):
        (tmp_path / name).touch()
    window = open_window()
    window.session._open_source = opener(FakeFile(3), FakeFile(50))
    window.session.set_speed(float("inf"))
    window.open([str(tmp_path)])
    assert window.session.status().spec == str(tmp_path / "take9.MOV")
    qtbot.waitUntil(lambda: window.session.status().spec == str(tmp_path / "take10.mp4"))
    assert window.memory.recent()[0] == str(tmp_path)


def test_a_source_that_cannot_be_opened_does_not_end_a_playlist(
    qtbot, open_window, tmp_path: Path
) -> None:
    (tmp_path / "lost.json").write_text("{}")
    (tmp_path / "table.csv").touch()
    said: list[str] = []
    window = open_window()
    for source in (window.library.said, window.work.failed):
        source.connect(said.append)
    window.session._open_source = opener(NoVideo(), FakeFile(50))
    names = ("a.mp4", "lost.json", "table.csv", "b.mp4")
    window.open([str(tmp_path / name) for name in names])
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    assert window.session.status().spec == str(tmp_path / "b.mp4")
    assert [any(name in text for text in said) for name in names] == [True, True, True, False]
    qtbot.waitUntil(lambda: not window.stage.notice.isVisible())


def test_a_dismissed_problem_is_shown_again_if_it_recurs(qtbot, open_window) -> None:
    window = open_window(FakeFile(200))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    notice = window.stage.notice
    window.session._loader.problem = "no such network"
    qtbot.waitUntil(notice.isVisible)
    qtbot.mouseClick(notice.close_button, Qt.MouseButton.LeftButton)
    window.presenter.report()
    assert not notice.isVisible()
    window.tuning.configure(replace(window.session.config, max_people=3))  # try again
    window.presenter.report()
    assert notice.isVisible()


def test_a_result_that_was_closed_has_no_corrections_to_lose(qtbot, open_window, tmp_path) -> None:
    tracks, info = tmp_path / "walk.json", ClipInfo("walk", (160, 120), COCO17)
    save_result(tracks, info, [(0.0, BOTH)], [Correction("delete", 1)], lambda share: None)
    (tmp_path / "walk.mp4").write_bytes(b"not read: the source is a fake")
    window = open_window(FakeFile(20), specs=(str(tracks),))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    said = window.status.currentMessage()
    assert said.startswith("2 people in 1 frame up to 0.0 s, 1 correction")
    trigger(window, "close-source")
    assert not window.library.unsaved


@pytest.mark.parametrize("loading", [True, False], ids=["by the networks", "by a preset"])
def test_torch_is_not_queried_for_a_device_while_half_imported(monkeypatch, loading) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))  # no torch.cuda yet
    assert device_name("auto", loading) == "CPU"
    assert device_name("cuda:1", loading) == "cuda:1"


class Cards:
    """torch.cuda of a machine with one card; fails, as torch does, if asked for another."""

    def __init__(self, begun: bool) -> None:
        self.is_available = lambda: True
        self.is_initialized = lambda: begun
        self.device_count = lambda: 1

    def get_device_name(self, index: int) -> str:
        assert self.is_initialized(), "the window waits until CUDA is begun"
        return ["Card 0"][index]

    def memory_reserved(self, index: int) -> int:
        return [5 * 2**20][index]


@pytest.mark.parametrize(
    ("device", "name", "before"),
    [
        ("auto", "Card 0, 5 MB", "CUDA"),
        ("cuda:0", "Card 0, 5 MB", "cuda:0"),
        ("cuda:1", "cuda:1", "cuda:1"),
        ("cuda:x", "cuda:x", "cuda:x"),
        ("cpu", "CPU", "CPU"),
    ],
)
def test_a_device_is_named_by_its_card_once_cuda_is_initialised(
    monkeypatch, device: str, name: str, before: str
) -> None:
    for begun, told in ((True, name), (False, before)):
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=Cards(begun)))
        assert device_name(device, loading=False) == told


@pytest.mark.parametrize(
    ("device", "pose"), [("cpu", "posse-pose-small"), ("auto", "posse-pose-large")]
)
def test_a_preset_is_read_for_the_device_in_use_on_another_thread(
    qtbot, open_window, monkeypatch, device: str, pose: str
) -> None:
    """As on a machine with CUDA, where the light preset uses the larger pose network."""
    asked: list[threading.Thread] = []

    def choose_device(name: str) -> torch.device:
        asked.append(threading.current_thread())
        return torch.device("cpu" if name == "cpu" else "cuda")

    monkeypatch.setattr("pose.runtime.choose_device", choose_device)
    window = open_window()
    window.session.configure(PipelineConfig(device=device, pose="other"))
    choice = window.tracking.preset
    choice.setCurrentIndex(choice.findData("lightweight"))
    choice.activated.emit(choice.currentIndex())
    qtbot.waitUntil(lambda: window.session.config.pose == pose)
    assert window.session.config.device == device
    assert window.tracking.pose.currentData() == pose
    assert threading.main_thread() not in asked


def test_a_preset_for_a_missing_device_gives_one_line(qtbot, open_window) -> None:
    window = open_window()
    window.session.configure(PipelineConfig(device="cuda:99"))
    with qtbot.waitSignal(window.work.failed) as failed:
        window.tracking.preset_chosen.emit("lightweight")
    assert "cuda:99" in failed.args[0]
