"""Curves of one person's measures over time, as a picture."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from app.measures.options import MeasureOptions
from app.measures.series import Series, unconnected, with_gaps
from app.overlay import hex_colour_of
from pose.command import counted
from pose.writing import whole_file, writing

LEFT, RIGHT = "#2a7fb8", "#d9822b"


class Panel(NamedTuple):
    """Curves that are drawn together: a joint's left and right side."""

    title: str
    unit: str
    columns: list[tuple[int, str]]  # columns of the measures, each with its side ("" if none)


def plot_person(path: Path, series: Series, options: MeasureOptions) -> None:
    """Write a PNG with a panel per joint: left and right side together."""
    picture = BytesIO()
    figure = draw_person(series, options, titled=True)
    with warnings.catch_warnings():  # one per letter of a name in a script that the font lacks
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(picture, format="png", dpi=110)
    with writing(path), whole_file(path) as partial:
        partial.write_bytes(picture.getbuffer())


def draw_person(series: Series, options: MeasureOptions, *, titled: bool) -> Figure:
    """A figure with a panel per joint and, if `titled`, the person's number and name on top."""
    panels = list(_panels(options))
    rows = -(-len(panels) // 2)
    title_in = 0.5 if titled else 0.0
    height_in = 0.6 + 1.9 * rows + title_in
    figure = Figure(figsize=(11, height_in), facecolor="white")
    FigureCanvasAgg(figure)
    if titled:
        length_s = series.times_s[-1] - series.times_s[0]
        who = f"Person {series.person}"
        if series.name:  # an unescaped dollar sign would begin a formula
            who += ", " + series.name.replace("$", r"\$")
        figure.suptitle(
            f"{who}   {counted(len(series.frames), 'frame')} in {length_s:.1f} s",
            fontsize=12, fontweight="bold", x=0.014, y=1 - 0.14 / height_in, ha="left", va="top",
            bbox={"boxstyle": "round,pad=0.25", "facecolor": hex_colour_of(series.person),
                  "edgecolor": "none"},
        )  # fmt: skip
    # In place of matplotlib's own layout, which takes longer than all else: room for the labels
    figure.subplots_adjust(
        left=0.065, right=0.985, wspace=0.16, hspace=0.55,
        bottom=0.55 / height_in, top=1 - (0.35 + title_in) / height_in,
    )  # fmt: skip
    axes = figure.subplots(rows, 2, sharex=True, squeeze=False).ravel()
    times_s, values = with_gaps(series.times_s, series.values, series.gap_s)
    for axis, panel in zip(axes, panels, strict=False):
        _draw_panel(axis, panel, times_s, values)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


def _draw_panel(axis: Axes, panel: Panel, times_s: np.ndarray, values: np.ndarray) -> None:
    """Draw the curves of one joint: times (F,) and values (F, M), nan where not seen."""
    title, unit, columns = panel
    axis.set_title(title.capitalize(), loc="left", fontsize=10)
    seen = [(column, side) for column, side in columns if np.isfinite(values[:, column]).any()]
    if not seen:  # empty axes would suggest a range that was never measured
        axis.set_axis_off()
        said = "not seen" if unit == "°" else "not seen long enough"
        axis.text(0, 0.9, said, transform=axis.transAxes, va="top", color="#667085")
        return
    for column, side in seen:
        tint = RIGHT if side == "right" else LEFT
        curve = values[:, column]
        axis.plot(times_s, curve, color=tint, linewidth=1.3, label=side or None)
        if (alone := unconnected(curve)).any():
            axis.plot(times_s[alone], curve[alone], ".", color=tint, markersize=2.6)
    axis.set_xlabel("time (s)", fontsize=9)
    axis.set_ylabel(f"angle ({unit})" if unit == "°" else f"speed ({unit})", fontsize=9)
    axis.tick_params(labelsize=8, labelbottom=True)  # the panel below may have no axis
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    if unit == "°":
        axis.set_ylim(0, 185)
        axis.set_yticks([0, 45, 90, 135, 180])
    else:
        axis.set_ylim(bottom=0)
    if any(side for _, side in seen):
        # Level with the title, where it hides no curve
        axis.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)


def _panels(options: MeasureOptions) -> Iterator[Panel]:
    grouped: dict[str, list[tuple[int, str]]] = {}
    units = {}
    for column, measure in enumerate(options.measures):
        words = measure.name.split()
        side = next((word for word in words if word in ("left", "right")), "")
        title = " ".join(word for word in words if word != side)
        grouped.setdefault(title, []).append((column, side))
        units[title] = options.unit_of(measure)
    for title, columns in grouped.items():
        yield Panel(title, units[title], columns)
