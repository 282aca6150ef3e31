"""A second file beside the one that is followed: the frame of any time asked for, and a clock.

Nobody is looked for in it; the people saved with it come with its frames.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.corrections import names_of
from app.live.feeds import Feed, OpenSource, frames_from
from app.live.gauges import Gauges
from app.live.history import History
from app.live.latest import Latest
from app.live.playback import LATE_S, Ready
from app.live.run import View, corrected_view
from app.results import OpenResult
from app.video.source import FrameSource
from app.video.source import open_source as open_any_source
from pose.errors import UserError
from pose.people import Frame
from pose.skeleton import COCO17
from tracking.clip_info import USUAL_RATE
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses

WAIT_S = 0.5  # how long the thread waits for a request before it looks whether to end


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A frame of the reference with its people."""

    view: View
    next_s: float | None  # time of the frame after it; None at the end


class ReferenceFeed(Feed):
    """Reads the frame of the newest time asked for, on a thread of its own.

    `saved_with` finds the tracks saved with the file; its UserErrors become `problem`.
    """

    def __init__(
        self,
        spec: str,
        saved_with: Callable[[Path], OpenResult | None],
        open_source: OpenSource = open_any_source,
    ) -> None:
        super().__init__(spec, self._open, Gauges())
        self._saved_with, self._open_file = saved_with, open_source
        self.result: OpenResult | None = None  # what was saved with it; known before `info`
        self.names: Mapping[int, str] = {}
        self.answered_s: float | None = None  # the time whose frame was read last
        self._history = History(keep_people=True)
        self._wanted: Latest[float] = Latest()
        self._newest: Latest[Moment] = Latest()

    def ask(self, time_s: float) -> None:
        """Request the frame shown at `time_s`, in place of what was requested before."""
        self._wanted.put(time_s)

    def take(self) -> Moment | None:
        """The frame requested last, once it is there and unless it was taken before."""
        return self._newest.take()

    def close(self) -> None:
        super().close()
        self._wanted.close()
        self._newest.close()

    @property
    def frame_s(self) -> float:
        """How long a frame lasts, nominally."""
        rate = self.info.frame_rate if self.info is not None else None
        return float(1 / (rate or USUAL_RATE))

    def _open(self, spec: str) -> FrameSource:
        self.result = result = self._saved_with(Path(spec))
        if result is None:
            return self._open_file(spec)
        for frame in result.frames:
            self._history.add(frame)
        self.names = names_of(result.corrections)
        return self._open_file(result.video)

    def _read(self, source: FrameSource) -> None:
        frames, shown = FramesByTime(source, self.frame_s), None
        while not self._closing.is_set():
            wanted_s = self._wanted.take(WAIT_S)
            if wanted_s is None:
                continue
            frame = frames.at(wanted_s)
            self.problem = frames.problem
            if frame is not None and frame is not shown:
                shown = frame
                self._newest.put(Moment(self._view(frame), frames.next_s))
            self.answered_s = wanted_s

    def _view(self, frame: Frame) -> View:
        people = self._history.people_at(frame.time_s) or TrackedPoses.empty(COCO17)
        corrections = self.result.corrections if self.result is not None else ()
        return corrected_view(Ready(FrameResult(frame, people, {}), time.monotonic()), corrections)


class FramesByTime:
    """The frame of a file that belongs to a time; two frames are in memory."""

    def __init__(self, source: FrameSource, frame_s: float) -> None:
        self._source, self._frame_s = source, frame_s
        self._frames: Iterator[Frame] = iter(())
        self._here: Frame | None = None
        self._following: Frame | None = None
        self.problem = ""  # why frames from here on cannot be read

    @property
    def next_s(self) -> float | None:
        """The time of the frame after the last one given; None at the end."""
        return None if self._following is None else self._following.time_s

    def at(self, time_s: float) -> Frame | None:
        """The last frame that begins before `time_s`, or up to half a frame after it.

        Before the first frame, the first; past the end, the last. None if it cannot be read.
        """
        limit_s = max(0.0, time_s) + self._frame_s / 2
        here, following = self._here, self._following
        ahead = following is not None and limit_s - following.time_s >= 2 * self._frame_s
        if here is None or limit_s < here.time_s or ahead:
            self._go_to(limit_s)
        while self._following is not None and self._following.time_s <= limit_s:
            self._here, self._following = self._following, self._next()
        return self._here

    def _go_to(self, limit_s: float) -> None:
        """Read a frame at or before `limit_s`, and the one after it."""
        self.problem = ""
        count, back_s = self._source.frame_count, self._frame_s
        if count is not None:  # else a time far past the end would take many steps back
            limit_s = min(limit_s, count * self._frame_s)
        while True:
            self._frames = frames_from(self._source, limit_s - back_s)
            self._here = self._next()
            found = self._here is not None and self._here.time_s <= limit_s
            if found or self.problem or back_s >= limit_s:
                break
            back_s *= 2  # frames may be further apart, and the file shorter, than it states
        self._following = self._next()

    def _next(self) -> Frame | None:
        try:
            return next(self._frames, None)
        except UserError as error:
            self.problem = str(error)
            return None


class Clock:
    """The time of a video that plays by itself, from the time of day that is passed in."""

    def __init__(self) -> None:
        self.playing = True
        self._speed = 1.0
        self._anchor = (0.0, 0.0)  # a time of day, and the video's time then
        self._jumped_to_s = 0.0

    def time_s(self, now_s: float) -> float:
        """Seconds since the video's first frame."""
        began_s, time_s = self._anchor
        return time_s + (now_s - began_s) * self._speed if self.playing else time_s

    def go_to(self, time_s: float, now_s: float) -> None:
        """Continue from `time_s`."""
        self._anchor, self._jumped_to_s = (now_s, time_s), time_s

    def wait_for(self, time_s: float, now_s: float) -> None:
        """Run no further than LATE_S ahead of `time_s`, up to which frames were read.

        Else frames that are slow to read would be ever further apart. Frames from before a jump
        do not count.
        """
        if self.playing and self._jumped_to_s <= time_s < self.time_s(now_s) - LATE_S:
            self._anchor = (now_s, time_s + LATE_S)

    def play(self, playing: bool, now_s: float) -> None:
        """Play, or pause."""
        self._anchor = (now_s, self.time_s(now_s))
        self.playing = playing

    def set_speed(self, speed: float, now_s: float) -> None:
        """Play `speed` times as fast."""
        self._anchor = (now_s, self.time_s(now_s))
        self._speed = speed
