"""The program around the window: starting, ending, signals, errors of its own."""

from __future__ import annotations

import contextlib
import importlib
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType

from PyQt6 import sip
from PyQt6.QtCore import QSettings, QTimer
from PyQt6.QtWidgets import QApplication

from app.gui.main_window import MainWindow
from app.gui.settings import Memory
from app.gui.theme import apply_theme, system_theme
from app.session import Session
from tracking.pipeline import PipelineConfig

log = logging.getLogger(__name__)


def run(paths: Sequence[str], preset: PipelineConfig | None, device: str | None) -> int:
    """Open the window with `paths`; returns its exit code when it is closed.

    Without `preset`, with the last networks and thresholds; `device` applies this time only.
    """
    # An exception in a slot would abort the process silently; log and show it instead
    sys.excepthook = _log_exception
    app = QApplication.instance() or QApplication(["posse"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Posse")
    app.setDesktopFileName("posse")
    import_holding_libraries()
    apply_theme(app, system_theme())
    memory = Memory(QSettings("Posse", "Posse"))
    settings = memory.load()
    pipeline = preset or settings.pipeline
    if device is not None:
        pipeline = replace(pipeline, device=device)
    settings = replace(settings, pipeline=pipeline)
    window = MainWindow(Session(pipeline), memory, settings)
    window.show()
    if paths:
        window.open(paths)
    _close_on_signals(window)
    code = app.exec()
    discard(window)
    return code


def discard(window: MainWindow) -> None:
    """Delete a closed window and everything in it.

    At exit, PyQt deletes what is left while iterating over a table of all its objects, which each
    deletion changes; that crashed occasionally.
    """
    sip.delete(window)


def _close_on_signals(window: MainWindow) -> None:
    """Make SIGINT (Ctrl+C) and SIGTERM (logging out) close `window` as its close button does.

    This completes recordings and asks about corrections; a second signal ends it at once.
    """

    def close(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        QTimer.singleShot(0, window.close)  # not in the middle of other code

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, close)


def import_holding_libraries() -> None:
    """Import now what would block every thread for a tenth of a second on first use.

    Torch takes longer and is left to `app.live.preloading`.
    """
    for name in ("app.video.file", "av.subtitles.stream", "openvino"):
        with contextlib.suppress(ImportError):  # not every system has OpenVINO
            importlib.import_module(name)


def _log_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    log.error("an error of the program itself", exc_info=(kind, error, trace))
