"""Commands on the picture: opening, playing, recording, mirror, delay, zoom."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QFileDialog

from app.gui.translation import tr
from app.gui.work import Work
from app.session import Session
from app.video.devices import list_cameras
from app.video.images import SUFFIXES
from app.video.source import VIDEO_SUFFIXES, is_live

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow
    from app.gui.reference import Reference

FAR_S = 5.0


class Playing(QObject):
    """Connects the window's commands to the session and the library."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._stage = window.stage
        self.dialog: QFileDialog | None = None
        # Not the window's: cameras can be listed while something is being saved
        self.looking = Work(self)
        self.looking.failed.connect(window.status.say)
        canvas, session = self._stage.canvas, self._session
        slots = {
            "open": self.choose_files,
            "open-folder": self.choose_folder,
            "camera": self.choose_camera,
            "close-source": lambda: window.library.leave(window.library.close),
            "play": self.play_or_pause,
            "back": lambda: self._played.step(False),
            "forward": lambda: self._played.step(True),
            "back-far": lambda: self._jump(-FAR_S),
            "forward-far": lambda: self._jump(FAR_S),
            "start": lambda: self._played.seek(0.0),
            "slower": lambda: self._stage.transport.change_speed(-1),
            "faster": lambda: self._stage.transport.change_speed(1),
            "previous-source": lambda: window.library.move(-1),
            "next-source": lambda: window.library.move(1),
            "range-start": lambda: self._play_range(self._now_s(), self._range_s()[1]),
            "range-end": lambda: self._play_range(self._range_s()[0], self._now_s()),
            "range-clear": lambda: self._play_range(0.0, None),
            "snapshot": lambda: window.recording.snapshot(self._stage.side_by_side()),
            "fit": self._fit,
            "zoom-in": lambda: canvas.zoom_by(1.25),
            "zoom-out": lambda: canvas.zoom_by(0.8),
            "save": window.library.save,
            "export": self.choose_export,
            "about": self.show_about,
        }
        toggles = {
            "loop": self._loop,
            "record": self._record,
            "mirror": canvas.set_mirror,
            "delay": self._delay,
            "timings": lambda _: window.presenter.report(),
            "log": window.log_dock.setVisible,
            "help": lambda on: self._stage.show_sheet(self._stage.help if on else None),
            "full-screen": self._full_screen,
            "picture-alone": self._picture_alone,
        }
        for name, slot in slots.items():
            window.actions_by_name[name].triggered.connect(lambda _, slot=slot: slot())
        for name, toggle in toggles.items():
            window.actions_by_name[name].toggled.connect(toggle)
        window.actions_by_name["timings"].setChecked(True)
        window.tools.delay.valueChanged.connect(self._delay_changed)
        window.tools.record_folder.triggered.connect(self.choose_record_folder)
        window.tools.show_record_folder.triggered.connect(self.show_record_folder)
        self._stage.transport.speed_changed.connect(session.set_speed)
        self._stage.transport.speed_changed.connect(window.reference.set_speed)
        self._stage.timeline.sought.connect(session.seek)
        self._stage.notice.restart_wanted.connect(lambda: window.library.reopen())
        self._stage.sources.chosen.connect(lambda spec: window.open([spec]))
        self._stage.sources.refresh_wanted.connect(self._look_for_cameras)

    def choose_files(self) -> None:
        """Let the user choose videos, pictures or tracks."""
        dialog = self.ask_for_video(tr("Open"), QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self._window.open)

    def ask_for_video(self, title: str, mode: QFileDialog.FileMode) -> QFileDialog:
        """Show a dialog for videos, pictures or tracks; see `ask`."""
        known = " ".join(f"*{suffix}" for suffix in (*VIDEO_SUFFIXES, *sorted(SUFFIXES), ".json"))
        filters = (tr("Videos, pictures and tracks ({})").format(known), tr("All files (*)"))
        return self.ask(title, mode, filters)

    def choose_folder(self) -> None:
        """Let the user choose a folder of videos or of pictures."""
        dialog = self.ask(tr("Open a folder of videos or pictures"), QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda folder: self._window.open([folder]))

    def choose_record_folder(self) -> None:
        """Let the user choose the folder for recordings."""
        mode = QFileDialog.FileMode.Directory
        dialog = self.ask(tr("Folder for recordings"), mode, folder=self._record_folder())
        dialog.fileSelected.connect(lambda path: self._window.memory.set_folder(Path(path)))

    def show_record_folder(self) -> None:
        """Show the recordings in the system's file manager."""
        folder = self._record_folder()
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._window.status.say(tr("Recordings are in {}").format(folder))

    def _record_folder(self) -> Path:
        """The folder for recordings, or its nearest parent that exists."""
        kept = self._window.memory.folder()
        return _first_folder((kept, *kept.parents)) or Path.home()  # e.g. of an unplugged drive

    def choose_export(self) -> None:
        """Let the user choose the file to export to."""
        if self._window.presenter.view is None or not self._session.history.frames():
            self._window.status.say(
                tr("Only what was followed in a file can be exported; record a camera (R)")
            )
            return
        suggested = self._window.library.export_path
        dialog = self.ask(tr("Export"), QFileDialog.FileMode.AnyFile, save_as=suggested)
        dialog.fileSelected.connect(lambda path: self._window.library.export(Path(path)))

    def choose_camera(self) -> None:
        """Show or hide the camera sheet."""
        self._look_for_cameras()
        sources = self._stage.sources
        self._stage.show_sheet(None if sources.isVisible() else sources)

    def play_or_pause(self) -> None:
        """Play, or pause."""
        reference, status = self._window.reference, self._session.status()
        if reference.on_its_own:
            reference.play(not reference.playing)
        else:
            self._session.play(status.state == "ended" or not status.playing)

    def show_about(self) -> None:
        """Show versions and device."""
        self._stage.about.show_device(self._window.reporting.device)
        self._stage.show_sheet(self._stage.about)

    def _look_for_cameras(self) -> None:
        if not self.looking.busy:  # without a list from the system, each is opened: seconds
            sources = self._stage.sources
            sources.show_looking()
            self.looking.begin(tr("Cameras"), lambda _: list_cameras(), sources.show_cameras)

    def ask(
        self,
        title: str,
        mode: QFileDialog.FileMode,
        filters: Sequence[str] = (),
        save_as: Path | None = None,
        folder: Path | None = None,
    ) -> QFileDialog:
        """Show a non-modal file dialog; with `save_as`, one for saving that suggests this path.

        It starts in `folder`, or in the folder of the last file opened. A native dialog ignores
        what is set after it is shown.
        """
        self.dialog = QFileDialog(self._window, title)
        if folder is None:
            files = (Path(spec) for spec in self._window.memory.recent() if not is_live(spec))
            folder = _first_folder(file.parent for file in files)
        if folder is not None:
            self.dialog.setDirectory(str(folder))
        self.dialog.setFileMode(mode)
        if filters:
            self.dialog.setNameFilters(filters)
        if save_as is not None:
            self.dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            self.dialog.setDefaultSuffix(save_as.suffix[1:])
            self.dialog.selectFile(str(save_as))
        self.dialog.setModal(False)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.show()
        return self.dialog

    @property
    def _played(self) -> Session | Reference:
        """What the transport works: beside a camera, or nothing, the reference."""
        reference = self._window.reference
        return reference if reference.on_its_own else self._session

    def _now_s(self) -> float:
        if self._window.reference.on_its_own:
            return self._window.reference.now_s
        view = self._window.presenter.view
        return view.time_s if view is not None else 0.0

    def _jump(self, by_s: float) -> None:
        self._played.seek(max(0.0, self._now_s() + by_s))

    def _loop(self, on: bool) -> None:
        self._window.library.set_loop(on)
        self._window.reference.loop = on

    def _fit(self) -> None:
        for pane in (self._stage.main, self._stage.reference):
            pane.canvas.fit()

    def _range_s(self) -> tuple[float, float | None]:
        reference = self._window.reference
        return reference.range_s if reference.on_its_own else self._session.status().range_s

    def _play_range(self, start_s: float, end_s: float | None) -> None:
        if end_s is not None and end_s <= start_s:
            end_s = None
        if self._window.reference.on_its_own:
            self._window.reference.play_range((start_s, end_s))
        elif not is_live(self._session.status().spec):
            self._window.library.reopen((start_s, end_s))

    def _record(self, on: bool) -> None:
        started = self._window.recording.record(on, *self._window.tools.recording_choice())
        self._window.actions_by_name["record"].setChecked(started)

    def _delay(self, on: bool) -> None:
        self._session.set_delay(self._window.tools.delay.value() if on else 0.0)

    def _delay_changed(self, _: float) -> None:
        self._delay(self._window.actions_by_name["delay"].isChecked())

    def _full_screen(self, on: bool) -> None:
        # Not showNormal: a window that was maximised must be maximised again
        full = Qt.WindowState.WindowFullScreen
        state = self._window.windowState()
        self._window.setWindowState(state | full if on else state & ~full)

    def _picture_alone(self, on: bool) -> None:
        window = self._window
        around = (window.menuBar(), window.tools, window.side, window.status, self._stage.below)
        for part in around:
            if part is not None:
                part.setVisible(not on)
        self._stage.canvas.setFocus()


def _first_folder(paths: Iterable[Path]) -> Path | None:
    # Path.is_dir raises where a parent of the path cannot be read
    return next((path for path in paths if os.path.isdir(path)), None)  # noqa: PTH112
