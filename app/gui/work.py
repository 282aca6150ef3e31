"""Long work on a background thread, with progress and a way to cancel it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.gui.translation import tr
from pose.errors import UserError

log = logging.getLogger(__name__)

Progress = Callable[[float], None]


class _CancelledError(Exception):
    """Raised by the progress function inside a job, to abort it."""


class Work(QObject):
    """Runs one job at a time; its result goes to `then`, on the window's thread."""

    progressed = pyqtSignal(str, object)  # text; share done, None at the end
    failed = pyqtSignal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(40)
        self._timer.timeout.connect(self._look)
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._share = 0.0
        self._text = ""
        self._outcome: Any = None
        self._problem: str | None = None
        self._then: Callable[[Any], None] = lambda outcome: None

    @property
    def busy(self) -> bool:
        """True while a job runs."""
        return self._thread is not None

    @property
    def cancelled(self) -> bool:
        """True if the last job begun was asked to stop."""
        return self._cancelled.is_set()

    def begin(self, text: str, job: Callable[[Progress], Any], then: Callable[[Any], None]) -> bool:
        """Run `job`, which gets a function to report its progress; then call `then`.

        Returns False, and emits `failed`, if another job still runs.
        """
        if self.busy:
            self.failed.emit(tr("Wait until “{}” is done, or cancel it.").format(self._text))
            return False
        self._text, self._then, self._share = text, then, 0.0
        self._outcome, self._problem = None, None
        self._cancelled.clear()
        self._thread = threading.Thread(target=self._run, args=(job,), name=text, daemon=True)
        self._thread.start()
        self._timer.start()
        return True

    def cancel(self) -> None:
        """Ask the job to stop; it does so when it next reports progress."""
        self._cancelled.set()

    def close(self) -> None:
        """Wait for the job: what is being saved must not be lost."""
        self._timer.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, job: Callable[[Progress], Any]) -> None:
        try:
            self._outcome = job(self._progress)
        except _CancelledError:
            self._problem = tr("{}: cancelled").format(self._text)
        except UserError as error:
            self._problem = str(error)
        except OSError as error:  # a disk that is full, gone or locked; not a bug of ours
            log.warning("%s: %s", self._text, error)
            self._problem = f"{self._text}: {error.strerror or error}"
        except Exception as error:
            log.exception("%s", self._text)
            self._problem = f"{self._text}: {type(error).__name__}: {error}"

    def _progress(self, share: float) -> None:
        self._share = share
        if self._cancelled.is_set():
            raise _CancelledError

    def _look(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            self.progressed.emit(self._text, self._share)
            return
        self._timer.stop()
        self._thread = None
        self.progressed.emit(self._text, None)
        if self._problem is not None:
            self.failed.emit(self._problem)
        else:
            self._then(self._outcome)
