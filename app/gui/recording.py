"""Recordings and snapshots of what is on screen, saved to the user's folder."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
from PyQt6.QtCore import QBuffer, QObject, pyqtSignal
from PyQt6.QtGui import QImage

from app.gui.presenter import Presenter
from app.gui.settings import Memory
from app.gui.translation import tr
from app.gui.work import Progress, Work
from app.live.recording import RecordingPlan
from app.overlay import Overlay
from app.paint import rasterise
from pose.writing import whole_file, writing


class Recording(QObject):
    """Records what is on screen, in the background, and reports where."""

    said = pyqtSignal(str)

    def __init__(self, presenter: Presenter, memory: Memory, work: Work, parent: QObject) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._session = presenter.session
        self._memory = memory
        self._work = work
        self._names: set[str] = set()  # used so far
        presenter.reported.connect(self._tell_recorded)

    def record(self, on: bool, overlay: bool, clean: bool, tracks: bool) -> bool:
        """Start or stop recording; True if it runs now."""
        if not on:
            self._session.stop_recording()
            return False
        view, info = self._presenter.view, self._session.status().info
        if not (overlay or clean or tracks):
            self.said.emit(tr("Choose what to record: the arrow next to Record"))
            return False
        if view is None:
            self.said.emit(tr("There is nothing to record yet"))
            return False
        folder = self._memory.folder()
        plan = RecordingPlan(
            folder,
            self._new_name(folder),
            info.frame_rate if info is not None else None,
            overlay,
            clean,
            tracks,
            self._presenter.style_with_names,
        )
        self._session.record(plan)
        self.said.emit(tr("Recording to {}").format(folder / f"{plan.name}.*"))
        return True

    def _tell_recorded(self) -> None:
        for recording in self._session.recorded():
            plan = recording.plan
            if recording.kept:
                self.said.emit(tr("Saved {}").format(plan.folder / f"{plan.name}.*"))
            elif not recording.problem:
                self.said.emit(tr("Nothing was recorded: no new picture came"))

    def snapshot(self, side_by_side: QImage | None) -> None:
        """Save the picture with its overlay, at its original size; and `side_by_side`, if given."""
        view = self._presenter.view
        if view is None:
            self.said.emit(tr("There is no picture yet"))
            return
        folder = self._memory.folder()
        path = folder / f"{self._new_name(folder)}.png"
        both = path.with_name(f"{path.stem}-beside.png")
        said = tr("Saved {}") if side_by_side is None else tr("Saved {} and {}")
        style = self._presenter.style_with_names

        def job(progress: Progress) -> None:
            drawing = Overlay(style).layout(view.result, view.tracked.poses)
            _, png = cv2.imencode(".png", rasterise(drawing, view.result.frame.image))
            _write(path, png.tobytes())
            if side_by_side is not None:
                _write(both, _png_of(side_by_side))

        told = said.format(path, both.name)
        self._work.begin(tr("Snapshot"), job, lambda _: self.said.emit(told))

    def _new_name(self, folder: Path) -> str:
        """A name from the time, plus a number if a file, written or not yet, has it already."""
        second = time.strftime("posse-%Y%m%d-%H%M%S")
        name, number = second, 1
        while name in self._names or any(folder.glob(f"{name}.*")):
            number += 1
            name = f"{second}-{number}"
        self._names.add(name)
        return name


def _write(path: Path, content: bytes) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_bytes(content)


def _png_of(image: QImage) -> bytes:
    content = QBuffer()
    content.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(content, "PNG")
    return content.data().data()
