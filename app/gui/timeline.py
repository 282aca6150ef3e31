"""The timeline: a row per person, when each was seen and where ids changed; click to seek."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PyQt6.QtWidgets import QToolTip, QWidget

from app.gui.theme import current_theme
from app.gui.translation import tr
from app.live.history import Span
from app.overlay import colour_of

ROW = 16  # height of a person's row, pixels
NAMES = 92  # width of the names on the left, pixels
RULER = 20  # height of the times at the top, pixels
LIVE_WINDOW_S = 60.0  # a camera's timeline shows the last minute
HERE_S = 1.0  # a person missed for less than this counts as present
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)


class Timeline(QWidget):
    """Takes spans by `show_spans`; emits the time and the person clicked."""

    sought = pyqtSignal(float)
    person_clicked = pyqtSignal(int, bool)
    menu_wanted = pyqtSignal(int, QPointF)  # id of the row, global position

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Timeline"))
        self.setMinimumHeight(RULER + 3 * ROW)
        self.setMouseTracking(True)
        self._rows: list[tuple[int, list[Span]]] = []
        self._names: dict[int, str] = {}
        self._selected: tuple[int, ...] = ()
        self._last_s = 0.0  # the end of the last span
        self._now_s = 0.0
        self._duration_s: float | None = None
        self._live = False
        self._range_played_s: tuple[float, float | None] = (0.0, None)
        self._scroll = 0

    def show_spans(
        self, spans: Sequence[Span], names: dict[int, str], selected: tuple[int, ...]
    ) -> None:
        """Show who was seen when; `spans` are sorted by person.

        For a camera, people who are there come first: most of those it ever saw have left.
        """
        rows: dict[int, list[Span]] = {}
        self._last_s = max((span.end_s for span in spans), default=0.0)
        for span in spans:
            if not self._live or span.end_s >= self._now_s - LIVE_WINDOW_S:
                rows.setdefault(span.person, []).append(span)
        self._rows = list(rows.items())
        if self._live:
            self._rows.sort(key=lambda row: row[1][-1].end_s < self._now_s - HERE_S)
        chosen_anew = set(selected) - set(self._selected)
        self._names, self._selected = names, selected
        for place, (person, _) in enumerate(self._rows):
            if person in chosen_anew:
                self._scroll = min(place, max(self._scroll, place - self._rows_seen() + 1))
                break
        self._scroll_by(0)
        self.update()

    def _scroll_by(self, rows: int) -> None:
        most = max(0, len(self._rows) - self._rows_seen())
        self._scroll = max(0, min(most, self._scroll + rows))

    def show_time(self, now_s: float, duration_s: float | None, live: bool) -> None:
        """Move the playhead."""
        changed = (now_s, duration_s, live) != (self._now_s, self._duration_s, self._live)
        self._now_s, self._duration_s, self._live = now_s, duration_s, live
        if changed:
            self.update()

    def show_range(self, range_s: tuple[float, float | None]) -> None:
        """Shade what is not played; an end of None means the end of the video."""
        if range_s != self._range_played_s:
            self._range_played_s = range_s
            self.update()

    def _range_s(self) -> tuple[float, float]:
        """The times at the left and right edge."""
        if self._live:
            end_s = max(self._now_s, LIVE_WINDOW_S)
            return end_s - LIVE_WINDOW_S, end_s
        return 0.0, max(self._duration_s or 0.0, self._last_s, self._now_s, 0.1)

    def _x_of(self, time_s: float) -> float:
        start_s, end_s = self._range_s()
        share = (time_s - start_s) / (end_s - start_s)
        return NAMES + share * (self.width() - NAMES - 8)

    def _time_at(self, x: float) -> float:
        start_s, end_s = self._range_s()
        share = (x - NAMES) / max(1, self.width() - NAMES - 8)
        return start_s + min(1.0, max(0.0, share)) * (end_s - start_s)

    def _rows_seen(self) -> int:
        return max(1, (self.height() - RULER) // ROW)

    def _person_at(self, y: float) -> int:
        row = int((y - RULER) // ROW) + self._scroll
        return self._rows[row][0] if y >= RULER and 0 <= row < len(self._rows) else 0

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  Qt's name
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.panel))
        painter.drawRoundedRect(QRectF(self.rect()), 10, 10)
        self._paint_ruler(painter)
        painter.setClipRect(QRectF(0, RULER, self.width(), self.height() - RULER - 2))
        for place in range(min(self._rows_seen() + 1, len(self._rows) - self._scroll)):
            person, spans = self._rows[self._scroll + place]
            self._paint_row(painter, RULER + place * ROW, person, spans)
        painter.setClipping(False)
        self._paint_scrolled(painter)
        self._paint_unplayed(painter)
        x = self._x_of(self._now_s)
        painter.setPen(QColor(theme.accent))
        knob = QPointF(x, RULER - 3)  # just below the times, so that they stay readable
        painter.drawLine(knob, QPointF(x, self.height() - 4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.accent))
        painter.drawEllipse(knob, 4, 4)

    def _paint_ruler(self, painter: QPainter) -> None:
        theme = current_theme()
        start_s, end_s = self._range_s()
        wanted = (end_s - start_s) / max(1, (self.width() - NAMES) / 80)
        step_s = next((step for step in STEPS_S if step >= wanted), STEPS_S[-1])
        tick = int(start_s / step_s)
        font = painter.font()
        font.setPointSizeF(7.5)
        painter.setFont(font)
        while (time_s := tick * step_s) <= end_s:
            if time_s >= start_s:
                x = self._x_of(time_s)
                painter.setPen(QColor(theme.line))
                painter.drawLine(QPointF(x, RULER - 4), QPointF(x, self.height() - 6))
                painter.setPen(QColor(theme.muted))
                if x < self.width() - 36:  # a label at the very end would be cut off
                    painter.drawText(QPointF(x + 3, RULER - 7), time_text(time_s, step_s < 1))
            tick += 1

    def _paint_unplayed(self, painter: QPainter) -> None:
        start_s, end_s = self._range_played_s
        shade = QColor(current_theme().window)
        shade.setAlpha(190)
        high = self.height() - RULER - 2
        if start_s > 0:
            painter.fillRect(QRectF(NAMES, RULER, self._x_of(start_s) - NAMES, high), shade)
        if end_s is not None:
            left = self._x_of(end_s)
            painter.fillRect(QRectF(left, RULER, self.width() - 8 - left, high), shade)

    def _paint_scrolled(self, painter: QPainter) -> None:
        """Show at the right edge which part of the rows is visible, if not all are."""
        if len(self._rows) <= self._rows_seen():
            return
        high = (self.height() - RULER - 6) / len(self._rows)  # of each row, if all had to fit
        top, seen = RULER + self._scroll * high, self._rows_seen() * high
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(current_theme().muted))
        painter.drawRoundedRect(QRectF(self.width() - 6, top, 3, seen), 1.5, 1.5)

    def _paint_row(self, painter: QPainter, y: float, person: int, spans: list[Span]) -> None:
        theme = current_theme()
        chosen = person in self._selected
        painter.setPen(QColor(theme.text if chosen else theme.muted))
        name = self._names.get(person) or tr("Person {}").format(person)
        metrics = QFontMetrics(painter.font())
        name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, NAMES - 22)
        painter.drawText(QPointF(12, y + ROW - 5), name)
        colour = QColor(*colour_of(person))
        colour.setAlpha(255 if chosen or not self._selected else 130)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        before: Span | None = None
        for span in spans:
            left, right = max(NAMES, self._x_of(span.start_s)), self._x_of(span.end_s)
            bar = QRectF(left, y + 4, max(2.5, right - left), ROW - 8)
            painter.drawRoundedRect(bar, 3, 3)
            if before is not None and before.tracked != span.tracked and left > NAMES:
                painter.setBrush(QColor(theme.text))  # the tracker's id changed here
                painter.drawRect(QRectF(left - 1, y + 1.5, 2, ROW - 3))
                painter.setBrush(colour)
            before = span

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  Qt's name
        if event is None:
            return
        person = self._person_at(event.position().y())
        if person and event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(person, event.globalPosition())
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if person:
            more = event.modifiers() & Qt.KeyboardModifier.ControlModifier
            self.person_clicked.emit(person, bool(more))
        if event.position().x() >= NAMES:
            self.sought.emit(self._time_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  Qt's name
        if event is None:
            return
        place = event.position()
        if event.buttons() & Qt.MouseButton.LeftButton and place.x() >= NAMES:
            self.sought.emit(self._time_at(place.x()))
        elif place.x() >= NAMES:
            QToolTip.showText(
                event.globalPosition().toPoint(), time_text(self._time_at(place.x()), True), self
            )

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802  Qt's name
        if event is not None:
            self._scroll_by(-1 if event.angleDelta().y() > 0 else 1)
            self.update()


def time_text(time_s: float, fine: bool) -> str:
    """`time_s` as 1:02, if `fine` as 1:02.34; with hours as 1:01:02."""
    hundredths = int(100 * max(0.0, time_s) + 0.5) if fine else 100 * int(max(0.0, time_s))
    seconds, hundredths = divmod(hundredths, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{text}:{seconds:02d}" + (f".{hundredths:02d}" if fine else "")
