"""Choose a camera on this computer or on the network, or the screen."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QPushButton, QWidget

from app.gui.form import heading, muted
from app.gui.icons import icon
from app.gui.sheets import Sheet
from app.gui.translation import tr
from app.video.devices import Camera
from app.video.source import SCREENS

Modes = tuple[tuple[str, str], ...]  # what the list says of each, and the spec that opens it


class SourcePanel(Sheet):
    """A small sheet over the picture: takes cameras, emits the spec of the chosen source."""

    chosen = pyqtSignal(str)
    refresh_wanted = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(tr("Camera"), parent)
        self.camera, self.mode, self.url = QComboBox(), QComboBox(), QLineEdit()
        self.camera.setAccessibleName(tr("Camera"))
        self.mode.setAccessibleName(tr("Size and rate"))
        self.camera.setMinimumWidth(260)
        self.url.setPlaceholderText("rtsp://…   http://…/video.mjpg   http://…/live.m3u8")
        self.url.setAccessibleName(tr("Address"))
        self.url.returnPressed.connect(self._open_url)
        self.camera.currentIndexChanged.connect(self._show_modes)
        self.start = QPushButton(tr("Start"))
        self.start.setObjectName("primary")
        self.start.clicked.connect(self._open_camera)
        self.connect_button = QPushButton(tr("Connect"))
        self.connect_button.clicked.connect(self._open_url)
        self._none = muted()
        refresh = QPushButton(icon("restart"), tr("Look again"))
        refresh.clicked.connect(self.refresh_wanted)
        for button in (self.start, self.connect_button, refresh):
            button.setAccessibleName(button.text())

        grid = QGridLayout()
        grid.setVerticalSpacing(10)
        grid.addWidget(heading(tr("ON THIS COMPUTER")), 0, 0, 1, 3)
        grid.addWidget(self.camera, 1, 0)
        grid.addWidget(self.mode, 1, 1)
        grid.addWidget(self.start, 1, 2)
        grid.addWidget(self._none, 2, 0, 1, 2)
        grid.addWidget(refresh, 2, 2)
        grid.addWidget(heading(tr("ON THE NETWORK")), 3, 0, 1, 3)
        grid.addWidget(self.url, 4, 0, 1, 2)
        grid.addWidget(self.connect_button, 4, 2)
        self.column.addLayout(grid)
        self.setFocusProxy(self.url)

    def show_cameras(self, cameras: list[Camera]) -> None:
        """Offer `cameras`, and the screen."""
        parts = tr("Whole"), tr("Left half"), tr("Right half")
        screen = tuple(zip(parts, SCREENS, strict=True))
        self._offer(
            [(camera.name, _modes(camera)) for camera in cameras] + [(tr("Screen"), screen)]
        )
        self._none.setText(tr("No camera found."))
        self._none.setVisible(not cameras)
        if cameras and self.url.hasFocus() and not self.url.text():
            self.start.setFocus()

    def show_looking(self) -> None:
        """Offer nothing while cameras are being looked for."""
        self._offer([])
        self._none.setText(tr("Looking for cameras…"))
        self._none.show()

    def _offer(self, sources: list[tuple[str, Modes]]) -> None:
        self.camera.clear()
        for name, modes in sources:
            self.camera.addItem(name, modes)
        for widget in (self.camera, self.mode, self.start):
            widget.setEnabled(bool(sources))
        self._show_modes()

    def _show_modes(self) -> None:
        self.mode.clear()
        for text, spec in self.camera.currentData() or ():
            self.mode.addItem(text, spec)

    def _open_camera(self) -> None:
        spec = self.mode.currentData()
        if spec:
            self.chosen.emit(spec)
            self.hide()

    def _open_url(self) -> None:
        text = self.url.text().strip()
        if text:
            self.chosen.emit(text if "://" in text else f"http://{text}")
            self.hide()


def _modes(camera: Camera) -> Modes:
    automatic = (tr("Automatic"), camera.spec())
    return (automatic, *((str(mode), camera.spec(mode)) for mode in camera.modes))
