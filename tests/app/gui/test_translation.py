"""Every text that the user reads can be translated: with a translator that marks every text it
gets, nothing on the screen is unmarked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fake_session import FakeFile
from PyQt6.QtCore import QCoreApplication, QTranslator
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QMenu,
    QTabWidget,
    QWidget,
)

MARK = "¤"
# Not translated: the program's name, numbers with units, networks, files; Qt translates keys
LEFT = re.compile(
    r"Posse|[\W\d_]*|CPU · \d+ MB|[a-z]+-[\w-]+|(.*/)?a\.mp4"
    r"|((Ctrl|Shift)\+)*(\w|F\d+|[+-]|Left|Right|Home|Del|Space)"
)


class Marking(QTranslator):
    """Marks every text."""

    def isEmpty(self) -> bool:  # noqa: N802  Qt's name
        return False

    def translate(
        self, context: str | None, text: str | None, note: str | None = None, n: int = -1
    ) -> str:
        return f"{MARK}{text}" if context == "Posse" else ""


@pytest.fixture
def marking(qtbot) -> Iterator[None]:
    """Mark the texts of windows made during the test."""
    translator = Marking()
    QCoreApplication.installTranslator(translator)
    yield
    QCoreApplication.removeTranslator(translator)


def texts_of(widget: QWidget) -> Iterator[str]:
    """The texts of a widget that the user reads, or hears."""
    yield widget.toolTip()
    yield widget.accessibleName()
    yield widget.windowTitle()
    if isinstance(widget, QLabel | QAbstractButton):
        yield widget.text()
    if isinstance(widget, QMenu):
        yield widget.title()
    if isinstance(widget, QTabWidget):
        yield from (widget.tabText(index) for index in range(widget.count()))
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(index) for index in range(widget.count()))
    if isinstance(widget, QAbstractSpinBox):
        yield widget.specialValueText()


def test_every_text_goes_through_the_translator(qtbot, marking, open_window) -> None:
    window = open_window(FakeFile(100))
    window.session.play(False)
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    qtbot.wait(300)
    texts = {text for widget in window.findChildren(QWidget) for text in texts_of(widget)}
    for action in window.findChildren(QAction):
        texts |= {action.text(), action.toolTip()}
    assert sum(MARK in text for text in texts) > 150
    unmarked = sorted(text for text in texts if MARK not in text and not LEFT.fullmatch(text))
    assert unmarked == []
