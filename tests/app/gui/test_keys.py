"""The window by keyboard alone: a control that has it keeps the keys that work it."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication

SPACE, RIGHT, TAB = Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_Tab


def number_of(window) -> int:
    return window.presenter.view.result.frame.index


def test_space_works_the_control_that_was_tabbed_to_and_plays_from_elsewhere(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.overlay)
    box = paused.overlay._checks["heat"]
    box.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(box, SPACE)
    assert box.isChecked()
    assert not paused.session.status().playing
    paused.stage.canvas.setFocus()
    qtbot.keyClick(paused.stage.canvas, SPACE)
    assert paused.session.status().playing


def test_a_click_on_a_control_leaves_space_and_the_arrows_to_the_video(qtbot, paused) -> None:
    paused.stage.canvas.setFocus()
    paused.tabs.setCurrentWidget(paused.overlay)
    qtbot.mouseClick(paused.overlay._checks["heat"], Qt.MouseButton.LeftButton)
    paused.tabs.setCurrentWidget(paused.tracking)
    qtbot.mouseClick(paused.tracking.bbox_thr.slider, Qt.MouseButton.LeftButton)
    qtbot.keyClick(QApplication.focusWidget(), RIGHT)
    qtbot.waitUntil(lambda: number_of(paused) == 1)


def test_arrows_move_a_slider_that_was_tabbed_to(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.tracking)
    slider = paused.tracking.bbox_thr.slider
    before = slider.value()
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(slider, RIGHT)
    assert slider.value() == before + 1
    assert number_of(paused) == 0


def test_return_in_a_field_gives_the_keyboard_back_to_the_picture(qtbot, paused) -> None:
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
