"""The left side of the window: one or two pictures, the sheets over them, transport, timeline."""

from __future__ import annotations

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QAction, QImage, QResizeEvent
from PyQt6.QtWidgets import QApplication, QSplitter, QVBoxLayout, QWidget

from app.gui.canvas import Canvas
from app.gui.pane import Pane, ReferencePane
from app.gui.sheets import AboutSheet, HelpSheet, Notice, UnsavedSheet, Welcome
from app.gui.source_panel import SourcePanel
from app.gui.timeline import Timeline
from app.gui.translation import tr
from app.gui.transport import Transport

MARGIN = 16  # pixels between the picture's edge and the notice


class Stage(QWidget):
    """Holds the widgets and positions those that float over the picture."""

    def __init__(self, actions: dict[str, QAction], version: str) -> None:
        super().__init__()
        self.canvas = Canvas()
        self.main = Pane(tr("Main"), self.canvas)
        self.reference = ReferencePane(actions)
        self.pictures = QSplitter(Qt.Orientation.Horizontal)
        self.pictures.setAccessibleName(tr("Picture and reference"))
        self.pictures.setChildrenCollapsible(False)
        self.pictures.setHandleWidth(8)
        for place, pane in enumerate((self.main, self.reference)):
            self.pictures.addWidget(pane)
            self.pictures.setStretchFactor(place, 1)
        over = QWidget()  # the sheets' parent: a splitter would take them for panes
        whole = QVBoxLayout(over)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.pictures)
        self._over = over
        self.welcome = Welcome([actions["open"], actions["camera"]], self.canvas)
        self.notice = Notice(self.canvas)
        self.sources = SourcePanel(over)
        self.help = HelpSheet(list(actions.values()), over)
        self.about = AboutSheet(version, over)
        self.unsaved = UnsavedSheet(over)
        self.help.closed.connect(lambda: actions["help"].setChecked(False))
        for sheet in (self.sources, self.help, self.about, self.unsaved):
            sheet.closed.connect(lambda sheet=sheet: self._take_keyboard_from(sheet))
        self.transport = Transport([actions[n] for n in ("back", "play", "forward", "loop")])
        self.timeline = Timeline()
        self.below = QWidget()
        column = QVBoxLayout(self.below)
        column.setContentsMargins(10, 0, 0, 8)
        column.setSpacing(2)
        column.addWidget(self.transport)
        column.addWidget(self.timeline, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setAccessibleName(tr("Picture and timeline"))
        self.splitter.addWidget(over)
        self.splitter.addWidget(self.below)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setCollapsible(0, False)
        for splitter in (self.splitter, self.pictures):
            splitter.splitterMoved.connect(self.arrange)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self.show_reference(False)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Position the notice and the sheets."""
        self.notice.setGeometry(
            MARGIN,
            MARGIN,
            self.canvas.width() - 2 * MARGIN,
            max(48, self.notice.sizeHint().height()),
        )
        for sheet in (self.welcome, self.sources, self.help, self.about, self.unsaved):
            around = self.canvas if sheet is self.welcome else self._over
            width, height, size = around.width(), around.height(), sheet.sizeHint()
            wide, high = min(width - 8, size.width()), min(height - 8, size.height())
            sheet.setGeometry((width - wide) // 2, (height - high) // 2, wide, high)
            sheet.raise_()

    def _take_keyboard_from(self, sheet: QWidget) -> None:
        """Move the focus from `sheet` to the picture; Qt would move it to the next in tab order."""
        if (has_it := QApplication.focusWidget()) is sheet or sheet.isAncestorOf(has_it):
            self.canvas.setFocus()

    def show_reference(self, on: bool) -> None:
        """Show the reference beside the picture, each saying which it is."""
        self.reference.setVisible(on)
        self.main.below.setVisible(on)
        self.arrange()

    def side_by_side(self) -> QImage | None:
        """Picture and reference as they are on screen; None without a reference."""
        if self.reference.isHidden():
            return None
        return self.pictures.grab(
            QRect(0, 0, self.pictures.width(), self.canvas.height())
        ).toImage()

    def show_sheet(self, sheet: QWidget | None) -> None:
        """Show one of the sheets, or none."""
        for other in (self.sources, self.help, self.about, self.unsaved):
            other.setVisible(other is sheet)
        self.arrange()
        if sheet is not None:
            sheet.setFocus()
