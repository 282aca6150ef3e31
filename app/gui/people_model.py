"""The rows of the people panel, and how a row is painted."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPainterPath
from PyQt6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.gui.painting import image_of
from app.gui.theme import current_theme
from app.gui.translation import tr
from app.overlay import colour_of
from pose.people import ImageArray

ROW_HEIGHT = 68
PICTURE_WH = (42, 52)


@dataclass(frozen=True, slots=True, eq=False)
class PersonRow:
    """What the panel shows of a person."""

    person: int
    name: str
    seen_s: float
    score: float | None  # None: not in the picture now
    picture: ImageArray | None  # (h, w, 3) BGR

    @property
    def title(self) -> str:
        """The name, or the number if there is none."""
        return self.name or tr("Person {}").format(self.person)

    @property
    def detail(self) -> str:
        """One line under the title."""
        number = f"#{self.person} · " if self.name else ""
        seen = tr("seen {:.0f} s").format(self.seen_s)
        score = self.score
        now = tr("not in the picture") if score is None else tr("{:.0%} sure").format(score)
        return f"{number}{seen} · {now}"

    def looks_like(self, other: PersonRow) -> bool:
        """Whether both are painted alike."""
        alike = self.title == other.title and self.detail == other.detail
        return alike and self.picture is other.picture


class PeopleModel(QAbstractListModel):
    """The rows, with editable names."""

    renamed = pyqtSignal(int, str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[PersonRow] = []

    def show_rows(self, rows: list[PersonRow]) -> bool:
        """Take over `rows` and signal which need repainting.

        Returns True if the people differ, so that indices changed.
        """
        if [row.person for row in rows] != [row.person for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return True
        before, self.rows = self.rows, rows
        for place, (then, now) in enumerate(zip(before, rows, strict=True)):
            if not now.looks_like(then):
                self.dataChanged.emit(self.index(place), self.index(place))
        return False

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008  Qt's
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = 0) -> object:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.EditRole:
            return row.name
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.title}, {row.detail}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tr("Click to select, double-click to rename")
        return row if role == Qt.ItemDataRole.UserRole else None

    def setData(self, index: QModelIndex, value: object, role: int = 0) -> bool:  # noqa: N802
        row = self.rows[index.row()]
        name = str(value).strip()
        if name == row.name:
            return False
        self.renamed.emit(row.person, name)
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsEditable


class PersonDelegate(QStyledItemDelegate):
    """Paints a row: colour, picture, title, detail."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        return QSize(180, ROW_HEIGHT)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        row = index.data(Qt.ItemDataRole.UserRole)
        if painter is None or not isinstance(row, PersonRow):
            return
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(option.rect).adjusted(0, 2, 0, -2)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if chosen or hovered:
            painter.setPen(QColor(theme.accent) if chosen else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.raised))
            painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 9, 9)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*colour_of(row.person)))
        painter.drawRoundedRect(QRectF(place.left() + 6, place.top() + 8, 4, 48), 2, 2)
        self._paint_picture(painter, QRectF(place.left() + 18, place.top() + 6, *PICTURE_WH), row)
        text = place.adjusted(18 + PICTURE_WH[0] + 12, 10, -8, -8)
        font = QFont(option.font)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        here = row.score is not None
        painter.setPen(QColor(theme.text if here else theme.muted))
        top = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        painter.drawText(text, top, _elided(row.title, painter, text.width()))
        font.setWeight(QFont.Weight.Normal)
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1))
        painter.setFont(font)
        painter.setPen(QColor(theme.muted))
        detail = _elided(row.detail, painter, text.width())
        painter.drawText(text.adjusted(0, 22, 0, 0), top, detail)
        painter.restore()

    def createEditor(  # noqa: N802  Qt's name
        self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setPlaceholderText(tr("Name"))
        editor.setAccessibleName(tr("Name"))
        return editor

    def updateEditorGeometry(  # noqa: N802  Qt's name
        self, editor: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        if editor is not None:
            editor.setGeometry(option.rect.adjusted(66, 8, -6, -26))

    def _paint_picture(self, painter: QPainter, place: QRectF, row: PersonRow) -> None:
        shape = QPainterPath()
        shape.addRoundedRect(place, 6, 6)
        painter.save()
        painter.setClipPath(shape)
        if row.picture is None:
            painter.fillRect(place, QColor(current_theme().line))
        else:
            image = image_of(row.picture, QImage.Format.Format_BGR888)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, image)
        if row.score is None:
            veil = QColor(current_theme().panel)
            veil.setAlpha(130)
            painter.fillRect(place, veil)
        painter.restore()


def _elided(text: str, painter: QPainter, width: float) -> str:
    metrics = QFontMetricsF(painter.font())
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
