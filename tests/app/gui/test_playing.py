"""Play, step, jump, loop and ranges: what the transport and the timeline do."""

from __future__ import annotations

import math
import threading

from fake_session import FakeCamera, FakeFile
from PyQt6.QtCore import QPoint, Qt
from window_user import number_shown, trigger


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


def test_keys_change_the_speed_of_files(qtbot, open_window) -> None:
    window = open_window(FakeFile(100), FakeCamera(30))
    qtbot.waitUntil(lambda: window.actions_by_name["slower"].isEnabled())
    speeds = []
    for name in ("slower", *["faster"] * 5, *["slower"] * 9):
        trigger(window, name)
        speeds.append(window.session._speed)
    assert speeds[:6] == [0.75, 1.0, 2.0, 4.0, math.inf, math.inf]
    assert speeds[-2:] == [0.1, 0.1]
    window.open(["0"])
    qtbot.waitUntil(lambda: not window.actions_by_name["slower"].isEnabled())


def test_the_speed_and_the_loop_reach_the_session(qtbot, open_window) -> None:
    window = open_window(FakeFile(10))
    window.stage.transport._speed.setCurrentIndex(window.stage.transport._speed.count() - 1)
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert window.session._speed == float("inf")
    window.actions_by_name["loop"].setChecked(True)
    qtbot.waitUntil(lambda: window.session.status().state == "running")
    window.actions_by_name["loop"].setChecked(False)
    assert window.session.loop is False


def begin_range(qtbot, window) -> None:
    """Pause, go to the picture 25 at one second, and begin the range there."""
    window.session.play(False)
    qtbot.waitUntil(lambda: window.actions_by_name["range-start"].isEnabled())
    window.session.seek(1.0)
    qtbot.waitUntil(lambda: number_shown(window) == 25)
    trigger(window, "range-start")


def test_a_range_of_a_file_is_all_that_plays(qtbot, open_window) -> None:
    window = open_window(FakeFile(100), FakeFile(100), FakeFile(100), FakeFile(100))
    begin_range(qtbot, window)
    qtbot.waitUntil(lambda: number_shown(window) >= 26)
    trigger(window, "range-end")
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert 25 < number_shown(window) < 60
    trigger(window, "range-clear")
    qtbot.waitUntil(lambda: 0 <= number_shown(window) < 20)


def test_a_range_ends_with_its_video(qtbot, open_window) -> None:
    window = open_window(FakeFile(100), FakeFile(100), FakeFile(50), FakeFile(50))
    begin_range(qtbot, window)
    window.open(["b.mp4"])
    window.session.play(False)
    qtbot.waitUntil(lambda: number_shown(window) == 0)
    window.session.seek(0.4)
    qtbot.waitUntil(lambda: number_shown(window) == 10)
    trigger(window, "range-end")
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    assert number_shown(window) == 10


def test_a_range_is_repeated_also_within_a_playlist(qtbot, open_window) -> None:
    window = open_window(FakeFile(100), FakeFile(100), FakeFile(8), specs=("a.mp4", "b.mp4"))
    window.session.set_speed(math.inf)
    trigger(window, "loop")
    window.library.reopen((0.2, 0.4))
    qtbot.waitUntil(lambda: number_shown(window) >= 9)
    qtbot.waitUntil(lambda: number_shown(window) == 5)
    assert window.session.status().spec == "a.mp4"
    trigger(window, "range-clear")
    qtbot.waitUntil(lambda: window.session.status().spec == "b.mp4")


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


def test_the_delay_shows_the_past(qtbot, open_window) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.tools.delay.setValue(0.5)
    window.actions_by_name["delay"].setChecked(True)
    qtbot.waitUntil(lambda: window.session.status().flow.latency_median_ms > 450)
    window.tools.delay.setValue(0.6)
    window.actions_by_name["delay"].setChecked(False)
    assert window.session._delay_s == 0


def test_another_range_keeps_the_selection_and_the_lock(qtbot, paused) -> None:
    paused.editing.click(2, False)
    trigger(paused, "lock")
    picture_before = paused.presenter.rows()[1].picture
    trigger(paused, "range-start")
    qtbot.waitUntil(lambda: number_shown(paused) >= 0)
    assert paused.presenter.selected == paused.people.selected() == (2,)
    assert paused.editing.locked == paused.session._run.follower.locked == 2
    assert paused.presenter.rows()[1].picture is picture_before
