"""The status bar: state, rates, latency, dropped frames, people, device."""

from __future__ import annotations

import math

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from app.gui.icons import icon
from app.gui.theme import current_theme
from app.gui.timeline import time_text
from app.gui.translation import tr
from app.live.run import Status

MESSAGE_MS = 6000
SPACING = 12  # greatest gap between two labels of the bar, pixels
STATE_WIDTH = 120  # least width of the state, pixels


class StatusBar(QStatusBar):
    """Takes a Status by `show_status`; messages and progress take the left part for a while."""

    cancelled = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self._dot = QLabel("●")
        self._state = _label(tr("State"), tr("What is being shown"))
        self._state.setMinimumWidth(STATE_WIDTH)  # else a long name would widen the window
        self._rates = _label(tr("Rates"), tr("Frames per second from the source, and followed"))
        self._latency = _label(
            tr("Latency"), tr("From capture to screen: median and 95th percentile")
        )
        self._dropped = _label(
            tr("Dropped"),
            tr("Frames skipped in favour of newer ones, so that the picture stays live"),
        )
        self._people = _label(tr("People"), tr("In the picture now, and in all so far"))
        self._device = _label(tr("Device"), tr("Where the networks run, and memory in use"))
        self.addWidget(self._dot)
        self.addWidget(self._state, 1)
        self._work = self._make_work()
        self.addWidget(self._work)
        self._numbers = (self._rates, self._latency, self._dropped, self._people, self._device)
        for label in self._numbers:
            self.addPermanentWidget(label)
        self.messageChanged.connect(self._make_room)

    def say(self, text: str) -> None:
        """Show a message for a few seconds."""
        self.showMessage(text, MESSAGE_MS)

    def show_status(
        self,
        status: Status,
        now: int,
        in_all: int,
        device: str,
        place: tuple[int, int] = (1, 1),
    ) -> None:
        """Show state and numbers; `place` is the source's number in its playlist, of how many."""
        flow, counts = status.flow, status.counts
        of_several = tr(" · file {} of {}").format(*place) if place[1] > 1 else ""
        self._state.setText(state_text(status) + of_several)
        self._dot.setStyleSheet(f"color: {_dot_colour(status)}; padding-left: 10px;")
        rates = [_rate(flow.capture_fps, tr("fps in")), _rate(flow.inference_fps, tr("followed"))]
        self._rates.setText(", ".join(filter(None, rates)))
        self._latency.setText("")
        if status.live and not math.isnan(flow.latency_median_ms):
            self._latency.setText(
                tr("{:.0f} / {:.0f} ms late").format(flow.latency_median_ms, flow.latency_p95_ms)
            )
        share = counts.dropped / max(1, counts.captured)
        self._dropped.setText(
            tr("{} dropped ({:.0%})").format(counts.dropped, share) if status.live else ""
        )
        self._people.setText(tr("{} now, {} in all").format(now, in_all))
        self._device.setText(device)
        layout = self.layout()
        if layout is not None:
            layout.activate()  # else a text that has grown is painted cut off at first

    def show_progress(self, text: str, share: float | None) -> None:
        """Show the progress of work; a share of None hides it."""
        self._work.setVisible(share is not None)
        if share is not None:
            self._work_text.setText(text)
            self._bar.setValue(round(100 * share))

    def _make_room(self, text: str) -> None:
        """Hide the numbers while a message is too long to fit beside them."""
        taken = sum(label.sizeHint().width() + SPACING for label in self._numbers)
        room = self.width() - taken - SPACING
        fits = self.fontMetrics().horizontalAdvance(text) <= room
        for label in self._numbers:
            label.setVisible(fits)
        self.setToolTip(text)  # for a text wider than the window

    def _make_work(self) -> QWidget:
        work = QWidget()
        row = QHBoxLayout(work)
        row.setContentsMargins(0, 0, 0, 0)
        self._work_text = QLabel()
        self._bar = QProgressBar()
        self._bar.setFixedWidth(140)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(tr("Progress"))
        cancel = QToolButton()
        cancel.setIcon(icon("close"))
        cancel.setToolTip(tr("Cancel"))
        cancel.setAccessibleName(tr("Cancel"))
        cancel.clicked.connect(self.cancelled)
        for widget in (self._work_text, self._bar, cancel):
            row.addWidget(widget)
        work.hide()
        return work


def source_name(status: Status) -> str:
    """The name of the source without its folder; empty if nothing is open."""
    name = status.info.name if status.info is not None else status.spec
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def state_text(status: Status) -> str:
    """The state in a few words."""
    name = source_name(status)
    if status.loading:
        return tr("Loading the networks…")
    words = {
        "idle": tr("Ready"),
        "opening": tr("Opening {}…").format(name),
        "running": tr("Live") if status.live else tr("Playing"),
        "ended": tr("At the end"),
        "failed": tr("Stopped"),
    }
    text = words[status.state]
    if status.state == "running" and not status.playing:
        text = tr("Paused")
    if status.state == "running" and status.reconnecting:
        text = tr("Reconnecting…")
    if status.seeking_s is not None:
        text = tr("Going to {}…").format(time_text(status.seeking_s, True))
    if status.recording:
        lost = tr(", {} lost").format(status.recorded_lost) if status.recorded_lost else ""
        text += tr(" · recording {}").format(time_text(status.recorded_s, False)) + lost
    if status.info is not None and status.state != "opening":
        text += f" · {name}  {status.info.size_wh[0]} × {status.info.size_wh[1]}"
    return text


def _dot_colour(status: Status) -> str:
    theme = current_theme()
    if status.recording or status.state == "failed":
        return theme.danger
    going = status.state == "running" and status.playing and not status.reconnecting
    return "#52c77a" if going else theme.muted


def _rate(rate: float, unit: str) -> str:
    return "" if math.isnan(rate) else f"{rate:.0f} {unit}"


def _label(name: str, hint: str) -> QLabel:
    label = QLabel()
    label.setAccessibleName(name)
    label.setToolTip(hint)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
