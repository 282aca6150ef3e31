"""Rows of a settings panel: a label and a control each."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)


class Form(QScrollArea):
    """A column of labelled controls that scrolls when the window is too low."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(14, 8, 14, 14)
        self._grid = QGridLayout()
        self._grid.setVerticalSpacing(8)
        self._grid.setHorizontalSpacing(12)
        self._grid.setColumnStretch(1, 1)
        self._column.addLayout(self._grid)
        self._column.addStretch()
        self.setWidget(inside)

    def add_heading(self, text: str) -> None:
        """Start a group with a heading."""
        self._grid.addWidget(heading(text), self._grid.rowCount(), 0, 1, 2)

    def add_wide(self, widget: QWidget) -> None:
        """Add a control across the whole width."""
        self._grid.addWidget(widget, self._grid.rowCount(), 0, 1, 2)

    def add(self, text: str, widget: QWidget, hint: str) -> None:
        """Add a control with its label."""
        label = QLabel(text)
        label.setBuddy(widget)
        label.setToolTip(hint)
        widget.setToolTip(hint)
        widget.setAccessibleName(text)
        row = self._grid.rowCount()
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(widget, row, 1)


def heading(text: str) -> QLabel:
    """The title of a group, as in a form."""
    return _styled(text, "heading")


def muted(text: str = "") -> QLabel:
    """A text in the colour of what matters less."""
    return _styled(text, "muted")


def _styled(text: str, name: str) -> QLabel:
    """A label that the theme's sheet knows by `name`."""
    label = QLabel(text)
    label.setObjectName(name)
    return label


def check(text: str, hint: str) -> QCheckBox:
    """A check box with its text and tool tip."""
    box = QCheckBox(text)
    box.setToolTip(hint)
    box.setAccessibleName(text)
    return box


def whole(least: int, most: int, suffix: str = "") -> QSpinBox:
    """A field for a whole number."""
    field = QSpinBox()
    field.setRange(least, most)
    field.setSuffix(suffix)
    field.setKeyboardTracking(False)
    return field


def decimal(least: float, most: float, step: float, suffix: str = "") -> QDoubleSpinBox:
    """A field for a number."""
    field = QDoubleSpinBox()
    field.setRange(least, most)
    field.setSingleStep(step)
    field.setDecimals(2 if step < 0.1 else 1)
    field.setSuffix(suffix)
    field.setKeyboardTracking(False)
    return field


class Share(QWidget):
    """A slider from 0 to 1 with its value beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self._text = QLabel("0.00")
        self._text.setMinimumWidth(32)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.slider, 0, 0)
        grid.addWidget(self._text, 0, 1)
        self.slider.valueChanged.connect(lambda value: self._text.setText(f"{value / 100:.2f}"))

    def setAccessibleName(self, name: str | None) -> None:  # noqa: N802  Qt's name
        super().setAccessibleName(name)
        self.slider.setAccessibleName(name)

    @property
    def share(self) -> float:
        """The value, 0 to 1."""
        return self.slider.value() / 100

    def set_share(self, share: float) -> None:
        """Show `share`, 0 to 1."""
        self.slider.setValue(round(100 * share))
