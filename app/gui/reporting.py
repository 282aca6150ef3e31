"""What is updated a few times a second: status bar, people, timeline, charts, notices."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject

from app.gui.icons import icon
from app.gui.status import source_name, state_text
from app.gui.theme import current_theme
from app.gui.translation import tr
from app.live.feeds import SourceInfo
from app.live.playback import WAITING  # fast forward skips up to this many frames at a time
from app.live.run import Status
from app.measures.angles import GONE_S
from app.small_people import LargerInput

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


LEAST_JUMP_S = 0.25  # a person missed for less than this keeps one curve


class Reporting(QObject):
    """Passes numbers from session and presenter to the widgets that show them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._recording = False
        self._shown: tuple[object, ...] = ()
        self._refused = ""  # why the source chosen last could not be opened
        self._problem = ""  # of the source that is open
        self._larger: LargerInput | None = None  # what would help where people are small
        self._advised_px = 0  # said last
        window.presenter.reported.connect(self.report)
        window.library.refused.connect(self._set_refused)

    @property
    def device(self) -> str:
        """Where the networks run, and how much memory the program uses."""
        session = self._window.session
        return f"{device_name(session.config.device, session.status().loading)} · {memory_text()}"

    def report(self) -> None:
        """Update everything visible."""
        window, presenter = self._window, self._window.presenter
        status = window.session.status()
        window.reference.report(status)
        view, rows = presenter.view, presenter.rows()
        now_s = view.time_s if view is not None else 0.0
        now = sum(row.score is not None for row in rows)
        place, count = window.library.place
        window.status.show_status(status, now, len(rows), self.device, (place, count))
        window.actions_by_name["next-source"].setEnabled(place < count)
        window.actions_by_name["previous-source"].setEnabled(place > 1)
        self._show_title(source_name(status))
        self._show_times(status, now_s)
        window.stage.timeline.show_spans(presenter.spans, presenter.names, presenter.selected)
        if window.people.isVisible():
            window.people.show_people(rows)
        if window.measures.shows_charts():
            gap_s = unjoined_s(status.info)
            window.measures.show_log(
                presenter.measures, presenter.selected, presenter.names, now_s, gap_s
            )
        self._show_stages()
        window.stage.canvas.set_busy(status.seeking_s is not None)
        window.stage.canvas.show_waiting(awaited(status) if view is None else "")
        self._show_state(status)
        self._show_recording(status.recording)
        window.editing.renew()
        window.stage.notice.show_problem(*self._newest_problem(status))
        window.fetching.show(status.to_fetch)
        window.stage.welcome.setVisible(view is None and status.state == "idle")
        window.tracking.show_loading(status.loading)
        self._advise(status.larger_input)
        window.stage.arrange()

    def _show_times(self, status: Status, now_s: float) -> None:
        """Show the time and the length of what is open, below the pictures and on the timeline."""
        reference, stage = self._window.reference, self._window.stage
        duration_s = status.info.duration_s if status.info is not None else None
        if reference.on_its_own:  # the transport works it
            stage.transport.show_time(reference.now_s, reference.duration_s, live=False)
        else:
            stage.transport.show_time(now_s, duration_s, status.live)
        stage.timeline.show_time(now_s, duration_s, status.live)
        stage.timeline.show_range(status.range_s)

    def _show_stages(self) -> None:
        """Show the time that frames take, if that is wanted; opened tracks take none."""
        stages, wanted = self._window.stages, self._window.actions_by_name["timings"].isChecked()
        stages.setVisible(wanted and not self._window.session.follows_known)
        if stages.isVisible():
            stages.show_stages(self._window.presenter.stages())

    def _advise(self, larger: LargerInput | None) -> None:
        """Show in the tracking panel what helps where people are small, and say it once."""
        if larger == self._larger:
            return
        self._larger = larger
        self._window.tracking.show_advice(small_text(larger) if larger is not None else "")
        if larger is not None and larger.better_px != self._advised_px:
            self._advised_px = larger.better_px
            self._window.status.say(small_text(larger))

    def _set_refused(self, problem: str) -> None:
        self._refused = problem

    def _newest_problem(self, status: Status) -> tuple[str, bool]:
        """The problem to show, and whether starting the source on screen again may help.

        If the source on screen has no problem, a failure to open another one appears only in the
        status bar, for a while.
        """
        if status.problem != self._problem:
            self._problem = status.problem
            if status.problem:
                self._refused = ""
        if self._refused and (status.problem or status.state == "idle"):
            return self._refused, False
        return status.problem, status.state in ("failed", "ended")

    def _show_title(self, name: str) -> None:
        name = name.replace("[*]", "[*][*]")  # Qt puts its mark of unsaved changes at [*]
        self._window.setWindowTitle(tr("{}[*] – Posse").format(name) if name else "Posse")
        self._window.setWindowModified(bool(name) and self._window.library.unsaved)

    def _show_recording(self, recording: bool) -> None:
        record = self._window.actions_by_name["record"]
        if recording != self._recording:
            self._recording = recording
            record.setIcon(icon("record", current_theme().danger if recording else None))
        if not recording and record.isChecked():
            record.setChecked(False)  # it ended by itself

    def _show_state(self, status: Status) -> None:
        state, live, own = status.state, status.live, self._window.reference.on_its_own
        running = status.playing and state == "running"
        going = self._window.reference.playing if own else running
        shown = (state, going, live, own)
        if shown == self._shown:
            return
        self._shown = shown
        actions = self._window.actions_by_name
        actions["play"].setIcon(icon("pause" if going else "play"))
        for name in ("play", "back", "forward", "back-far", "forward-far", "start", "slower",
                     "faster", "loop", "range-start", "range-end", "range-clear"):  # fmt: skip
            actions[name].setEnabled(own or (state in ("running", "ended") and not live))
        for name in ("record", "snapshot", "close-source"):
            actions[name].setEnabled(state != "idle")
        actions["delay"].setEnabled(live or state == "idle")


def awaited(status: Status) -> str:
    """What the first picture waits for; empty if none will come."""
    if status.state == "running" and not status.loading:
        return tr("Finding people in the first picture…")
    return state_text(status) if status.state in ("opening", "running") else ""


def small_text(larger: LargerInput) -> str:
    """Advice to let the detector see a larger picture."""
    text = tr(
        "People are small, {} pixels high in the detector’s picture: "
        "with {} as “Detector input” (Tracking) it may find more, but takes longer"
    )
    return text.format(larger.people_px, larger.better_px)


def unjoined_s(info: SourceInfo | None) -> float:
    """How far apart in time two points must be for the charts not to join them.

    In a file, a longer gap means skipped frames; a camera may be slow to follow, or see nobody.
    """
    if info is None or info.live or info.frame_rate is None:
        return GONE_S
    return max(LEAST_JUMP_S, (WAITING + 2) / float(info.frame_rate))


def device_name(device: str, loading: bool) -> str:
    """What `device` is on this machine; less precise until networks run on it."""
    # Torch is imported with the networks, not just for this; half imported it cannot be queried
    cuda = None if loading else getattr(sys.modules.get("torch"), "cuda", None)
    if device in ("auto", "cuda") or device.startswith("cuda:"):
        if cuda is not None and cuda.is_available():
            number = device.partition(":")[2] or "0"
            # Initialising CUDA takes a while: loading the networks does that, and reports a
            # missing device
            there = number.isdecimal() and int(number) < cuda.device_count()
            if not there or not cuda.is_initialized():
                return "CUDA" if device == "auto" else device
            used = cuda.memory_reserved(int(number)) / 2**20
            return f"{cuda.get_device_name(int(number))}, {used:.0f} MB"
        return "CPU" if device == "auto" else device
    return device.upper()


def memory_text() -> str:
    """The memory that this process uses; empty if unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):  # not Linux
        return ""
    import resource

    return f"{pages * resource.getpagesize() / 2**20:.0f} MB"
