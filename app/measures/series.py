"""A clip's measures person by person, as the plots and the report need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.measures.angles import STEPS_AWAY
from pose.people import BoolArray, FloatArray, IntArray
from tracking.tracks import FrameResult

GAP_S = 0.5  # a longer absence breaks the curve


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One person's measures over time."""

    person: int
    frames: np.ndarray  # (F,) frame indices
    times_s: np.ndarray  # (F,) since the first frame, float64
    values: FloatArray  # (F, M), nan = not seen
    scores: FloatArray  # (F,) of the person
    name: str = ""  # empty if none was given
    gap_s: float = GAP_S  # a longer time between two frames is an absence

    @property
    def label(self) -> str:
        """What to call the person: the name, or else the number."""
        return self.name or str(self.person)

    @property
    def measured(self) -> bool:
        """False where no measure has a value in any frame."""
        return bool(np.isfinite(self.values).any())


class SeriesLog:
    """Gathers measures frame by frame, for all people and the whole clip."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.span_s = (0.0, 0.0)  # the times of the first and last frames
        self._gap_s = max(GAP_S, STEPS_AWAY * step_s)  # `step_s`: time from frame to frame
        self._begun = False
        self._rows: dict[int, list[tuple[int, float, FloatArray, float]]] = {}

    def put(self, result: FrameResult, values: FloatArray) -> None:
        """Add the measures (N, M) of a frame's people; give frames in order."""
        frame, scores = result.frame, result.people.poses.scores.tolist()
        self.span_s = (self.span_s[0] if self._begun else frame.time_s, frame.time_s)
        self._begun = True
        for place, person in enumerate(result.people.ids.tolist()):
            row = frame.index, frame.time_s, values[place], scores[place]
            self._rows.setdefault(person, []).append(row)

    def series(self, names: Mapping[int, str]) -> list[Series]:
        """Everybody, in order of their ids, with their `names` by id."""
        return [
            _series(person, names.get(person, ""), rows, self._gap_s)
            for person, rows in sorted(self._rows.items())
        ]


def _series(
    person: int, name: str, rows: list[tuple[int, float, FloatArray, float]], gap_s: float
) -> Series:
    frames, times_s, values, scores = zip(*rows, strict=True)
    return Series(
        person,
        np.array(frames),
        np.array(times_s, np.float64),
        np.stack(values),
        np.array(scores, np.float32),
        name,
        gap_s,
    )


def absences(times_s: np.ndarray, gap_s: float) -> IntArray:
    """Where times (F,) go on after more than `gap_s`: the indices of the first ones afterwards."""
    return np.flatnonzero(np.diff(times_s) > gap_s) + 1


def with_gaps(
    times_s: np.ndarray, values: FloatArray, gap_s: float
) -> tuple[np.ndarray, FloatArray]:
    """Times (F',) and values (F', ...) with a nan in every absence, to break the curve there."""
    breaks = absences(times_s, gap_s)
    gone = np.insert(values, breaks, np.nan, axis=0)
    return np.insert(times_s, breaks, times_s[breaks]), gone


def unconnected(values: FloatArray) -> BoolArray:
    """Mask (F,) of the values (F,) with nan or nothing on both sides: no line would show them."""
    seen = np.pad(np.isfinite(values), 1)  # (F + 2,)
    return seen[1:-1] & ~seen[:-2] & ~seen[2:]
