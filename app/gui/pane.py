"""A picture and, below it, what it is of; below the reference also where it is, and commands."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QColor, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.gui.actions import button_of
from app.gui.canvas import Canvas
from app.gui.form import muted
from app.gui.theme import current_theme
from app.gui.timeline import time_text
from app.gui.translation import tr

BELOW = 54  # height of what is below a picture, pixels: equal, so that both pictures are level
HANDLE = 14  # width of the slider's, as in the theme
HIGH, SHADE = 12, 70  # height and opacity (of 255) of the shaded part
STRIP = 32  # of which the row of words and buttons


class Pane(QWidget):
    """A picture and what it is of."""

    def __init__(self, kind: str, canvas: Canvas) -> None:
        super().__init__()
        self.canvas = canvas
        self.below = QWidget()
        self.below.setFixedHeight(BELOW)
        self.rows = QVBoxLayout(self.below)
        self.rows.setContentsMargins(10, 4, 4, 0)
        self.rows.setSpacing(0)
        self.row = QHBoxLayout()
        self.row.setSpacing(2)
        self.row.addStrut(STRIP)
        self.rows.addStretch()
        self.rows.addLayout(self.row)
        self._name = _Elided()
        self._name.setAccessibleName(kind)
        self.row.addWidget(muted(kind))
        self.row.addSpacing(6)
        self.row.addWidget(self._name, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(canvas, 1)
        column.addWidget(self.below)

    def show_name(self, name: str, hint: str = "") -> None:
        """Show what the picture is of; `hint` is its tool tip."""
        self._name.show_text(name)
        self._name.setToolTip(hint)


class ReferencePane(Pane):
    """The reference, where it is in its file, and its commands."""

    sought = pyqtSignal(float)  # seconds, chosen with the slider

    def __init__(self, actions: dict[str, QAction]) -> None:
        super().__init__(tr("Reference"), Canvas())
        self.canvas.setAccessibleName(tr("Reference"))
        self.slider = _Place(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Place in the reference"))
        self.slider.setToolTip(tr("Moves the reference alone; shaded: what plays with the picture"))
        self.slider.setPageStep(1000)
        self.slider.valueChanged.connect(lambda value: self.sought.emit(value / 1000))
        self._time = QLabel()
        self._time.setAccessibleName(tr("Time in the reference"))
        self.rows.insertWidget(0, self.slider)
        self.row.addWidget(self._time)
        self.row.addSpacing(4)
        names = "reference-back", "reference-forward", "sync", "reference-mirror", "reference-close"
        for name in names:
            self.row.addWidget(button_of(actions[name]))

    def show_time(self, now_s: float, duration_s: float | None, frame_s: float) -> None:
        """Show the time of the frame on screen."""
        self._time.setText(time_text(now_s, True))
        self.slider.setEnabled(duration_s is not None)
        if not self.slider.isSliderDown():
            with QSignalBlocker(self.slider):
                self.slider.setSingleStep(max(1, round(1000 * frame_s)))
                self.slider.setMaximum(round(1000 * (duration_s or 0.0)))
                self.slider.setValue(round(1000 * now_s))


class _Place(QSlider):
    """A slider of milliseconds, a part of which can be shaded."""

    _shaded_s: tuple[float, float] | None = None

    def shade(self, part_s: tuple[float, float] | None) -> None:
        """Shade from the first to the second time, in seconds; nothing if None."""
        if part_s != self._shaded_s:
            self._shaded_s = part_s
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  Qt's name
        if self._shaded_s is not None and self.maximum():
            start, end = (min(max(0.0, 1000 * t / self.maximum()), 1.0) for t in self._shaded_s)
            painter, room = QPainter(self), self.width() - HANDLE
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            colour = QColor(current_theme().accent)
            colour.setAlpha(SHADE)
            painter.setBrush(colour)
            left, wide = HANDLE / 2 + start * room, (end - start) * room
            painter.drawRoundedRect(QRectF(left, (self.height() - HIGH) / 2, wide, HIGH), 3, 3)
            painter.end()
        super().paintEvent(event)


class _Elided(QLabel):
    """A line of text that gives way: its middle is left out where there is no room."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def show_text(self, text: str) -> None:
        """Show as much of `text` as fits."""
        self._whole = text
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        middle = Qt.TextElideMode.ElideMiddle
        self.setText(self.fontMetrics().elidedText(self._whole, middle, self.width()))
