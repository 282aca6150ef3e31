"""A window on fake sources, and the rules that every test of it must keep."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_session import FakeFile, make_pipeline
from PyQt6.QtCore import QEvent, QSettings
from PyQt6.QtWidgets import QApplication, QDialog

from app.config import Settings
from app.gui.main_window import MainWindow
from app.gui.settings import Memory
from app.gui.theme import DARK, apply_theme
from app.session import Session
from tracking.pipeline import PipelineConfig

Opener = Callable[..., MainWindow]


@pytest.fixture(autouse=True)
def no_modal_box(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if a modal dialog opens. Exceptions in slots fail through pytest-qt."""

    def refuse(self: QDialog, *_: object) -> int:
        raise AssertionError(f"a modal box: {self.windowTitle()}")

    monkeypatch.setattr(QDialog, "exec", refuse)
    yield
    assert QApplication.activeModalWidget() is None


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """Settings for this test alone, with a folder for recordings."""
    kept = Memory(QSettings(str(tmp_path / "posse.ini"), QSettings.Format.IniFormat))
    kept.set_folder(tmp_path / "recorded")
    return kept


@pytest.fixture(scope="session")
def dark(qapp: QApplication) -> None:
    """The dark theme, applied once: each time takes longer the more widgets there are."""
    apply_theme(qapp, DARK)


@pytest.fixture
def open_window(qtbot, dark: None, memory: Memory, tmp_path: Path) -> Iterator[Opener]:
    """Open windows on the given sources, in turn; afterwards no thread may be left."""
    before = set(threading.enumerate())
    windows: list[MainWindow] = []

    def open_it(*sources, delay_s: float = 0.0, specs: tuple[str, ...] = ()) -> MainWindow:
        waiting = list(sources)
        session = Session(
            PipelineConfig(),
            make_pipeline=lambda config: make_pipeline(config, delay_s),
            open_source=lambda spec: waiting.pop(0) if waiting else FakeFile(20),
        )
        window = MainWindow(session, memory, Settings())
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        if sources:
            window.open(list(specs) or [str(tmp_path / "a.mp4")])
        return window

    yield open_it
    for window in windows:
        window.library.discard()  # else it would ask to save
        window.close()
        window.deleteLater()
        QApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)  # now: no event loop will
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def paused(qtbot, open_window: Opener) -> MainWindow:
    """A window on a paused file of two people, with both in the panel."""
    window = open_window(FakeFile(100))
    window.session.play(False)
    # The panel may list them before their picture is shown
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    qtbot.waitUntil(lambda: len(window.people.model.rows) == 2)
    return window
