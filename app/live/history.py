"""Who was seen when, by uncorrected id: spans for the timeline, people for replay."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.corrections import Correction, corrected_ids
from tracking.ground import STILL, Ground
from tracking.tracks import KnownFrame, TrackedPoses

BRIDGED_S = 0.5  # gaps shorter than this are drawn as if the person was seen throughout
MOST_PEOPLE = 1000  # of a camera; beyond that, whoever was seen longest ago is dropped first
SAME_S = 0.002  # times closer than this are the same frame: containers round them


@dataclass(frozen=True, slots=True)
class Span:
    """One person, seen from `start_s` to `end_s`."""

    person: int  # id as shown
    tracked: int  # id as tracked; where it changes within a person, the tracker changed the id
    start_s: float
    end_s: float


class History:
    """Every person of one video and when they were seen.

    `keep_people` also keeps the poses of every frame, so that a file's frames need the pipeline
    only once. Live sources keep only spans, and those of so many people alone as a window can list:
    a camera may run for days.
    """

    def __init__(self, keep_people: bool) -> None:
        self._keep_people = keep_people
        self._lock = threading.Lock()
        # Tracked id -> sorted [start, end]; whoever was added last comes last
        self._spans: dict[int, list[list[float]]] = {}
        self._times_s: list[float] = []  # of the frames kept, sorted
        self._frames: list[KnownFrame] = []  # one per time
        self.version = 0  # grows with every change

    def add(self, frame: KnownFrame) -> None:
        """Record who was in a frame; frames may come in any order."""
        with self._lock:
            for person in frame.people.ids.tolist():
                self._extend(person, frame.time_s)
            while not self._keep_people and len(self._spans) > MOST_PEOPLE:
                del self._spans[next(iter(self._spans))]
            if self._keep_people and self._place_of(frame.time_s) is None:
                place = bisect_left(self._times_s, frame.time_s)
                self._times_s.insert(place, frame.time_s)
                self._frames.insert(place, frame)
            self.version += 1

    def people_at(self, time_s: float) -> TrackedPoses | None:
        """Who was there at `time_s`; None if that frame has not been through the pipeline."""
        with self._lock:
            place = self._place_of(time_s)
            return None if place is None else self._frames[place].people

    def ground_at(self, time_s: float) -> Ground:
        """Where the ground was at `time_s`, or in the kept frame before."""
        with self._lock:
            place = bisect_right(self._times_s, time_s + SAME_S) - 1
            return self._frames[place].ground if place >= 0 else STILL

    def between(self, start_s: float, end_s: float) -> list[KnownFrame]:
        """The kept frames from `start_s` to just before `end_s`, by time."""
        with self._lock:
            places = slice(*(bisect_left(self._times_s, time_s) for time_s in (start_s, end_s)))
            return self._frames[places]

    def time_before(self, time_s: float) -> float | None:
        """The time of the kept frame just before `time_s`; None where there is none."""
        with self._lock:
            place = bisect_left(self._times_s, time_s - SAME_S)
            return self._times_s[place - 1] if place else None

    def forget_from(self, time_s: float) -> None:
        """Forget everything at or after `time_s`, so that it is tracked anew."""
        with self._lock:
            place = bisect_left(self._times_s, time_s - SAME_S)
            del self._frames[place:], self._times_s[place:]
            for person, spans in list(self._spans.items()):
                kept = [[start, min(end, time_s)] for start, end in spans if start < time_s]
                self._spans[person] = kept
                if not kept:
                    del self._spans[person]
            self.version += 1

    def frames(self) -> list[KnownFrame]:
        """The kept frames, by time."""
        with self._lock:
            return list(self._frames)

    def spans(self, corrections: Sequence[Correction]) -> list[Span]:
        """When each person was seen, sorted by corrected id, then start; without deleted people."""
        with self._lock:
            rows = [
                (person, start, end)
                for person, spans in self._spans.items()
                for start, end in spans
            ]
        for cut_s in sorted({step.from_s for step in corrections if step.from_s > 0}):
            rows = [piece for row in rows for piece in _cut(row, cut_s)]
        tracked = np.array([row[0] for row in rows], np.int64)
        starts = np.array([row[1] for row in rows], np.float64)
        shown = corrected_ids(tracked, starts, corrections)
        spans = [Span(int(person), *row) for person, row in zip(shown, rows, strict=True) if person]
        return sorted(spans, key=lambda span: (span.person, span.start_s))

    def _place_of(self, time_s: float) -> int | None:
        """The index of the frame kept for `time_s`; None where there is none."""
        place = bisect_left(self._times_s, time_s - SAME_S)
        there = place < len(self._times_s) and self._times_s[place] <= time_s + SAME_S
        return place if there else None

    def _extend(self, person: int, time_s: float) -> None:
        """Extend the span that `time_s` touches, join it with the next, or start a new one."""
        spans = self._spans[person] = self._spans.pop(person, [])
        place = bisect_left(spans, [time_s])
        before = spans[place - 1] if place else None
        after = spans[place] if place < len(spans) else None
        if before is not None and time_s - before[1] <= BRIDGED_S:
            before[1] = max(before[1], time_s)
            if after is not None and after[0] - before[1] <= BRIDGED_S:
                before[1] = max(before[1], after[1])
                del spans[place]
        elif after is not None and after[0] - time_s <= BRIDGED_S:
            after[0] = time_s
        else:
            spans.insert(place, [time_s, time_s])


def _cut(row: tuple[int, float, float], cut_s: float) -> list[tuple[int, float, float]]:
    person, start, end = row
    if start < cut_s <= end:
        return [(person, start, cut_s), (person, cut_s, end)]
    return [row]


def seen_s(spans: Sequence[Span]) -> dict[int, float]:
    """Seconds for which each person was seen; `spans` sorted as History gives them."""
    total: dict[int, float] = {}
    until_s: dict[int, float] = {}  # counted up to here; spans of merged people overlap
    for span in spans:
        start_s = max(span.start_s, until_s.get(span.person, span.start_s))
        total[span.person] = total.get(span.person, 0.0) + max(0.0, span.end_s - start_s)
        until_s[span.person] = max(start_s, span.end_s)
    return total
