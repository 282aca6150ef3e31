"""Run a source and the pipeline on threads of their own, and hand out what to show; no Qt.

Threads: one captures (app.live.feeds), one infers (app.live.inference), one loads networks
(app.live.loading), and each recording has its own. The window, a headless run and the tests all
call `open`, then `take` as often as they can show something, then `close`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from app.corrections import Correction, CorrectionLog
from app.live.feeds import OpenSource
from app.live.gauges import Gauges
from app.live.history import History
from app.live.inference import Inference, same_networks
from app.live.loading import MakePipeline, PipelineLoader, load_pipeline
from app.live.recording import LiveRecording, RecordingPlan, Recordings
from app.live.run import IDLE, Run, Status, View
from app.overlay import OverlayStyle
from app.video.source import open_source as open_any_source
from tracking.pipeline import Pipeline, PipelineConfig
from tracking.tracks import KnownFrame

log = logging.getLogger(__name__)

IDLE_S = 0.05  # how long the inference thread waits before it checks for new settings
JOIN_S = 10.0  # a camera driver or network connection that hangs is abandoned after this


class Session:
    """Opens sources, follows the people in them, and hands out what to show.

    Call every method from one thread, the owner's. Each returns at once, except `close`, which
    waits for the threads.
    """

    def __init__(
        self,
        config: PipelineConfig,
        make_pipeline: MakePipeline = load_pipeline,
        open_source: OpenSource = open_any_source,
    ) -> None:
        self.config = config
        self.loop = False
        self._open_source = open_source
        self._run: Run | None = None
        self._closed_runs: list[Run] = []
        self._speed = 1.0
        self._delay_s = 0.0
        self._refresh = False  # show the last frame again, with changed corrections
        self._recordings = Recordings()
        self._loader = PipelineLoader(make_pipeline)
        self._asked = False  # networks were requested; only once something has to be followed
        self._inference = Inference(self._loader, self._follow_next)
        self._settings_seen = 0  # value of `Inference.changes` that the screen has caught up with

    # Sources

    def open(
        self,
        spec: str,
        range_s: tuple[float, float | None] = (0.0, None),
        corrections: Sequence[Correction] = (),
        known: Sequence[KnownFrame] = (),
        goes_on: bool = False,
        found: Sequence[KnownFrame] = (),
    ) -> None:
        """Open `spec` in place of what is open.

        `known` holds people found before. With it, nobody is looked for, unless `goes_on`: then
        people are looked for in the frames that `known` lacks. `found` is used likewise until
        settings change; then those people are looked for anew.
        """
        self.stop()
        run = Run(spec, self._open_source, range_s, corrections, known, goes_on, found)
        run.outlet.set_speed(self._speed)
        run.outlet.delay_s = self._delay_s
        if not known:
            self._ask()
        self._run = run
        run.feed.start()

    def reopen(self, range_s: tuple[float, float | None] | None = None) -> None:
        """Start the source again, or another part of it; a file keeps its people and corrections.

        A camera's people get new ids, to which no correction applies.
        """
        run = self._run
        if run is not None:
            corrections = () if run.live else run.corrections.done
            range_s = run.range_s if range_s is None else range_s
            found = run.history.frames()
            self.open(run.spec, range_s, corrections, run.known, run.goes_on, found)
            if self._run is not None and not run.live:
                self._run.go_on_from(run)

    def stop(self) -> None:
        """Close the source; a running recording is completed in the background."""
        self.stop_recording()
        run, self._run = self._run, None
        if run is not None:
            run.close()
            self._closed_runs.append(run)
        self._closed_runs = [old for old in self._closed_runs if not old.feed.join(0.0)]

    def close(self) -> None:
        """Stop, and wait for every thread; a source that hangs is left behind after JOIN_S."""
        self.stop()
        self._inference.close()
        self._loader.close()
        self._recordings.join()
        for run in self._closed_runs:
            if not run.feed.join(JOIN_S):
                log.warning("%s does not let go; its thread is left behind", run.spec)

    # Showing

    def take(self) -> View | None:
        """What to show now; None where the screen need not change."""
        run = self._run
        if run is None:
            return None
        if self._settings_seen != self._inference.changes:
            self._settings_seen = self._inference.changes
            run.follow_anew()
        if run.feed.info is not None and not run.complete:
            self._ask()
        view = run.take(time.monotonic()) or (run.shown_again() if self._refresh else None)
        if view is not None:
            self._refresh = False
        elif self.loop and run.ended and run.feed.problem == "" and run.last is not None:
            run.seek(0.0)
        return view

    def painted(self, view: View) -> None:
        """Note that `view` is on the screen now; latency is measured here."""
        if self._run is not None and self._run.live:
            now_s = time.monotonic()
            self._run.gauges.latency(now_s, (now_s - view.captured_at_s) * 1000)

    def status(self) -> Status:
        """The current status."""
        problem = self._recordings.problem or self._loader.problem or self._inference.problem
        loader = self._loader
        if self._run is None:
            return replace(IDLE, problem=problem, loading=loader.busy, to_fetch=loader.to_fetch)
        return replace(
            self._run.status(time.monotonic()),
            problem=self._run.problem or problem,
            loading=loader.busy,
            to_fetch=loader.to_fetch,
            recording=self._recordings.running,
            recorded_s=self._recordings.length_s,
            recorded_lost=self._recordings.lost,
        )

    @property
    def corrections(self) -> CorrectionLog:
        """The corrections made in the open source."""
        return self._run.corrections if self._run is not None else CorrectionLog()

    @property
    def history(self) -> History:
        """Who was seen when in the open source."""
        return self._run.history if self._run is not None else History(keep_people=False)

    @property
    def gauges(self) -> Gauges:
        """The measurements of the open source."""
        return self._run.gauges if self._run is not None else Gauges()

    @property
    def follows_known(self) -> bool:
        """True where the people were found before, and are only shown, not looked for."""
        return self._run is not None and self._run.follower.frozen

    @property
    def all_followed(self) -> bool:
        """True where every frame of the file, by the count it states, was followed."""
        return self._run is not None and self._run.all_followed

    # Playing a file; a camera's only setting is its delay

    def play(self, playing: bool) -> None:
        """Play, or pause."""
        if self._run is not None:
            self._run.play(playing)

    def step(self, forward: bool) -> None:
        """Pause, and go one frame forward or back."""
        if self._run is not None:
            self._run.step(forward)

    def seek(self, time_s: float) -> None:
        """Show the frame at `time_s`, and continue from there; see Run.seek."""
        if self._run is not None:
            self._run.seek(time_s)

    def set_speed(self, speed: float) -> None:
        """Play files `speed` times as fast; inf plays as fast as people can be followed."""
        self._speed = speed
        if self._run is not None:
            self._run.outlet.set_speed(speed)

    def set_delay(self, delay_s: float) -> None:
        """Show a camera's picture `delay_s` after it was taken."""
        self._delay_s = delay_s
        if self._run is not None:
            self._run.outlet.delay_s = delay_s

    # Settings and corrections

    def configure(self, config: PipelineConfig) -> None:
        """Use `config` from one of the next frames on; playing continues while networks load.

        A file's frames are followed anew, starting with the one on screen.
        """
        if config == self.config:
            return
        if self._asked and not same_networks(config, self.config):
            self._loader.ask(config)
        self.config = config
        self._inference.configure(config)

    def load_again(self) -> None:
        """Load the networks again, now that the missing ones have been fetched."""
        self._loader.ask(self.config)

    def correct(self, correction: Correction) -> None:
        """Apply a correction to the picture on screen and to everything shown from now on."""
        if self._run is not None:
            self._run.correct(correction)
        self._refresh = True

    def lock(self, person: int) -> None:
        """Lock one identity to its person, however long they are out of sight; 0 unlocks."""
        if self._run is not None:
            self._run.lock(person)

    @property
    def lock_lost(self) -> bool:
        """True where nobody has the locked id (any more), as after a jump in a file."""
        return self._run is not None and self._run.lock_lost

    def undo(self) -> Correction | None:
        """Undo the last correction and return it."""
        self._refresh = True
        return self.corrections.undo()

    def redo(self) -> Correction | None:
        """Apply the correction undone last again and return it."""
        self._refresh = True
        return self.corrections.redo()

    def new_id(self) -> int:
        """An id that nobody has, and that the tracker will give to nobody."""
        return self._run.follower.issue_ids.new() if self._run is not None else 1

    # Recording

    def record(self, plan: RecordingPlan) -> None:
        """Record from the next frame on."""
        self._recordings.begin(plan, self.corrections.done)

    def restyle_recording(self, style: OverlayStyle) -> None:
        """Draw people like this in a running recording from one of the next frames on."""
        self._recordings.restyle(style)

    def stop_recording(self) -> None:
        """Complete the recording in the background."""
        self._recordings.finish(self.corrections.done)

    def recorded(self) -> list[LiveRecording]:
        """The recordings that were completed or abandoned since the last call."""
        return self._recordings.completed()

    def _ask(self) -> None:
        """Request the networks the first time that they are needed."""
        if not self._asked:
            self._asked = True
            self._loader.ask(self.config)

    def _follow_next(self, pipeline: Pipeline | None) -> bool:
        """Take one frame from feed to outlet, or wait briefly; True if taken (inference thread)."""
        run = self._run
        if run is None or self._must_wait(run, pipeline):
            time.sleep(IDLE_S)
            return False
        if not run.outlet.wait_for_room(IDLE_S):
            return False  # a file is paused: check for new settings meanwhile
        captured = run.feed.take(IDLE_S)
        if captured is None:
            return False
        self._loader.picture_wh = captured.frame.size_wh
        ready = run.follow(captured, pipeline)
        if run is self._run:  # otherwise a recording that began meanwhile is of another source
            shown = run.view(ready).result
            self._recordings.put(shown, ready.result.people, ready.generation)
        run.outlet.put(ready)
        return True

    def _must_wait(self, run: Run, pipeline: Pipeline | None) -> bool:
        """A file waits for its networks; a camera is shown without people meanwhile."""
        waiting = self._loader.busy or not self._asked
        return pipeline is None and waiting and not (run.live or run.complete)
