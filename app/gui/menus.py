"""The menu bar and the tool bar, built from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMenu, QToolBar, QToolButton, QWidget, QWidgetAction

from app.gui.actions import button_of
from app.gui.form import decimal
from app.gui.translation import tr

Actions = dict[str, QAction]


def fill_menu_bar(window: QMainWindow, actions: Actions, menus: Mapping[str, QMenu]) -> None:
    """Add File, Play, Compare, People, View and Help; `menus` are submenus, by name."""
    bar = window.menuBar()
    assert bar is not None  # a QMainWindow always has one
    groups: tuple[tuple[str, tuple[str, ...]], ...] = (
        (
            tr("&File"),
            ("open", "open-folder", "camera", "recent", "-", "save", "export", "snapshot", "-",
             "close-source", "quit"),
        ),
        (
            tr("&Play"),
            ("play", "back", "forward", "back-far", "forward-far", "start", "slower", "faster", "-",
             "previous-source", "next-source", "-", "loop",
             "range-start", "range-end", "range-clear", "-", "record", "what to record"),
        ),
        (
            tr("&Compare"),
            ("reference", "-", "sync", "reference-back", "reference-forward", "-",
             "reference-mirror", "-", "reference-close"),
        ),
        (
            tr("P&eople"),
            ("undo", "redo", "-", "rename", "set-id", "swap", "merge", "split", "delete", "-",
             "lock"),
        ),
        (
            tr("&View"),
            ("fit", "zoom-in", "zoom-out", "-", "mirror", "delay", "-", "skeleton", "joints",
             "boxes", "labels", "angles", "-", "timings", "log", "full-screen", "picture-alone"),
        ),
        (tr("&Help"), ("help", "about")),
    )  # fmt: skip
    for title, names in groups:
        menu = bar.addMenu(title)
        assert menu is not None
        menu.setToolTipsVisible(True)
        for name in names:
            if name == "-":
                menu.addSeparator()
            elif name in menus:
                menu.addMenu(menus[name])
            else:
                menu.addAction(actions[name])


def fill_recent(menu: QMenu, specs: Sequence[str], open_them: Callable[[list[str]], None]) -> None:
    """List what was opened recently."""
    menu.clear()
    menu.setToolTipsVisible(True)  # the path: distinguishes files of the same name
    for spec in specs:
        name = spec.replace("\\", "/").rsplit("/", 1)[-1] if "://" not in spec else spec
        action = QAction((name or spec).replace("&", "&&"), menu)
        action.setToolTip(spec)
        action.triggered.connect(lambda _, spec=spec: open_them([spec]))
        menu.addAction(action)
    menu.setEnabled(bool(specs))


class ToolBar(QToolBar):
    """The most used commands; some, such as Record and Delay, have a small menu."""

    def __init__(self, actions: Actions, recent: QMenu) -> None:
        super().__init__(tr("Tools"))
        self.setObjectName("tools")
        self.setMovable(False)
        self.setIconSize(QSize(20, 20))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.record_overlay = _choice(tr("Video with overlay"), True)
        self.record_clean = _choice(tr("Clean video"), False)
        self.record_tracks = _choice(tr("Tracks"), True)
        self.record_folder = QAction(tr("Choose folder…"), self)
        self.show_record_folder = QAction(tr("Open folder"), self)
        self.delay = decimal(0.5, 60, 0.5, " s")
        self.delay.setValue(5)
        self.delay.setAccessibleName(tr("Delay in seconds"))

        self._add(actions["open"], recent, text=True)
        self._add(actions["camera"], None, text=True)
        self.addSeparator()
        self.record_menu = record = QMenu(tr("What to record"), self)
        record.addActions([self.record_overlay, self.record_clean, self.record_tracks])
        record.addSeparator()
        record.addActions([self.record_folder, self.show_record_folder])
        self._add(actions["record"], record, text=True)
        self._add(actions["snapshot"])
        self.addSeparator()
        delay = QMenu(self)
        field = QWidgetAction(delay)
        field.setDefaultWidget(self.delay)
        delay.addAction(field)
        self._add(actions["delay"], delay)
        self._add(actions["mirror"])
        self._add(actions["fit"])
        self._add(actions["reference"])
        self._add(actions["lock"])
        self.addSeparator()
        self._add(actions["undo"])
        self._add(actions["redo"])
        self._add(actions["save"])
        stretch = QWidget()
        stretch.setSizePolicy(
            stretch.sizePolicy().Policy.Expanding, stretch.sizePolicy().Policy.Preferred
        )
        self.addWidget(stretch)
        self._add(actions["log"])
        self._add(actions["help"])

    def recording_choice(self) -> tuple[bool, bool, bool]:
        """Whether to record the overlay video, the clean one, and tracks."""
        choices = (self.record_overlay, self.record_clean, self.record_tracks)
        overlay, clean, tracks = (action.isChecked() for action in choices)
        return overlay, clean, tracks

    def _add(self, action: QAction, menu: QMenu | None = None, text: bool = False) -> None:
        button = button_of(action)
        if text:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        if menu is not None:
            button.setMenu(menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.addWidget(button)


def _choice(text: str, on: bool) -> QAction:
    action = QAction(text)
    action.setCheckable(True)
    action.setChecked(on)
    return action
