"""The left side of the window: picture, the sheets over it, transport and timeline."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QResizeEvent
from PyQt6.QtWidgets import QApplication, QSplitter, QVBoxLayout, QWidget

from app.gui.canvas import Canvas
from app.gui.sheets import AboutSheet, HelpSheet, Notice, UnsavedSheet, Welcome
from app.gui.source_panel import SourcePanel
from app.gui.timeline import Timeline
from app.gui.translation import tr
from app.gui.transport import Transport

MARGIN = 16  # pixels between the picture's edge and the notice


class Stage(QWidget):
    """Holds the widgets and positions those that float over the picture."""

    def __init__(
        self, actions: dict[str, QAction], version: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.canvas = Canvas()
        self.welcome = Welcome([actions["open"], actions["camera"]], self.canvas)
        self.notice = Notice(self.canvas)
        self.sources = SourcePanel(self.canvas)
        self.help = HelpSheet(list(actions.values()), self.canvas)
        self.about = AboutSheet(version, self.canvas)
        self.unsaved = UnsavedSheet(self.canvas)
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
        self.splitter.addWidget(self.canvas)
        self.splitter.addWidget(self.below)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setCollapsible(0, False)
        self.splitter.splitterMoved.connect(self.arrange)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Position the notice and the sheets."""
        width, height = self.canvas.width(), self.canvas.height()
        self.notice.setGeometry(
            MARGIN, MARGIN, width - 2 * MARGIN, max(48, self.notice.sizeHint().height())
        )
        for sheet in (self.welcome, self.sources, self.help, self.about, self.unsaved):
            size = sheet.sizeHint()
            wide, high = min(width - 8, size.width()), min(height - 8, size.height())
            sheet.setGeometry((width - wide) // 2, (height - high) // 2, wide, high)
            sheet.raise_()

    def _take_keyboard_from(self, sheet: QWidget) -> None:
        """Move the focus from `sheet` to the picture; Qt would move it to the next in tab order."""
        if (has_it := QApplication.focusWidget()) is sheet or sheet.isAncestorOf(has_it):
            self.canvas.setFocus()

    def show_sheet(self, sheet: QWidget | None) -> None:
        """Show one of the sheets, or none."""
        for other in (self.sources, self.help, self.about, self.unsaved):
            other.setVisible(other is sheet)
        self.arrange()
        if sheet is not None:
            sheet.setFocus()
