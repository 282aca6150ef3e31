"""Everybody's most recent measures, for the live charts."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from app.measures.angles import Measurer
from app.measures.series import with_gaps
from tracking.tracks import FrameResult

KEPT = 900  # frames per person: thirty seconds at 30 frames a second
MOST_PEOPLE = 200  # beyond that, whoever was seen longest ago is dropped first


class MeasureLog:
    """Measures frame by frame and keeps the latest values, by corrected id."""

    def __init__(self) -> None:
        self.version = 0  # grows with every frame
        self._measure = Measurer()
        self._curves: dict[int, deque[tuple[float, NDArray[np.float32]]]] = {}

    def add(self, result: FrameResult, kpt_thr: float, step_s: float = 0.0) -> None:
        """Measure a frame; its people's previous measures at or after its time are dropped.

        `step_s` is the source's time from frame to frame, as for a MeasuresWriter; 0: unknown.
        """
        self.version += 1
        self._measure.step_s = step_s
        now_s = result.frame.time_s
        values = self._measure(result, kpt_thr)  # (N, M)
        for person, row in zip(result.people.ids.tolist(), values, strict=True):
            curve = self._curves.pop(person, None) or deque(maxlen=KEPT)
            while curve and curve[-1][0] >= now_s:  # shown again, corrected, or after a seek back
                curve.pop()
            curve.append((now_s, row))
            self._curves[person] = curve  # last in the dict: seen most recently
        while len(self._curves) > MOST_PEOPLE:
            del self._curves[next(iter(self._curves))]

    def curve(
        self, person: int, column: int, from_s: float, gap_s: float = np.inf
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Times (T,) and values (T,) of measure `column` since `from_s`; nan where not seen.

        A nan is also put between moments more than `gap_s` apart, to break the curve there.
        """
        rows = [(t, row[column]) for t, row in self._curves.get(person, ()) if t >= from_s]
        times = np.array([t for t, _ in rows], np.float64)
        values = np.array([value for _, value in rows], np.float32)
        return with_gaps(times, values, gap_s)
