"""One open source: its feed, the follower of its people, and the outlet of its results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from app.corrections import Correction, CorrectionLog, corrected_people
from app.live.feeds import Captured, FeedState, FileFeed, LiveFeed, OpenSource, SourceInfo
from app.live.gauges import Counts, Flow, Gauges
from app.live.history import History
from app.live.inference import Follower
from app.live.playback import LiveOutlet, Playback, Ready
from app.small_people import LargerInput
from app.video.source import is_live
from pose.catalogue import Published
from tracking.clip_info import USUAL_RATE
from tracking.pipeline import FrameResult, Pipeline
from tracking.tracks import KnownFrame, TrackedPoses

SLOW_S = 0.3  # a seek that takes longer is reported


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What to show: a frame and the people that belong to it."""

    result: FrameResult  # with corrected ids
    tracked: TrackedPoses  # with uncorrected ids
    captured_at_s: float  # time.monotonic()

    @property
    def time_s(self) -> float:
        """Seconds since the video's first frame."""
        return self.result.frame.time_s


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the session, for the status bar."""

    state: Literal["idle"] | FeedState = "idle"
    spec: str = ""
    info: SourceInfo | None = None
    range_s: tuple[float, float | None] = (0.0, None)  # the part of a file that is played
    problem: str = ""  # one line: what went wrong, or what is being waited for
    loading: bool = False  # a network is being loaded
    to_fetch: tuple[Published, ...] = ()  # networks needed but not on this machine
    larger_input: LargerInput | None = None  # where people are small: what would help
    playing: bool = False
    reconnecting: bool = False  # a network camera is; nothing new is shown meanwhile
    seeking_s: float | None = None  # the target of a slow seek
    counts: Counts = field(default_factory=Counts)
    flow: Flow = field(default_factory=Flow)
    recording: bool = False
    recorded_s: float = 0.0  # length of the recording so far
    recorded_lost: int = 0  # frames that the recording could not keep up with

    @property
    def live(self) -> bool:
        """Whether a live source is open; False until it is known."""
        return self.info is not None and self.info.live


IDLE = Status()


class _File(NamedTuple):
    """What a file has, and a camera has not: a past to go to, and a pause."""

    feed: FileFeed
    playback: Playback


class Run:
    """One source from opening to closing, with everything that belongs to it alone."""

    def __init__(
        self,
        spec: str,
        open_source: OpenSource,
        range_s: tuple[float, float | None],
        corrections: Sequence[Correction],
        known: Sequence[KnownFrame],
        goes_on: bool,
        found: Sequence[KnownFrame] = (),
    ) -> None:
        self.spec, self.range_s, self.known, self.goes_on = spec, range_s, known, goes_on
        self.live = is_live(spec)
        self.gauges = Gauges()
        self.feed: LiveFeed | FileFeed
        self.outlet: LiveOutlet | Playback
        self._file: _File | None = None
        if self.live:
            self.feed = LiveFeed(spec, open_source, self.gauges)
            self.outlet = LiveOutlet(self.gauges)
        else:
            feed = FileFeed(spec, open_source, self.gauges, range_s)
            self._file = _File(feed, Playback(self.gauges))
            self.feed, self.outlet = self._file
        self.history = History(keep_people=not self.live)
        self.follower = Follower(self.history, self.gauges)
        self.follower.frozen = bool(known) and not goes_on
        for frame in (*known, *found):
            self.history.add(frame)
            self.follower.reserve_shot(frame.ground.shot)
            self.follower.issue_ids.reserve(frame.people.ids.tolist())
        self.corrections = CorrectionLog(corrections)
        for step in corrections:
            self.follower.issue_ids.reserve((step.person, step.other))
        self.last: View | None = None  # what the screen shows
        self._sought: tuple[float, float] | None = None  # target of the pending seek, when it began
        self._wanted_s: float | None = None  # where to seek once that is shown

    def correct(self, correction: Correction) -> None:
        """Apply a correction; its ids are never given to anybody new."""
        self.follower.issue_ids.reserve((correction.person, correction.other))
        self.corrections.add(correction)

    def go_on_from(self, before: Run) -> None:
        """Keep the lock of an earlier run of the same file, and what was undone in it, for redo."""
        for step in before.corrections.undone:
            self.follower.issue_ids.reserve((step.person, step.other))
        self.corrections.undone = before.corrections.undone
        self.lock(before.follower.locked)

    def lock(self, person: int) -> None:
        """Lock the identity shown as `person`, and no other; 0: none."""
        self.follower.unknown = 0
        self.follower.locked = person

    @property
    def lock_lost(self) -> bool:
        """True if the tracker knows nobody (any more) by the locked id."""
        return 0 < self.follower.locked == self.follower.unknown

    def follow(self, captured: Captured, pipeline: Pipeline | None) -> Ready:
        """Run a frame through the pipeline (inference thread)."""
        return self.follower.follow(captured, pipeline, self.corrections.done)

    # Showing

    def take(self, now_s: float) -> View | None:
        """What is due on the screen; None if nothing is."""
        self._go_where_wanted()
        ready = self.outlet.take(now_s)
        if ready is None:
            return None
        self.gauges.shown()
        self.last, self._sought = self.view(ready), None
        return self.last

    def shown_again(self) -> View | None:
        """The picture on screen with the corrections made by now."""
        if self.last is not None:
            tracked = replace(self.last.result, people=self.last.tracked)
            self.last = self.view(Ready(tracked, self.last.captured_at_s))
        return self.last

    # Playing a file; no effect on a camera

    def play(self, playing: bool) -> None:
        """Play, at the end from the start; or pause."""
        if self._file is not None:
            if playing and self.ended:
                self.seek(0.0)
            self._file.playback.play(playing)

    def step(self, forward: bool) -> None:
        """Pause, and go one frame forward or back."""
        if self._file is None:
            return
        if forward:
            self._file.playback.step()
        elif self.last is not None:
            self._file.playback.play(False)
            self.seek(self.time_before(self.last.time_s))

    def seek(self, time_s: float) -> None:
        """Show the frame at `time_s`, and continue from there.

        A pending seek is finished first, and of those requested meanwhile only the last is done:
        else nothing would be shown while somebody scrubs faster than the file can be decoded.
        """
        self._wanted_s = time_s
        self._go_where_wanted()

    def follow_anew(self) -> None:
        """After new settings, follow a file's people anew, starting with the frame on screen.

        If nothing is shown yet, as after a restart, start with the first frame.
        """
        if self.live or self.follower.frozen:
            return
        if self.last is not None or self.history.frames():
            from_s = self.range_s[0] if self.last is None else self.last.time_s
            self.forget_from(from_s)
            self._go_to(from_s)

    def _go_where_wanted(self) -> None:
        """Start the seek requested last, unless one is pending."""
        if self._wanted_s is not None and not self.seeking:
            wanted_s, self._wanted_s = self._wanted_s, None
            self._go_to(wanted_s)

    def _go_to(self, time_s: float) -> None:
        if self._file is not None:
            self._file.playback.restart(self._file.feed.seek(time_s))
            self._sought = time_s, time.monotonic()

    def forget_from(self, time_s: float) -> None:
        """Forget who was found at `time_s` or later, except in the frames of `known`."""
        self.history.forget_from(time_s)
        for frame in self.known:
            if frame.time_s >= time_s:
                self.history.add(frame)

    def view(self, ready: Ready) -> View:
        """What to show of `ready`, with the corrections made so far."""
        return corrected_view(ready, self.corrections.done)

    def time_before(self, time_s: float) -> float:
        """The time of the frame before the one at `time_s`; by the nominal rate if not seen yet."""
        rate = self.feed.info.frame_rate if self.feed.info is not None else None
        step_s = float(1 / (rate or USUAL_RATE))
        before_s = self.history.time_before(time_s)
        if before_s is None or time_s - before_s > 1.5 * step_s:
            return max(0.0, time_s - step_s)
        return before_s

    @property
    def complete(self) -> bool:
        """True if nobody has to be looked for; may be False until the file is open."""
        if not self.known or self.follower.frozen:
            return bool(self.known)
        return self._are_all(len(self.known))

    @property
    def all_followed(self) -> bool:
        """True if every frame of the file, by the count it states, was followed."""
        return self._are_all(len(self.history.frames()))

    def _are_all(self, count: int) -> bool:
        info = self.feed.info
        if info is None or info.duration_s is None or info.frame_rate is None:
            return False
        return count >= round(info.duration_s * info.frame_rate)

    @property
    def problem(self) -> str:
        """What went wrong, or is being waited for, in one line."""
        return self.feed.problem or self.feed.trouble or self.follower.problem

    def status(self, now_s: float) -> Status:
        """The status of this source."""
        slow_s = None  # the target of a slow seek
        if self._sought is not None and self.seeking and now_s - self._sought[1] > SLOW_S:
            slow_s = self._sought[0] if self._wanted_s is None else self._wanted_s
        return Status(
            state="ended" if self.ended and self.feed.state != "failed" else self.feed.state,
            spec=self.spec,
            info=self.feed.info,
            range_s=self.range_s,
            problem=self.problem,
            larger_input=self.follower.larger_input,
            playing=self.outlet.playing,
            reconnecting=bool(self.feed.trouble),
            seeking_s=slow_s,
            counts=self.gauges.counts(),
            flow=self.gauges.flow(now_s),
        )

    def close(self) -> None:
        """Ask everything to end; returns at once."""
        self.feed.close()
        self.outlet.close()

    @property
    def seeking(self) -> bool:
        """True while a seek is pending; False too if its frame will never come."""
        return self._sought is not None and not self.ended

    @property
    def ended(self) -> bool:
        """True if nothing more will come to the screen."""
        if self._file is None:
            return self.feed.state in ("ended", "failed")
        shown_all = self._file.feed.exhausted and self.gauges.counts().in_flight == 0
        return shown_all or self.feed.state == "failed"


def corrected_view(ready: Ready, corrections: Sequence[Correction]) -> View:
    """What to show of `ready`, with `corrections` applied."""
    result = ready.result
    people = corrected_people(result.people, result.frame.time_s, corrections)
    return View(replace(result, people=people), result.people, ready.captured_at_s)
