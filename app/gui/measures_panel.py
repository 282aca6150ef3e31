"""Charts of joint angles and speeds of the selected people, drawn while they move."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from app.gui.form import muted
from app.gui.theme import current_theme
from app.gui.translation import tr
from app.measures.angles import MEASURES
from app.measures.log import MeasureLog
from app.measures.series import unconnected
from app.overlay import colour_of, hex_colour_of

SHOWN_S = 10.0
CHARTS = 2
AXIS_WIDTH = 36


class MeasuresPanel(QWidget):
    """Two charts, each of a measure chosen from a list, with its present values above."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 12)
        self.hint = muted(tr("Select people to see their angles and speeds."))
        self.hint.setWordWrap(True)
        layout.addWidget(self.hint)
        self.choices: list[QComboBox] = []
        self.values: list[QLabel] = []
        self._charts: list[pg.PlotWidget] = []
        self._shown: tuple[object, ...] = ()  # what they were drawn from
        for chart, first in zip(range(CHARTS), ("knee left", "body speed"), strict=True):
            choice = QComboBox()
            choice.setAccessibleName(tr("Measure {}").format(chart + 1))
            choice.setToolTip(tr("What this chart shows"))
            for measure in MEASURES:
                text = f"{measure.name.capitalize()}, {measure.unit}"
                choice.addItem(tr(text), measure.name)
            choice.setCurrentIndex(choice.findData(first))
            seconds = {"bottom": _Seconds("bottom")}
            plot = pg.PlotWidget(background=None, axisItems=seconds, enableMenu=False)
            plot.setAccessibleName(tr("Chart {}").format(chart + 1))
            plot.setMouseEnabled(False, False)
            plot.hideButtons()
            plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it handles no keys
            plot.showGrid(x=True, y=True, alpha=0.15)
            plot.getAxis("left").setWidth(AXIS_WIDTH)  # so that both time axes align
            present = QLabel()
            present.setAccessibleName(tr("Values of chart {}").format(chart + 1))
            present.setToolTip(tr("In the picture on screen; – means not seen there"))
            present.setWordWrap(True)
            present.hide()
            layout.addWidget(choice)
            layout.addWidget(present)
            layout.addWidget(plot, 1)
            self.choices.append(choice)
            self.values.append(present)
            self._charts.append(plot)
        self.recolour()

    def recolour(self) -> None:
        """Apply the theme's colours."""
        for plot in self._charts:
            plot.setBackground(current_theme().panel)
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QColor(current_theme().line))
                axis.setTextPen(QColor(current_theme().muted))

    def show_log(
        self,
        log: MeasureLog,
        people: tuple[int, ...],
        names: Mapping[int, str],
        now_s: float,
        gap_s: float,
    ) -> None:
        """Draw the last seconds of `people`; points more than `gap_s` apart are not joined."""
        chosen = [choice.currentData() for choice in self.choices]
        shown = (log, log.version, people, dict(names), now_s, gap_s, chosen)
        if shown == self._shown:  # a paused picture: drawing takes milliseconds, several a second
            return
        self._shown = shown
        self.hint.setVisible(not people)
        columns = [measure.name for measure in MEASURES]
        for plot, choice, present in zip(self._charts, self.choices, self.values, strict=True):
            plot.clear()
            column = columns.index(choice.currentData())
            told = []
            for person in people:
                times, values = log.curve(person, column, now_s - SHOWN_S, gap_s)
                seen = len(times) > 0 and times[-1] == now_s
                told.append(_told(person, names, float(values[-1]) if seen else np.nan, column))
                if len(times):
                    colour = QColor(*colour_of(person))
                    pen = pg.mkPen(colour, width=2)
                    plot.plot(times - now_s, values, pen=pen, connect="finite")
                    alone = unconnected(values)
                    if alone.any():
                        plot.plot(
                            times[alone] - now_s, values[alone],
                            pen=None, symbol="o", symbolSize=5, symbolPen=None, symbolBrush=colour,
                        )  # fmt: skip
            present.setText(" &nbsp;".join(told))  # the line may break between people
            present.setVisible(bool(people))
            plot.setXRange(-SHOWN_S, 0, padding=0)
            if MEASURES[column].is_angle:
                plot.setYRange(0, 180, padding=0.02)
            else:
                plot.setLimits(yMin=0, minYRange=0.5)
                plot.enableAutoRange("y")

    def shows_charts(self) -> bool:
        """True while the panel is visible, so that it is worth drawing."""
        return self.isVisible() and not self.visibleRegion().isEmpty()


class _Seconds(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """A time axis whose tick labels carry the unit."""

    def tickStrings(  # noqa: N802  pyqtgraph's name
        self, values: Sequence[float], scale: float, spacing: float
    ) -> list[str]:
        return [f"{value:g} s" for value in values]


def _told(person: int, names: Mapping[int, str], value: float, column: int) -> str:
    """A person's value in the chart's colour, as rich text that does not break."""
    number = f"{value:.0f}°" if MEASURES[column].is_angle else f"{value:.2f}"
    who = html.escape(names.get(person) or str(person)).replace(" ", "&nbsp;")
    return (
        f'<span style="color:{hex_colour_of(person)}">●</span>&nbsp;{who}&nbsp;'
        f"<b>{number if np.isfinite(value) else '–'}</b>"
    )
