"""Results on their way to the screen: paced for files, the newest or delayed for live sources."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

import cv2
import numpy as np

from app.live.gauges import Gauges
from app.live.latest import Latest
from pose.people import Frame
from tracking.pipeline import FrameResult

WAITING = 4  # results of a file kept until they are due
LATE_S = 0.1  # if a result is later than this, playing continues from it, without catching up
EARLY_S = 0.004  # half a screen refresh: better shown now than a refresh late
DELAY_BYTES = 400_000_000  # of JPEG; about three minutes at 1080p and 30 frames a second


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A result and the time at which its frame was captured."""

    result: FrameResult
    captured_at_s: float
    generation: int = 0


class LiveOutlet:
    """Gives the newest result; with a delay, the newest that is old enough.

    A camera plays at its own speed and cannot be paused.
    """

    playing = True

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._newest: Latest[Ready] = Latest()
        self._delayed = DelayLine()
        self._closed = False
        self.delay_s = 0.0

    def wait_for_room(self, timeout_s: float) -> bool:
        """Always True: a new result replaces the old one."""
        return True

    def set_speed(self, speed: float) -> None:
        """Do nothing; see Playback."""

    def put(self, ready: Ready) -> None:
        """Store `ready` for the screen; what it replaces is counted as dropped."""
        if not self._closed and (self.delay_s > 0 or len(self._delayed)):
            self._gauges.dropped(self._delayed.put(ready))
        elif self._newest.put(ready) is not None:
            self._gauges.dropped()

    def take(self, now_s: float) -> Ready | None:
        """What to show at `now_s`; None if there is nothing newer."""
        newest = self._newest.take()
        delayed, skipped = self._delayed.take(now_s - self.delay_s)
        if newest is not None and delayed is not None:
            skipped += 1
        self._gauges.dropped(skipped)
        return newest if delayed is None else delayed

    def close(self) -> None:
        """Discard what waits, and count it as dropped."""
        self._closed = True
        left = self._delayed.clear() + (self._newest.close() is not None)
        self._gauges.dropped(left)


class DelayLine:
    """The last seconds, as JPEG to fit in memory. `put` and `take` may run on two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: deque[tuple[Ready, bytes]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, ready: Ready) -> int:
        """Store `ready`; return how many of the oldest were dropped to make room."""
        frame = ready.result.frame
        _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, 88])
        empty = np.zeros((0, 0, 3), np.uint8)
        result = replace(ready.result, frame=Frame(frame.index, frame.time_s, empty))
        gone = 0
        with self._lock:
            self._items.append((Ready(result, ready.captured_at_s), jpeg.tobytes()))
            self._size += len(jpeg)
            while self._size > DELAY_BYTES:
                self._size -= len(self._items.popleft()[1])
                gone += 1
        return gone

    def take(self, captured_until_s: float) -> tuple[Ready | None, int]:
        """Remove and return the newest captured by then, and how many older ones were skipped."""
        found, skipped = None, -1
        with self._lock:
            while self._items and self._items[0][0].captured_at_s <= captured_until_s:
                found = self._items.popleft()
                self._size -= len(found[1])
                skipped += 1
        if found is None:
            return None, 0
        ready, jpeg = found
        frame, result = ready.result.frame, ready.result
        image = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        whole = replace(result, frame=Frame(frame.index, frame.time_s, image))
        return Ready(whole, ready.captured_at_s), skipped

    def clear(self) -> int:
        """Discard everything; return how many."""
        with self._lock:
            count, self._size = len(self._items), 0
            self._items.clear()
            return count


class Playback:
    """Hands out a file's results when they are due; `put` one only when there is room."""

    def __init__(self, gauges: Gauges) -> None:
        self.delay_s = 0.0  # has no effect; see LiveOutlet
        self._gauges = gauges
        self._changed = threading.Condition()
        self._waiting: deque[Ready] = deque()
        self._generation = 0
        self._owed = 1  # results to show at once, even if paused: the first one, steps
        self._anchor: tuple[float, float] | None = None  # a clock time, and the video's time then
        self._closed = False
        self._playing = True
        self._speed = 1.0

    @property
    def playing(self) -> bool:
        """False while paused."""
        return self._playing

    def wait_for_room(self, timeout_s: float) -> bool:
        """True once there is room for one more; False if that takes longer than `timeout_s`."""
        with self._changed:
            if len(self._waiting) >= WAITING:
                self._changed.wait(timeout_s)
            return len(self._waiting) < WAITING

    def put(self, ready: Ready) -> None:
        """Add `ready`; drop it if a seek or `close` came in between."""
        with self._changed:
            if self._closed or ready.generation != self._generation:
                self._gauges.dropped()
                return
            self._waiting.append(ready)

    def take(self, now_s: float) -> Ready | None:
        """The result due at `now_s`, or None. In fast forward, the newest of several."""
        with self._changed:
            if not self._waiting:
                return None
            if self._owed:
                self._owed -= 1
                return self._hand_out(now_s, anew=True)
            if not self._playing or now_s < self._due_s() - EARLY_S:
                return None
            late = now_s - self._due_s() > LATE_S
            ready = self._hand_out(now_s, anew=late)
            # Fast forward may skip frames; at normal speed or less every frame is shown
            while self._speed > 1 and self._waiting and now_s >= self._due_s() - EARLY_S:
                self._gauges.dropped()
                ready = self._hand_out(now_s, anew=False)
            return ready

    def play(self, playing: bool) -> None:
        """Play, or pause."""
        with self._changed:
            self._playing, self._anchor = playing, None

    def set_speed(self, speed: float) -> None:
        """Play `speed` times as fast; inf shows each result as soon as it is there."""
        with self._changed:
            self._speed, self._anchor = speed, None

    def step(self) -> None:
        """Show one more picture, then pause."""
        with self._changed:
            self._playing, self._anchor = False, None
            self._owed += 1

    def restart(self, generation: int) -> None:
        """Discard what waits; show the first result of `generation` at once."""
        with self._changed:
            self._gauges.dropped(len(self._waiting))
            self._waiting.clear()
            self._generation, self._owed, self._anchor = generation, 1, None
            self._changed.notify_all()

    def close(self) -> None:
        """Discard what waits, and count it as dropped."""
        with self._changed:
            self._closed = True
            self._gauges.dropped(len(self._waiting))
            self._waiting.clear()
            self._changed.notify_all()

    def _hand_out(self, now_s: float, anew: bool) -> Ready:
        ready = self._waiting.popleft()
        if anew:
            self._anchor = (now_s, ready.result.frame.time_s)
        self._changed.notify_all()
        return ready

    def _due_s(self) -> float:
        """When the next result is due."""
        next_s = self._waiting[0].result.frame.time_s
        if self._anchor is None or self._speed == float("inf"):
            return float("-inf") if self._anchor is None else self._anchor[0]
        return self._anchor[0] + (next_s - self._anchor[1]) / self._speed
