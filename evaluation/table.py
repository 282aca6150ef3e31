"""Scores as text: poseval's own table, plain ones, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from pose.people import DoubleArray
from pose.skeleton import POSETRACK15

# What poseval prints: joints by group.
GROUPS: dict[str, tuple[int, ...]] = {
    "Head": (14, 12, 13),
    "Shou": (8, 9),
    "Elb": (7, 10),
    "Wri": (6, 11),
    "Hip": (2, 3),
    "Knee": (1, 4),
    "Ankl": (0, 5),
}
JOINT_NAMES = POSETRACK15.names


def with_total(values: DoubleArray) -> DoubleArray:
    """Append the unweighted mean of the joints (K,), NaN left out: (K + 1,)."""
    known = values[~np.isnan(values)]
    return np.append(values, known.mean() if len(known) else np.nan)


def grouped(values: DoubleArray) -> list[float]:
    """Seven group means and the total of (16,) values; a group with a NaN is NaN, as in poseval."""
    return [float(values[list(group)].mean()) for group in GROUPS.values()] + [float(values[15])]


def ap_table(ap: DoubleArray) -> str:
    """poseval's AP table of (16,) values."""
    names = " &".join(f" {name:<4}" for name in GROUPS)
    return f"&{names} & Total\\\\\n{_row(grouped(ap))}"


def mot_table(mota: DoubleArray, motp: float, precision: float, recall: float) -> str:
    """poseval's MOT table: MOTA (16,) by group, and three totals."""
    first = " &".join([" MOTA"] * 8 + [" MOTP", " Prec", " Rec  "])
    names = " &".join(f" {name:<4}" for name in GROUPS)
    second = f"&{names} & Total& Total& Total& Total\\\\"
    return f"&{first}\\\\\n{second}\n{_row([*grouped(mota), motp, precision, recall])}"


def _row(values: Sequence[float]) -> str:
    return "&" + " &".join(f"{value:5.1f}" for value in values) + " \\\\"


def text_table(header: Sequence[str], rows: Sequence[Sequence[str | float]]) -> str:
    """A plain table: the first column left-aligned, numbers with one decimal, '-' for NaN."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    lines = []
    for row in [list(header), *cells]:
        first, *rest = zip(row, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], rule: str = "---:") -> str:
    """A Markdown table of cells that are text; `rule` aligns every column but the first."""
    first, *others = (f"| {' | '.join(cells)} |" for cells in (header, *rows))
    return "\n".join([first, "|---|" + f"{rule}|" * (len(header) - 1), *others])


def csv_table(header: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    """Comma-separated values with every digit, for spreadsheets and scripts; NaN is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:  # NaN alone differs from itself
        writer.writerow(["" if value != value else value for value in row])
    return text.getvalue()


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    if np.isnan(value):
        return "-"
    return f"{value}" if isinstance(value, int) else f"{value:z.1f}"
