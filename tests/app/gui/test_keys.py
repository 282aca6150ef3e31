"""The window by keyboard alone: a control with the focus keeps the keys that it uses."""

from __future__ import annotations

import pytest
from fake_session import FakeFile
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication, QToolButton, QWidget

SPACE, RIGHT, TAB = Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_Tab


def number_of(window) -> int:
    return window.presenter.view.result.frame.index


def test_space_operates_the_control_reached_by_tab_and_plays_from_elsewhere(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.overlay)
    box = paused.overlay._checks["heat"]
    box.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(box, SPACE)
    assert box.isChecked()
    assert not paused.session.status().playing
    paused.stage.canvas.setFocus()
    qtbot.keyClick(paused.stage.canvas, SPACE)
    assert paused.session.status().playing


def test_space_plays_what_was_just_opened(qtbot, open_window, tmp_path) -> None:
    window = open_window(FakeFile(1000))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    qtbot.keyClick(QApplication.focusWidget(), SPACE)
    assert not window.session.status().playing
    window.tools.findChildren(QToolButton)[0].setFocus(Qt.FocusReason.TabFocusReason)
    window.open([str(tmp_path / "b.mp4")])  # as from the dialog that the button opens
    qtbot.keyClick(QApplication.focusWidget(), SPACE)
    assert not window.session.status().playing


@pytest.mark.parametrize("name", ["help", "camera", "about"])
def test_escape_closes_a_sheet_and_returns_the_focus_to_the_picture(
    qtbot, paused, name: str
) -> None:
    paused.actions_by_name[name].trigger()
    stage = paused.stage
    sheet = {"help": stage.help, "camera": stage.sources, "about": stage.about}[name]
    has_it = QApplication.focusWidget()
    assert has_it is sheet or sheet.isAncestorOf(has_it)
    qtbot.keyClick(has_it, Qt.Key.Key_Escape)
    assert not sheet.isVisible()
    assert QApplication.focusWidget() is stage.canvas


def test_the_wheel_changes_a_control_only_if_it_has_the_focus(qtbot, paused) -> None:
    panel = paused.tracking
    paused.tabs.setCurrentWidget(panel)
    before = panel._values(), panel.preset.currentIndex()
    slider = panel.bbox_thr.slider
    for control in (panel.preset, panel.detector, panel.detect_every, slider):
        assert not wheel_taken(control)  # so the form around it scrolls
    assert (panel._values(), panel.preset.currentIndex()) == before
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    assert wheel_taken(slider)
    assert panel.bbox_thr.share < before[0][0]["bbox_thr"]


def wheel_taken(control: QWidget) -> bool:
    """Turn the wheel by a notch over `control`; True if it took the event."""
    place, no_button = QPointF(control.rect().center()), Qt.MouseButton.NoButton
    no_key, no_phase = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    there, down = control.mapToGlobal(place), QPoint(0, -120)
    event = QWheelEvent(place, there, QPoint(), down, no_button, no_key, no_phase, False)
    QApplication.sendEvent(control, event)
    return event.isAccepted()


def test_a_click_on_a_control_leaves_space_and_the_arrows_to_the_video(qtbot, paused) -> None:
    paused.stage.canvas.setFocus()
    paused.tabs.setCurrentWidget(paused.overlay)
    qtbot.mouseClick(paused.overlay._checks["heat"], Qt.MouseButton.LeftButton)
    paused.tabs.setCurrentWidget(paused.tracking)
    qtbot.mouseClick(paused.tracking.bbox_thr.slider, Qt.MouseButton.LeftButton)
    qtbot.keyClick(QApplication.focusWidget(), RIGHT)
    qtbot.waitUntil(lambda: number_of(paused) == 1)


def test_a_click_on_a_tab_leaves_space_to_the_video(qtbot, paused) -> None:
    paused.people.list.setFocus()  # as after renaming somebody
    bar = paused.tabs.tabBar()
    place = bar.tabRect(paused.tabs.indexOf(paused.measures)).center()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)
    assert paused.measures.isVisible()
    qtbot.keyClick(QApplication.focusWidget(), SPACE)
    assert paused.session.status().playing


def test_arrows_move_a_slider_reached_by_tab(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.tracking)
    slider = paused.tracking.bbox_thr.slider
    before = slider.value()
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(slider, RIGHT)
    assert slider.value() == before + 1
    assert number_of(paused) == 0


def test_return_in_a_field_returns_the_focus_to_the_picture(qtbot, paused) -> None:
    paused.editing.select((2,))
    paused.editing.id_wanted.emit()
    field = paused.people._id_field
    qtbot.keyClicks(field, "7")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert paused.presenter.selected == (7,)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is paused.stage.canvas)


def test_the_question_about_corrections_can_be_answered_by_keyboard(
    qtbot, paused, tmp_path
) -> None:
    paused.editing.rename(1, "Anna")
    paused.close()
    qtbot.waitUntil(paused.stage.unsaved.isVisible)
    save, discard = paused.stage.unsaved.save, paused.stage.unsaved.discard
    assert QApplication.focusWidget() is save
    discard.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(discard, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not paused.isVisible())
    assert not (tmp_path / "a.corrections.json").exists()


def test_escape_leaves_the_full_screen(qtbot, paused) -> None:
    paused.showMaximized()
    paused.actions_by_name["full-screen"].trigger()
    assert paused.isFullScreen()
    paused.stage.canvas.setFocus()
    qtbot.keyClick(paused.stage.canvas, Qt.Key.Key_Escape)
    assert not paused.isFullScreen()
    assert paused.isMaximized()
