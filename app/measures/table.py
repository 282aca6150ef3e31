"""NAME.measures.csv, of the window and of the command line: a row per person and frame.

Columns: frame, time_s, id, name (empty where none was given), then every measure with its unit, as
`knee left (°)`; an empty cell was not seen. Rows are in order of frames, those of a frame of ids.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np

from app.measures.angles import Measurer
from app.measures.options import MeasureOptions
from app.measures.series import Series
from pose.people import FloatArray
from tracking.formats.whole import WholeText
from tracking.pipeline import FrameResult

LEADING = ("frame", "time_s", "id", "name")


class MeasuresTable:
    """The file, row by row. Raises TracksFileError where it cannot be written."""

    def __init__(self, path: Path, options: MeasureOptions, names: Mapping[int, str]) -> None:
        self._names = names
        self._out = WholeText(path)
        self._rows = csv.writer(self._out, lineterminator="\n")
        measures = [f"{measure.name} ({options.unit_of(measure)})" for measure in options.measures]
        self._rows.writerow([*LEADING, *measures])

    def add(self, frame: int, person: int, time_s: float, values: FloatArray) -> None:
        """Add the measures (M,) of a person in a frame; rows in order of (frame, person)."""
        cells = ["" if np.isnan(value) else f"{value:.4g}" for value in values.tolist()]
        name = self._names.get(person, "")
        self._rows.writerow([frame, f"{time_s:.4f}", person, name, *cells])

    def close(self) -> None:
        """Make the file whole."""
        self._out.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._out.abort()


class MeasuresWriter:
    """Measures everything, as the charts do, and writes it frame by frame: a TracksWriter."""

    def __init__(self, path: Path, names: Mapping[int, str], kpt_thr: float) -> None:
        self._measure = Measurer()
        self._kpt_thr = kpt_thr
        self._table = MeasuresTable(path, MeasureOptions(in_heights=True), names)

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        ids, values = result.people.ids, self._measure(result, self._kpt_thr)
        for place in np.argsort(ids).tolist():
            self._table.add(result.frame.index, int(ids[place]), result.frame.time_s, values[place])

    def close(self) -> None:
        """Make the file whole."""
        self._table.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._table.abort()


def write_table(path: Path, people: Sequence[Series], options: MeasureOptions) -> None:
    """Write the same table of `people`; whole or not at all."""
    names = {series.person: series.name for series in people}
    table = MeasuresTable(path, options, names)
    try:
        for row in heapq.merge(*map(_rows_of, people), key=itemgetter(0, 1)):
            table.add(*row)
        table.close()
    except BaseException:
        table.abort()
        raise


def _rows_of(series: Series) -> Iterator[tuple[int, int, float, FloatArray]]:
    for frame, time_s, values in zip(series.frames, series.times_s, series.values, strict=True):
        yield int(frame), series.person, float(time_s), values
