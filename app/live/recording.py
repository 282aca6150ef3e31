"""Record what is on screen: overlay video, clean video, tracks and corrections, side by side.

Frames wait in a bounded queue; one that finds it full is not recorded, but counted as lost. A full
disk ends the recording, never playing, and leaves what was written readable.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from app.corrections import Correction, save_corrections, sidecar_of
from app.measures.table import MeasuresWriter
from app.overlay import Overlay, OverlayStyle
from app.paint import rasterise
from app.results import DRAWN
from app.video.recorder import Recorder
from pose.errors import UserError
from pose.people import Frame
from pose.skeleton import COCO17
from tracking.clip_info import USUAL_RATE
from tracking.files import ClipInfo, TracksWriter, open_writer
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses

log = logging.getLogger(__name__)

QUEUED_FRAMES = 16  # 100 MB at 1080p
_Item = tuple[FrameResult, TrackedPoses, int]  # the arguments of `put`


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What to record, and where."""

    folder: Path
    name: str  # of the files, without suffix
    frame_rate: Fraction | None = None  # nominal; frames are written with their own times
    overlay: bool = True
    clean: bool = False
    tracks: bool = True
    style: OverlayStyle = field(default_factory=OverlayStyle)  # at the start

    def __post_init__(self) -> None:
        if not (self.overlay or self.clean or self.tracks):
            raise ValueError("nothing to record: choose overlay, clean video or tracks")

    @property
    def overlay_file(self) -> Path:
        """The video with the overlay."""
        return self.folder / f"{self.name}.mp4"

    @property
    def clean_file(self) -> Path:
        """The video as it came from the source."""
        return self.folder / f"{self.name}.clean.mp4"

    @property
    def tracks_file(self) -> Path:
        """The tracks."""
        return self.folder / f"{self.name}.json"


class LiveRecording:
    """One recording. `put` never waits; the files are written on a thread of their own."""

    def __init__(self, plan: RecordingPlan) -> None:
        self.plan = plan
        self.problem = ""  # why it ended early, in one line
        self._queue: queue.Queue[_Item] = queue.Queue(QUEUED_FRAMES)
        self.lost = 0  # frames that the recording could not keep up with
        self._finish = threading.Event()
        self._corrections: tuple[Correction, ...] = ()
        self._shift_s = 0.0  # time in the source minus time in the files
        self._generation = 0  # of the last frame written
        self._last_s = 0.0  # its time in the files, and so their length
        self._written = 0
        # (generation, shot in the source) -> shot in the files
        self._shots: dict[tuple[int, int], int] = {}
        self._overlay = Overlay(plan.style)
        self._style = plan.style  # of the frames to come
        self._overlay_video: Recorder | None = None
        self._clean_video: Recorder | None = None
        self._tracks: list[TracksWriter] = []
        self._skeleton = COCO17  # of the tracks; a network loaded meanwhile may find other joints
        self._measures: MeasuresWriter | None = None
        self._thread = threading.Thread(target=self._run, name=f"record {plan.name}", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """True if no more frames are accepted."""
        return self.finishing or bool(self.problem)

    @property
    def finishing(self) -> bool:
        """True once `finish` was called."""
        return self._finish.is_set()

    @property
    def kept(self) -> bool:
        """True once every file is complete, and holds at least one frame."""
        return not self.busy and not self.problem and self._written > 0

    @property
    def length_s(self) -> float:
        """The length of the files so far."""
        return self._last_s

    @property
    def busy(self) -> bool:
        """True while files are being written."""
        return self._thread.is_alive()

    def put(self, shown: FrameResult, tracked: TrackedPoses, generation: int = 0) -> None:
        """Record a frame, with corrected ids in `shown`, or count it as lost.

        `generation` is the number of seeks before it; the files continue over them without a gap.
        """
        try:
            if not self.ended:
                self._queue.put_nowait((shown, tracked, generation))
        except queue.Full:
            self.lost += 1

    def restyle(self, style: OverlayStyle) -> None:
        """Draw the frames to come like this."""
        self._style = style

    def finish(self, corrections: Sequence[Correction]) -> None:
        """Accept no more frames; complete the files in the background."""
        self._corrections = tuple(corrections)
        self._finish.set()

    def join(self) -> None:
        """Wait until the files are complete."""
        self._thread.join()

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._write(*item)
        except UserError as error:
            self._fail(error)
        except Exception as error:
            log.exception("recording %s", self.plan.name)
            self._fail(error)
        self._close()

    def _fail(self, error: Exception) -> None:
        log.warning("%s", error)
        # On a full disk every file fails in turn: the first error is the one that ended it
        self.problem = self.problem or f"The recording ended: {error}"

    def _next(self) -> _Item | None:
        """The next frame to write; None at the end."""
        while True:
            try:
                return self._queue.get(timeout=0.05)
            except queue.Empty:
                if self._finish.is_set():
                    return None

    def _write(self, shown: FrameResult, tracked: TrackedPoses, generation: int) -> None:
        frame = shown.frame
        if not self._written:
            self._shift_s = frame.time_s
            self._open(shown)
        elif generation != self._generation:  # a seek, or the loop started over
            step_s = float(1 / (self.plan.frame_rate or USUAL_RATE))
            self._shift_s = frame.time_s - (self._last_s + step_s)
        self._generation, self._last_s = generation, frame.time_s - self._shift_s
        time_s = self._last_s
        frame = Frame(self._written, time_s, frame.image)
        self._written += 1
        if self._overlay_video is not None:
            self._overlay.style = self._style
            picture = rasterise(self._overlay.layout(shown, tracked.poses), frame.image)
            self._overlay_video.put(picture, time_s)
        if self._clean_video is not None:
            self._clean_video.put(frame.image, time_s)
        # Parts before and after a seek get other numbers, as there is no speed from one to the next
        shot = self._shots.setdefault((generation, shown.shot), len(self._shots))
        shown = replace(shown, frame=frame, shot=shot)
        same_joints = replace(shown, people=tracked.in_joints_of(self._skeleton))
        for writer in self._tracks:
            writer.put(same_joints)
        if self._measures is not None:
            self._measures.put(shown)

    def _open(self, first: FrameResult) -> None:
        plan, size_wh = self.plan, first.frame.size_wh
        if plan.overlay:
            self._overlay_video = Recorder(plan.overlay_file, size_wh, plan.frame_rate, live=True)
        if plan.clean:
            self._clean_video = Recorder(plan.clean_file, size_wh, plan.frame_rate, live=True)
        if plan.tracks:
            self._skeleton = first.people.poses.skeleton
            drawn = {DRAWN: plan.overlay_file.name} if plan.overlay else {}
            info = ClipInfo(plan.name, size_wh, self._skeleton, plan.frame_rate, drawn)
            self._tracks.append(open_writer("posetrack18", plan.tracks_file, info))
            self._tracks.append(open_writer("csv", plan.tracks_file.with_suffix(".csv"), info))
            table = plan.tracks_file.with_suffix(".measures.csv")
            self._measures = MeasuresWriter(
                table, plan.style.names, plan.style.kpt_thr, info.frame_s
            )

    def _close(self) -> None:
        """Complete every file, even if another one fails."""
        for part in (self._overlay_video, self._clean_video, *self._tracks, self._measures):
            try:
                if part is not None:
                    part.close()
            except Exception as error:  # whatever it is, complete the next file
                self._fail(error)
        if self._tracks and self._corrections:
            try:
                save_corrections(sidecar_of(self.plan.tracks_file), self._shifted())
            except UserError as error:
                self._fail(error)

    def _shifted(self) -> list[Correction]:
        """The corrections at the times of the files, which begin at 0.

        After seeks, times are those of the last part recorded: a source time can be in several.
        """
        return [
            replace(step, from_s=max(0.0, step.from_s - self._shift_s))
            for step in self._corrections
        ]


class Recordings:
    """The running recording, if any, and those whose files are still being completed."""

    def __init__(self) -> None:
        self._newest: LiveRecording | None = None
        self._finishing: list[LiveRecording] = []

    @property
    def running(self) -> bool:
        """True while frames are being recorded."""
        return self._newest is not None and not self._newest.ended

    @property
    def length_s(self) -> float:
        """The length of the newest one so far."""
        return self._newest.length_s if self._newest is not None else 0.0

    @property
    def lost(self) -> int:
        """Frames that the newest one could not keep up with."""
        return self._newest.lost if self._newest is not None else 0

    @property
    def problem(self) -> str:
        """Why the newest one ended early, in one line."""
        return self._newest.problem if self._newest is not None else ""

    def begin(self, plan: RecordingPlan, corrections: Sequence[Correction]) -> None:
        """Start recording; one that runs already is finished with `corrections`."""
        self.finish(corrections)
        self._newest = LiveRecording(plan)

    def put(self, shown: FrameResult, tracked: TrackedPoses, generation: int) -> None:
        """Record a frame, if a recording runs; see LiveRecording.put."""
        newest = self._newest
        if newest is not None and not newest.ended:
            newest.put(shown, tracked, generation)

    def restyle(self, style: OverlayStyle) -> None:
        """Draw like this in the running one, if any."""
        if self._newest is not None:
            self._newest.restyle(style)

    def finish(self, corrections: Sequence[Correction]) -> None:
        """Finish the newest one; its files are completed in the background."""
        newest = self._newest
        if newest is not None and not newest.finishing:
            newest.finish(corrections)
            self._finishing.append(newest)

    def completed(self) -> list[LiveRecording]:
        """Those that were completed or abandoned since the last call."""
        done = [one for one in self._finishing if not one.busy]
        self._finishing = [one for one in self._finishing if one not in done]
        return done

    def join(self) -> None:
        """Wait until all files are complete."""
        for recording in self._finishing:
            recording.join()
