"""A pane that shows the program's log."""

from __future__ import annotations

import logging
import queue

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QPlainTextEdit

from app.gui.translation import tr

LINES = 2000


class _Handler(logging.Handler):
    """Collects lines from every thread; the pane fetches them on the window's thread."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.setFormatter(logging.Formatter("%(asctime)s  %(levelname)s  %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put(self.format(record))


class LogPane(QPlainTextEdit):
    """The last lines logged by our own modules."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setMaximumBlockCount(LINES)
        self.setAccessibleName(tr("Log"))
        self._handler = _Handler()
        self._loggers = [logging.getLogger(name) for name in ("app", "tracking", "pose")]
        for logger in self._loggers:
            logger.addHandler(self._handler)
            logger.setLevel(logging.INFO)
        self._timer = QTimer(self)
        self._timer.setInterval(300)
        self._timer.timeout.connect(self._fetch)
        self._timer.start()

    def detach(self) -> None:
        """Stop listening."""
        self._timer.stop()
        for logger in self._loggers:
            logger.removeHandler(self._handler)

    def _fetch(self) -> None:
        while not self._handler.lines.empty():
            self.appendPlainText(self._handler.lines.get())
