"""The reference beside the picture: which of its frames is on screen, and its commands."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtWidgets import QFileDialog

from app.gui.beside import saved_with, tracks_text
from app.gui.status import source_name
from app.gui.timeline import time_text
from app.gui.translation import tr
from app.live.reference import Clock, Moment, ReferenceFeed
from app.live.run import Status
from app.overlay import Overlay, OverlayStyle
from app.session import JOIN_S
from app.video.source import is_live

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

LOOK_MS = 10  # how often the time of the picture is looked at
MOST_SPEED = 4.0  # of its own clock; nothing has to be found here, so “Fastest” has no meaning
COMMANDS = ("reference-back", "reference-forward", "reference-mirror", "reference-close")


class Reference(QObject):
    """Shows a second file beside the picture.

    Beside a file it has no clock: its time is the file's time and a constant, so that both play,
    pause, step, jump and loop together however fast people are found. Beside a camera, or nothing,
    it plays by itself, and the window's transport works it.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._pane = window.stage.reference
        self.loop = False
        self.on_its_own = False  # open, and the transport works it
        self.range_s: tuple[float, float | None] = (0.0, None)  # the part that it plays by itself
        self._feed: ReferenceFeed | None = None
        self._closed: list[ReferenceFeed] = []
        self._clock = Clock()
        self._moment: Moment | None = None  # on screen
        self._at_s = 0.0  # the time that was asked for last
        self._after_s = 0.0  # its time minus that of the picture, while in sync
        self._overlay = Overlay(OverlayStyle())
        self._said = ""  # of the open file: its tracks, or its problem
        self._look = QTimer(self)
        self._look.setTimerType(Qt.TimerType.PreciseTimer)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._show)
        self._actions = window.actions_by_name
        for name, slot in (
            ("reference", self.choose),
            ("reference-back", lambda: self.step(False)),
            ("reference-forward", lambda: self.step(True)),
            ("reference-close", self.close),
        ):
            self._actions[name].triggered.connect(lambda _, slot=slot: slot())
        self._actions["sync"].toggled.connect(self._sync)
        self._actions["reference-mirror"].toggled.connect(self._pane.canvas.set_mirror)
        self._pane.sought.connect(self.seek)
        window.presenter.source_changed.connect(self._begin)
        window.library.opened.connect(lambda _: self._begin())  # which source it is now
        self._enable()

    # Opening and closing

    def choose(self) -> None:
        """Let the user choose the file."""
        mode = QFileDialog.FileMode.ExistingFile
        self._window.playing.ask_for_video(tr("Reference"), mode).fileSelected.connect(self.open)

    def open(self, spec: str) -> None:
        """Show the file `spec`, a video or tracks, in place of the reference that is open."""
        if is_live(spec):
            self._window.status.say(tr("{}: only a file can be a reference").format(spec))
            return
        self._leave()
        self._feed = ReferenceFeed(str(Path(spec).absolute()), saved_with)
        self._feed.start()
        self._clock.play(True, time.monotonic())
        self._begin()
        name = Path(spec).name
        self._pane.show_name(name, spec)
        self._pane.canvas.show_waiting(tr("Opening {}…").format(name))
        self._window.stage.show_reference(True)
        self.report(self._window.session.status())
        self._look.start()

    def close(self) -> None:
        """Return to one picture."""
        self._leave()
        self._window.stage.show_reference(False)
        self._window.stage.canvas.setFocus()
        self._enable()

    def shut_down(self) -> None:
        """Close, and wait for the threads; one that a file holds up is left behind."""
        self._leave()
        for feed in self._closed:
            feed.join(JOIN_S)

    def _leave(self) -> None:
        """Forget the file that is open, if any."""
        self._look.stop()
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.close()
            self._closed.append(feed)
        self._closed = [old for old in self._closed if not old.join(0.0)]
        self._moment, self._said, self.on_its_own = None, "", False
        self._overlay.reset()
        self._pane.canvas.show_view(None, None)

    def _begin(self) -> None:
        """Begin in step with the picture: as both were left, at first from the start of both."""
        self.range_s = (0.0, None)
        self._actions["sync"].setChecked(True)
        self._after_s = self._window.memory.time_after(*self._pair)
        self._go_to(max(0.0, self._after_s))

    @property
    def _pair(self) -> tuple[str, str]:
        """The paths of picture and reference."""
        spec, feed = self._window.session.status().spec, self._feed
        return str(Path(spec).absolute()), feed.spec if feed is not None else ""

    def _belong(self, after_s: float) -> None:
        """Take two times as one moment, whenever these two files are side by side."""
        self._after_s = after_s
        if self._feed is not None and self._in_sync:
            self._window.memory.set_time_after(*self._pair, after_s)

    @property
    def _in_sync(self) -> bool:
        return not self.on_its_own and self._actions["sync"].isChecked()

    # Playing: what the transport calls while the reference is on its own

    @property
    def playing(self) -> bool:
        """Whether its own clock runs."""
        return self._clock.playing

    @property
    def now_s(self) -> float:
        """The time of the frame on screen."""
        return self._moment.view.time_s if self._moment is not None else 0.0

    @property
    def duration_s(self) -> float | None:
        """The length of the file; None where unknown."""
        info = self._feed.info if self._feed is not None else None
        return info.duration_s if info is not None else None

    def play(self, playing: bool) -> None:
        """Play, at the end from the start; or pause."""
        if playing and self._is_over(0.0):
            self._go_to(self.range_s[0])
        self._clock.play(playing, time.monotonic())

    def play_range(self, range_s: tuple[float, float | None]) -> None:
        """Play only from the first to the second time, None for the end, from its start."""
        self.range_s = range_s
        self._go_to(range_s[0])
        start, end_s = time_text(range_s[0], True), range_s[1]
        text = tr("The reference plays from {} on").format(start)
        if end_s is not None:
            text = tr("The reference plays from {} to {}").format(start, time_text(end_s, True))
        self._window.status.say(text)

    def set_speed(self, speed: float) -> None:
        """Play `speed` times as fast when on its own."""
        self._clock.set_speed(min(speed, MOST_SPEED), time.monotonic())

    def step(self, forward: bool) -> None:
        """Move one frame of the reference forward or back; if it plays by itself, pause."""
        feed, moment = self._feed, self._moment
        if feed is None or moment is None:
            return
        if self.on_its_own:
            self._clock.play(False, time.monotonic())
        here_s = moment.view.time_s
        if not forward:
            by_s = -feed.frame_s
        elif moment.next_s is not None:
            by_s = moment.next_s - here_s
        else:
            return
        # From the time that is due: while both play, the frame on screen is a little behind
        self.seek(max(0.0, min(self._due_s(), max(here_s, self._last_s))) + by_s)

    def seek(self, time_s: float) -> None:
        """Show the frame at `time_s`; in sync, it goes with the picture on screen from now on."""
        view = self._window.presenter.view
        time_s = max(0.0, min(time_s, self._last_s))
        if not self.on_its_own and view is not None:
            self._belong(time_s - view.time_s)
        self._go_to(time_s)

    @property
    def _last_s(self) -> float:
        """The time of the last frame, by what the file states; inf where unknown."""
        length_s, feed = self.duration_s, self._feed
        return math.inf if length_s is None or feed is None else max(0.0, length_s - feed.frame_s)

    def _go_to(self, time_s: float) -> None:
        self._at_s = time_s
        self._clock.go_to(time_s, time.monotonic())
        if self._feed is not None:
            self._feed.ask(time_s)

    def _sync(self, on: bool) -> None:
        view = self._window.presenter.view
        if on and view is not None and self._moment is not None:
            self._belong(self.now_s - view.time_s)

    # Showing

    def _show(self) -> None:
        """Ask for the frame that is due, and show what was read."""
        feed = self._feed
        if feed is None:
            return
        due_s = self._due_s()
        if due_s != self._at_s:
            self._at_s = due_s
            feed.ask(due_s)
        moment, style = feed.take(), replace(self._window.tuning.style, names=feed.names)
        self._moment = moment or self._moment
        if self._moment is not None and (moment is not None or style != self._overlay.style):
            self._overlay.style = style
            view = self._moment.view
            drawn_on = feed.result is not None and not feed.result.drawn
            drawing = self._overlay.layout(view.result, view.tracked.poses) if drawn_on else None
            self._pane.canvas.show_view(view, drawing)

    def _due_s(self) -> float:
        """The time to show now."""
        view = self._window.presenter.view
        if not self.on_its_own:
            return view.time_s + self._after_s if view is not None and self._in_sync else self._at_s
        now_s, feed = time.monotonic(), self._feed
        if feed is None or feed.answered_s is None:
            self._clock.go_to(self._at_s, now_s)
            return self._at_s
        self._clock.wait_for(feed.answered_s, now_s)
        if self._clock.playing and self._is_over(feed.frame_s):
            if self.loop:
                self._clock.go_to(self.range_s[0], now_s)
            else:
                self._clock.play(False, now_s)
        return self._clock.time_s(now_s)

    def _is_over(self, for_s: float) -> bool:
        """Whether the last frame that is played has been due for `for_s`."""
        last_s = self.range_s[1]
        if last_s is None and self._moment is not None and self._moment.next_s is None:
            last_s = self.now_s
        return last_s is not None and self._clock.time_s(time.monotonic()) >= last_s + for_s

    def report(self, status: Status) -> None:
        """Update what changes slowly: names, times, commands, problems."""
        feed = self._feed
        if feed is None:
            return
        on_its_own = not status.spec or is_live(status.spec)
        if on_its_own != self.on_its_own:
            self.on_its_own = on_its_own
            self._clock.go_to(self._at_s, time.monotonic())
        self._window.stage.main.show_name(source_name(status) or tr("nothing open"), status.spec)
        self._pane.show_time(self.now_s, self.duration_s, feed.frame_s)
        self._pane.slider.shade(self._shared_s(status) if self._in_sync else None)
        if self._moment is None and feed.problem:
            self._pane.canvas.show_waiting(feed.problem)
        said = feed.problem or (tracks_text(feed.spec, feed.result) if feed.info else "")
        if said and said != self._said:
            self._said = said
            self._window.status.say(said)
        self._enable()

    def _shared_s(self, status: Status) -> tuple[float, float]:
        """The part of the reference that is shown while the picture plays."""
        start_s, end_s = status.range_s
        end_s = end_s or (status.info.duration_s if status.info is not None else None) or math.inf
        return start_s + self._after_s, end_s + self._after_s

    def _enable(self) -> None:
        for name in COMMANDS:
            self._actions[name].setEnabled(self._feed is not None)
        self._actions["sync"].setEnabled(self._feed is not None and not self.on_its_own)
