"""The networks that can be chosen by name: bundled, the user's own, and published ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject

from app.gui.translation import tr
from app.gui.work import Progress, Work
from app.live.loading import holding_nobody_up
from pose.catalogue import CATALOGUE, Published
from pose.header import read_header
from pose.networks import PoseNetwork
from pose.weight_files import BUNDLED as BUNDLED_FOLDER
from pose.weight_files import WeightsError, local_weights, name_of, to_fetch

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

BUNDLED = {
    "detector": ("posse-detector",),
    "pose": ("posse-pose", "posse-pose-large", "posse-pose-small"),
}

Kinds = dict[tuple[Path, int, int], str]  # by file, size and time of change; empty: no network


@dataclass(frozen=True, slots=True)
class Choice:
    """A network in the list of its kind."""

    name: str
    note: str = ""  # beside the name: what it takes to use it
    about: str = ""


class Networks(QObject):
    """Lists the networks in the tracking panel, as they are on this machine by now."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._panel = window.tracking
        self._work = Work(self)
        self._kinds: Kinds = {}  # of the user's own files: reading one can take a second
        self._panel.shown.connect(self.look)
        window.fetching.fetched.connect(self.look)

    def look(self) -> None:
        """Look, in the background, for what was fetched or added."""
        if not self._work.busy:
            self._work.begin(tr("Networks"), self._find, lambda found: self._panel.offer(*found))

    def close(self) -> None:
        """Wait for the look that is under way."""
        self._work.close()

    def _find(self, _: Progress) -> tuple[list[Choice], list[Choice]]:
        absent = set(to_fetch(*(entry.name for entry in CATALOGUE)))
        own = list(_own_files(self._kinds))
        detectors, poses = (
            [
                *(Choice(name) for name in BUNDLED[kind]),
                *(Choice(name, about=about) for name, about, own_kind in own if own_kind == kind),
                *(_published(each, each in absent) for each in CATALOGUE if each.kind == kind),
            ]
            for kind in ("detector", "pose")
        )
        return detectors, poses


def names_of(kind: str) -> list[str]:
    """The networks of a kind that are known without a look at this machine."""
    return [*BUNDLED[kind], *(entry.name for entry in CATALOGUE if entry.kind == kind)]


def _published(entry: Published, absent: bool) -> Choice:
    note = tr("{} MB to fetch").format(entry.size_mb) if absent else ""
    return Choice(entry.name, note, tr("{}, {}").format(entry.score, entry.licence))


def _own_files(kinds: Kinds) -> Iterator[tuple[str, str, str]]:
    """Name, path and kind of every network that was added with `posse models add`."""
    known = {name for entry in CATALOGUE for name in (entry.name, entry.file_name)}
    for file in local_weights():
        if file.parent == BUNDLED_FOLDER or {file.name, name_of(file)} & known:
            continue
        about = file.stat()
        key = file, about.st_size, about.st_mtime_ns
        if key not in kinds:
            try:
                kinds[key] = _kind_of(file)
            except WeightsError:  # damaged; `posse models` says so
                kinds[key] = ""
        yield name_of(file), str(file), kinds[key]


def _kind_of(file: Path) -> str:
    if file.suffix == ".safetensors":  # its header is enough: torch would take 180 MB
        return read_header(file).kind
    with holding_nobody_up():
        from pose.library import any_network
    return "pose" if isinstance(any_network(str(file)), PoseNetwork) else "detector"
