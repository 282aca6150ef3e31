"""Make the pictures of docs/window.md: `xvfb-run -s "-screen 0 2560x1440x24" python docs/make_screenshots.py SOURCE TIME`.

SOURCE is a finished result (NAME.json beside its video) or a video; TIME the moment to show, in
seconds. One window goes through all the states.
"""  # noqa: E501  a command is not broken

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication

from app.config import Settings
from app.gui.main_window import MainWindow
from app.gui.program import discard
from app.gui.settings import Memory
from app.gui.theme import DARK, LIGHT, Theme, apply_theme
from app.session import Session

DOCS = Path(__file__).resolve().parent
SMALL, LARGE = (1280, 800), (2560, 1440)
BEFORE_S = 1.5  # played up to the moment, so that trails and charts have something to show
PATIENCE_S = 300.0


def main(source: str, moment_s: float) -> None:
    """Open `source` and keep the states."""
    app = QApplication(["posse"])
    apply_theme(app, DARK)
    ini = str(Path(tempfile.mkdtemp()) / "posse.ini")
    memory = Memory(QSettings(ini, QSettings.Format.IniFormat))
    settings = Settings()
    window = MainWindow(Session(settings.pipeline), memory, settings)
    window.show()
    _keep(app, window, "welcome", SMALL, LIGHT)
    apply_theme(app, DARK)
    window.open([source])
    _wait(app, lambda: window.presenter.view is not None)
    window.session.seek(max(0.0, moment_s - BEFORE_S))
    _wait(app, lambda: _shown(window, moment_s - 2 * BEFORE_S, moment_s))
    _wait(app, lambda: _shown(window, moment_s, moment_s + 60))
    window.session.play(False)
    people = window.presenter.view.result.people.ids.tolist() if window.presenter.view else []
    for person, name in zip(people, ("Anna", "Ben", "Cleo"), strict=False):
        window.editing.rename(person, name)
    window.editing.select(tuple(people[:1]))
    _keep(app, window, "window", SMALL, DARK)
    window.actions_by_name["reference-mirror"].setChecked(True)
    window.reference.open(source)
    _wait(app, lambda: abs(window.reference.now_s - moment_s) < BEFORE_S)
    _keep(app, window, "reference", SMALL, DARK)
    window.reference.close()
    window.tabs.setCurrentWidget(window.tracking)
    _keep(app, window, "tracking", SMALL, LIGHT)
    window.tabs.setCurrentWidget(window.measures)
    window.editing.toggle_lock(people[0] if people else 0)
    _keep(app, window, "measures", LARGE, DARK)
    window.actions_by_name["lock"].setChecked(False)
    window.tabs.setCurrentWidget(window.people)
    _keep(app, window, "window-light", LARGE, LIGHT)
    window.actions_by_name["help"].setChecked(True)
    _keep(app, window, "help", SMALL, DARK)
    window.close()
    discard(window)


def _shown(window: MainWindow, from_s: float, to_s: float) -> bool:
    view = window.presenter.view
    return view is not None and from_s <= view.time_s <= to_s


def _wait(app: QApplication, ready: Callable[[], bool], least_s: float = 0.0) -> None:
    """Let the window live until `ready`."""
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < least_s or not ready():
        app.processEvents()
        time.sleep(0.005)
        if time.monotonic() - begun_s > PATIENCE_S:
            raise TimeoutError("the window did not come so far")


def _keep(
    app: QApplication, window: MainWindow, name: str, size_wh: tuple[int, int], theme: Theme
) -> None:
    """Keep what the screen shows of the window as docs/NAME.webp."""
    apply_theme(app, theme)
    window.measures.recolour()
    window.stages.recolour()
    window.move(0, 0)
    window.resize(*size_wh)
    window.presenter.report()
    _wait(app, lambda: True, least_s=1.0)
    window.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    screen = window.screen()
    assert screen is not None
    image = screen.grabWindow(window.winId()).toImage()
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    pointer = image.constBits()
    assert pointer is not None
    rows = np.frombuffer(pointer.asstring(image.sizeInBytes()), np.uint8)
    pixels = rows.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
    bgr = cv2.cvtColor(pixels.reshape(image.height(), image.width(), 3), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(DOCS / f"{name}.webp"), bgr, [cv2.IMWRITE_WEBP_QUALITY, 82])


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
