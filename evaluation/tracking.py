"""`python -m evaluation.tracking`: trackers side by side on recorded detections.

Every tracker gets the same people, frame by frame, and is scored on boxes: MOTA, IDF1, switches and
fragments at IoU 0.5, HOTA with DetA and AssA over its nineteen thresholds, and the median of the
processor's milliseconds per frame. Rivals that are installed run along (see evaluation/rivals.py).
"""

from __future__ import annotations

import argparse
import functools
import operator
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.ablation import ABLATIONS, BASELINES
from evaluation.command import run_command
from evaluation.hota import HotaCounts, hota, hota_scores
from evaluation.identity import IdentityCounts, identity, identity_scores
from evaluation.matching import FloatArray, box_iou, whole_people
from evaluation.mota import MotCounts, clear
from evaluation.noise import crowd
from evaluation.recordings import FRAME_RATE, GYMNASTS_FROM, SETS, Recording, load_set
from evaluation.results import check_writable, write_figures
from evaluation.rivals import Tracked, Tracker, TrackerMaker, installed
from evaluation.shaking import hand_held, shaken
from evaluation.table import markdown_table
from pose.people import Poses
from tracking.pipeline import PipelineConfig
from tracking.refine import refined
from tracking.tracker import PoseTracker, TrackerConfig
from tracking.tracks import TrackedPoses

SHARED = Path(__file__).resolve().parents[2] / "shared" / "eval"
_OURS = "posse"
_REFINED = "posse, refined afterwards"
_WITH_CAMERA = "posse, camera motion"
_CROWDS = (10, 50)  # people of the speed table

Contender = Callable[[Recording], tuple[list[Tracked], FloatArray]]
"""Tracks a recording; returns each frame's tracks and the milliseconds (F,) it took."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What the scores of recordings are computed from; adds with +."""

    clear: MotCounts
    identity: IdentityCounts
    hota: HotaCounts
    frames_ms: FloatArray  # (F,) of every frame

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.clear + other.clear,
            self.identity + other.identity,
            self.hota + other.hota,
            np.concatenate([self.frames_ms, other.frames_ms]),
        )


def posse(config: TrackerConfig | None = None) -> TrackerMaker:
    """Our tracker behind the bench's interface."""

    def make(_frame_rate: float) -> Tracker:
        tracker = PoseTracker(config)

        def step(people: Poses, time_s: float) -> Tracked:
            return _boxes_and_ids(tracker.update(people, time_s))

        return step

    return make


def run(people: Sequence[Poses], make: TrackerMaker) -> tuple[list[Tracked], FloatArray]:
    """Track the frames' people; returns each frame's tracks and the milliseconds (F,) it took."""
    tracker = make(FRAME_RATE)
    tracked, spent_ms = [], []
    for index, seen in enumerate(people):
        start = time.process_time()
        tracked.append(tracker(seen, index / FRAME_RATE))
        spent_ms.append(1000 * (time.process_time() - start))
    return tracked, np.array(spent_ms)


def run_refined(people: Sequence[Poses]) -> tuple[list[Tracked], FloatArray]:
    """As `run`, for our tracker and the second pass over its tracks."""
    tracker, times_s = PoseTracker(), [index / FRAME_RATE for index in range(len(people))]
    start = time.process_time()
    online = [tracker.update(seen, time_s) for seen, time_s in zip(people, times_s, strict=True)]
    tracked = [_boxes_and_ids(frame) for frame in refined(online, times_s)]
    mean_ms = 1000 * (time.process_time() - start) / len(people)
    return tracked, np.full(len(people), mean_ms)


def run_with_camera(recording: Recording) -> tuple[list[Tracked], FloatArray]:
    """As `run`, for our tracker told how the camera moved; the measuring's time is left out."""
    tracker = PoseTracker()
    frames = enumerate(zip(recording.people, recording.warps or [], strict=True))
    tracked, spent_ms = [], []
    for index, (people, warp) in frames:
        start = time.process_time()
        tracked.append(_boxes_and_ids(tracker.update(people, index / FRAME_RATE, warp)))
        spent_ms.append(1000 * (time.process_time() - start))
    return tracked, np.array(spent_ms)


def run_pipeline(args: argparse.Namespace, find_missed: bool) -> Contender:
    """The whole program on the gymnasts' video; with its second look where people were missed."""
    from evaluation.recorded_poses import LOWEST_SCORE, followed

    config = PipelineConfig(
        args.detector, args.pose, bbox_thr=LOWEST_SCORE, appearance=True, find_missed=find_missed
    )

    def track(recording: Recording) -> tuple[list[Tracked], FloatArray]:
        results = followed(_gymnasts_video(args), config)[GYMNASTS_FROM:][: len(recording.people)]
        spent_ms = np.array([result.timings_ms["track"] for result in results])
        return [_boxes_and_ids(result.people) for result in results], spent_ms

    return track


def online(make: TrackerMaker) -> Contender:
    """The tracker, started anew for each recording."""
    return lambda recording: run(recording.people, make)


def _boxes_and_ids(people: TrackedPoses) -> Tracked:
    return people.poses.boxes.astype(np.float64), people.ids


def count(recording: Recording, tracked: Sequence[Tracked], frames_ms: FloatArray) -> Counts:
    """Hold tracks against a recording's truth."""
    alike, apart = [], []
    truth = zip(recording.truth_boxes, recording.truth_ids, strict=True)
    for (truth_boxes, truth_ids), (boxes, ids) in zip(truth, tracked, strict=True):
        iou = box_iou(truth_boxes, boxes)  # (G, P)
        alike.append(whole_people(truth_ids, ids, iou))
        apart.append(whole_people(truth_ids, ids, np.where(iou >= 0.5, 1 - iou, np.nan)))
    return Counts(clear(apart, 1).counts, identity(alike, 1), hota(alike, 1), frames_ms)


def scores(counts: Counts) -> dict[str, float]:
    """The figures of a table's row."""
    mot, parts = counts.clear, hota_scores(counts.hota)
    errors = mot.misses + mot.false_positives + mot.switches
    return {
        "MOTA": float(100 * (1 - errors[0] / mot.truth[0])),
        "IDF1": float(identity_scores(counts.identity)["IDF1"][0]),
        **{name: float(parts[name][0]) for name in ("HOTA", "DetA", "AssA")},
        "switches": float(mot.switches[0]),
        "fragments": float(mot.fragments[0]),
        "ms": float(np.median(counts.frames_ms)),
    }


def total(recordings: Iterable[Recording], contender: Contender) -> Counts:
    """The summed counts of a tracker over recordings."""
    parts = [count(recording, *contender(recording)) for recording in recordings]
    return functools.reduce(operator.add, parts)


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
    """What is compared online, by the name in the table."""
    if args.ablation:
        return {_OURS: posse(), **{name: posse(config) for name, config in ABLATIONS.items()}}
    baselines = {name: posse(config) for name, config in BASELINES.items()}
    return {_OURS: posse(), **baselines, **installed()}


def contenders(
    makers: Mapping[str, TrackerMaker], recordings: Sequence[Recording], ablation: bool
) -> dict[str, Contender]:
    """The rows of a table: ours first, then what it can do with more than the frame's people."""
    rows = {_OURS: online(makers[_OURS])}
    if not ablation:
        rows[_REFINED] = lambda recording: run_refined(recording.people)
    if all(recording.warps is not None for recording in recordings):
        rows[_WITH_CAMERA] = run_with_camera
    return rows | {name: online(make) for name, make in makers.items()}


def recordings_of(name: str, args: argparse.Namespace) -> list[Recording]:
    """The recordings of a set that the arguments choose."""
    if name.startswith("gymnasts"):
        recordings = [_real_video(name, args)]
    elif name == "poses-shaken":
        recordings = load_set(args.data, "poses-medium", args.frames or None)
        recordings = [shaken(still, hand_held(len(still.people))) for still in recordings]
    else:
        recordings = load_set(args.data, name, args.frames or None)
    if any(recording.tuned for recording in recordings) and args.part != "all":
        recordings = [r for r in recordings if r.tuned == (args.part == "tuned")]
    return recordings


def _gymnasts_video(args: argparse.Namespace) -> Path:
    return Path(args.data) / "gymnasts" / "gymnasts.mp4"


def _real_video(name: str, args: argparse.Namespace) -> Recording:
    # Here, since only these sets need OpenCV
    from evaluation.footage import filmed, filmed_by_hand, pictures
    from evaluation.recorded_poses import gymnasts_seen, our_eyes

    ours = functools.partial(our_eyes, args.detector, args.pose)
    recording = gymnasts_seen(name, args.data, ours, args.keep)
    images = list(pictures(_gymnasts_video(args)))[GYMNASTS_FROM:]
    images = images[: len(recording.people)]
    film = filmed_by_hand if name.endswith("shaken") else filmed
    return film(recording, images)


def speed(makers: Mapping[str, TrackerMaker]) -> dict[str, dict[str, float]]:
    """Median milliseconds of a frame with so many people, all walking, all with poses.

    The best of three runs, in turn: whatever else the machine does only adds to them.
    """
    rows: dict[str, dict[str, float]] = {name: {} for name in makers}
    for people in _CROWDS:
        frames, column = crowd(people, 150), f"ms, {people} people"
        for _ in range(3):
            for name, make in makers.items():
                usual_ms = float(np.median(run(frames, make)[1][20:]))
                rows[name][column] = min(usual_ms, rows[name].get(column, usual_ms))
    return rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, metavar="SET",
                        help=f"of {', '.join(SETS)}")  # fmt: skip
    parser.add_argument("--part", choices=("reported", "tuned", "all"), default="reported",
                        help="recordings settings were not chosen on, were, or all")  # fmt: skip
    parser.add_argument("--frames", type=int, default=250, help="of each recording; 0 for all")
    parser.add_argument("--ablation", action="store_true", help="our tracker without its parts")
    parser.add_argument("--detector", default="posse-detector", help="for gymnasts: name or file")
    parser.add_argument("--pose", default="posse-pose", help="for gymnasts: name or file")
    parser.add_argument("--keep", type=Path, default=None, metavar="DIR",
                        help="keep what networks saw here, and use it again")  # fmt: skip
    parser.add_argument("--no-speed", action="store_true", help="leave the speed table out")
    parser.add_argument("--json", type=Path, help="write the figures here too")


def compare(args: argparse.Namespace) -> int:
    """Print the tables that the arguments ask for; 0."""
    if args.json:
        check_writable(args.json)
    makers = trackers_of(args)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name in args.sets:
        recordings = recordings_of(name, args)
        frames = sum(len(recording.people) for recording in recordings)
        print(f"\n### {name}: {len(recordings)} recordings, {frames} frames\n")  # noqa: T201
        rows = contenders(makers, recordings, args.ablation)
        if name == "gymnasts" and args.ablation:
            rows["whole program"] = run_pipeline(args, find_missed=False)
            rows["whole program, missed people looked for"] = run_pipeline(args, True)
        results[name] = {row: scores(total(recordings, track)) for row, track in rows.items()}
        print(table(results[name]), flush=True)  # noqa: T201
    if not args.no_speed:
        results["speed"] = speed(makers)
        print(f"\n### speed\n\n{table(results['speed'])}")  # noqa: T201
    if args.json:
        write_figures(args.json, results)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; a UserError becomes one line and exit code 1."""
    return run_command("tracking", __doc__, add_arguments, compare, argv)


if __name__ == "__main__":
    sys.exit(main())
