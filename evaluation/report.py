"""The report of a scored set: one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from evaluation.ap import precision_recall
from evaluation.charts import FALSE_POSITIVE, MISS, SWITCH, bars, curves, legend, timeline
from evaluation.mota import Switch
from evaluation.pose_scores import ScoreOptions, SequenceScore, total
from evaluation.pose_summary import Scores, figures
from evaluation.table import GROUPS, JOINT_NAMES
from pose.command import counted
from pose.people import IntArray

_WINDOW = 10  # frames of a "moment"
_STYLE = """
:root{color-scheme:light dark;--fg:#1c1c1e;--bg:#fff;--soft:#f3f4f6;--line:#d9dbe0;--dim:#666}
@media(prefers-color-scheme:dark){:root{--fg:#eee;--bg:#16171a;--soft:#222429;--line:#3a3d44;
--dim:#a0a0a8}}
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;
color:var(--fg);background:var(--bg)}h1{margin-bottom:0}h2{margin-top:2em}h3{margin:1.4em 0 .3em}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{padding:.25em .8em;text-align:right;
border-bottom:1px solid var(--line)}td:first-child,th:first-child{text-align:left}
td:first-child{overflow-wrap:anywhere;min-width:9em}
svg{width:100%;height:auto;display:block}svg text{font-size:11px;fill:var(--dim)}
svg text.value{font-size:9px}.grid{stroke:var(--line)}.axis{stroke:var(--dim)}
.tiles,.row{display:flex;flex-wrap:wrap;gap:12px}.tiles div{background:var(--soft);padding:.6em 1em;
border-radius:8px;min-width:84px}.tiles b{display:block;font-size:1.6em}figure{margin:0;width:250px}
.legend span{margin-right:1.2em;white-space:nowrap;color:var(--dim)}
.legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px}
polyline{stroke-width:1.6}ol.worst li{margin:.6em 0}
.moment{fill:var(--line);opacity:.55}svg text.rank{font-size:17px;font-weight:bold;fill:var(--fg)}
ol.worst small{display:block}
.dim,summary{color:var(--dim)}
"""


class Moment(NamedTuple):
    """A stretch of frames with many errors."""

    sequence: int  # index of the SequenceScore
    start: int  # index of its first frame among those scored
    end: int  # one past its last
    misses: int
    false_positives: int
    switches: tuple[Switch, ...]

    @property
    def errors(self) -> int:
        """All its errors, over all joints."""
        return self.misses + self.false_positives + len(self.switches)


def worst_moments(scores: Sequence[SequenceScore], count: int) -> list[Moment]:
    """The `count` stretches of ten frames with the most errors, none overlapping, worst first."""
    found: list[Moment] = []
    for number, score in enumerate(scores):
        events, errors = score.events, _errors(score)
        window = min(_WINDOW, len(errors))
        if not window:
            continue
        sums = np.convolve(errors, np.ones(window, np.int64), "valid")  # (F - window + 1,)
        for _ in range(count):
            start = int(sums.argmax())
            if sums[start] <= 0:
                break
            sums[max(0, start - window + 1) : start + window] = -1
            part = slice(start, start + window)
            found.append(
                Moment(
                    number,
                    start,
                    start + window,
                    int(events.misses[part].sum()),
                    int(events.false_positives[part].sum()),
                    tuple(s for s in events.switches if start <= s.frame < start + window),
                )
            )
    return sorted(found, key=lambda moment: -moment.errors)[:count]


def _errors(score: SequenceScore) -> IntArray:
    """Misses, false positives and switches of each scored frame (F,), over all joints."""
    errors = (score.events.misses + score.events.false_positives).sum(1)
    np.add.at(errors, [switch.frame for switch in score.events.switches], 1)
    return errors


def report_page(
    scores: Sequence[SequenceScore],
    scores_of: dict[str, Scores],
    overall: Scores,
    options: ScoreOptions,
) -> str:
    """The whole page; `scores_of` and `overall` are the summaries of `scores` and of their sum."""
    body = [_head(scores, overall, options)]
    worst = worst_moments(scores, 3)
    if "CLEAR" in overall:
        body.append(_worst(scores, worst))
    body.append(_joints(overall))
    body.append(_sequence_table(scores_of, overall))
    if "CLEAR" in overall:
        body.append(_timelines(scores, worst))
    if "AP" in overall:
        body.append(_precision_recall(scores))
    if "sweep" in overall:
        body.append(_sweep(overall))
    title = "Pose tracking report"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"{''.join(body)}</body></html>\n"
    )


def _head(scores: Sequence[SequenceScore], overall: Scores, options: ScoreOptions) -> str:
    tiles = figures(overall, "mAP", "MOTA", "MOTP", "HOTA", "IDF1", "switches")
    shown = "".join(
        f"<div>{name}<b>{_number(values[15])}</b></div>" for name, values in tiles.items()
    )
    mode = "every labelled frame" if options.strict else "as poseval counts"
    threshold = "" if options.kpt_thr is None else f", joints under {options.kpt_thr:g} not tracked"
    size = f"{counted(len(scores), 'sequence')}, {counted(overall['frames'], 'frame')}"
    return (
        "<h1>Pose tracking report</h1>"
        f'<p class="dim">{size}; {mode}{threshold}. Scores in percent, the mean of the '
        "joints; switches are counted for each joint.</p>"
        f'<div class="tiles">{shown}</div>'
    )


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "-" if np.isnan(value) else f"{value:z.1f}"


def _worst(scores: Sequence[SequenceScore], worst: Sequence[Moment]) -> str:
    everything = sum(int(_errors(score).sum()) for score in scores)
    items = []
    for moment in worst:
        score = scores[moment.sequence]
        frames = score.clear_frames[moment.start : moment.end]
        errors = _errors(score)[moment.start : moment.end]
        peak = int(frames[errors.argmax()])
        switched = sorted({(s.truth_id, s.old_id, s.new_id) for s in moment.switches})
        ids = "; ".join(f"person {t} went from id {a} to {b}" for t, a, b in switched[:6])
        more = f" and {len(switched) - 6} more" if len(switched) > 6 else ""
        items.append(
            f'<li><a href="#s{moment.sequence}"><b>{escape(score.name)}</b>, frames '
            f"{frames[0]}-{frames[-1]}</a>: {counted(moment.misses, 'joint')} missed, "
            f"{moment.false_positives} false, {len(moment.switches)} switched "
            f"({moment.errors / everything:.0%} of all errors). The worst frame is {peak}, "
            f"{escape(score.frame_names[peak])}, with {errors.max()}."
            f"{f'<small>{ids}{more}.</small>' if ids else ''}</li>"
        )
    listed = f'<ol class="worst">{"".join(items)}</ol>' if items else "<p>No errors at all.</p>"
    if not any(len(score.clear_frames) for score in scores):
        listed = "<p>No frame is scored for MOTA.</p>"
    return f"<h2>The worst moments</h2>{listed}"


def _joints(overall: Scores) -> str:
    series = figures(overall, "mAP", "MOTA", "HOTA")
    series = {"AP" if name == "mAP" else name: values for name, values in series.items()}
    if not series:
        return ""
    return f"<h2>Joints</h2>{bars([*JOINT_NAMES, 'mean'], series)}"


def _sequence_table(scores_of: dict[str, Scores], overall: Scores) -> str:
    rows = []
    numbers = {name: number for number, name in enumerate(scores_of)}
    for name, scores in [*sorted(scores_of.items()), ("all", overall)]:
        link = escape(name)
        if scores is not overall and "CLEAR" in overall:
            link = f'<a href="#s{numbers[name]}">{link}</a>'
        values = figures(scores).values()
        cells = "".join(f"<td>{_number(value[15])}</td>" for value in values)
        rows.append(f"<tr><td>{link}</td><td>{scores['frames']}</td>{cells}</tr>")
    columns = ("sequence", "frames", *figures(overall))
    header = "".join(f"<th>{name}</th>" for name in columns)
    return f"<h2>Sequences</h2><table><tr>{header}</tr>{''.join(rows)}</table>"


def _timelines(scores: Sequence[SequenceScore], worst: Sequence[Moment]) -> str:
    colours = {"misses": MISS, "false positives": FALSE_POSITIVE, "a switch": SWITCH}
    parts = [
        "<h2>Errors over time</h2>",
        '<p class="dim">Joints a frame, all people together. Point at a bar or mark to read it; '
        "frames count from 0 as in the file. The numbered stretches are the worst moments.</p>",
        legend(colours),
    ]
    for number, score in sorted(enumerate(scores), key=lambda entry: entry[1].name):
        parts.append(f'<h3 id="s{number}">{escape(score.name)}</h3>')
        if not len(score.clear_frames):
            parts.append("<p>No frame of it is scored for MOTA.</p>")
            continue
        texts: dict[int, list[str]] = {}
        rows = []
        for frame, truth, old, new, joints in _switches(score):
            place = int(score.clear_frames[frame])
            texts.setdefault(place, []).append(f"person {truth}: {old} to {new}")
            rows.append(
                f"<tr><td>{place}</td><td>{escape(score.frame_names[place])}</td><td>{truth}</td>"
                f"<td>{old}</td><td>{new}</td><td>{escape(', '.join(joints))}</td></tr>"
            )
        events = score.events
        marks = {place: "; ".join(text) for place, text in texts.items()}
        misses, wrong = events.misses.sum(1), events.false_positives.sum(1)
        moments = {
            rank: (moment.start, moment.end)
            for rank, moment in enumerate(worst, start=1)
            if moment.sequence == number
        }
        parts.append(timeline(score.clear_frames, misses, wrong, marks, moments))
        if rows:
            parts.append(
                f"<details><summary>{counted(len(rows), 'switch', 'switches')} of people, "
                f"{len(events.switches)} of joints</summary><table><tr><th>frame</th><th>picture"
                "</th><th>person</th><th>id before</th><th>id now</th><th>joints</th></tr>"
                f"{''.join(rows)}</table></details>"
            )
    return "".join(parts)


def _switches(score: SequenceScore) -> list[tuple[int, int, int, int, list[str]]]:
    """Frame, person, id before, id now, and the joints that switched that way."""
    together: dict[tuple[int, int, int, int], list[str]] = {}
    for switch in score.events.switches:
        key = (switch.frame, switch.truth_id, switch.old_id, switch.new_id)
        together.setdefault(key, []).append(JOINT_NAMES[switch.layer])
    return [(*key, joints) for key, joints in together.items()]


def _precision_recall(scores: Sequence[SequenceScore]) -> str:
    by_joint = precision_recall(total(scores).detections, group_ties=True)
    figures = []
    for group, joints in GROUPS.items():
        lines = {}
        for joint in joints:
            curve = by_joint[joint]
            first = curve.precision[:1]  # which AP counts from recall 0 on
            recall = np.append(0 * first, curve.recall)
            precision = np.append(first, curve.precision)
            lines[JOINT_NAMES[joint]] = (100 * recall, 100 * precision)
        figures.append(curves(group, lines, ("recall", "precision")))
    return f'<h2>Precision and recall</h2><div class="row">{"".join(figures)}</div>'


def _sweep(overall: Scores) -> str:
    rows = overall["sweep"]
    thresholds = np.array([row["kpt_thr"] for row in rows])
    names = {"mota": "MOTA", "pre": "precision", "rec": "recall"}
    lines = {
        name: (thresholds, np.array([row[key] for row in rows], np.float64))
        for key, name in names.items()
    }
    best = max(rows, key=lambda row: row["mota"])
    said = f"Best: MOTA {best['mota']:.1f} at {best['kpt_thr']:g}."
    if np.isnan(best["mota"]):  # they all are
        said = "No frame is scored for MOTA."
    span = (float(thresholds.min()), float(thresholds.max()))
    chart = curves("MOTA by joint threshold", lines, ("threshold", "percent"), span)
    return f'<h2>The joint threshold</h2><p>{said}</p><div class="row">{chart}</div>'
