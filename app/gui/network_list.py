"""A list of networks to choose from, with a note beside those that take something to use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PyQt6.QtCore import QModelIndex, QSize, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QComboBox, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.gui.networks import Choice
from app.gui.theme import current_theme

NOTE = int(Qt.ItemDataRole.UserRole) + 1
SPACE = 20  # between a name and its note, pixels
MARGIN = 8  # right of the note
LOOSER = 7  # more than the least height of a row, as other lists have


class NetworkList(QComboBox):
    """Names of networks, or paths of files, of which one is chosen."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setItemDelegate(_Notes(self))
        for name in names:
            self.addItem(name, name)

    @property
    def chosen(self) -> str:
        """The name or path of the network that is chosen."""
        return str(self.currentData())

    def choose(self, name: str) -> None:
        """Choose `name`, which may be the path of a file that is not listed yet."""
        if self.findData(name) < 0:
            self.addItem(name.replace("\\", "/").rsplit("/", 1)[-1], name)
        self.setCurrentIndex(self.findData(name))

    def offer(self, choices: Sequence[Choice]) -> None:
        """List `choices` in this order; what was listed before stays, after them."""
        blocked = self.blockSignals(True)  # the same one is chosen, whatever its place is now
        for place, choice in enumerate(choices):
            row = self.findData(choice.name)
            if row < 0:
                row = place
                self.insertItem(row, choice.name, choice.name)
            self.setItemData(row, choice.note, NOTE)
            about = "\n".join(filter(None, (choice.note, choice.about)))
            self.setItemData(row, about, Qt.ItemDataRole.ToolTipRole)
            self.setItemData(row, choice.note, Qt.ItemDataRole.AccessibleDescriptionRole)
        self.blockSignals(blocked)
        if (rows := self.view()) is not None:  # else it would be as wide as the names
            rows.setMinimumWidth(rows.sizeHintForColumn(0) + MARGIN)

    def note_of(self, name: str) -> str:
        """The note beside `name`."""
        return self.itemData(self.findData(name), NOTE) or ""


class _Notes(QStyledItemDelegate):
    """Draws the note at the right of its item."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        size = super().sizeHint(option, index)
        note = index.data(NOTE)
        wider = option.fontMetrics.horizontalAdvance(note) + SPACE + MARGIN if note else 0
        return size + QSize(wider, LOOSER)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        super().paint(painter, option, index)
        note = index.data(NOTE)
        if not note or painter is None:
            return
        theme = current_theme()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setFont(option.font)
        painter.setPen(QColor(theme.on_accent if selected else theme.muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(option.rect.adjusted(0, 0, -MARGIN, 0), int(right), note)
        painter.restore()
