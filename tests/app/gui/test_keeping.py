"""Recordings and snapshots from the window: what is saved, where, and what is reported."""

from __future__ import annotations

import errno
from pathlib import Path

from fake_session import FakeCamera
from window_user import trigger


def test_a_snapshot_is_written(qtbot, paused, memory) -> None:
    trigger(paused, "snapshot")
    qtbot.waitUntil(lambda: len(list(memory.folder().glob("*.png"))) == 1)


def test_a_snapshot_that_cannot_be_saved_gives_one_line(qtbot, paused, memory, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    memory.set_folder(tmp_path / "file" / "pictures")
    said: list[str] = []
    paused.work.failed.connect(said.append)
    trigger(paused, "snapshot")
    qtbot.waitUntil(lambda: bool(said))
    assert "choose another folder" in said[0]
    assert "Errno" not in said[0]


def test_a_snapshot_is_complete_or_not_there(qtbot, paused, memory, monkeypatch) -> None:
    def fill_up(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    said: list[str] = []
    paused.work.failed.connect(said.append)
    trigger(paused, "snapshot")
    qtbot.waitUntil(lambda: bool(said))
    assert "the disk is full" in said[0]
    assert not list(memory.folder().iterdir())


def test_a_recording_without_frames_is_not_reported_as_saved(qtbot, paused, memory) -> None:
    qtbot.wait(100)  # until the frames ahead are processed, and no more come
    said: list[str] = []
    paused.recording.said.connect(said.append)
    paused.actions_by_name["record"].trigger()
    paused.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: "Nothing was recorded: no new picture came" in said)
    assert not memory.folder().exists()


def test_recording_with_nothing_chosen_says_where_to_choose(qtbot, paused) -> None:
    for choice in (
        paused.tools.record_overlay,
        paused.tools.record_clean,
        paused.tools.record_tracks,
    ):
        choice.setChecked(False)
    said: list[str] = []
    paused.recording.said.connect(said.append)
    paused.actions_by_name["record"].trigger()
    assert said == ["Choose what to record: the arrow next to Record"]
    assert not paused.actions_by_name["record"].isChecked()


def test_recordings_are_shown_in_their_folder(paused, memory, monkeypatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        "app.gui.playing.QDesktopServices.openUrl",
        lambda url: shown.append(url.toLocalFile()) or len(shown) == 1,
    )
    memory.folder().mkdir()
    paused.tools.show_record_folder.trigger()
    assert shown == [str(memory.folder())]
    paused.tools.show_record_folder.trigger()  # without a file manager
    assert paused.status.currentMessage() == f"Recordings are in {memory.folder()}"


def test_folders_that_cannot_be_looked_up_are_passed_over(paused, memory) -> None:
    endless = memory.folder().parent / ("x" * 300) / "y"  # no system has such a name
    memory.set_folder(endless)
    memory.add_recent([str(endless / "a.mp4")])
    for ask in (paused.playing.choose_record_folder, paused.playing.choose_files):
        ask()
        assert Path(paused.playing.dialog.directory().path()).is_dir()
        paused.playing.dialog.close()


def test_files_saved_within_one_second_get_different_names(
    qtbot, paused, memory, monkeypatch
) -> None:
    monkeypatch.setattr("app.gui.recording.time.strftime", lambda *_: "posse-now")
    for count in (1, 2):
        trigger(paused, "snapshot")
        qtbot.waitUntil(lambda count=count: len(list(memory.folder().glob("*.png"))) == count)
        qtbot.waitUntil(lambda: not paused.work.busy)
    names: list[str] = []
    monkeypatch.setattr(paused.session, "record", lambda plan: names.append(plan.name))
    for _ in range(2):
        paused.recording.record(True, overlay=True, clean=False, tracks=True)
    assert names == ["posse-now-3", "posse-now-4"]


def test_a_recording_has_video_clean_video_and_tracks(qtbot, open_window, memory) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    window.tools.record_clean.setChecked(True)
    qtbot.waitUntil(lambda: window.presenter.view is not None and len(window.presenter.rows()) == 2)
    qtbot.waitUntil(window.actions_by_name["record"].isEnabled)
    window.actions_by_name["record"].setChecked(True)
    qtbot.waitUntil(lambda: window.session.status().recording)
    qtbot.wait(600)
    assert "recording 0:0" in window.status._state.text()
    said: list[str] = []
    window.recording.said.connect(said.append)
    window.actions_by_name["record"].setChecked(False)
    folder = memory.folder()
    qtbot.waitUntil(lambda: bool(said), timeout=20_000)
    (tracks,) = folder.glob("posse-*.json")  # complete by then
    assert said == [f"Saved {tracks.with_suffix('.*')}"]
    qtbot.wait(400)
    assert len(said) == 1
    qtbot.waitUntil(lambda: len(list(folder.glob("posse-*.clean.mp4"))) == 1)
    qtbot.waitUntil(lambda: len(list(folder.glob("posse-*.json"))) == 1)
    assert len(list(folder.glob("posse-*.mp4"))) == 2
    qtbot.waitUntil(lambda: len(list(folder.glob("posse-*.csv"))) == 2)  # tracks and measures
