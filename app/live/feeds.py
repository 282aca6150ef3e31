"""Sources on threads of their own: a live one keeps the newest frame, a file gives every frame.

A feed opens its source on its own thread, so that a slow camera or a network that does not answer
never blocks the caller. An error is reported in `problem`, in one line; it ends the feed,
unless a file breaks off, whose earlier frames can still be sought.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from app.live.gauges import Gauges
from app.live.latest import Latest
from app.video.source import FrameSource
from pose.errors import UserError
from pose.people import Frame

log = logging.getLogger(__name__)

OpenSource = Callable[[str], FrameSource]
FeedState = Literal["opening", "running", "ended", "failed"]
READ_AHEAD = 3  # frames of a file that are decoded ahead of demand


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known about an open source."""

    name: str
    size_wh: tuple[int, int]
    frame_rate: Fraction | None
    duration_s: float | None  # None where unknown, as for cameras
    live: bool


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A frame and the time of its capture."""

    frame: Frame
    at_s: float  # time.monotonic()
    generation: int  # number of seeks before it


class Feed:
    """What live feeds and file feeds share: a reading thread, a state, and how they end."""

    def __init__(self, spec: str, open_source: OpenSource, gauges: Gauges) -> None:
        self.spec = spec
        self.info: SourceInfo | None = None
        self.state: FeedState = "opening"
        self.problem = ""  # one line, if the state is failed or a file breaks off
        self.gauges = gauges
        self._open_source = open_source
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"capture {spec}", daemon=True)

    @property
    def trouble(self) -> str:
        """What a source that reconnects by itself is waiting for; empty while frames come."""
        return ""

    def start(self) -> None:
        """Start opening and reading."""
        self._thread.start()

    def close(self) -> None:
        """Ask the thread to end, and count the frames left over as dropped; returns at once."""
        self._closing.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; True once it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """Open and read; turn any error into `problem`."""
        try:
            with self._open_source(self.spec) as source:
                self.info = info_of(source)
                self.state = "running"
                self._read(source)
            self.state = "ended"
        except UserError as error:
            self._fail(str(error))
        except Exception as error:  # a driver's own exception must not end the program
            log.exception("reading %s", self.spec)
            self._fail(f"{self.spec}: {type(error).__name__}: {error}")

    def _fail(self, problem: str) -> None:
        log.warning("%s", problem)
        self.problem, self.state = problem, "failed"

    def _read(self, source: FrameSource) -> None:
        raise NotImplementedError


class LiveFeed(Feed):
    """Frames of a camera: always the newest; those that come too fast are counted as dropped."""

    def __init__(self, spec: str, open_source: OpenSource, gauges: Gauges) -> None:
        super().__init__(spec, open_source, gauges)
        self._newest: Latest[Captured] = Latest()
        self._source: FrameSource | None = None

    def take(self, timeout_s: float) -> Captured | None:
        """The newest frame; waits for one up to `timeout_s`."""
        return self._newest.take(timeout_s)

    @property
    def trouble(self) -> str:
        return getattr(self._source, "trouble", "")

    def close(self) -> None:
        super().close()
        stop = getattr(self._source, "stop", None)
        if stop is not None:  # a camera that waits for its next frame, or to reconnect
            stop()
        if self._newest.close() is not None:
            self.gauges.dropped()

    def _read(self, source: FrameSource) -> None:
        self._source = source
        if self._closing.is_set():  # closed while opening, before `close` could stop the source
            return
        for frame in source:
            now_s = time.monotonic()
            self.gauges.captured(now_s)
            if self._newest.put(Captured(frame, now_s, 0)) is not None:
                self.gauges.dropped()
            if self._closing.is_set():
                return


class FileFeed(Feed):
    """Every frame of a file in order, read a little ahead; can seek to any time."""

    def __init__(
        self,
        spec: str,
        open_source: OpenSource,
        gauges: Gauges,
        range_s: tuple[float, float | None] = (0.0, None),
    ) -> None:
        super().__init__(spec, open_source, gauges)
        self.range_s = range_s
        self.generation = 0
        self._changed = threading.Condition()
        self._ahead: deque[Captured] = deque()
        self._target_s: float | None = range_s[0] or None  # where to seek before reading on
        self._at_end = False

    @property
    def exhausted(self) -> bool:
        """True once every frame up to the end was taken."""
        with self._changed:
            return self._at_end and not self._ahead and self._target_s is None

    def take(self, timeout_s: float) -> Captured | None:
        """The next frame; waits for it up to `timeout_s`."""
        with self._changed:
            if not self._ahead:
                self._changed.wait(timeout_s)
            if not self._ahead:
                return None
            self._changed.notify_all()
            return self._ahead.popleft()

    def seek(self, time_s: float) -> int:
        """Continue at `time_s`, at most at the last frame; return the new generation."""
        with self._changed:
            self._discard()
            self._target_s = max(min(time_s, self._last_s), self.range_s[0])
            self._at_end = False
            if self.state != "failed":
                self.problem = ""  # it was about the old position
            self.generation += 1
            self._changed.notify_all()
            return self.generation

    def close(self) -> None:
        super().close()
        with self._changed:
            self._discard()
            self._changed.notify_all()

    @property
    def _last_s(self) -> float:
        """A time between the last two frames, by the container's figures; inf where unknown."""
        info = self.info
        if info is None or info.duration_s is None or info.frame_rate is None:
            return float("inf")
        return max(0.0, info.duration_s - 1.5 / float(info.frame_rate))

    def _discard(self) -> None:
        self.gauges.dropped(len(self._ahead))
        self._ahead.clear()

    def _read(self, source: FrameSource) -> None:
        frames = iter(source)
        while (order := self._next_order()) is not None:
            target_s, generation = order
            if target_s is not None:
                frames = frames_from(source, target_s)
            frame, problem = self._next_frame(frames)
            with self._changed:
                if generation != self.generation or self._closing.is_set():
                    continue  # a seek or close came meanwhile
                self.problem = problem
                if frame is None:
                    self._at_end = True
                else:
                    now_s = time.monotonic()
                    self.gauges.captured(now_s)
                    self._ahead.append(Captured(frame, now_s, generation))
                self._changed.notify_all()

    def _next_order(self) -> tuple[float | None, int] | None:
        """Wait until there is something to read; where to seek first, and the generation."""
        with self._changed:
            while not self._closing.is_set():
                if self._target_s is not None:
                    target_s, self._target_s = self._target_s, None
                    return target_s, self.generation
                if not self._at_end and len(self._ahead) < READ_AHEAD:
                    return None, self.generation
                self._changed.wait()
            return None

    def _next_frame(self, frames: Iterator[Frame]) -> tuple[Frame | None, str]:
        """The next frame within the range, None at the end; and why, if the file breaks off."""
        try:
            frame = next(frames, None)
        except UserError as error:  # what was read before stays, and `seek` can return to it
            log.warning("%s", error)
            return None, str(error)
        end_s = self.range_s[1]
        past = frame is not None and end_s is not None and frame.time_s > end_s
        return None if past else frame, ""


def frames_from(source: FrameSource, time_s: float) -> Iterator[Frame]:
    """The frames from `time_s` on; an error while seeking is raised on the first `next`."""
    source.seek(time_s)
    yield from source


def info_of(source: FrameSource) -> SourceInfo:
    """What `source` says about itself."""
    duration_s = None
    if source.frame_count and source.frame_rate and not source.live:
        duration_s = float(source.frame_count / source.frame_rate)
    return SourceInfo(source.name, source.size_wh, source.frame_rate, duration_s, source.live)
