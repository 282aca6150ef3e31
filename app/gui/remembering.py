"""Save and restore the window's state between sessions: geometry, switches and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QByteArray, Qt
from PyQt6.QtGui import QAction

from app.config import Settings

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

SIZE_WH = (1280, 800)  # at the first start
PANEL_WIDTH = 348
SPLIT = [520, 150]  # heights of picture and timeline
HALVES = [1000, 1000]  # widths of picture and reference; Qt makes them fit


def restore(window: MainWindow) -> None:
    """Restore `window` as it was left; use the defaults for what was not saved."""
    memory = window.memory
    window.resize(*SIZE_WH)
    window.resizeDocks([window.side], [PANEL_WIDTH], Qt.Orientation.Horizontal)
    window.stage.splitter.setSizes(SPLIT)
    window.stage.pictures.setSizes(HALVES)
    for name, put_back in (
        ("geometry", window.restoreGeometry),
        ("state", window.restoreState),
        ("splitter", window.stage.splitter.restoreState),
        ("pictures", window.stage.pictures.restoreState),
    ):
        kept = memory.value(name)
        if isinstance(kept, QByteArray):
            put_back(kept)
    # If it was closed in full screen, do not start there: the user would have no menus or way out
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowFullScreen)
    for name, switch in _switches(window).items():
        switch.setChecked(memory.flag(name, switch.isChecked()))
    window.tools.delay.setValue(memory.number("delay_s", window.tools.delay.value()))
    window.tracking.smoothing.set_share(memory.number("smoothing", 0.0))


def keep(window: MainWindow) -> None:
    """Save the current state of `window`."""
    memory = window.memory
    window.actions_by_name["picture-alone"].setChecked(False)  # else it would start without menus
    memory.set_value("geometry", window.saveGeometry())
    memory.set_value("state", window.saveState())
    memory.set_value("splitter", window.stage.splitter.saveState())
    memory.set_value("pictures", window.stage.pictures.saveState())
    for name, switch in _switches(window).items():
        memory.set_value(name, switch.isChecked())
    memory.set_value("delay_s", window.tools.delay.value())
    memory.set_value("smoothing", window.tracking.smoothing.share)
    memory.save(Settings(window.session.config, window.tuning.style))


def _switches(window: MainWindow) -> dict[str, QAction]:
    """The switches whose state is saved, by the name under which it is stored."""
    return {
        "mirror": window.actions_by_name["mirror"],
        "reference_mirror": window.actions_by_name["reference-mirror"],
        "timings": window.actions_by_name["timings"],
        "record_overlay": window.tools.record_overlay,
        "record_clean": window.tools.record_clean,
        "record_tracks": window.tools.record_tracks,
    }
