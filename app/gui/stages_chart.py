"""A strip chart of the time that each stage takes per frame, stacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from app.gui.form import heading, muted
from app.gui.theme import current_theme
from app.gui.translation import tr

STAGES = (("detect", "#3fb6e8"), ("pose", "#8f7bff"), ("track", "#52deb2"), ("draw", "#ffb454"))
SHOWN = 150  # frames
USUAL = 90  # percent of the frames must fit in the chart's height


class StagesChart(QWidget):
    """Milliseconds of the last frames, stacked."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._plot = pg.PlotWidget(background=None, enableMenu=False)
        self._plot.setAccessibleName(tr("Time of each stage"))
        self._plot.setMouseEnabled(False, False)
        self._plot.hideButtons()
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it handles no keys
        self._plot.setXRange(0, SHOWN, padding=0)
        self._plot.setLimits(yMin=0)
        self._plot.getAxis("bottom").setStyle(showValues=False, tickLength=0)
        self._plot.getAxis("bottom").setHeight(8)  # room for the lower half of the label 0
        self._plot.getAxis("left").setWidth(32)
        base = pg.PlotDataItem()
        self._curves = [base]
        self._fills: list[pg.FillBetweenItem] = []
        for _, colour in STAGES:
            curve = pg.PlotDataItem(pen=pg.mkPen(QColor(colour), width=1.2))
            fill = QColor(colour)
            fill.setAlpha(90)
            between = pg.FillBetweenItem(self._curves[-1], curve, brush=fill)
            self._plot.addItem(between)
            self._plot.addItem(curve)
            self._fills.append(between)
            self._curves.append(curve)
        self._legend = muted()
        self._legend.setWordWrap(True)  # slow networks give long numbers
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 2, 12, 8)
        layout.setSpacing(2)
        layout.addWidget(heading(tr("MILLISECONDS PER FRAME")))
        layout.addWidget(self._plot, 1)
        layout.addWidget(self._legend)
        self.setFixedHeight(160)
        self.recolour()

    def recolour(self) -> None:
        """Apply the theme's colours."""
        self._plot.setBackground(current_theme().panel)
        for side in ("left", "bottom"):
            self._plot.getAxis(side).setPen(QColor(current_theme().line))
            self._plot.getAxis(side).setTextPen(QColor(current_theme().muted))

    def show_stages(self, frames: Sequence[Mapping[str, float]]) -> None:
        """Draw the stage times of the last frames, oldest first."""
        last = frames[-SHOWN:]
        times = np.array([[frame.get(name, 0.0) for name, _ in STAGES] for frame in last])
        for between in self._fills:
            between.setVisible(bool(len(times)))  # else it stays between empty curves
        if not len(times):
            for curve in self._curves:
                curve.setData([], [])
            self._legend.setText("")
            self._plot.setYRange(0, 50, padding=0)
            return
        stacked = np.cumsum(times, axis=1)  # (T, S)
        x = np.arange(len(times)) + SHOWN - len(times)
        self._curves[0].setData(x, np.zeros(len(times)))
        for column, curve in enumerate(self._curves[1:]):
            curve.setData(x, stacked[:, column])
        # The first frames wait for the networks, and would flatten all others to a line
        usual_ms = float(np.percentile(stacked[:, -1], USUAL))
        self._plot.setYRange(0, usual_ms * 1.25 + 1, padding=0)
        means = times[-30:].mean(0)
        self._legend.setText(
            " ".join(  # the line may break between stages, not within one
                f'<span style="color:{colour}">●</span>&nbsp;{tr(name)}&nbsp;{_short(mean)}'
                for (name, colour), mean in zip(STAGES, means, strict=True)
                if mean > 0.005
            )
        )


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"
