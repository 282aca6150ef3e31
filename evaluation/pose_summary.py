"""Scores of poses from their counts: what the tables, the JSON files and the report show."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluation.ap import average_precision
from evaluation.hota import hota_scores
from evaluation.identity import identity_scores
from evaluation.mota import MotCounts, mot_scores
from evaluation.pose_scores import PoseCounts, ScoreOptions
from evaluation.table import GROUPS, JOINT_NAMES, grouped, with_total
from pose.people import DoubleArray

Scores = dict[str, Any]

# Name in tables -> metric, and key of its values in the summary of that metric
_FIGURES = {
    "mAP": ("AP", "ap"),
    "MOTA": ("CLEAR", "mota"),
    "MOTP": ("CLEAR", "motp"),
    "Prec": ("CLEAR", "pre"),
    "Rec": ("CLEAR", "rec"),
    "misses": ("CLEAR", "misses"),
    "false": ("CLEAR", "false_positives"),
    "switches": ("CLEAR", "switches"),
    "HOTA": ("HOTA", "HOTA"),
    "IDF1": ("Identity", "IDF1"),
}


def summary(counts: PoseCounts, options: ScoreOptions, *, workers: int = 1) -> Scores:
    """Scores by metric, in percent; lists have 16 values, the joints and their mean (or sum)."""
    result: Scores = {"frames": counts.frames}
    if "AP" in options.metrics:
        ap = average_precision(counts.detections, group_ties=options.strict, workers=workers)
        values = {"ap": ap.ap, "pre": ap.precision, "rec": ap.recall}
        result["AP"] = {name: _list(value) for name, value in values.items()}
    if "CLEAR" in options.metrics:
        result["CLEAR"] = _clear(counts.mot, options)
    if "HOTA" in options.metrics:
        result["HOTA"] = {name: _list(v) for name, v in hota_scores(counts.hota).items()}
        people = hota_scores(counts.people.hota)
        result["HOTA"]["person"] = {name: float(value[0]) for name, value in people.items()}
    if "Identity" in options.metrics:
        result["Identity"] = {
            name: _list(v) for name, v in identity_scores(counts.identity).items()
        }
        people = identity_scores(counts.people.identity)
        result["Identity"]["person"] = {
            **{name: float(value[0]) for name, value in people.items()},
            "switches": int(counts.people.mot.switches[0]),
            "fragments": int(counts.people.mot.fragments[0]),
        }
    if options.sweep:
        result["sweep"] = [
            {"kpt_thr": threshold, **{k: v[15] for k, v in _mot(swept, options).items()}}
            for threshold, swept in zip(options.sweep, counts.sweep, strict=True)
        ]
    return result


def figures(scores: Scores, *names: str) -> dict[str, list[float]]:
    """By name in tables, the 16 values of those of the `names` (of all) that were scored."""
    places = ((name, *_FIGURES[name]) for name in names or _FIGURES)
    return {name: scores[metric][key] for name, metric, key in places if metric in scores}


def totals(scores: Scores) -> dict[str, float]:
    """The totals of all that was scored, AP and MOTA also by group of joints: a table's row."""
    row: dict[str, float] = {"frames": scores["frames"]}
    for name, values in figures(scores).items():
        if name in ("mAP", "MOTA"):
            parts = zip(GROUPS, grouped(np.array(values)), strict=False)  # the total is no group
            row |= {f"{name.removeprefix('m')} {group}": part for group, part in parts}
        row[name] = values[15]
    for name, metric in (("HOTA", "HOTA"), ("IDF1", "Identity")):
        if metric in scores:
            row[f"{name} people"] = scores[metric]["person"][name]
    return row


def _list(values: DoubleArray) -> list[float]:
    """The joints and their mean."""
    return [float(value) for value in with_total(values)]


def _mot(counts: MotCounts, options: ScoreOptions) -> dict[str, list[float]]:
    # A joint without any match has MOTP 0 in poseval, and it is in the mean.
    scores = mot_scores(counts, unmatched_motp=np.nan if options.strict else 0.0)
    return {name: _list(value) for name, value in scores.items()}


def _clear(counts: MotCounts, options: ScoreOptions) -> Scores:
    named = ("truth", "misses", "false_positives", "switches", "fragments")
    tallies = {name: [int(value) for value in getattr(counts, name)] for name in named}
    return {
        **_mot(counts, options),
        "motp_poseval": _list(_poseval_motp(counts)),
        **{name: [*values, sum(values)] for name, values in tallies.items()},
    }


def _poseval_motp(counts: MotCounts) -> DoubleArray:
    """What poseval prints as MOTP with motmetrics >= 1.1, where candidates are events too."""
    found = counts.detections
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(found > 0, 100 * (1 - counts.raw_distance / found), 0.0)


def poseval_files(name: str, scores: Scores, *, poseval_motp: bool = False) -> dict[str, Scores]:
    """The two files that poseval writes for a sequence, or for `total`: file name -> content."""
    joints = {str(index): joint for index, joint in enumerate((*JOINT_NAMES, "total"))}
    files = {}
    if "AP" in scores:
        files[f"{name}_AP_metrics.json"] = {**scores["AP"], "names": joints}
    if "CLEAR" in scores:
        mot = {key: scores["CLEAR"][key] for key in ("mota", "motp", "pre", "rec")}
        if poseval_motp:
            mot["motp"] = scores["CLEAR"]["motp_poseval"]
        files[f"{name}_MOT_metrics.json"] = {**mot, "names": joints}
    return files
