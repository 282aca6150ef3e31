"""The controls below the picture: play, pause, step, loop, time and speed."""

from __future__ import annotations

import math

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from app.gui.actions import button_of
from app.gui.timeline import time_text
from app.gui.translation import tr

SPEEDS = (0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 4.0, math.inf)


class Transport(QWidget):
    """The buttons are the window's actions; the speed is emitted as a signal."""

    speed_changed = pyqtSignal(float)

    def __init__(self, actions: list[QAction]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        for action in actions:
            layout.addWidget(button_of(action))
        self._time = QLabel("0:00.00")
        self._time.setAccessibleName(tr("Time"))
        self._time.setMinimumWidth(150)
        layout.addSpacing(8)
        layout.addWidget(self._time)
        layout.addStretch()
        self._speed = QComboBox()
        self._speed.setAccessibleName(tr("Speed"))
        self._speed.setToolTip(tr("How fast files play; “Fastest”: as fast as people can be found"))
        for speed in SPEEDS:
            text = tr("Fastest") if speed == math.inf else f"{speed:g} ×"
            self._speed.addItem(text, speed)
        self._speed.setCurrentIndex(SPEEDS.index(1.0))
        self._speed.currentIndexChanged.connect(
            lambda index: self.speed_changed.emit(SPEEDS[index])
        )
        layout.addWidget(self._speed)

    def change_speed(self, by: int) -> None:
        """Choose the speed that is `by` places further in the list, if there is one."""
        index = self._speed.currentIndex() + by
        if 0 <= index < len(SPEEDS):
            self._speed.setCurrentIndex(index)

    def show_time(self, now_s: float, duration_s: float | None, live: bool) -> None:
        """Show the time, and for a file its duration."""
        text = time_text(now_s, True)
        if duration_s is not None and not live:
            text = f"{text}  /  {time_text(duration_s, True)}"
        self._time.setText(text)
        self._speed.setEnabled(not live)
