"""Sources and finished results: open, play a playlist, save, export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from app.corrections import Correction, moved, save_corrections, sidecar_of
from app.gui.beside import instead_of, saved_with, summary_of, tracks_of
from app.gui.playlist import Entry
from app.gui.presenter import Presenter
from app.gui.settings import Memory
from app.gui.translation import tr
from app.gui.work import Progress, Work
from app.results import (
    GOES_ON,
    OpenResult,
    export_result,
    is_result,
    save_result,
)
from app.video.images import sources_in
from app.video.source import is_live
from pose.errors import UserError
from tracking.files import ClipInfo


class Library(QObject):
    """Carries out the File menu, long work in the background, and reports the outcome."""

    said = pyqtSignal(str)
    opened = pyqtSignal(bool)  # a source; True if people are drawn in it already
    asked = pyqtSignal(str)  # whether to save the corrections of this file
    refused = pyqtSignal(str)  # why something could not be opened; empty once something was

    def __init__(self, presenter: Presenter, memory: Memory, work: Work, parent: QObject) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._session = presenter.session
        self._memory = memory
        self._work = work
        self._result: Path | None = None  # the tracks file that is open
        self._later_s = 0.0  # its times in the files minus those on screen
        self._opening: Entry | None = None  # its tracks are being read
        self._shown = Entry()  # the source on screen
        self._went_on = False  # the playlist did, from the source on screen
        self._saved: tuple[Correction, ...] = ()  # on disk, of the source on screen
        self._leave: Callable[[], object] | None = None  # what waits for the answer
        self._asked_at_end = False
        self._loop = False
        presenter.reported.connect(self._go_on)
        work.failed.connect(self._not_read)

    def open(self, specs: Sequence[str]) -> None:
        """Open sources as a playlist; a tracks file opens with its video."""
        if specs:
            # Absolute: next time the program may start in another folder
            kept = [spec if is_live(spec) else str(Path(spec).absolute()) for spec in specs]
            self._memory.add_recent(kept)
            self._open(Entry(tuple(source for spec in specs for source in sources_in(spec))))

    @property
    def place(self) -> tuple[int, int]:
        """The number of the source on screen in its playlist, from 1; how many that has."""
        return self._shown.place + 1, len(self._shown.playlist)

    def move(self, by: int) -> None:
        """Open the source `by` (1 or -1) places on in the playlist, if there is one."""
        entry = self._shown.moved(by)
        if entry is not None:
            self.leave(lambda: self._open(entry))

    @property
    def unsaved(self) -> bool:
        """Whether a file has unsaved corrections. A camera's are saved with a recording."""
        return self._tracks is not None and self._session.corrections.done != self._saved

    def leave(self, then: Callable[[], object]) -> None:
        """Call `then`, which closes the source; first ask whether to save its corrections."""
        path = self._tracks
        if path is None or not self.unsaved:
            then()
        else:
            self._leave = then
            self.asked.emit(path.stem)

    def answer(self, save: bool) -> None:
        """Take the answer to `asked`, and do what waited for it."""
        then, self._leave = self._leave, None
        if save:
            self.save(then)
            return
        self.discard()
        if then is not None:
            then()

    def discard(self) -> None:
        """Give up the corrections that are not saved."""
        self._saved = self._session.corrections.done

    def close(self) -> None:
        """Close the source and show the empty stage."""
        self._opening, self._result, self._shown, self._saved = None, None, Entry(), ()
        self.refused.emit("")
        self._session.stop()
        self._presenter.clear()

    def reopen(self, range_s: tuple[float, float | None] | None = None) -> None:
        """Start the source again, or another part of it; the playlist continues after it."""
        self._asked_at_end = self._went_on = False
        self._presenter.clear(same_people=not is_live(self._session.status().spec))
        self._session.reopen(range_s)
        self.set_loop(self._loop)
        self._presenter.corrections_changed()

    def set_loop(self, loop: bool) -> None:
        """Set whether to repeat the last source of the playlist, or the range that is played."""
        self._loop = loop
        in_part = self._session.status().range_s != (0.0, None)
        self._session.loop = loop and (in_part or self._shown.moved(1) is None)

    def _open(self, entry: Entry) -> None:
        path = Path(entry.spec)
        tracks = path if is_result(path) else tracks_of(path)
        if is_live(entry.spec):
            self._show(entry, None)
        elif path.suffix.lower() == ".csv":
            self._refuse(instead_of(path), entry)
        elif tracks is path or tracks.is_file():
            self._open_with(tracks, entry)
        else:
            self._show(entry, None)

    def _open_with(self, tracks: Path, entry: Entry) -> None:
        """Read `tracks` and show `entry` with them, or without if they are not its own."""

        def read(progress: Progress) -> OpenResult | None:
            result = saved_with(Path(entry.spec))
            progress(1.0)  # raises if it was cancelled
            return result

        def show(result: OpenResult | None) -> None:
            if self._opening is entry:  # else something else was opened meanwhile
                self._show(entry, result)

        if self._work.begin(tr("Opening {}").format(tracks.name), read, show):
            self._opening = entry

    def _not_read(self, problem: str) -> None:
        if self._opening is not None and not self._work.busy:  # else other work failed
            entry, self._opening = self._opening, None
            if not self._work.cancelled:
                self._refuse(problem, entry)

    def _refuse(self, problem: str, entry: Entry) -> None:
        """Say why `entry` is not opened, and continue the playlist."""
        self.said.emit(problem)
        self.refused.emit(problem)
        following = entry.moved(entry.by)
        if following is not None:
            self._open(following)

    def _show(self, entry: Entry, result: OpenResult | None) -> None:
        """Show `entry` in place of what is open, with its result, if any."""
        self._opening, self._shown = None, entry
        self.refused.emit("")
        # Absolute: a dialog takes a relative path as one below the folder that it shows
        self._result = result.tracks.absolute() if result is not None else None
        self._later_s = result.later_s if result is not None else 0.0
        self._saved = tuple(result.corrections) if result is not None else ()
        self._asked_at_end = self._went_on = False
        self._presenter.clear()
        if result is None:
            self._session.open(entry.spec)
        else:
            self._session.open(
                result.video,
                corrections=result.corrections,
                known=result.frames,
                goes_on=result.goes_on,
            )
        self._presenter.corrections_changed()
        self.set_loop(self._loop)
        self.opened.emit(result is not None and result.drawn)
        if result is not None:
            self.said.emit(summary_of(result))

    def _go_on(self) -> None:
        """At the end of a source, or if it cannot be read, open the next of the playlist."""
        status = self._session.status()
        following = self._shown.moved(self._shown.by if status.state == "failed" else 1)
        if following is None or self._went_on or self._work.busy:
            return
        if self._session.loop and status.state == "ended":
            return
        if status.state in ("ended", "failed"):
            if self.unsaved:
                if not self._asked_at_end:
                    self._asked_at_end = True
                    self.leave(self._go_on)
                return
            if status.state == "failed":
                self.said.emit(status.problem)
            self._went_on = True
            self._open(following)

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Save corrections beside the tracks, and the tracks too if they are not on disk yet.

        Calls `then` once they are saved.
        """
        if self._presenter.view is None:
            self.said.emit(tr("There is nothing to save yet"))
            return
        path, corrections = self._tracks, self._session.corrections.done
        if path is None:
            self.said.emit(tr("Tracks of a camera are saved by recording it (R)"))
            return
        if self._session.follows_known:
            try:
                save_corrections(sidecar_of(path), moved(corrections, self._later_s))
            except UserError as error:
                self.said.emit(str(error))
                return
            self._tell_saved(tr("Saved {}").format(sidecar_of(path).name), corrections, then)
            return
        # Tracks saved by the window have corrections beside them: they would have been opened
        if self._result is None and path.is_file() and not sidecar_of(path).is_file():
            text = tr("{} exists already: open it to correct it, or export these tracks (Ctrl+E)")
            self.said.emit(text.format(path.name))
            return
        info, frames = self._info(path.stem), self._session.history.frames()
        info = replace(info, settings={GOES_ON: not self._session.all_followed})
        self._work.begin(
            tr("Saving {}").format(path.name),
            lambda progress: save_result(path, info, frames, corrections, progress),
            lambda _: self._tell_saved(tr("Saved {}").format(path.name), corrections, then),
        )

    def _tell_saved(
        self, text: str, corrections: tuple[Correction, ...], then: Callable[[], object] | None
    ) -> None:
        self._saved = corrections
        self.said.emit(text)
        if then is not None:
            then()

    @property
    def _tracks(self) -> Path | None:
        """The file of the tracks on screen; None for a camera."""
        spec = self._session.status().spec
        if self._result is not None:
            return self._result
        return None if not spec or is_live(spec) else tracks_of(Path(spec).absolute())

    @property
    def export_path(self) -> Path:
        """The default path of an export: beside the tracks, without overwriting them."""
        path = self._tracks
        if path is None:
            return self._memory.folder() / "posse-corrected.json"
        return path.with_name(f"{path.stem}-corrected.json")

    def export(self, path: Path) -> None:
        """Write corrected tracks and measures to `path` and beside it."""
        if path.suffix != ".json":  # appended: the “.v2” of “match.v2” is no suffix
            path = path.with_name(f"{path.name}.json")
        if path == self._result or sidecar_of(path).is_file():
            # The corrections beside it would be applied again when it is opened
            text = tr("{}: there are corrections for these tracks; choose another name")
            self.said.emit(text.format(path.name))
            return
        corrections = moved(self._session.corrections.done, self._later_s)
        frames = [
            frame._replace(time_s=frame.time_s + self._later_s)
            for frame in self._session.history.frames()
        ]
        info, kpt_thr = self._info(path.stem), self._session.config.kpt_thr

        def job(progress: Progress) -> None:
            export_result(path, info, frames, corrections, kpt_thr, progress)

        self._work.begin(
            tr("Exporting {}").format(path.name),
            job,
            lambda _: self.said.emit(tr("Exported {} and its tables").format(path.name)),
        )

    def _info(self, name: str) -> ClipInfo:
        info, view = self._session.status().info, self._presenter.view
        assert view is not None  # nothing is saved before something was shown
        rate = info.frame_rate if info is not None else None
        skeleton = view.tracked.poses.skeleton
        return ClipInfo(name, view.result.frame.size_wh, skeleton, rate)
