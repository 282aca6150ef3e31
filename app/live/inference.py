"""The thread that owns the networks and the tracker, and runs every frame through them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from app.corrections import Correction
from app.live.feeds import Captured
from app.live.gauges import Gauges
from app.live.history import History
from app.live.ids import IdIssuer, hold, honour
from app.live.loading import PipelineLoader
from app.live.playback import Ready
from app.small_people import Heights, LargerInput
from pose.errors import UserError
from pose.skeleton import COCO17, Skeleton
from tracking.pipeline import FrameResult, Pipeline, PipelineConfig
from tracking.tracker import PoseTracker
from tracking.tracks import KnownFrame, TrackedPoses

log = logging.getLogger(__name__)

JUMP_S = 1.0  # a seek farther than this from the last frame resets the tracker
PEOPLE_COUNTED = 200  # in all frames together, before it is said that people are small
# Whom the history has is a person, however low they scored lately or in another skeleton's joints
SURE: dict[str, Any] = {"low_thr": 0.0, "birth_thr": 0.0, "confirm_score": 0.0, "double_oks": 1.0}
# Fields that can change between two frames; the rest of a config needs a new pipeline
LIVE_FIELDS = (
    "kpt_thr",
    "detect_every",
    "max_people",
    "max_latency_ms",
    "find_missed",
    "camera_motion",
    "shot_cuts",
    "tracker",
)


def same_networks(one: PipelineConfig, other: PipelineConfig) -> bool:
    """True where switching from one to the other needs no loading."""
    return replace(one, **{name: getattr(other, name) for name in LIVE_FIELDS}) == other


def same_people(one: PipelineConfig, other: PipelineConfig) -> bool:
    """True where both settings find the same people; `kpt_thr` only decides what is shown."""
    return replace(one, kpt_thr=other.kpt_thr) == other


class Follower:
    """Runs the frames of one video through the pipeline; gives people ids unique in the video.

    Frames that `history` knows are not computed again. Corrections are passed to the tracker before
    the next frame that is computed; they do not change the ids given here.
    """

    def __init__(self, history: History, gauges: Gauges) -> None:
        self.history = history
        self.issue_ids = IdIssuer()
        self.frozen = False  # only show people already known, look for nobody
        self.problem = ""  # why people are not being found, in one line
        self.larger_input: LargerInput | None = None  # where people are small: what would help
        self._heights = Heights()
        self._detector: object = None  # that found them
        self._gauges = gauges
        self._last: tuple[float, int] | None = None  # time, generation of the tracker's last frame
        self._tracker: PoseTracker | None = None  # the one that gave the ids so far
        self._honoured: Sequence[Correction] = ()  # the corrections passed to it
        self.locked = 0  # the identity to lock, by the id shown; 0: nobody
        self._held = 0  # the id that the tracker was told to lock
        self.unknown = 0  # the id it could not lock, since it knew nobody by it; 0: nobody
        self._in_sight: list[int] = []  # who was in its last frame, by our ids
        self._skeleton: Skeleton = COCO17
        self._shots = 0  # numbers used so far
        self._first_shot = 0  # number of the shot in which the tracker began

    def follow(
        self,
        captured: Captured,
        pipeline: Pipeline | None,
        corrections: Sequence[Correction] = (),
    ) -> Ready:
        """Find and follow the people of a frame; nobody if there is no pipeline."""
        frame = captured.frame
        people = self.history.people_at(frame.time_s)
        ground = self.history.ground_at(frame.time_s)
        result = None
        if people is None and pipeline is not None and not self.frozen:
            result = self._infer(captured, pipeline, corrections)
            if result is not None:
                known = KnownFrame(frame.time_s, result.people, result.ground)
                self.history.add(known)
        if result is None:
            result = FrameResult(
                frame,
                people if people is not None else TrackedPoses.empty(self._skeleton),
                {},
                shot=ground.shot,
                camera=ground.camera,
            )
        return Ready(result, captured.at_s, captured.generation)

    def _infer(
        self, captured: Captured, pipeline: Pipeline, corrections: Sequence[Correction]
    ) -> FrameResult | None:
        frame = captured.frame
        if self._elsewhere(captured):
            pipeline.reset()
            self._first_shot = self._shots
        self._last = frame.time_s, captured.generation
        try:
            if pipeline.tracker is not self._tracker:  # after a jump
                self._tracker = pipeline.tracker
                self._honoured, self._held = (), 0
                self.issue_ids.restart()
                self._in_sight = self._remind(pipeline, frame.time_s)
            self._instruct(pipeline.tracker, corrections, frame.time_s)
            result = pipeline(frame)
        except Exception as error:  # playing continues without people
            if not self.problem:
                log.exception("frame %d", frame.index)
            expected = isinstance(error, UserError)
            self.problem = str(error) if expected else f"{type(error).__name__}: {error}"
            return None
        self.problem = ""
        self._advise(pipeline, result)
        self._gauges.inferred(time.monotonic(), result.timings_ms)
        self._skeleton = result.people.poses.skeleton
        ids = self.issue_ids(result.people.ids)
        self._in_sight = ids.tolist()
        shot = self._first_shot + result.shot
        self.reserve_shot(shot)
        return replace(result, people=TrackedPoses(result.people.poses, ids), shot=shot)

    def _advise(self, pipeline: Pipeline, result: FrameResult) -> None:
        """Decide once for each detector whether it should see a larger picture."""
        if pipeline.detector is not self._detector:
            self._detector, self._heights, self.larger_input = pipeline.detector, Heights(), None
        if len(self._heights) < PEOPLE_COUNTED:
            self._heights.add(result.people.poses.boxes)
            if len(self._heights) >= PEOPLE_COUNTED:
                size_wh = result.frame.size_wh
                self.larger_input = self._heights.larger_input(pipeline, size_wh)

    def reserve_shot(self, number: int) -> None:
        """Give the number of a shot to no other part of the video."""
        self._shots = max(self._shots, number + 1)

    def _remind(self, pipeline: Pipeline, time_s: float) -> list[int]:
        """Feed a new tracker the frames known just before `time_s`, so that it continues from them.

        Returns who was in the last of them, by our ids.
        """
        ours: dict[int, int] = {}  # by the tracker's id
        seen: list[int] = []
        tracker = pipeline.tracker
        config, tracker.config = tracker.config, replace(tracker.config, **SURE)
        try:
            for known_s, people, _ in self.history.between(time_s - JUMP_S, time_s):
                theirs = tracker.update(people.poses.in_joints_of(pipeline.skeleton), known_s)
                boxes = map(tuple, people.poses.boxes.tolist())
                who = dict(zip(boxes, people.ids.tolist(), strict=True))
                seen = [who[tuple(box)] for box in theirs.poses.boxes.tolist()]
                ours |= dict(zip(theirs.ids.tolist(), seen, strict=True))
        finally:
            tracker.config = config
        self.issue_ids.adopt(ours)
        return seen

    def _elsewhere(self, captured: Captured) -> bool:
        """Whether the frame does not continue from the last one that the tracker saw.

        A source that is slow or stalls does continue, however long the gap: the tracker decides
        what it remembers and keeps locked. So does a short seek, as after a change of settings.
        """
        if self._last is None:
            return True
        time_s, generation = self._last
        return captured.generation != generation and abs(captured.frame.time_s - time_s) > JUMP_S

    def _instruct(
        self, tracker: PoseTracker, corrections: Sequence[Correction], time_s: float
    ) -> None:
        """Tell the tracker what was corrected and who is locked, if either has changed."""
        if corrections != self._honoured:
            honour(tracker, self.issue_ids, corrections, time_s, self._in_sight)
        elif self.locked == self._held:
            return
        self._honoured, self._held = corrections, self.locked
        if not hold(tracker, self.issue_ids, corrections, time_s, self._held):
            self.unknown = self._held


_PAUSE_S = 0.1  # after an error, so that a repeated one does not keep the thread busy


class Inference:
    """The thread: it picks up new networks and settings between frames."""

    def __init__(
        self, loader: PipelineLoader, next_frame: Callable[[Pipeline | None], bool]
    ) -> None:
        self._loader = loader
        self._next_frame = next_frame  # takes one frame, or waits briefly; True if it took one
        self._config: PipelineConfig | None = None  # newest settings
        self.changes = 0  # how often a change took effect that affects who is found
        self.problem = ""  # what went wrong outside the networks, in one line
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def configure(self, config: PipelineConfig) -> None:
        """Use `config` from the next frame on, or once the networks it needs are loaded."""
        self._config = config

    def close(self) -> None:
        """End the thread and wait for it."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        pipeline: Pipeline | None = None
        while not self._ending.is_set():
            try:
                pipeline = self._up_to_date(pipeline)
                if self._next_frame(pipeline):
                    self.problem = ""
            except Exception as error:  # a bug of ours; the next frame may work
                if not self.problem:
                    log.exception("beside the networks")
                self.problem = f"{type(error).__name__}: {error}"
                self._ending.wait(_PAUSE_S)

    def _up_to_date(self, pipeline: Pipeline | None) -> Pipeline | None:
        """`pipeline` with the newest settings, or the newest pipeline instead."""
        newer = self._loader.take()
        if newer is not None:
            if pipeline is not None:
                newer.continue_from(pipeline)
                self.changes += 1
            pipeline = newer
        config = self._config
        if pipeline is None or config is None or pipeline.config == config:
            return pipeline
        if same_networks(pipeline.config, config):
            self.changes += not same_people(pipeline.config, config)
            pipeline.config = config
            pipeline.tracker.config = config.tracker
            pipeline.budget.limit_ms = config.max_latency_ms
        return pipeline
