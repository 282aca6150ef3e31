"""The list of people: colour, picture, name, time seen, and buttons for corrections."""

from __future__ import annotations

from PyQt6.QtCore import QItemSelectionModel, QPoint, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.actions import button_of
from app.gui.form import muted
from app.gui.people_model import PeopleModel, PersonDelegate, PersonRow
from app.gui.translation import tr


class PeoplePanel(QWidget):
    """Takes rows by `show_people`; emits selections, names and ids."""

    selection_changed = pyqtSignal(tuple)  # ids, in the order of the rows
    renamed = pyqtSignal(int, str)
    id_set = pyqtSignal(int, int)
    menu_wanted = pyqtSignal(int, QPointF)  # id under the pointer, global position

    def __init__(self, edits: list[QAction]) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._wanted: tuple[int, ...] = ()  # the selection, including people without a row yet
        self._choosing = False  # the selection is being set from outside: emit no signal
        self.model = PeopleModel(self)
        self.model.renamed.connect(self.renamed)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(PersonDelegate(self.list))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.list.setAccessibleName(tr("People"))
        self.list.setMouseTracking(True)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._ask_for_menu)
        chosen = self.list.selectionModel()
        assert chosen is not None  # a view with a model has one
        self._chosen: QItemSelectionModel = chosen
        self._chosen.selectionChanged.connect(self._tell_selection)
        self._empty = muted(tr("Nobody yet.\nPeople appear here as they are seen."))
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 10)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.list, 1)
        layout.addLayout(self._buttons(edits))
        layout.addLayout(self._id_row())
        self.show_people([])

    def show_people(self, rows: list[PersonRow]) -> None:
        """Show `rows`, keeping the selection by id."""
        if rows and self.list.findChild(QLineEdit) is not None:
            return  # a name is being typed; updating the row would restore the old one
        self._choosing = True
        if self.model.show_rows(rows):
            self._choose(self._wanted)
        self._choosing = False
        self._empty.setVisible(not rows)
        self.list.setVisible(bool(rows))

    def selected(self) -> tuple[int, ...]:
        """The selected ids."""
        return tuple(
            self.model.rows[index.row()].person
            for index in sorted(self._chosen.selectedRows(), key=lambda index: index.row())
        )

    def select(self, ids: tuple[int, ...]) -> None:
        """Select people by id, and bring the first of them into view."""
        if ids != self._wanted:
            self._choose(ids)
            for index in self._chosen.selectedRows()[:1]:
                self.list.scrollTo(index)

    def rename_selected(self) -> None:
        """Open the name of the first selected person for editing."""
        indices = self._chosen.selectedRows()
        if indices:
            self.list.edit(indices[0])

    def focus_id_field(self) -> None:
        """Focus the field for a new number."""
        self._id_field.setFocus()
        self._id_field.selectAll()

    def _choose(self, ids: tuple[int, ...]) -> None:
        flag = QItemSelectionModel.SelectionFlag
        self._wanted, self._choosing = ids, True
        self._chosen.clearSelection()
        for row, person in enumerate(self.model.rows):
            if person.person in ids:
                self._chosen.select(self.model.index(row), flag.Select | flag.Rows)
        self._choosing = False
        self._offer_number(ids)

    def _tell_selection(self) -> None:
        if not self._choosing:
            self._wanted = self.selected()
            self._offer_number(self._wanted)
            self.selection_changed.emit(self._wanted)

    def _offer_number(self, ids: tuple[int, ...]) -> None:
        self._id_field.setEnabled(len(ids) == 1)
        self._id_button.setEnabled(len(ids) == 1)
        if len(ids) == 1:
            self._id_field.setValue(ids[0])

    def _ask_for_menu(self, at: QPoint) -> None:
        index = self.list.indexAt(at)
        viewport = self.list.viewport()
        if index.isValid() and viewport is not None:
            person = self.model.rows[index.row()].person
            self.menu_wanted.emit(person, QPointF(viewport.mapToGlobal(at)))

    def _buttons(self, edits: list[QAction]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        for action in edits:
            row.addWidget(button_of(action))
        row.addStretch()
        return row

    def _id_row(self) -> QHBoxLayout:
        self._id_field = QSpinBox()
        self._id_field.setRange(1, 99999)
        self._id_field.setAccessibleName(tr("New number"))
        self._id_field.setEnabled(False)
        self._id_field.editingFinished.connect(self._id_entered)
        self._id_button = QToolButton()
        self._id_button.setText(tr("Set number"))
        self._id_button.setToolTip(
            tr("Give the selected person this number everywhere; whoever has it gets theirs")
        )
        self._id_button.setAccessibleName(tr("Set number"))
        self._id_button.setEnabled(False)
        self._id_button.clicked.connect(self._tell_id)
        row = QHBoxLayout()
        row.addWidget(self._id_field)
        row.addWidget(self._id_button)
        row.addStretch()
        return row

    def _id_entered(self) -> None:
        if self._id_field.hasFocus():  # Return was pressed; on leaving, the focus is gone already
            self._tell_id()

    def _tell_id(self) -> None:
        ids = self.selected()
        if len(ids) == 1 and self._id_field.value() != ids[0]:
            self.id_set.emit(ids[0], self._id_field.value())
