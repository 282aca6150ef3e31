"""Write a clip's measures to files: the table, plots and the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from app.measures.angles import Measurer
from app.measures.options import MeasureOptions
from app.measures.series import SeriesLog
from app.measures.table import MeasuresTable
from pose.people import ImageArray
from tracking.tracks import FrameResult


def write_measures(
    stem: Path,
    results: Iterable[FrameResult],
    options: MeasureOptions,
    kpt_thr: float,
    thumbnails: Mapping[int, ImageArray],
    names: Mapping[int, str],
    step_s: float,
) -> list[Path]:
    """Write what the options ask for beside `stem`, and return the files.

    `thumbnails` are BGR pictures of people by id, for the report, and `names` what to call them;
    either may lack people. `step_s` is the time from frame to frame. `results` come in order; if
    `options.by_person`, part of each is kept in memory.
    """
    path = stem.with_name(f"{stem.name}.measures.csv")
    measurer = Measurer(options.measures, options.unit_per_pixel, step_s)
    gathered = SeriesLog(step_s)
    table = MeasuresTable(path, options, names)
    try:
        for result in results:
            values = measurer(result, kpt_thr)
            table.put(result, values)
            if options.by_person:
                gathered.put(result, values)
        table.close()
    finally:
        table.abort()  # does nothing to a finished file
    people, outputs = gathered.series(names), [path]
    if options.plots:
        from app.measures.plots import plot_person

        for series in (each for each in people if each.measured):
            path = stem.with_name(f"{stem.name}_person{series.person}.png")
            plot_person(path, series, options)
            outputs.append(path)
    if options.report:
        from app.measures.report import write_report

        path = stem.with_name(f"{stem.name}.html")
        write_report(path, stem.name, people, options, thumbnails, gathered.span_s)
        outputs.append(path)
    return outputs
