"""Choose a camera on this computer or on the network."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QPushButton, QWidget

from app.gui.icons import icon
from app.gui.sheets import Sheet
from app.gui.translation import tr
from app.video.devices import Camera


class SourcePanel(Sheet):
    """A small sheet over the picture: takes cameras, emits the spec of the chosen source."""

    chosen = pyqtSignal(str)
    refresh_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Camera"), parent)
        self._cameras: list[Camera] = []
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
        self._none = QLabel()
        self._none.setObjectName("muted")
        refresh = QPushButton(icon("restart"), tr("Look again"))
        refresh.clicked.connect(self.refresh_wanted)
        for button in (self.start, self.connect_button, refresh):
            button.setAccessibleName(button.text())

        grid = QGridLayout()
        grid.setVerticalSpacing(10)
        grid.addWidget(_heading(tr("ON THIS COMPUTER")), 0, 0, 1, 3)
        grid.addWidget(self.camera, 1, 0)
        grid.addWidget(self.mode, 1, 1)
        grid.addWidget(self.start, 1, 2)
        grid.addWidget(self._none, 2, 0, 1, 2)
        grid.addWidget(refresh, 2, 2)
        grid.addWidget(_heading(tr("ON THE NETWORK")), 3, 0, 1, 3)
        grid.addWidget(self.url, 4, 0, 1, 2)
        grid.addWidget(self.connect_button, 4, 2)
        self.column.addLayout(grid)
        self.setFocusProxy(self.url)

    def show_cameras(self, cameras: list[Camera]) -> None:
        """Offer `cameras`."""
        self._none.setText(tr("No camera found."))
        self._cameras = cameras
        self.camera.clear()
        for camera in cameras:
            self.camera.addItem(camera.name)
        self._none.setVisible(not cameras)
        for widget in (self.camera, self.mode, self.start):
            widget.setEnabled(bool(cameras))
        self._show_modes()
        if cameras and self.url.hasFocus() and not self.url.text():
            self.start.setFocus()

    def show_looking(self) -> None:
        """Offer no cameras while they are being looked for."""
        self.show_cameras([])
        self._none.setText(tr("Looking for cameras…"))

    def _show_modes(self) -> None:
        self.mode.clear()
        self.mode.addItem(tr("Automatic"), None)
        if 0 <= self.camera.currentIndex() < len(self._cameras):
            for mode in self._cameras[self.camera.currentIndex()].modes:
                self.mode.addItem(str(mode), mode)

    def _open_camera(self) -> None:
        if 0 <= self.camera.currentIndex() < len(self._cameras):
            camera = self._cameras[self.camera.currentIndex()]
            self.chosen.emit(camera.spec(self.mode.currentData()))
            self.hide()

    def _open_url(self) -> None:
        text = self.url.text().strip()
        if text:
            self.chosen.emit(text if "://" in text else f"http://{text}")
            self.hide()


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("heading")
    return label
