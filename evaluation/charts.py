"""Small charts as SVG text, for reports that open without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from pose.people import DoubleArray, IntArray

# One meaning per colour in the whole report; colour-blind readers can distinguish them too.
MISS, FALSE_POSITIVE, SWITCH = "#e69f00", "#56b4e9", "#d62839"
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")
_TICKS = (0, 20, 40, 60, 80, 100)


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def bars(names: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Grouped bars in percent; a value below zero has no bar, only its number, under the axis."""
    width, height, left, bottom = 1000, 270, 34, 54
    plot = height - bottom - 12
    slot = (width - left) / len(names)
    bar = slot * 0.8 / len(series)
    parts = []
    for tick in _TICKS:
        y = 12 + plot * (1 - tick / 100)
        parts += [_line(left, y, width, y), _text(left - 5, y + 4, str(tick), "end")]
    for index, name in enumerate(names):
        x = left + slot * index + slot * 0.1
        for number, (label, values) in enumerate(series.items()):
            value = values[index]
            if np.isnan(value):
                continue
            size = plot * min(max(value, 0), 100) / 100
            parts.append(
                f'<rect x="{x + bar * number:.1f}" y="{12 + plot - size:.1f}" width="{bar:.1f}" '
                f'height="{size:.1f}" fill="{SERIES[number]}">'
                f"<title>{escape(name)} {escape(label)}: {value:.1f}</title></rect>"
            )
            y = 12 + plot + (10 if value < 0 else -size - 3)
            parts.append(
                f'<text class="value" x="{x + bar * (number + 0.5):.1f}" y="{y:.1f}" '
                f'text-anchor="middle">{value:.0f}</text>'
            )
        words = name.split("_")
        parts += [
            _text(x + slot * 0.4, height - bottom + 26 + 13 * row, word)
            for row, word in enumerate(words)
        ]
    return _svg(width, height, parts, "scores by joint") + legend(
        dict(zip(series, SERIES, strict=False))
    )


def legend(colours: Mapping[str, str]) -> str:
    """Coloured names under a chart."""
    items = (f'<span><i style="background:{c}"></i>{escape(n)}</span>' for n, c in colours.items())
    return f'<p class="legend">{"".join(items)}</p>'


def curves(
    title: str,
    lines: Mapping[str, tuple[DoubleArray, DoubleArray]],
    axes: tuple[str, str],
    x_range: tuple[float, float] = (0, 100),
) -> str:
    """Lines by name, x (N,) and y (N,) in percent each, without NaN, thinned to what is visible."""
    width, height, left, bottom = 300, 240, 34, 36
    across, down = width - left - 8, height - bottom - 24
    span = (x_range[1] - x_range[0]) or 1
    parts = [_text(width / 2, 14, title)]
    for tick in _TICKS:
        y = 24 + down * (1 - tick / 100)
        x = left + across * tick / 100
        number = x_range[0] + span * tick / 100
        parts += [_line(left, y, width - 8, y), _text(left - 5, y + 4, str(tick), "end")]
        parts += [_text(x, height - bottom + 14, f"{number:g}", "end" if tick == 100 else "middle")]
    parts.append(_text(left + across / 2, height - 4, f"{axes[0]} → {axes[1]} ↑"))
    for number, (name, (xs, ys)) in enumerate(lines.items()):
        known = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
        seen = known[np.linspace(0, len(known) - 1, min(len(known), 100)).round().astype(int)]
        across_px = left + across * (xs[seen] - x_range[0]) / span
        down_px = 24 + down * (1 - ys[seen].clip(0, 100) / 100)
        points = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in zip(across_px.tolist(), down_px.tolist(), strict=True)
        )
        parts.append(
            f'<polyline fill="none" stroke="{SERIES[number]}" points="{points}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    colours = legend(dict(zip(lines, SERIES, strict=False)))
    return f"<figure>{_svg(width, height, parts, title)}{colours}</figure>"


def timeline(
    frames: IntArray,
    misses: IntArray,
    false_positives: IntArray,
    switches: Mapping[int, str],
    moments: Mapping[int, tuple[int, int]],
) -> str:
    """Errors of each frame: misses, false positives on top of them, and a red mark per switch.

    Below it the highest bar's errors a frame, the scale of the others.

    frames (F,): their numbers in the file; misses and false_positives (F,). `switches` says what
    happened in a frame of that number; `moments` are the stretches (start, end), indices into F, to
    mark with a rank. Several frames share a bar, their mean, where there are more than 500.
    """
    width, height, top, bottom = 1000, 130, 22, 18
    down = height - top - bottom
    count = len(frames)
    per_bar = max(1, -(-count // 500))
    edges = np.arange(0, count, per_bar)
    shared = np.diff(edges, append=count)  # frames of each bar; the last may have fewer
    sums = [np.add.reduceat(values, edges) / shared for values in (misses, false_positives)]
    tallest = float((sums[0] + sums[1]).max())
    highest = max(tallest, 1.0)
    bar = width / len(edges)
    parts = [_line(0, height - bottom, width, height - bottom, "axis")]
    ranks = []  # drawn last: the highest bars of a moment reach up to them
    for rank, (start, end) in moments.items():
        x, wide = bar * start / per_bar, bar * (end - start) / per_bar
        parts.append(
            f'<rect class="moment" x="{x:.1f}" y="0" width="{wide:.1f}" '
            f'height="{height - bottom}"/>'
        )
        ranks.append(f'<text class="rank" x="{x + 5:.1f}" y="30">{rank}</text>')
    numbers = frames.tolist()
    for index, (missed, wrong) in enumerate(zip(*(s.tolist() for s in sums), strict=True)):
        first = numbers[index * per_bar]
        last = numbers[min((index + 1) * per_bar, count) - 1]
        span = f"frame {first}" if first == last else f"frames {first}-{last}"
        low, high = down * missed / highest, down * wrong / highest
        parts.append(
            f"<g><title>{span}: {missed:g} misses, {wrong:g} false positives</title>"
            f'<rect x="{bar * index:.2f}" y="{height - bottom - low:.1f}" width="{bar:.2f}" '
            f'height="{low:.1f}" fill="{MISS}"/><rect x="{bar * index:.2f}" '
            f'y="{height - bottom - low - high:.1f}" width="{bar:.2f}" height="{high:.1f}" '
            f'fill="{FALSE_POSITIVE}"/></g>'
        )
    parts += ranks
    places = {frame: index for index, frame in enumerate(numbers)}
    for frame, text in switches.items():
        x = bar * (places[frame] // per_bar + 0.5)
        parts.append(
            f'<path d="M{x - 4:.1f},4 h8 l-4,9 z" fill="{SWITCH}">'
            f"<title>frame {frame}: {escape(text)}</title></path>"
        )
    for index in np.linspace(0, len(edges) - 1, min(11, len(edges))).round().astype(int):
        anchor = "start" if index == 0 else "end" if index == len(edges) - 1 else "middle"
        parts.append(_text(bar * (index + 0.5), height - 4, str(int(frames[edges[index]])), anchor))
    scale = f'<p class="dim">The highest bar: {round(tallest, 1):g} errors a frame.</p>'
    return _svg(width, height, parts, "errors over time") + scale
