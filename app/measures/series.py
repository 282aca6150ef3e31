"""A clip's measures person by person, as the plots and the report take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from app.measures.angles import Measurer
from app.measures.options import MeasureOptions
from pose.people import FloatArray
from tracking.pipeline import FrameResult


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One person's measures over time."""

    person: int
    frames: np.ndarray  # (F,) frame indices
    times_s: np.ndarray  # (F,) since the first frame, float64
    values: FloatArray  # (F, M), nan = not seen
    scores: FloatArray  # (F,) of the person
    name: str = ""  # where one was given

    @property
    def label(self) -> str:
        """What to call the person: the name, or else the number."""
        return self.name or str(self.person)


def measure_people(
    results: Iterable[FrameResult],
    options: MeasureOptions,
    kpt_thr: float,
    names: Mapping[int, str] = MappingProxyType({}),
) -> list[Series]:
    """Measure everybody of a clip; people in order of their ids, with their `names` by id."""
    measurer = Measurer(options.measures, options.unit_per_pixel)
    rows: dict[int, list[tuple[int, float, FloatArray, float]]] = {}
    for result in results:
        measured = measurer(result, kpt_thr)
        scores = result.people.poses.scores
        for place, person in enumerate(result.people.ids.tolist()):
            row = result.frame.index, result.frame.time_s, measured[place], float(scores[place])
            rows.setdefault(person, []).append(row)
    return [_series(person, names.get(person, ""), seen) for person, seen in sorted(rows.items())]


def _series(person: int, name: str, rows: list[tuple[int, float, FloatArray, float]]) -> Series:
    frames, times_s, values, scores = zip(*rows, strict=True)
    return Series(
        person,
        np.array(frames),
        np.array(times_s, np.float64),
        np.stack(values),
        np.array(scores, np.float32),
        name,
    )
