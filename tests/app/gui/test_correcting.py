"""Every correction made in the window: what it does to the picture, and that it can be undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_session import FakeFile, burnt_number
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QLineEdit
from window_user import ids_shown, trigger

from app.corrections import sidecar_of
from app.gui.main_window import MainWindow
from app.gui.painting import _plate
from app.gui.people_model import PersonRow


def labels_shown(window) -> set[str]:
    return {label.text for label in window.stage.canvas._drawing.labels}


CTRL = Qt.KeyboardModifier.ControlModifier


def click_person(qtbot, window, person: int, modifier=Qt.KeyboardModifier.NoModifier) -> QPoint:
    """Click on the centre of a person in the picture, and return the point."""
    people = window.presenter.view.result.people
    box = people.poses.boxes[people.ids.tolist().index(person)]
    x, y = window.stage.canvas.viewport.to_canvas((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    place = QPoint(round(x), round(y))
    qtbot.mouseClick(window.stage.canvas, Qt.MouseButton.LeftButton, modifier, place)
    return place


@pytest.mark.parametrize(
    ("command", "selected", "after"),
    [
        ("swap", (1, 2), [2, 1]),
        ("merge", (1, 2), [1]),
        ("split", (1,), [3, 2]),
        ("delete", (1,), [2]),
        ("delete", (1, 2), []),
    ],
)
def test_a_command_corrects_the_picture_and_can_be_undone(
    qtbot, paused, command: str, selected: tuple[int, ...], after: list[int]
) -> None:
    paused.editing.select(selected)
    assert paused.actions_by_name[command].isEnabled()
    paused.actions_by_name[command].trigger()
    qtbot.waitUntil(lambda: ids_shown(paused) == after)
    steps = len(paused.session.corrections.done)
    for _ in range(steps):
        paused.actions_by_name["undo"].trigger()
    qtbot.waitUntil(lambda: ids_shown(paused) == [1, 2])
    assert not paused.actions_by_name["undo"].isEnabled()
    for _ in range(steps):
        paused.actions_by_name["redo"].trigger()
    qtbot.waitUntil(lambda: ids_shown(paused) == after)
    paused.actions_by_name["forward"].trigger()
    qtbot.waitUntil(lambda: burnt_number(paused.presenter.view.result.frame.image) == 1)
    assert ids_shown(paused) == after  # and in later frames


def test_the_pieces_of_one_person_are_merged_at_once(qtbot, paused) -> None:
    paused.editing.select((1,))
    trigger(paused, "split")
    paused.editing.select((3, 2, 1))
    trigger(paused, "merge")
    assert paused.presenter.selected == (1,)
    qtbot.waitUntil(lambda: ids_shown(paused) == [1])
    trigger(paused, "undo")  # undoes one of the two steps
    qtbot.waitUntil(lambda: ids_shown(paused) == [3, 1])


@pytest.mark.parametrize(
    ("command", "selected", "after"),
    [
        (lambda editing: editing.set_id(2, 1), (2,), (1,)),
        (lambda editing: editing.set_id(2, 9), (2,), (9,)),
        (lambda editing: editing.split(), (2,), (3,)),
        (lambda editing: editing.swap(), (1, 2), (1, 2)),
        (lambda editing: editing.rename(2, "Anna"), (2,), (2,)),
    ],
    ids=["set a number that is taken", "set a new number", "split", "swap", "rename"],
)
def test_the_same_person_stays_selected_through_undo_and_redo(
    paused, command, selected: tuple[int, ...], after: tuple[int, ...]
) -> None:
    paused.editing.toggle_lock(selected[0])
    paused.editing.select(selected)
    command(paused.editing)
    for name, expected in (("undo", selected), ("redo", after), ("undo", selected)):
        paused.actions_by_name[name].trigger()
        assert paused.presenter.selected == expected == paused.people.selected()
        assert paused.editing.locked == expected[0]


def test_a_redo_deselects_people_who_are_gone(paused) -> None:
    for name, selected, after in (("delete", (1,), ()), ("merge", (1, 2), (1,))):
        paused.editing.select(selected)
        for command in (name, "undo"):
            paused.actions_by_name[command].trigger()
        paused.editing.select(selected)
        paused.actions_by_name["redo"].trigger()
        assert paused.presenter.selected == after == paused.people.selected()
        paused.actions_by_name["undo"].trigger()


def test_merged_people_keep_the_picture_of_the_one_who_had_the_number(qtbot, paused) -> None:
    presenter = paused.presenter
    qtbot.waitUntil(lambda: presenter.thumbnails.pictures.keys() >= {1})
    paused.actions_by_name["forward"].trigger()
    qtbot.waitUntil(lambda: presenter.thumbnails.pictures.keys() >= {1, 2})
    own = presenter.thumbnails.pictures[1]
    paused.editing.select((1, 2))
    paused.actions_by_name["merge"].trigger()
    qtbot.waitUntil(lambda: len(presenter.rows()) == 1)
    assert presenter.rows()[0].picture is own


def test_a_name_is_typed_in_the_panel_and_shown_everywhere(qtbot, paused) -> None:
    paused.editing.select((2,))
    paused.actions_by_name["rename"].trigger()
    editor = paused.people.list.findChild(QLineEdit)
    qtbot.keyClicks(editor, "Anna")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: paused.presenter.names == {2: "Anna"})
    qtbot.waitUntil(lambda: "Anna" in [label.text for label in paused.stage.canvas._drawing.labels])
    qtbot.waitUntil(lambda: "Anna" in [person.name for person in paused.people.model.rows])
    paused.actions_by_name["undo"].trigger()
    qtbot.waitUntil(lambda: paused.presenter.names == {})


def test_a_name_can_be_typed_when_another_panel_is_in_front(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.overlay)
    click_person(qtbot, paused, 2)
    paused.actions_by_name["rename"].trigger()
    editor = paused.people.list.findChild(QLineEdit)
    assert editor.isVisible()
    qtbot.keyClicks(editor, "Anna")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: paused.presenter.names == {2: "Anna"})


def test_a_name_is_one_line(paused) -> None:
    paused.editing.rename(2, " Anna\nMaria ")
    assert paused.presenter.names == {2: "Anna Maria"}


@pytest.mark.parametrize("step", [1, -1], ids=["longer seen", "in another order"])
def test_a_half_typed_name_survives_an_update_of_the_people(qtbot, paused, step: int) -> None:
    paused.editing.select((2,))
    paused.actions_by_name["rename"].trigger()
    editor = paused.people.list.findChild(QLineEdit)
    qtbot.keyClicks(editor, "An")
    rows = [replace(row, seen_s=row.seen_s + 5) for row in paused.presenter.rows()]
    paused.people.show_people(rows[::step])
    qtbot.keyClicks(editor, "na")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: paused.presenter.names == {2: "Anna"})


def test_a_half_typed_name_is_dropped_when_another_video_opens(qtbot, paused) -> None:
    paused.editing.select((2,))
    paused.actions_by_name["rename"].trigger()
    editor = paused.people.list.findChild(QLineEdit)
    qtbot.keyClicks(editor, "An")
    paused.presenter.clear()
    qtbot.waitUntil(lambda: paused.people.list.findChild(QLineEdit) is None)
    assert paused.presenter.names == {}


def test_the_panel_repaints_a_row_only_if_it_looks_different(qtbot, paused) -> None:
    rows, model = paused.presenter.rows(), paused.people.model
    paused.people.show_people(rows)
    painted: list[int] = []
    model.dataChanged.connect(lambda first, last: painted.append(first.row()))
    for _ in range(5):
        paused.presenter.report()
    assert painted == []
    assert paused.presenter.rows() is rows
    paused.people.show_people([rows[0], replace(rows[1], seen_s=rows[1].seen_s + 0.0001)])
    assert painted == []
    paused.people.show_people([rows[0], replace(rows[1], score=None)])
    assert painted == [1]


def test_a_number_is_set_in_the_panel(qtbot, paused) -> None:
    paused.editing.select((2,))
    paused.actions_by_name["set-id"].trigger()
    paused.people._id_field.setValue(9)
    paused.people._id_button.click()
    qtbot.waitUntil(lambda: ids_shown(paused) == [1, 9])
    assert paused.presenter.selected == (9,)
    paused.actions_by_name["undo"].trigger()
    qtbot.waitUntil(lambda: ids_shown(paused) == [1, 2])


def test_a_typed_number_is_set_by_return_and_not_by_leaving_the_field(qtbot, paused) -> None:
    paused.activateWindow()
    paused.editing.select((2,))
    for key, shown in ((Qt.Key.Key_Tab, [1, 2]), (Qt.Key.Key_Return, [1, 7])):
        paused.actions_by_name["set-id"].trigger()
        qtbot.waitUntil(paused.people._id_field.hasFocus)
        qtbot.keyClicks(paused.people._id_field, "7")
        qtbot.keyClick(paused.people._id_field, key)
        qtbot.wait(20)
        qtbot.waitUntil(lambda shown=shown: ids_shown(paused) == shown)


def test_people_are_selected_in_the_picture_the_panel_and_the_timeline(qtbot, paused) -> None:
    click_person(qtbot, paused, 1)
    assert paused.presenter.selected == (1,) == paused.people.selected()
    click_person(qtbot, paused, 2, Qt.KeyboardModifier.ControlModifier)
    assert set(paused.people.selected()) == {1, 2}
    click_person(qtbot, paused, 2, Qt.KeyboardModifier.ControlModifier)
    assert paused.presenter.selected == (1,)
    qtbot.mouseClick(paused.stage.canvas, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert paused.presenter.selected == ()
    paused.people.list.setCurrentIndex(paused.people.model.index(1))
    assert paused.presenter.selected == (2,)
    row = [person for person, _ in paused.stage.timeline._rows].index(1)
    qtbot.mouseClick(
        paused.stage.timeline, Qt.MouseButton.LeftButton, pos=QPoint(20, 20 + 16 * row + 8)
    )
    assert paused.presenter.selected == (1,)


def test_the_panel_scrolls_to_a_person_selected_elsewhere(qtbot, paused) -> None:
    panel = paused.people
    paused.presenter.stop()  # else it would show the people in the picture
    panel.show_people([PersonRow(person, "", 1.0, 0.9, None) for person in range(1, 40)])
    panel.select((30,))
    shown = panel.list.viewport().rect()
    assert shown.contains(panel.list.visualRect(panel.model.index(29)))


def test_the_selection_mark_does_not_cross_out_names(qtbot, paused) -> None:
    canvas = paused.stage.canvas
    paused.editing.rename(1, "Anna Maria Magdalena Victoria")
    qtbot.waitUntil(lambda: "2" in labels_shown(paused) and len(labels_shown(paused)) == 2)
    before = canvas.grab().toImage()
    painter = QPainter(before)
    plates = [_plate(painter, label, canvas.viewport) for label in canvas._drawing.labels]
    painter.end()
    paused.editing.select((1, 2))
    after = canvas.grab().toImage()
    assert after != before
    for plate in plates:
        inside = plate.adjusted(12, 1, -12, -1).toRect()  # without its round corners
        assert after.copy(inside) == before.copy(inside)


def test_a_person_not_yet_in_the_panel_can_be_selected(qtbot, paused) -> None:
    rows = paused.people.model.rows
    paused.tabs.setCurrentWidget(paused.overlay)  # so that the panel is not updated
    paused.people.model.show_rows(rows[:1])
    click_person(qtbot, paused, 1)
    click_person(qtbot, paused, 2)
    assert paused.presenter.selected == (2,)
    paused.tabs.setCurrentWidget(paused.people)
    qtbot.waitUntil(lambda: paused.people.selected() == (2,))


def test_a_lock_stays_when_another_person_is_added_and_ends_with_its_own(qtbot, paused) -> None:
    paused.editing.toggle_lock(2)
    click_person(qtbot, paused, 1, Qt.KeyboardModifier.ControlModifier)
    assert paused.editing.locked == 2
    paused.actions_by_name["delete"].trigger()
    assert paused.editing.locked == 0 and not paused.actions_by_name["lock"].isChecked()


def test_a_lock_dims_everybody_else_until_it_is_released(qtbot, paused) -> None:
    paused.editing.toggle_lock(2)
    assert (paused.editing.locked, paused.stage.canvas._locked) == (2, 2)
    assert paused.presenter.session._run.follower.locked == 2  # the tracker is told too
    paused.editing.toggle_lock(2)
    assert (paused.editing.locked, paused.stage.canvas._locked) == (0, 0)
    paused.editing.select((1,))
    paused.actions_by_name["lock"].trigger()
    assert paused.stage.canvas._locked == 1


def test_the_skeletons_of_the_others_are_dimmed_too(qtbot, paused) -> None:
    canvas, people = paused.stage.canvas, paused.presenter.view.result.people
    places = [canvas.viewport.to_canvas(*people.poses.keypoints[row, 8]) for row in (0, 1)]

    def brightness() -> list[int]:
        image = canvas.grab().toImage()
        return [image.pixelColor(round(x), round(y)).value() for x, y in places]

    before = brightness()
    paused.editing.toggle_lock(2)
    after = brightness()
    assert people.ids.tolist() == [1, 2]
    assert after[0] < 0.7 * before[0]
    assert after[1] == before[1]


def double_click_person(qtbot, window, person: int, modifier=Qt.KeyboardModifier.NoModifier):
    """As a mouse does: a click, then another that Qt takes for a double click."""
    place = click_person(qtbot, window, person, modifier)
    qtbot.mouseDClick(window.stage.canvas, Qt.MouseButton.LeftButton, modifier, place)


@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.NoModifier, CTRL])
def test_a_double_click_on_another_person_moves_the_lock_and_on_the_same_releases_it(
    qtbot, paused, modifier
) -> None:
    for person, locked in ((1, 1), (2, 2), (2, 0), (1, 1)):
        double_click_person(qtbot, paused, person, modifier)
        assert (paused.editing.locked, paused.stage.canvas._locked) == (locked, locked)
        assert paused.actions_by_name["lock"].isChecked() == bool(locked)
    double = QPoint(3, 3)  # nobody
    qtbot.mouseClick(paused.stage.canvas, Qt.MouseButton.LeftButton, pos=double)
    qtbot.mouseDClick(paused.stage.canvas, Qt.MouseButton.LeftButton, pos=double)
    assert paused.editing.locked == 0 and not paused.actions_by_name["lock"].isChecked()


def test_a_lock_ends_when_a_redo_deletes_its_person(paused) -> None:
    paused.editing.select((2,))
    paused.actions_by_name["delete"].trigger()
    paused.actions_by_name["undo"].trigger()
    paused.editing.toggle_lock(2)
    paused.actions_by_name["redo"].trigger()
    assert paused.editing.locked == 0 and not paused.actions_by_name["lock"].isChecked()


def test_a_lock_ends_when_after_a_jump_nobody_has_its_number(qtbot, open_window) -> None:
    window = open_window(FakeFile(400))
    window.session.play(False)
    qtbot.waitUntil(lambda: window.presenter.view is not None and ids_shown(window) == [1, 2])
    window.editing.toggle_lock(2)
    said: list[str] = []
    window.editing.said.connect(said.append)
    window.actions_by_name["forward-far"].trigger()
    qtbot.waitUntil(lambda: ids_shown(window) == [3, 4])
    qtbot.waitUntil(lambda: not window.actions_by_name["lock"].isChecked())
    assert (window.editing.locked, window.stage.canvas._locked) == (0, 0)
    assert "2" in said[0]
    window.editing.toggle_lock(3)  # a lock on somebody present lasts
    window.actions_by_name["forward"].trigger()
    qtbot.wait(300)
    assert window.editing.locked == 3


def test_the_menu_of_a_person_offers_the_commands(qtbot, paused) -> None:
    from PyQt6.QtCore import QPointF
    from PyQt6.QtWidgets import QMenu

    paused.editing.menu(1, QPointF(100, 100))
    menus = [menu for menu in paused.findChildren(QMenu) if menu.isVisible()]
    assert menus[0].actions()[0].text() == "Rename"
    menus[0].close()
    assert paused.presenter.selected == (1,)
    paused.editing.menu(0, QPointF(5, 5))  # next to everybody: must not delete the selected
    (menu,) = (menu for menu in paused.findChildren(QMenu) if menu.isVisible())
    assert "Delete" not in [action.text() for action in menu.actions()]
    assert "Snapshot" in [action.text() for action in menu.actions()]
    menu.close()


def test_corrections_and_selection_end_with_their_source(qtbot, open_window) -> None:
    window = open_window(FakeFile(30), FakeFile(30))
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    window.editing.rename(1, "Anna")
    window.editing.select((1,))
    window.open(["b.mp4"])
    window.stage.unsaved.discard.click()
    assert window.presenter.selected == ()
    assert window.presenter.names == {}
    assert not window.actions_by_name["undo"].isEnabled()


def test_the_next_video_of_a_playlist_has_its_own_people(qtbot, open_window) -> None:
    window = open_window(FakeFile(30), FakeFile(30), specs=("a.mp4", "b.mp4"))
    presenter = window.presenter
    window.session.play(False)
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    window.editing.set_id(1, 9)
    window.editing.rename(2, "Anna")
    qtbot.waitUntil(lambda: len(presenter.measures.curve(9, 0, 0.0)[0]) > 0)
    assert "Anna" in labels_shown(window)
    window.session.set_speed(float("inf"))
    window.session.play(True)
    qtbot.waitUntil(window.stage.unsaved.isVisible)  # the playlist waits for the answer
    qtbot.wait(200)
    assert window.session.status().spec == "a.mp4"
    window.stage.unsaved.discard.click()
    qtbot.waitUntil(lambda: window.session.status().spec == "b.mp4")
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    qtbot.waitUntil(lambda: presenter.names == {})
    assert len(presenter.measures.curve(9, 0, 0.0)[0]) == 0
    assert labels_shown(window) == {"1", "2"}


@pytest.fixture
def corrected(qtbot, open_window, tmp_path: Path) -> MainWindow:
    """A window on a paused file, with one person just named."""
    window = open_window(FakeFile(30), FakeFile(30))
    window.session.play(False)
    qtbot.waitUntil(
        lambda: len(window.people.model.rows) == 2 and window.presenter.view is not None
    )
    window.editing.rename(1, "Anna")
    return window


def test_corrections_are_saved_before_another_file_is_opened(qtbot, corrected, tmp_path) -> None:
    corrected.open([str(tmp_path / "b.mp4")])
    assert corrected.stage.unsaved.isVisible()
    assert corrected.session.status().spec.endswith("a.mp4")
    corrected.stage.unsaved.save.click()
    qtbot.waitUntil(lambda: corrected.session.status().spec.endswith("b.mp4"))
    assert "Anna" in sidecar_of(tmp_path / "a.json").read_text()
    corrected.open([str(tmp_path / "b.mp4")])  # no corrections here: no question
    assert not corrected.stage.unsaved.isVisible()


def test_closing_the_question_keeps_the_corrections_and_the_video(
    qtbot, corrected, tmp_path
) -> None:
    trigger(corrected, "close-source")
    assert corrected.stage.unsaved.isVisible()
    qtbot.keyClick(corrected.stage.unsaved, Qt.Key.Key_Escape)
    assert not corrected.stage.unsaved.isVisible()
    assert corrected.presenter.names == {1: "Anna"}
    trigger(corrected, "save")
    qtbot.waitUntil(lambda: not corrected.library.unsaved)
    trigger(corrected, "undo")
    assert corrected.library.unsaved
    trigger(corrected, "redo")
    trigger(corrected, "close-source")
    qtbot.waitUntil(corrected.stage.welcome.isVisible)


def test_the_window_closes_once_corrections_are_saved(qtbot, corrected, tmp_path) -> None:
    assert not corrected.close()
    assert corrected.isVisible() and corrected.stage.unsaved.isVisible()
    corrected.stage.unsaved.save.click()
    qtbot.waitUntil(lambda: not corrected.isVisible())
    assert "Anna" in sidecar_of(tmp_path / "a.json").read_text()


def test_corrections_that_cannot_be_saved_are_not_lost(qtbot, corrected, tmp_path) -> None:
    (tmp_path / "a.json").write_text("another program's")
    assert not corrected.close()
    corrected.stage.unsaved.save.click()
    assert corrected.isVisible()
    assert "exists already" in corrected.status.currentMessage()
    assert not corrected.close()
    corrected.stage.unsaved.discard.click()
    qtbot.waitUntil(lambda: not corrected.isVisible())
    assert (tmp_path / "a.json").read_text() == "another program's"


def test_nobody_is_selected_in_another_video(qtbot, paused) -> None:
    paused.editing.select((1,))
    paused.open(["b.mp4"])
    qtbot.waitUntil(lambda: len(paused.people.model.rows) == 2)
    assert paused.presenter.selected == paused.people.selected() == ()
    assert paused.stage.canvas._selected == ()


def test_the_title_names_the_video_and_marks_unsaved_corrections(qtbot, paused) -> None:
    paused.presenter.report()
    assert paused.windowTitle() == "fake file[*] – Posse"
    assert not paused.isWindowModified()
    paused.editing.rename(1, "Anna")
    assert paused.isWindowModified()
    paused.actions_by_name["save"].trigger()
    qtbot.waitUntil(lambda: not paused.isWindowModified())
    paused.actions_by_name["close-source"].trigger()
    qtbot.waitUntil(lambda: paused.windowTitle() == "Posse")


def test_corrections_undos_and_redos_are_reported(paused) -> None:
    said: list[str] = []
    paused.editing.said.connect(said.append)
    paused.editing.rename(1, "Anna")
    paused.editing.rename(1, "")
    paused.editing.set_id(2, 7)
    for name in ("undo", "redo"):
        paused.actions_by_name[name].trigger()
    assert said == [
        "Person 1 named “Anna”",
        "Name of person 1 removed",
        "Person 2 renumbered to 7",
        "Undone: person 2 renumbered to 7",
        "Redone: person 2 renumbered to 7",
    ]
