"""What an output folder holds, and from what it was made: one line of JSON per clip tried.

The file is append-only; the last line about a clip counts. A line that a kill cut short is ignored.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.batch.store import Store
from app.video.source import MediaError
from pose.writing import UNCODED, writing

if TYPE_CHECKING:  # the window reads manifests and need not import what tracks clips
    from app.batch.clip import Clip

NAME = "posse-manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """How a clip ended."""

    source: str
    status: str  # done, interrupted or failed
    key: str  # hash of the source's state, the settings and the weights
    reason: str = ""  # one line, if it failed, nobody is in it, or there is advice
    frames: int = 0
    people: int = 0
    seconds: float = 0.0
    outputs: tuple[str, ...] = ()  # relative to the manifest
    tracked: int = 0  # frames tracked by the run that took these seconds
    stem: str = ""  # common beginning of the outputs' names, relative to the manifest
    made_of: dict[str, Any] = field(default_factory=dict)  # see app.batch.frames.fingerprint


class Manifest:
    """The record of one output folder."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.path = folder / NAME
        self._store = store  # where outputs and manifest end up; None: in the folder
        if store is not None:
            store.fetch(NAME, self.path)
        entries = read_entries(self.path)
        self._entries = {entry.source: entry for entry in entries}
        self._owners = {entry.stem: entry for entry in entries if entry.status != "failed"}

    def finished(self, clip: Clip, key: str) -> Entry | None:
        """The entry of `clip` if it is done under this key and its files still exist."""
        entry = self._entries.get(clip.source)
        if entry is None or entry.status != "done" or entry.key != key:
            return None
        exists = self._store.exists if self._store else self._is_in_folder
        return entry if all(map(exists, entry.outputs)) else None

    def owner(self, stem: str) -> Entry | None:
        """The entry of the clip that owns the outputs at `stem`; None if no owner is known.

        Manifests written before `stem` was recorded do not say.
        """
        return self._owners.get(stem) if stem else None

    def add(self, entry: Entry) -> None:
        """Append `entry`; it is on disk when this returns."""
        self._entries[entry.source] = entry
        if entry.status != "failed":
            self._owners[entry.stem] = entry
        content = asdict(entry)
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8", errors=UNCODED) as file:
                if file.tell() and not _ends_with_newline(self.path):
                    file.write("\n")
                file.write(json.dumps(content, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        if self._store is not None:
            self._store.send(self.path, NAME)

    def _is_in_folder(self, name: str) -> bool:
        return (self.path.parent / name).exists()


def read_entries(path: Path) -> list[Entry]:
    """The entries of the manifest `path` in the order in which clips ended; none without a file.

    A clip tried twice appears twice. Raises MediaError.
    """
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror})") from error
    return [entry for line in lines if (entry := _parse(line)) is not None]


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _parse(line: str) -> Entry | None:
    try:
        content: dict[str, Any] = json.loads(line)
        return Entry(**{**content, "outputs": tuple(content.get("outputs", ()))})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
