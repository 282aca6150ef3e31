"""NAME.measures.csv, as window and command line write it: a row per person and frame.

Columns: frame, time_s, id, name (empty if none was given), then every measure with its unit, as in
`knee left (°)`; an empty cell means not seen. Rows are in order of frames, then of ids.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.measures.angles import Measurer
from app.measures.options import MeasureOptions
from pose.people import FloatArray
from tracking.formats.whole import WholeText
from tracking.tracks import FrameResult

LEADING = ("frame", "time_s", "id", "name")


class MeasuresTable:
    """Writes the file row by row. Raises TracksFileError if it cannot be written."""

    def __init__(self, path: Path, options: MeasureOptions, names: Mapping[int, str]) -> None:
        self._names = names
        self._out = WholeText(path)
        self._rows = csv.writer(self._out, lineterminator="\n")
        measures = [f"{measure.name} ({options.unit_of(measure)})" for measure in options.measures]
        self._rows.writerow([*LEADING, *measures])

    def put(self, result: FrameResult, values: FloatArray) -> None:
        """Add the measures (N, M) of a frame's people; give frames in order."""
        ids = result.people.ids
        frame, time_s = result.frame.index, f"{result.frame.time_s:.4f}"
        for place in np.argsort(ids).tolist():
            cells = ["" if np.isnan(value) else f"{value:.4g}" for value in values[place].tolist()]
            person = int(ids[place])
            self._rows.writerow([frame, time_s, person, self._names.get(person, ""), *cells])

    def close(self) -> None:
        """Complete the file."""
        self._out.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._out.abort()


class MeasuresWriter:
    """A TracksWriter that measures everything, and writes it frame by frame.

    `step_s` is the time from frame to frame: people are not away while no frame could show them.
    """

    def __init__(self, path: Path, names: Mapping[int, str], kpt_thr: float, step_s: float) -> None:
        self._measure = Measurer(step_s=step_s)
        self._kpt_thr = kpt_thr
        self._table = MeasuresTable(path, MeasureOptions(in_heights=True), names)

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        self._table.put(result, self._measure(result, self._kpt_thr))

    def close(self) -> None:
        """Complete the file."""
        self._table.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._table.abort()
