"""Every control of the window does what it says, and nothing blocks the window."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_session import FakeFile
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollBar,
    QWidget,
)
from window_user import ids_shown, number_shown, trigger

from app.config import Settings
from app.gui.actions import commands
from app.gui.main_window import MainWindow
from app.gui.timeline import ROW, RULER
from app.overlay import OverlayStyle
from tracking.pipeline import PipelineConfig
from tracking.tracker import TrackerConfig


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


def test_mirror_zoom_pan_and_fit(qtbot, paused) -> None:
    canvas = paused.stage.canvas
    x, y = canvas.viewport.to_canvas(10, 20)
    trigger(paused, "mirror")
    assert canvas.viewport.to_canvas(149, 20) == pytest.approx((x, y))
    trigger(paused, "mirror")
    trigger(paused, "zoom-in")
    assert canvas.viewport.zoom is not None
    assert canvas.viewport.to_frame(x, y) != pytest.approx((10, 20))
    before = canvas.viewport.origin
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    qtbot.mouseMove(canvas, QPoint(140, 120))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(140, 120))
    assert canvas.viewport.origin != before
    trigger(paused, "zoom-out")
    trigger(paused, "fit")
    assert canvas.viewport.zoom is None


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
    assert second.stage.canvas.viewport.mirror
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


def test_no_shortcut_is_given_twice() -> None:
    keys = [command.keys for command in commands() if command.keys]
    assert len(keys) == len(set(keys))
