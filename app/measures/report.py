"""One self-contained page about a clip: who was there when, angles, speeds and thumbnails."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np

from app.measures.angles import SAME_S
from app.measures.options import MeasureOptions
from app.measures.plots import draw_person
from app.measures.series import GAP_S, Series, absences
from app.overlay import hex_colour_of
from app.thumbnails import thumbnail
from pose.command import counted
from pose.people import FloatArray, Frame, ImageArray
from tracking.formats.whole import write_pieces
from tracking.tracks import FrameResult

THUMBNAIL_WH = (130, 160)
LABEL_CHARACTERS = 6  # as many as fit beside the bars
WIDTH_PX, LEFT_PX = 1000, 46  # width of drawings over the whole clip, and of their labels
STYLE = """
:root { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #f5f6f8; }
body { max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } .note { color: #667085; margin: 0 0 1.2rem; }
section { background: #fff; border-radius: 12px; padding: 1rem 1.2rem; margin: 0 0 1rem;
  box-shadow: 0 1px 3px #0001; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; display: flex; gap: .6rem; align-items: center; }
svg + h2 { margin-top: 1rem; }
.plate { border-radius: 7px; padding: .1rem .55rem; font-weight: 700; color: #10121a; }
.person { display: grid; grid-template-columns: auto 1fr; gap: 1rem; }
.person img.thumb { height: 160px; border-radius: 8px; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { text-align: right; padding: .16rem .8rem .16rem 0; } th:first-child, td:first-child
  { text-align: left; } th { color: #667085; font-weight: 500; border-bottom: 1px solid #e4e7ec; }
img.plot { width: 100%; margin-top: .6rem; } svg { width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, sans-serif; fill: #667085; }
"""


def best_places(results: Iterable[FrameResult]) -> dict[int, tuple[float, FloatArray]]:
    """For each id, the time_s at which the person is large and scores high, and the box (4,)."""
    best: dict[int, tuple[float, float, FloatArray]] = {}
    for result in results:
        poses = result.people.poses
        worth = poses.scores * np.sqrt(np.maximum(poses.boxes[:, 3] - poses.boxes[:, 1], 0))
        for place, person in enumerate(result.people.ids.tolist()):
            if person not in best or worth[place] > best[person][0]:
                best[person] = float(worth[place]), result.frame.time_s, poses.boxes[place]
    return {person: (time_s, box) for person, (_, time_s, box) in best.items()}


def take_thumbnails(
    frames: Iterable[Frame], places: Mapping[int, tuple[float, FloatArray]]
) -> dict[int, ImageArray]:
    """Pictures of people by id, cut from the frames where `best_places` found them.

    places: id -> time_s and box (4,). Frames come in order and are matched by time, not number:
    after a seek in a clip with a variable frame rate, numbers are only estimated. People in none
    of the frames get no picture.
    """
    waiting = sorted(places, key=lambda person: places[person][0], reverse=True)
    pictures = {}
    for frame in frames:
        while waiting and places[waiting[-1]][0] <= frame.time_s + SAME_S:
            time_s, box = places[person := waiting.pop()]
            if time_s >= frame.time_s - SAME_S:
                pictures[person] = thumbnail(frame.image, box, THUMBNAIL_WH)
        if not waiting:
            break
    return pictures


def write_report(
    path: Path,
    name: str,
    people: Sequence[Series],
    options: MeasureOptions,
    thumbnails: Mapping[int, ImageArray],
    span_s: tuple[float, float],
) -> None:
    """Write the page. `thumbnails` are BGR pictures of people by id; not everybody needs one.

    `span_s` holds the times of the clip's first and last frames.
    """
    write_pieces(path, _page(name, people, options, thumbnails, span_s))


def _page(
    name: str,
    people: Sequence[Series],
    options: MeasureOptions,
    thumbnails: Mapping[int, ImageArray],
    span_s: tuple[float, float],
) -> Iterator[str]:
    title = html.escape(name)
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><body>'
    note = counted(len(people), "person", "people")
    if people:
        starts_s = min(float(series.times_s[0]) for series in people)
        ends_s = max(float(series.times_s[-1]) for series in people)
        note += f" from {starts_s:.1f} to {ends_s:.1f} s"
        times_s, counts = how_many(people)
        note += f", up to {counts.max()} at a time"
    yield f'<h1>{title}</h1><p class="note">{note}</p>'
    if people:
        yield f"<section><h2>Who was there when</h2>{_timeline(people, span_s)}"
        curve = _count_curve(times_s, counts, span_s, people[0].gap_s)
        yield f"<h2>How many at a time</h2>{curve}</section>"
    for series in people:
        yield _person(series, options, thumbnails.get(series.person))
    yield "</body></html>\n"


def _timeline(people: Sequence[Series], span_s: tuple[float, float]) -> str:
    """A row per person, with a bar for every stretch of time in which the person was seen.

    A click on it leads to the person's section.
    """
    row = 22
    height = row * len(people) + 26
    shapes = [_axis(span_s, height, "timeline")]
    for place, series in enumerate(people):
        y = place * row
        shapes.append(f'<a href="#person{series.person}">')
        shapes.append(f'<text x="2" y="{y + 15}">{_short(series.label)}</text>')
        for stretch in stretches(series.times_s, series.gap_s):
            left, right = _across(np.array(stretch), span_s)
            shapes.append(
                f'<rect x="{left:.1f}" y="{y + 4}" width="{max(right - left, 2):.1f}" '
                f'height="{row - 8}" rx="4" fill="{hex_colour_of(series.person)}"/>'
            )
        shapes.append("</a>")
    shapes.append("</svg>")
    return "".join(shapes)


def _short(label: str) -> str:
    """As much of a name as fits beside a bar; the tooltip shows the full name."""
    if len(label) <= LABEL_CHARACTERS:
        return html.escape(label)
    cut = html.escape(label[: LABEL_CHARACTERS - 1])
    return f"{cut}…<title>{html.escape(label)}</title>"


def how_many(people: Sequence[Series]) -> tuple[np.ndarray, np.ndarray]:
    """The times (T,) of frames with people, in order, and the number of people (T,) in each."""
    return np.unique(np.concatenate([series.times_s for series in people]), return_counts=True)


def _count_curve(
    times_s: np.ndarray, counts: np.ndarray, span_s: tuple[float, float], gap_s: float
) -> str:
    """The number of people over time, as a filled step curve."""
    top, height = 6, 92
    floor = height - 20
    per_person = (floor - top) / counts.max()
    ways = [_axis(span_s, height, "number of people")]
    for number in sorted({0, int(counts.max())}):
        ways.append(f'<text x="2" y="{floor - number * per_person + 4:.1f}">{number}</text>')
    breaks = absences(times_s, gap_s)
    for part_s, part in zip(np.split(times_s, breaks), np.split(counts, breaks), strict=True):
        changes = np.flatnonzero(np.diff(part, prepend=0))
        x = _across(part_s, span_s)
        steps = "".join(f"H{x[k]:.1f}V{floor - part[k] * per_person:.1f}" for k in changes)
        ways.append(f'<path d="M{x[0]:.1f} {floor}{steps}H{x[-1]:.1f}V{floor}Z" fill="#9db8d2"/>')
    return "".join([*ways, "</svg>"])


def _across(times_s: np.ndarray, span_s: tuple[float, float]) -> np.ndarray:
    """Where times (T,) lie in a drawing over the whole clip: pixels (T,) from its left edge."""
    starts_s, ends_s = span_s
    return LEFT_PX + (times_s - starts_s) * (WIDTH_PX - LEFT_PX - 10) / max(ends_s - starts_s, 1e-6)


def _axis(span_s: tuple[float, float], height: int, label: str) -> str:
    """The start of a drawing over the whole clip, with the grid lines and labels of time."""
    shapes = [f'<svg viewBox="0 0 {WIDTH_PX} {height}" role="img" aria-label="{label}">']
    ticks_s = _ticks(*span_s)
    for tick_s, x in zip(ticks_s, _across(np.array(ticks_s), span_s), strict=True):
        shapes.append(f'<path d="M{x:.1f} 0V{height - 20}" stroke="#e4e7ec"/>')
        before = ' text-anchor="end"' if x > WIDTH_PX - 60 else ""  # else the edge would cut it
        shapes.append(f'<text x="{x:.1f}" y="{height - 4}"{before}>{tick_s:.10g} s</text>')
    return "".join(shapes)


def stretches(times_s: np.ndarray, gap_s: float = GAP_S) -> list[tuple[float, float]]:
    """The stretches of times (F,) without an absence longer than `gap_s`: starts and ends."""
    breaks = absences(times_s, gap_s)
    return [(float(part[0]), float(part[-1])) for part in np.split(times_s, breaks)]


def _ticks(starts_s: float, ends_s: float) -> list[float]:
    """Round times from `starts_s` to `ends_s`, about eight of them."""
    length_s = ends_s - starts_s
    steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600]
    rounded_up = 10.0 ** math.ceil(math.log10(max(length_s, 1) / 9))  # of many days
    step = next((step for step in steps if length_s / step <= 9), rounded_up)
    return [n * step for n in range(math.ceil(starts_s / step), int(ends_s / step) + 1)]


def _person(series: Series, options: MeasureOptions, picture: ImageArray | None) -> str:
    shown = ""
    if picture is not None:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
        shown = f'<img class="thumb" alt="" src="{_inline(data.tobytes(), "jpeg")}">'
    table = '<p class="note">no joint was seen clearly for long enough to be measured</p>'
    curves = ""
    if series.measured:
        plot = BytesIO()
        draw_person(series, options, titled=False).savefig(plot, format="png", dpi=90)
        table = _table(series, options)
        curves = f'<img class="plot" alt="curves" src="{_inline(plot.getvalue(), "png")}">'
    seen_s = sum(end_s - start_s for start_s, end_s in stretches(series.times_s, series.gap_s))
    number = f"number {series.person}, " if series.name else ""
    return (
        f'<section id="person{series.person}">'
        f'<h2><span class="plate" style="background:{hex_colour_of(series.person)}">'
        f"{html.escape(series.label)}</span> {number}"
        f"seen for {seen_s:.1f} s in {counted(len(series.frames), 'frame')}, "
        f"mean score {series.scores.mean():.2f}</h2>"
        f'<div class="person">{shown}{table}</div>{curves}</section>'
    )


def _table(series: Series, options: MeasureOptions) -> str:
    rows = ["<table><tr><th>measure<th>lowest<th>median<th>highest<th>seen</tr>"]
    for column, measure in enumerate(options.measures):
        values = series.values[:, column]
        values = values[np.isfinite(values)]
        seen = f"{100 * len(values) / len(series.values):.0f}%"
        unit = options.unit_of(measure)
        numbers = (
            [_number(value, unit) for value in np.percentile(values, [0, 50, 100])]
            if len(values)
            else ["–"] * 3
        )
        cells = "".join(f"<td>{cell}" for cell in [measure.name, *numbers, seen])
        rows.append(f"<tr>{cells}</tr>")
    return "".join([*rows, "</table>"])


def _number(value: float, unit: str) -> str:
    """The value and its unit, with no more digits than are meaningful."""
    if unit == "°":
        return f"{value:.0f}°"
    return f"{value:.0f} {unit}" if unit == "px/s" else f"{value:.2f} {unit}"


def _inline(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
