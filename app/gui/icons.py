"""Our icons: black SVG drawings, painted in the theme's colours at any size."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QByteArray, QRect, QSize, Qt
from PyQt6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PyQt6.QtSvg import QSvgRenderer

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "icons"

_colours = {"normal": "#000000", "disabled": "#808080"}


def recolour(normal: str, disabled: str) -> None:
    """Paint all icons in these colours from now on, including those in use."""
    _colours.update(normal=normal, disabled=disabled)


def icon(name: str, colour: str | None = None) -> QIcon:
    """The icon `name` of assets/icons, in the theme's colour or in `colour`."""
    return QIcon(_Engine((FOLDER / f"{name}.svg").read_text(encoding="utf-8"), colour))


def app_icon() -> QIcon:
    """The program's own icon."""
    return QIcon(str(FOLDER / "posse.svg"))


class _Engine(QIconEngine):
    """Paints an SVG source with its black replaced."""

    def __init__(self, svg: str, colour: str | None) -> None:
        super().__init__()
        self._svg = svg
        self._colour = colour

    def paint(
        self, painter: QPainter | None, rect: QRect, mode: QIcon.Mode, state: QIcon.State
    ) -> None:
        kind = "disabled" if mode == QIcon.Mode.Disabled else "normal"
        colour = _colours[kind] if kind == "disabled" else self._colour or _colours[kind]
        svg = self._svg.replace("#000", colour)
        if painter is not None:
            QSvgRenderer(QByteArray(svg.encode())).render(painter, rect.toRectF())

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _Engine(self._svg, self._colour)
