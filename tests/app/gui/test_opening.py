"""What the window opens: files, playlists, cameras; and what it says of what it cannot."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from fake_session import FakeCamera, FakeFile, opener
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from window_user import BOTH, number_shown, trigger, write_tracks

from app.corrections import Correction, sidecar_of
from app.gui.menus import fill_recent
from app.results import OpenResult
from app.video.devices import Camera, Mode
from app.video.source import MediaError


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

    from app.video.devices import Camera

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


def test_recent_files_of_one_name_can_be_told_apart(open_window) -> None:
    window = open_window()
    fill_recent(window.recent_menu, ["/a/rock & roll.mp4", "/b/rock & roll.mp4"], window.open)
    actions = window.recent_menu.actions()
    assert [action.text() for action in actions] == 2 * ["rock && roll.mp4"]
    assert [action.toolTip() for action in actions] == ["/a/rock & roll.mp4", "/b/rock & roll.mp4"]
    assert window.recent_menu.toolTipsVisible()


def test_every_video_of_a_playlist_opens_with_its_saved_corrections(
    qtbot, open_window, tmp_path
) -> None:
    specs = [str(tmp_path / name) for name in ("a.mp4", "b.mp4", "c.mp4")]
    for spec, name in zip(specs[:2], ("Anna", "Ben"), strict=True):
        Path(spec).write_bytes(b"not read: the source is a fake")
        step = Correction("rename", 1, name=name)
        write_tracks(Path(spec).with_suffix(".json"), corrections=[step])
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
    tracks = tmp_path / "b.json"
    write_tracks(tracks)
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


def test_people_found_after_a_camera_s_restart_have_no_names(qtbot, open_window) -> None:
    window = open_window(FakeCamera(30), FakeCamera(30), specs=("0",))
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    window.editing.rename(1, "Anna")
    window.stage.notice.restart_wanted.emit()
    assert window.presenter.names == {}


@pytest.mark.parametrize("pictures", ["walk", "walk.jpg"])
def test_the_tracks_of_pictures_are_opened_over_them(
    qtbot, open_window, tmp_path: Path, pictures: str
) -> None:
    write_tracks(tmp_path / "walk.json")
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
