"""What the window remembers: its geometry, the overlay, the networks, what was opened."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSettings, QStandardPaths

from app.config import ConfigError, Settings, put_over, setting_names

log = logging.getLogger(__name__)

RECENT = 10
PAIRS = 200  # of files that were compared, whose difference in time is kept


class Memory:
    """Settings in the platform's per-user storage; damaged ones are ignored."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def load(self) -> Settings:
        """The last session's networks, thresholds and overlay; defaults for what is unusable.

        Another version may have saved names or values that this one does not know.
        """
        settings = Settings()
        try:
            kept = _leaves(json.loads(str(self._settings.value("settings", "") or "{}")))
        except (ValueError, RecursionError) as error:
            log.warning("the settings of the last time cannot be read: %s", error)
            return settings
        for each in kept:
            try:
                settings = put_over(settings, each, "the settings kept")
            except ConfigError as error:
                log.warning("one setting of the last time is left out: %s", error)
        return settings

    def save(self, settings: Settings) -> None:
        """Save the settings, except for the device, which is chosen at each start."""
        tree = {name: _told(getattr(settings, name)) for name in ("pipeline", "overlay")}
        del tree["pipeline"]["device"]
        self._settings.setValue("settings", json.dumps(tree))

    def recent(self) -> list[str]:
        """What was opened recently, newest first."""
        stored = self._settings.value("recent", [])
        return [str(item) for item in (stored if isinstance(stored, list) else [stored]) if item]

    def add_recent(self, specs: Sequence[str]) -> None:
        """Remember that `specs` were opened."""
        kept = [old for old in self.recent() if old not in specs]
        self._settings.setValue("recent", [*specs, *kept][:RECENT])

    def time_after(self, main: str, reference: str) -> float:
        """The time of the reference minus that of the main picture, as kept; 0 if it was not."""
        kept = ((a, b, after_s) for a, b, after_s in self._pairs() if (a, b) == (main, reference))
        return next((after_s for *_, after_s in kept), 0.0)

    def set_time_after(self, main: str, reference: str, after_s: float) -> None:
        """Keep which times of two files are one moment."""
        others = [pair for pair in self._pairs() if pair[:2] != (main, reference)]
        newest = [(main, reference, after_s)] if after_s else []  # both from the start: the default
        self._settings.setValue("pairs", json.dumps([*newest, *others][:PAIRS]))

    def _pairs(self) -> list[tuple[str, str, float]]:
        """The pairs of files compared, newest first; none if they are damaged."""
        try:
            kept = json.loads(str(self._settings.value("pairs", "") or "[]"))
            return [(str(a), str(b), float(s)) for a, b, s in kept if math.isfinite(float(s))]
        except (ValueError, TypeError, RecursionError) as error:
            log.warning("which files were compared cannot be read: %s", error)
            return []

    def folder(self) -> Path:
        """Where recordings and snapshots go."""
        movies = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MoviesLocation)
        return Path(
            str(self._settings.value("folder", "")) or Path(movies or Path.home()) / "Posse"
        )

    def set_folder(self, folder: Path) -> None:
        """Save recordings and snapshots in `folder` from now on."""
        self._settings.setValue("folder", str(folder))

    def value(self, name: str) -> Any:
        """The stored value of any other setting; None if there is none."""
        return self._settings.value(name)

    def flag(self, name: str, default: bool) -> bool:
        """The state of a switch."""
        return str(self._settings.value(name, default)).lower() in ("true", "1")

    def number(self, name: str, default: float) -> float:
        """A number; `default` if what is stored is not a finite number."""
        try:
            number = float(self._settings.value(name, default))
        except (TypeError, ValueError):
            return default
        return number if math.isfinite(number) else default

    def set_value(self, name: str, value: object) -> None:
        """Store any other setting."""
        self._settings.setValue(name, value)


def _told(settings: Any) -> dict[str, Any]:
    """The settings of a frozen dataclass as values for TOML and JSON; None is left out."""
    values = {name: getattr(settings, name) for name in setting_names(settings)}
    return {
        name: _told(value) if dataclasses.is_dataclass(value) else value
        for name, value in values.items()
        if value is not None
    }


def _leaves(tree: Any) -> list[dict[str, Any]]:
    """Split a tree of settings into trees that hold one value each."""
    if not isinstance(tree, dict):
        return []
    leaves = []
    for name, value in tree.items():
        inner = _leaves(value) if isinstance(value, dict) else [value]
        leaves += [{name: each} for each in inner]
    return leaves
