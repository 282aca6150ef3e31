"""Fetch published networks that are not on this machine, on a click in the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

from app.gui.translation import tr
from app.gui.work import Progress, Work
from pose.catalogue import Published
from pose.fetch import fetch

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class Fetching(QObject):
    """Offers to fetch missing networks, beside the notice that they are missing."""

    fetched = pyqtSignal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._session, self._notice = window.session, window.stage.notice
        self._work = Work(self)
        self._wanted: tuple[Published, ...] = ()
        self._share = 0.0
        self._problem = ""  # why the last fetch failed
        self._notice.fetch_wanted.connect(self._begin_or_cancel)
        self._work.progressed.connect(self._note)
        self._work.failed.connect(self._fail)

    def show(self, wanted: tuple[Published, ...]) -> None:
        """Offer to fetch the networks `wanted`, or show the progress of fetching."""
        if self._work.busy:
            names = ", ".join(each.name for each in self._wanted)
            self._notice.show_work(tr("Fetching {}…").format(names))
            self._notice.offer(tr("Cancel ({:.0%} done)").format(self._share))
            return
        if wanted != self._wanted:
            self._wanted, self._problem = wanted, ""
        if wanted and self._problem:
            self._notice.show_problem(self._problem, False)
        megabytes = sum(each.size_mb for each in wanted)
        self._notice.offer(tr("Fetch ({} MB)").format(megabytes) if wanted else "")

    def close(self) -> None:
        """Abort fetching; the next time it resumes from there."""
        self._work.cancel()
        self._work.close()

    def _begin_or_cancel(self) -> None:
        if self._work.busy:
            self._work.cancel()
        elif self._wanted:
            self._begin(self._wanted)

    def _begin(self, wanted: Sequence[Published]) -> None:
        self._share, self._problem = 0.0, ""
        self._notice.remind()
        self._work.begin(tr("Fetching"), lambda tell: _fetch(wanted, tell), self._come)

    def _come(self, _: object) -> None:
        self._session.load_again()
        self.fetched.emit()

    def _note(self, _: str, share: float | None) -> None:
        self._share = share or 0.0

    def _fail(self, problem: str) -> None:
        self._problem = "" if self._work.cancelled else problem


def _fetch(wanted: Sequence[Published], tell: Progress) -> None:
    megabytes, before = sum(each.size_mb for each in wanted), 0
    for each in wanted:
        fetch(each, _telling(tell, before / megabytes, each.size_mb / megabytes))
        before += each.size_mb


def _telling(tell: Progress, start: float, share: float) -> Callable[[int, int | None], None]:
    """A function that turns bytes (done, total) of one network into progress over all."""
    return lambda done, total: tell(start + (share * done / total if total else 0.0))
