"""The window: builds the widgets and connects them; what they show comes from the presenter."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
)
from PyQt6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.config import Settings
from app.gui import remembering
from app.gui.actions import make_actions
from app.gui.editing import Editing
from app.gui.fetching import Fetching
from app.gui.icons import app_icon
from app.gui.keys import ControlKeys
from app.gui.library import Library
from app.gui.log_pane import LogPane
from app.gui.measures_panel import MeasuresPanel
from app.gui.menus import ToolBar, fill_menu_bar, fill_recent
from app.gui.networks import Networks
from app.gui.overlay_panel import OverlayPanel
from app.gui.people_panel import PeoplePanel
from app.gui.playing import Playing
from app.gui.presenter import Presenter
from app.gui.recording import Recording
from app.gui.reference import Reference
from app.gui.remembering import PANEL_WIDTH
from app.gui.reporting import Reporting
from app.gui.settings import Memory
from app.gui.stage import Stage
from app.gui.stages_chart import StagesChart
from app.gui.status import StatusBar
from app.gui.theme import apply_theme, system_theme
from app.gui.tracking_panel import TrackingPanel
from app.gui.translation import tr
from app.gui.tuning import Tuning, preset_choice
from app.gui.work import Work
from app.session import Session
from pose.command import program_version


class MainWindow(QMainWindow):
    """Everything on the screen. Closing it ends the session and every thread."""

    def __init__(self, session: Session, memory: Memory, settings: Settings) -> None:
        super().__init__()
        self.setWindowTitle("Posse")
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.session, self.memory = session, memory
        self.actions_by_name = make_actions(self)
        self.stage = Stage(self.actions_by_name, program_version().capitalize())
        self.status = StatusBar()
        self.setStatusBar(self.status)
        self.presenter = Presenter(session, self.stage.canvas.show_view, self)
        self.work = Work(self)
        self.library = Library(self.presenter, memory, self.work, self)
        self.recording = Recording(self.presenter, memory, self.work, self)
        self.editing = Editing(self.presenter, self.actions_by_name, self)
        edits = ("rename", "swap", "merge", "split", "delete", "lock")
        self.people = PeoplePanel([self.actions_by_name[name] for name in edits])
        self.overlay = OverlayPanel()
        self.tracking = TrackingPanel(preset_choice())
        self.measures = MeasuresPanel()
        self.stages = StagesChart()
        self.recent_menu = QMenu(tr("Recent"), self)
        self.tools = ToolBar(self.actions_by_name, self.recent_menu)
        self.log_pane = LogPane()
        self._lay_out()
        self.reference = Reference(self)
        self.playing = Playing(self)
        self.tuning = Tuning(self)
        self.fetching = Fetching(self)
        self.networks = Networks(self)
        self.reporting = Reporting(self)
        self._connect()
        ControlKeys(self, self.stage.canvas)
        self.tuning.show(settings)
        remembering.restore(self)
        self.reporting.report()
        self.stage.canvas.setFocus()  # else Qt gives the focus to the first button
        self.presenter.start()

    def open(self, specs: Sequence[str]) -> None:
        """Open sources in place of what is open."""

        def open_them() -> None:
            self.library.open(list(specs))
            fill_recent(self.recent_menu, self.memory.recent(), self.open)
            self.stage.canvas.setFocus()  # so that Space plays, whatever had the focus

        self.library.leave(open_them)

    def _lay_out(self) -> None:
        menus = {"recent": self.recent_menu, "what to record": self.tools.record_menu}
        fill_menu_bar(self, self.actions_by_name, menus)
        self.addToolBar(self.tools)
        self.setCentralWidget(self.stage)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setAccessibleName(tr("Panels"))
        for panel, name in (
            (self.people, tr("People")),
            (self.overlay, tr("Overlay")),
            (self.tracking, tr("Tracking")),
            (self.measures, tr("Measures")),
        ):
            self.tabs.addTab(panel, name)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.stages)
        side.setMinimumWidth(PANEL_WIDTH - 20)
        side.setMaximumWidth(2 * PANEL_WIDTH)
        self.side = self._dock(tr("Panels"), "side", side, Qt.DockWidgetArea.RightDockWidgetArea)
        self.side.setTitleBarWidget(QWidget())
        bottom = Qt.DockWidgetArea.BottomDockWidgetArea
        self.log_dock = self._dock(tr("Log"), "log", self.log_pane, bottom)
        self.log_dock.hide()
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)

    def _dock(self, title: str, name: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _connect(self) -> None:
        canvas, timeline, people = self.stage.canvas, self.stage.timeline, self.people
        editing = self.editing
        canvas.person_clicked.connect(editing.click)
        canvas.person_double_clicked.connect(editing.double_click)
        for place in (canvas, timeline, people):
            place.menu_wanted.connect(editing.menu)
        timeline.person_clicked.connect(editing.click)
        people.selection_changed.connect(editing.select)
        people.renamed.connect(editing.rename)
        people.id_set.connect(editing.set_id)
        for wanted in (editing.rename_wanted, editing.id_wanted):
            wanted.connect(self._show_people)
        editing.rename_wanted.connect(people.rename_selected)
        editing.id_wanted.connect(people.focus_id_field)
        editing.selection_changed.connect(canvas.set_people)
        editing.selection_changed.connect(self.presenter.show_angles_of)
        editing.selection_changed.connect(lambda ids, _: people.select(ids))
        for said in (editing.said, self.library.said, self.recording.said, self.work.failed):
            said.connect(self.status.say)
        self.library.asked.connect(self._ask_to_save)
        self.stage.unsaved.answered.connect(self.library.answer)
        self.work.progressed.connect(self.status.show_progress)
        self.status.cancelled.connect(self.work.cancel)
        self.presenter.source_changed.connect(editing.source_changed)
        self.presenter.source_changed.connect(lambda: self.people.show_people([]))
        self.log_dock.visibilityChanged.connect(self._log_shown)
        self.actions_by_name["quit"].triggered.connect(self.close)
        fill_recent(self.recent_menu, self.memory.recent(), self.open)
        hints = QGuiApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._recolour)

    def _ask_to_save(self, name: str) -> None:
        self.stage.unsaved.ask(name)
        self.stage.show_sheet(self.stage.unsaved)

    def _show_people(self) -> None:
        """Bring the People panel to the front, with everybody listed."""
        self.actions_by_name["picture-alone"].setChecked(False)
        self.tabs.setCurrentWidget(self.people)
        self.people.show_people(self.presenter.rows())

    def _recolour(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, system_theme())
        self.measures.recolour()
        self.stages.recolour()
        self.stage.canvas.update()

    def _log_shown(self) -> None:
        """Tick the command while the log is open, even if restored or closed by its own button."""
        self.actions_by_name["log"].setChecked(not self.log_dock.isHidden())

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802  Qt's name
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802  Qt's name
        data = event.mimeData() if event is not None else None
        if event is None or data is None:
            return
        specs = [url.toLocalFile() or url.toString() for url in data.urls()]
        pane = self.stage.reference
        there = pane.rect().contains(pane.mapFrom(self, event.position().toPoint()))
        if pane.isVisible() and there and specs:
            self.reference.open(specs[0])
        else:
            self.open(specs)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        modes = [self.actions_by_name[name] for name in ("picture-alone", "full-screen")]
        on = [mode for mode in modes if mode.isChecked()]
        if event is not None and event.key() == Qt.Key.Key_Escape and on:
            on[0].setChecked(False)
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  Qt's name
        """Save the window's settings and end every thread."""
        if event is not None and self.library.unsaved:
            event.ignore()
            self.library.leave(self.close)
            return
        self.presenter.stop()
        remembering.keep(self)
        self.hide()
        self.work.close()
        self.playing.looking.close()
        self.reference.shut_down()
        self.fetching.close()
        self.networks.close()
        self.session.close()
        self.log_pane.detach()
        super().closeEvent(event)
