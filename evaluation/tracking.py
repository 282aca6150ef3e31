"""`python -m evaluation.tracking`: compare trackers on recorded detections.

Every tracker gets the same people, frame by frame, and is scored on boxes: MOTA, IDF1, recall,
switches, switches over recall (IDSR) and fragments at IoU 0.5, HOTA with DetA and AssA over its
nineteen thresholds, and the median CPU milliseconds per frame. Rivals that are installed are
compared too (see evaluation/rivals.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from evaluation.ablation import ABLATIONS, BASELINES
from evaluation.contenders import (
    Contender,
    online,
    posse,
    run,
    run_pipeline,
    run_refined,
    run_with_camera,
    run_with_shots,
    scores,
    total,
)
from evaluation.noise import crowd
from evaluation.recorded_poses import LOWEST_SCORE
from evaluation.recordings import GYMNASTS_FROM, SETS, Recording, load_set, without_appearance
from evaluation.results import check_writable, write_figures
from evaluation.rivals import TrackerMaker, installed
from evaluation.shaking import edited, hand_held, shaken, thinned, trembled
from evaluation.table import markdown_table
from pose.command import natural, run_command, say
from tracking.pipeline import PipelineConfig

SHARED = Path(__file__).resolve().parents[2] / "shared" / "eval"
_OURS = "posse"
_REFINED = "posse, refined afterwards"
_WITH_CAMERA = "posse, camera motion"
_WITH_CUTS = "posse, cuts told"
_WITH_APPEARANCE = "posse, appearance"
_PROGRAM = "whole program, once"
_COPIES = 12  # of each real video, see evaluation.shaking.trembled
_CROWDS = (10, 50)  # people of the speed table


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Rows of figures as a Markdown table."""
    names = list(next(iter(rows.values())))
    cells = (
        [tracker, *(f"{figures[name]:.{_decimals(name)}f}" for name in names)]
        for tracker, figures in rows.items()
    )
    return markdown_table(["tracker", *names], cells)


def _decimals(name: str) -> int:
    return 0 if name in ("switches", "fragments") else 2 if "ms" in name else 1


def trackers_of(args: argparse.Namespace) -> dict[str, TrackerMaker]:
    """The online trackers to compare, by their name in the table."""
    if args.ablation:
        return {_OURS: posse(), **{name: posse(config) for name, config in ABLATIONS.items()}}
    baselines = {name: posse(config) for name, config in BASELINES.items()}
    return {_OURS: posse(), **baselines, **installed()}


def contenders(
    makers: Mapping[str, TrackerMaker], recordings: Sequence[Recording], ablation: bool
) -> dict[str, Contender]:
    """The rows of a table: ours, then ours with more input than a frame's people, then others."""
    rows = {_OURS: online(makers[_OURS])}
    if not ablation:
        rows[_REFINED] = run_refined
    if all(recording.warps is not None for recording in recordings):
        rows[_WITH_CAMERA] = run_with_camera
    if all(recording.shots is not None for recording in recordings):
        rows[_WITH_CUTS] = run_with_shots
    if any(seen.appearance.size for recording in recordings for seen in recording.people):
        rows[_WITH_APPEARANCE] = rows[_OURS]
    return rows | {name: online(make) for name, make in makers.items()}


def recordings_of(name: str, args: argparse.Namespace) -> list[Recording]:
    """The recordings of a set that the arguments choose; there may be none that were tuned on."""
    if _is_real(name) and args.part == "tuned":
        return []  # before the networks are run
    if _is_real(name):
        video = _real_video(name, args)
        recordings = [trembled(video, seed) for seed in range(_COPIES)]
    elif name == "poses-shaken":
        recordings = load_set(args.data, "poses-medium", args.frames or None)
        recordings = [shaken(still, hand_held(len(still.people))) for still in recordings]
    elif name == "poses-cut":
        every = load_set(args.data, "poses-medium", args.frames or None)
        halves = [[each for each in every if each.tuned == tuned] for tuned in (True, False)]
        recordings = [edited(*two) for half in halves for two in pairwise(half)]
    elif name.endswith("-sparse"):
        kind = name.removesuffix("-sparse")
        recordings = load_set(args.data, f"{kind}-medium", args.frames or None)
        recordings = [thinned(whole) for whole in recordings]
    else:
        recordings = load_set(args.data, name, args.frames or None)
    if args.part == "all":
        return recordings
    return [each for each in recordings if each.tuned == (args.part == "tuned")]


def _is_real(name: str) -> bool:
    return name.startswith("gymnasts")


def _gymnasts_video(args: argparse.Namespace) -> Path:
    return Path(args.data) / "gymnasts" / "gymnasts.mp4"


def _real_video(name: str, args: argparse.Namespace) -> Recording:
    # Imported here, since only these sets need OpenCV
    from evaluation.footage import filmed, filmed_by_hand, frames_of
    from evaluation.recorded_poses import gymnasts_seen

    recording = gymnasts_seen(name, args.data, (args.detector, args.pose), args.keep)
    images = [frame.image for frame in frames_of(_gymnasts_video(args))][GYMNASTS_FROM:]
    images = images[: len(recording.people)]
    film = filmed_by_hand if name.endswith("shaken") else filmed
    return film(recording, images)


def speed(makers: Mapping[str, TrackerMaker]) -> dict[str, dict[str, float]]:
    """Median milliseconds per frame for each number of people, all walking, all with poses.

    The best of twenty runs, taken in turn: other work on the machine can only add time.
    """
    rows: dict[str, dict[str, float]] = {name: {} for name in makers}
    for people in _CROWDS:
        walking = Recording("walking", crowd(people, 150), [], [], tuned=False)
        column = f"ms, {people} people"
        for _ in range(20):
            for name, make in makers.items():
                usual_ms = float(np.median(run(walking, make)[1][20:]))
                rows[name][column] = min(usual_ms, rows[name].get(column, usual_ms))
    return rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--data", type=Path, default=SHARED, metavar="DIR", help="folder of the sets")
    text = f"of {', '.join(SETS)} (default: all)"
    add("--sets", nargs="+", choices=SETS, default=SETS, metavar="SET", help=text)
    text = "recordings not used to choose settings, used, or all"
    add("--part", choices=("reported", "tuned", "all"), default="reported", help=text)
    add("--frames", type=natural, default=250, metavar="N", help="of poses and sports; 0 for all")
    add("--ablation", action="store_true", help="our tracker without its parts")
    add("--detector", default="posse-detector", metavar="NAME", help="for gymnasts: name or file")
    add("--pose", default="posse-pose", metavar="NAME", help="for gymnasts: name or file")
    text = "keep what networks saw here, and use it again"
    add("--keep", type=Path, default=None, metavar="DIR", help=text)
    add("--no-speed", action="store_true", help="leave the speed table out")
    add("--json", type=Path, metavar="FILE", help="write the figures here too")


def compare(args: argparse.Namespace) -> int:
    """Print the tables that the arguments ask for; returns 0."""
    if args.json:
        check_writable(args.json)
    makers = trackers_of(args)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name in args.sets:
        recordings = recordings_of(name, args)
        if not recordings:
            tuned = args.part == "tuned"
            why = "no settings were chosen on it" if tuned else "too few recordings"
            say(f"\n### {name}: {why}")
            continue
        frames = sum(len(recording.people) for recording in recordings)
        say(f"\n### {name}: {len(recordings)} recordings, {frames} frames\n")
        results[name] = _figures(name, recordings, makers, args)
        say(table(results[name]))
    if not args.no_speed:
        results["speed"] = speed(makers)
        say(f"\n### speed\n\n{table(results['speed'])}")
    if args.json:
        write_figures(args.json, results)
    return 0


def _figures(
    name: str,
    recordings: Sequence[Recording],
    makers: Mapping[str, TrackerMaker],
    args: argparse.Namespace,
) -> dict[str, dict[str, float]]:
    """The rows of a set's table."""
    copies = len(recordings) if _is_real(name) else 1
    plain = [without_appearance(recording) for recording in recordings]
    rows = {}
    for row, track in contenders(makers, recordings, args.ablation).items():
        seen = recordings if row == _WITH_APPEARANCE else plain
        rows[row] = scores(total(seen, track), copies)
    if name == "gymnasts" and args.ablation:
        config = PipelineConfig(args.detector, args.pose, bbox_thr=LOWEST_SCORE)
        looked_for = replace(config, find_missed=True)
        for row, each in (_PROGRAM, config), (f"{_PROGRAM}, missed people looked for", looked_for):
            rows[row] = scores(total(recordings[:1], run_pipeline(_gymnasts_video(args), each)))
    return rows


main = partial(run_command, "evaluation.tracking", __doc__, add_arguments, compare)

if __name__ == "__main__":
    sys.exit(main())
