"""Opening and keeping: sources, finished results, saving, exporting, recording, snapshots."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
from PyQt6.QtCore import QObject, pyqtSignal

from app.corrections import save_corrections, sidecar_of
from app.gui.presenter import Presenter
from app.gui.settings import Memory
from app.gui.translation import tr
from app.gui.work import Progress, Work
from app.live.recording import RecordingPlan
from app.live.run import is_live
from app.overlay import Overlay
from app.paint import rasterise
from app.results import (
    GOES_ON,
    OpenResult,
    export_result,
    is_result,
    open_result,
    save_result,
)
from pose.errors import UserError
from tracking.files import ClipInfo


class Library(QObject):
    """Does what the file menu asks, beside the window, and tells what became of it."""

    said = pyqtSignal(str)
    opened = pyqtSignal(bool)  # a source; True where people are drawn in it already

    def __init__(self, presenter: Presenter, memory: Memory, work: Work, parent: QObject) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._session = presenter.session
        self._memory = memory
        self._work = work
        self._result: Path | None = None  # the tracks that were opened
        presenter.reported.connect(self._tell_recorded)

    def open(self, specs: Sequence[str]) -> None:
        """Open sources as a playlist; a tracks file with its video instead."""
        if not specs:
            return
        # The next time the program may be started in another folder
        kept = [spec if is_live(spec) else str(Path(spec).absolute()) for spec in specs]
        self._memory.add_recent(kept)
        first = Path(specs[0])
        beside = tracks_of(first)
        if is_result(first):
            self._open_result(first, None)
        elif not is_live(specs[0]) and beside.is_file() and sidecar_of(beside).is_file():
            self._open_result(beside, first)  # tracks and corrections were saved before
        else:
            self._result = None
            self._presenter.clear()
            self._session.open(specs)
            self._presenter.corrections_changed()
            self.opened.emit(False)

    def _open_result(self, tracks: Path, video: Path | None) -> None:
        self._work.begin(
            tr("Opening {}").format(tracks.name),
            lambda progress: open_result(tracks, video),
            self._show_result,
        )

    def play_range(self, range_s: tuple[float, float | None]) -> None:
        """Play only a part of the file that is open; the rest of its playlist follows it."""
        spec = self._session.status().spec
        if not spec or is_live(spec):
            return
        self._presenter.clear()
        self._session.reopen(range_s)
        self._presenter.corrections_changed()

    def _show_result(self, result: OpenResult) -> None:
        self._result = result.tracks
        self._presenter.clear()
        self._session.open(
            [result.video],
            corrections=result.corrections,
            known=result.frames,
            goes_on=result.goes_on,
        )
        self._presenter.corrections_changed()
        self.opened.emit(result.drawn)
        people = {int(i) for _, tracked in result.frames for i in tracked.ids}
        until_s = result.frames[-1][0] if result.frames else 0.0
        text = tr("{} people in {} frames up to {:.1f} s, {} corrections").format(
            len(people), len(result.frames), until_s, len(result.corrections)
        )
        if result.drawn:
            text += tr("; drawn in the video already, so the overlay is off")
        self.said.emit(text)

    def save(self) -> None:
        """Keep corrections beside the tracks; the tracks too where they are not on disk yet."""
        if self._presenter.view is None:
            self.said.emit(tr("There is nothing to save yet"))
            return
        path, corrections = self._tracks, self._session.corrections.done
        if path is None:
            self.said.emit(tr("A camera's tracks are kept by recording it (R)"))
            return
        if self._session.follows_known:
            try:
                save_corrections(sidecar_of(path), corrections)
                self.said.emit(tr("Kept in {}").format(sidecar_of(path).name))
            except UserError as error:
                self.said.emit(str(error))
            return
        info, frames = self._info(path.stem), self._session.history.frames()
        info = replace(info, settings={GOES_ON: True})
        self._work.begin(
            tr("Saving {}").format(path.name),
            lambda progress: save_result(path, info, frames, corrections, progress),
            lambda _: self.said.emit(tr("Saved {}").format(path.name)),
        )

    @property
    def _tracks(self) -> Path | None:
        """The file that the tracks on screen belong to; none for a camera."""
        spec = self._session.status().spec  # a playlist may have gone on by itself
        return self._result or (None if not spec or is_live(spec) else tracks_of(Path(spec)))

    @property
    def export_path(self) -> Path:
        """Where an export goes unless the user says otherwise: beside the tracks, not over them."""
        path = self._tracks
        if path is None:
            return self._memory.folder() / "posse-corrected.json"
        return path.with_name(f"{path.stem}-corrected.json")

    def export(self, path: Path) -> None:
        """Write corrected tracks and measures to `path` and beside it."""
        path = path.with_suffix(".json")
        corrections, frames = self._session.corrections.done, self._session.history.frames()
        info = self._info(path.stem)

        def job(progress: Progress) -> None:
            export_result(path, info, frames, corrections, progress)

        self._work.begin(
            tr("Exporting {}").format(path.name),
            job,
            lambda _: self.said.emit(tr("Exported {} and its tables").format(path.name)),
        )

    def record(self, on: bool, overlay: bool, clean: bool, tracks: bool) -> bool:
        """Start or stop recording; True while it runs."""
        if not on:
            self._session.stop_recording()
            return False
        view, info = self._presenter.view, self._session.status().info
        if view is None or not (overlay or clean or tracks):
            self.said.emit(tr("There is nothing to record yet"))
            return False
        folder = self._memory.folder()
        plan = RecordingPlan(
            folder,
            time.strftime("posse-%Y%m%d-%H%M%S"),
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
        for plan in self._session.recorded():
            self.said.emit(tr("Kept {}").format(plan.folder / f"{plan.name}.*"))

    def snapshot(self) -> None:
        """Keep the picture with its overlay, at its own size."""
        view = self._presenter.view
        if view is None:
            self.said.emit(tr("There is no picture yet"))
            return
        path = self._memory.folder() / time.strftime("posse-%Y%m%d-%H%M%S.png")
        style = self._presenter.style_with_names

        def job(progress: Progress) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            drawing = Overlay(style).layout(view.result, view.tracked.poses)
            _, png = cv2.imencode(".png", rasterise(drawing, view.result.frame.image))
            path.write_bytes(png.tobytes())

        self._work.begin(tr("Snapshot"), job, lambda _: self.said.emit(tr("Kept {}").format(path)))

    def _info(self, name: str) -> ClipInfo:
        info, view = self._session.status().info, self._presenter.view
        assert view is not None  # there is something to save only once something was seen
        rate = info.frame_rate if info is not None else None
        skeleton = view.tracked.poses.skeleton
        return ClipInfo(name, view.result.frame.size_wh, skeleton, rate)


def tracks_of(source: Path) -> Path:
    """Where the tracks of a video or folder are kept: NAME.json beside it."""
    return source.with_name(f"{source.stem}.json")
