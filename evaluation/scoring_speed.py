"""How fast the PoseTrack scorer is: seconds and peak memory of whole runs, start included.

    python -m evaluation.scoring_speed [-g TRUTH -p PREDICTIONS] [--frames 1000 10000]

Each line is one run of `python -m evaluation.posetrack -e -t` in a process of its own, compiled
beforehand as an installed program is: on the pair of folders given (best of several), then on
made-up sets of `--frames` frames, five people each, to show that time grows with the frames and
memory hardly does. CPU time is that of all `--workers` processes together, memory that of the
largest. The first line starts Python with numpy and does nothing: no scorer can be faster. The
reference takes about a second to start and one for each 100 frames.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.annotation_files import read_sequence
from evaluation.forked import worth_forking
from evaluation.posetrack import file_pairs
from evaluation.table import text_table
from pose.command import positive, run_command, say
from pose.errors import UserError

_REFERENCE_START_S, _REFERENCE_FRAME_S = 0.9, 0.01  # poseval: 5 s for 412 frames, start included
_NOTHING = "import os; os.environ['OPENBLAS_NUM_THREADS'] = '1'; import numpy"  # as the scorer
_SEQUENCE = 100  # frames of a made-up sequence
_PEOPLE = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the scorer."""

    frames: int
    wall_s: float
    cpu_s: float  # less disturbed by other programs
    peak_mb: float  # of memory


def timed(command: Sequence[str], frames: int, compiled: Path) -> Run:
    """Run a command, with bytecode in `compiled`; if it fails, a UserError with its last line."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(compiled)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise UserError(last.removeprefix("error: ") or f"{' '.join(command)} failed")
    return Run(frames, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def best_of(count: int, command: Sequence[str], frames: int, compiled: Path) -> Run:
    """The fastest of some runs, after one that does not count: it compiles and fills caches."""
    timed(command, frames, compiled)
    runs = [timed(command, frames, compiled) for _ in range(count)]
    return Run(frames, min(r.wall_s for r in runs), min(r.cpu_s for r in runs), runs[0].peak_mb)


def write_set(folder: Path, frames: int, rng: np.random.Generator) -> tuple[Path, Path]:
    """Write truth and predictions of this many frames: wandering people, found with some error."""
    folders = folder / "gt", folder / "pred"
    for path in folders:
        path.mkdir()
    for number in range(-(-frames // _SEQUENCE)):
        length = min(_SEQUENCE, frames - number * _SEQUENCE)
        for path, entries in zip(folders, _sequence(length, rng), strict=True):
            (path / f"{number:06d}.json").write_text(json.dumps({"annolist": entries}))
    return folders


def _sequence(length: int, rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    pose = rng.uniform(0, 150, (_PEOPLE, 15, 2))
    places = rng.uniform(0, 800, (_PEOPLE, 1, 2))
    truth, predicted = [], []
    for frame in range(length):
        places = places + rng.normal(0, 3, places.shape)
        noise = rng.normal(0, 6, pose.shape)
        scores = rng.uniform(0, 1, pose.shape[:2]).round(4)
        true_points, points = (places + pose).round(2), (places + pose + noise).round(2)
        name = {"image": [{"name": f"{frame:06d}.jpg"}], "is_labeled": [1]}
        truth.append({**name, "annorect": list(_people(true_points, np.ones_like(scores), 0))})
        predicted.append({**name, "annorect": list(_people(points, scores, frame // 40))})
    return truth, predicted


def _people(points: Any, scores: Any, generation: int) -> Iterator[dict[str, Any]]:
    for person, (place, score) in enumerate(zip(points.tolist(), scores.tolist(), strict=True)):
        joints = [
            {"id": [joint], "x": [x], "y": [y], "score": [value]}
            for joint, ((x, y), value) in enumerate(zip(place, score, strict=True))
        ]
        yield {
            "x1": [0], "y1": [0], "x2": [30], "y2": [40],
            "track_id": [person + _PEOPLE * generation],
            "annopoints": [{"point": joints}],
        }  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("-g", "--groundTruth", type=Path, metavar="DIR", help="a pair to time")
    add("-p", "--predictions", type=Path, metavar="DIR", help="of that pair")
    text = "of the made-up sets"
    add(
        "--frames",
        type=positive,
        nargs="*",
        default=[1000, 2000, 5000, 10000],
        metavar="N",
        help=text,
    )
    add("--repeats", type=positive, default=10, metavar="N", help="of the start and the pair")
    add("--all-metrics", action="store_true", help="HOTA and identity too")
    text = "processes; default: the cores"
    add("--workers", type=positive, default=worth_forking(), metavar="N", help=text)


def run(args: argparse.Namespace) -> int:
    """Measure and print; returns 0."""
    pairs = []
    if args.groundTruth and args.predictions:
        pairs = file_pairs(args.groundTruth, args.predictions)
    with tempfile.TemporaryDirectory() as scratch:
        compiled, out = Path(scratch) / "compiled", Path(scratch) / "out"
        command = [sys.executable, "-m", "evaluation.posetrack", "-o", str(out)]
        command += ["--workers", str(args.workers)]
        command += [] if args.all_metrics else ["-e", "-t"]
        start = best_of(args.repeats, [sys.executable, "-c", _NOTHING], 0, compiled)
        rows = [_row("Python and numpy", start)]
        if pairs:
            truths = (read_sequence(path, truth=True, need_ids=False) for path, _ in pairs)
            frames = sum(map(len, truths))
            pair = ["-g", str(args.groundTruth), "-p", str(args.predictions)]
            scored = best_of(args.repeats, [*command, *pair], frames, compiled)
            name = args.groundTruth.resolve().parent.name
            rows += [_row(name, scored)]
            rows += [_row(f"{name}, starts taken off", _less(scored, start), 0.0)]
        for frames in args.frames:
            with tempfile.TemporaryDirectory() as folder:
                gt, pred = write_set(Path(folder), frames, np.random.default_rng(0))
                made_up = [*command, "-g", str(gt), "-p", str(pred)]
                rows.append(_row("made up", timed(made_up, frames, compiled)))
    header = ["set", "frames", "wall s", "CPU s", "ms CPU a frame", "peak MB"]
    say(text_table([*header, "x reference", "by CPU"], rows))
    return 0


def _less(run: Run, start: Run) -> Run:
    return Run(run.frames, run.wall_s - start.wall_s, run.cpu_s - start.cpu_s, run.peak_mb)


def _row(name: str, run: Run, start_s: float = _REFERENCE_START_S) -> list[str | float]:
    """A line of the table; the reference takes `start_s` before it scores."""
    seconds = f"{run.wall_s:.3f}", f"{run.cpu_s:.3f}"
    if not run.frames:
        return [name, 0, *seconds, "", run.peak_mb, "", ""]
    reference_s = start_s + _REFERENCE_FRAME_S * run.frames
    ratios = reference_s / run.wall_s, reference_s / run.cpu_s
    return [
        name,
        run.frames,
        *seconds,
        f"{1000 * run.cpu_s / run.frames:.2f}",
        run.peak_mb,
        *ratios,
    ]


main = partial(run_command, "evaluation.scoring_speed", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
