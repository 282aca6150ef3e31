"""Tracks and corrections that the window saves, opens again and exports."""

from __future__ import annotations

import pytest
from fake_session import FakeFile
from PyQt6.QtWidgets import QFileDialog
from window_user import ids_shown, number_shown, trigger, write_tracks

from app.corrections import Correction, load_corrections, sidecar_of
from app.results import DRAWN
from tracking.files import read_tracks


def test_an_export_is_suggested_beside_the_video_under_a_new_name(paused, tmp_path) -> None:
    trigger(paused, "export")
    dialog = paused.playing.dialog
    assert dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave
    assert dialog.selectedFiles() == [str(tmp_path / "a-corrected.json")]
    dialog.close()


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
    write_tracks(tracks, (0.0, 0.16))
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
    write_tracks(tracks, (index / 25 for index in range(20)))
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
    times_s = (index / 25 for index in range(30))
    write_tracks(tmp_path / "take.json", times_s, **{DRAWN: "take.mp4"})
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
    tracks = tmp_path / "part.json"
    write_tracks(tracks, (1.0 + index / 25 for index in range(25)), **settings)
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
        write_tracks(tracks)
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
    write_tracks(tracks)
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


def test_a_result_that_was_closed_has_no_corrections_to_lose(qtbot, open_window, tmp_path) -> None:
    tracks = tmp_path / "walk.json"
    write_tracks(tracks, corrections=[Correction("delete", 1)])
    (tmp_path / "walk.mp4").write_bytes(b"not read: the source is a fake")
    window = open_window(FakeFile(20), specs=(str(tracks),))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    said = window.status.currentMessage()
    assert said.startswith("2 people in 1 frame up to 0.0 s, 1 correction")
    trigger(window, "close-source")
    assert not window.library.unsaved
