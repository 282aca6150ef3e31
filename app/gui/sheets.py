"""Sheets over the picture: shortcuts, about, a question, a notice, a welcome. None is modal."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import cv2
from PyQt6.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QHideEvent, QKeyEvent, QKeySequence, QPixmap, QResizeEvent
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.gui.form import muted
from app.gui.icons import app_icon, icon
from app.gui.translation import tr


class Sheet(QFrame):
    """A card with a heading and a button to close it; Escape closes it too."""

    closed = pyqtSignal()  # while a widget inside still has the focus

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(26, 18, 26, 22)
        top = QHBoxLayout()
        heading = QLabel(f"<b style='font-size:13pt'>{title}</b>")
        close = QPushButton()
        close.setIcon(icon("close"))
        close.setFlat(True)
        close.setAccessibleName(tr("Close"))
        close.setToolTip(tr("Close (Esc)"))
        close.clicked.connect(self.hide)
        top.addWidget(heading)
        top.addStretch()
        top.addWidget(close)
        self.column.addLayout(top)
        self.hide()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802  Qt's name
        super().hideEvent(event)
        self.closed.emit()


class HelpSheet(Sheet):
    """All shortcuts, in two columns if there is room; scrolls if they do not fit."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget) -> None:
        super().__init__(tr("Keyboard and mouse"), parent)
        rows = [
            (
                action.text().replace("…", ""),
                action.shortcut().toString(QKeySequence.SequenceFormat.NativeText),
            )
            for action in actions
            if not action.shortcut().isEmpty()
        ]
        rows += [
            (tr("Select a person"), tr("Click")),
            (tr("Select several"), tr("Ctrl + click")),
            (tr("Lock on or let go"), tr("Double click")),
            (tr("Zoom, move the picture"), tr("Wheel, drag")),
        ]
        self._rows = [_shortcut(text, keys) for text, keys in rows]
        content = QWidget()
        self._grid = QGridLayout(content)
        self._grid.setContentsMargins(0, 0, 8, 0)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(2)
        self.area = QScrollArea()
        self.area.setAccessibleName(self.accessibleName())
        self.area.setWidget(content)
        self.area.setWidgetResizable(True)
        self.column.addWidget(self.area)
        self.setFocusProxy(self.area)  # so that keys scroll it
        self._lay_out(2)
        bar = self.area.verticalScrollBar()
        # In a low window the scroll bar takes some of the width
        self._whole_wh = content.sizeHint() + QSize(bar.sizeHint().width() if bar else 0, 0)

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Enough for two columns without scrolling."""
        around = super().sizeHint() - self.area.sizeHint()
        return QSize(super().sizeHint().width(), 0).expandedTo(self._whole_wh + around)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        super().resizeEvent(event)
        margins = self.column.contentsMargins()
        inside = self.width() - margins.left() - margins.right()
        self._lay_out(2 if inside >= self._whole_wh.width() else 1)

    def _lay_out(self, columns: int) -> None:
        length = -(-len(self._rows) // columns)
        for place, (command, keys) in enumerate(self._rows):
            row, column = place % length, 3 * (place // length)
            self._grid.addWidget(command, row, column)
            self._grid.addWidget(keys, row, column + 1)
        self._grid.setColumnMinimumWidth(2, 28 if columns == 2 else 0)


def _shortcut(text: str, keys: str) -> tuple[QLabel, QLabel]:
    """One row: a command and its keys."""
    command, label = QLabel(text), muted(keys)
    command.setObjectName("row")
    label.setAlignment(Qt.AlignmentFlag.AlignRight)
    return command, label


class AboutSheet(Sheet):
    """Versions and device."""

    def __init__(self, version: str, parent: QWidget) -> None:
        super().__init__(tr("About Posse"), parent)
        row = QHBoxLayout()
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(72, 72))
        self._text = QLabel()
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addSpacing(12)
        row.addWidget(self._text, 1)
        self.column.addLayout(row)
        self._version = version

    def show_device(self, device: str) -> None:
        """Say what the networks run on."""
        self._text.setText(
            tr(
                "<b>{version}</b><br>Follows several people in video, live, and keeps each "
                "one’s identity.<br><br>"
                "Device: {device}<br>Python {python} on {system}<br>"
                "Qt {qt}, PyQt {pyqt}, OpenCV {opencv}<br><br>Licence: Apache-2.0"
            ).format(
                version=self._version,
                device=device,
                python=platform.python_version(),
                system=platform.system(),
                qt=QT_VERSION_STR,
                pyqt=PYQT_VERSION_STR,
                opencv=cv2.__version__,
            )
        )


class UnsavedSheet(Sheet):
    """Asks whether to save corrections that would be lost; closing it keeps the source open."""

    answered = pyqtSignal(bool)  # whether to save them

    def __init__(self, parent: QWidget) -> None:
        super().__init__(tr("Save the corrections?"), parent)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self.save = QPushButton(tr("Save"))
        self.save.setObjectName("primary")
        self.discard = QPushButton(tr("Don’t save"))
        row = QHBoxLayout()
        row.addStretch()
        for button, keep in ((self.discard, False), (self.save, True)):
            button.setAccessibleName(button.text())
            button.clicked.connect(lambda _, keep=keep: self._answer(keep))
            row.addWidget(button)
        self.column.addWidget(self._text)
        self.column.addSpacing(10)
        self.column.addLayout(row)
        self.setMinimumWidth(380)
        self.setFocusProxy(self.save)

    def ask(self, name: str) -> None:
        """Put the question for the file called `name`."""
        self._text.setText(tr("The corrections to “{}” have not been saved.").format(name))

    def _answer(self, keep: bool) -> None:
        self.hide()
        self.answered.emit(keep)


class Notice(QFrame):
    """A line at the top of the picture that says what went wrong, with buttons that may help."""

    restart_wanted = pyqtSignal()
    fetch_wanted = pyqtSignal()  # while fetching: cancel it

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 10, 8)
        self._text = QLabel()
        self._text.setObjectName("problem")
        self._text.setWordWrap(True)
        self._text.setAccessibleName(tr("Problem"))
        self.button = QPushButton(tr("Start again"))
        self.button.setAccessibleName(self.button.text())
        self.button.clicked.connect(self.restart_wanted)
        self.fetch_button = QPushButton(tr("Fetch"))
        self.fetch_button.setAccessibleName(self.fetch_button.text())
        self.fetch_button.clicked.connect(self.fetch_wanted)
        self.fetch_button.hide()
        self._dismissed = ""  # the text that the user dismissed
        self.close_button = QPushButton(icon("close"), "")
        self.close_button.setFlat(True)
        self.close_button.setAccessibleName(tr("Close"))
        self.close_button.setToolTip(tr("Dismiss"))
        self.close_button.clicked.connect(self._dismiss)
        row.addWidget(self._text, 1)
        row.addWidget(self.fetch_button)
        row.addWidget(self.button)
        row.addWidget(self.close_button)
        self.hide()

    def show_problem(self, problem: str, can_restart: bool) -> None:
        """Show `problem`; hide if it is empty or was dismissed."""
        if not problem:
            self.remind()
        self._show(problem, "problem")
        self.button.setVisible(can_restart)

    def show_work(self, text: str) -> None:
        """Say what is being done about it."""
        self._show(text, "work")
        self.button.hide()

    def _show(self, text: str, tone: str) -> None:
        if self._text.objectName() != tone:
            self._text.setObjectName(tone)
            self._text.setStyleSheet("")  # makes Qt look up the style of the new name
        self._text.setText(text)
        self.setVisible(text != self._dismissed)

    def offer(self, text: str) -> None:
        """Show the button that fetches, or cancels fetching; hide it if `text` is empty."""
        self.fetch_button.setVisible(bool(text))
        if text:
            self.fetch_button.setText(text)
            self.fetch_button.setAccessibleName(text)

    def remind(self) -> None:
        """Show a dismissed text again, should it recur."""
        self._dismissed = ""

    def _dismiss(self) -> None:
        self._dismissed = self._text.text()
        self.hide()


class Welcome(QFrame):
    """What the empty stage shows: how to begin."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        picture = QLabel()
        pixmap: QPixmap = app_icon().pixmap(96, 96)
        picture.setPixmap(pixmap)
        title = QLabel(f"<span style='font-size:17pt; font-weight:600'>{tr('Who is who?')}</span>")
        hint = muted(tr("Drop videos, pictures or a folder of them here,\nor start a camera."))
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        for label in (picture, title, hint):
            column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout()
        row.addStretch()
        for action in actions:
            button = QPushButton(action.icon(), action.text())
            button.setAccessibleName(action.text())
            button.setToolTip(action.toolTip())
            button.clicked.connect(action.trigger)
            row.addWidget(button)
        row.addStretch()
        column.addLayout(row)
