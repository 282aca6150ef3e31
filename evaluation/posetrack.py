"""Score poses and their tracks against PoseTrack truth: AP, CLEAR MOT, HOTA, identity.

    python -m evaluation.posetrack -g TRUTH -p PREDICTIONS [-o OUT]

The flags, the table and the JSON files are poseval's; AP and CLEAR equal its to the last digit.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # before numpy is imported, since half of a short run is start-up
    gc.disable()  # scoring leaves no cycles behind
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads spin at start-up, for nothing

import numpy as np

from evaluation.annotation_files import FORMATS
from evaluation.annotations import AnnotationError
from evaluation.forked import forked_map, worth_forking
from evaluation.pose_scores import (
    METRICS,
    PoseCounts,
    ScoreOptions,
    SequenceScore,
    score_files,
    total,
)
from evaluation.pose_summary import Scores, figures, poseval_files, summary, totals
from evaluation.report import report_page
from evaluation.results import check_folder, to_json, write_all
from evaluation.table import ap_table, csv_table, mot_table, text_table
from pose.command import counted, number, positive, run_command, say, tell
from pose.errors import UserError

_MOST_THRESHOLDS = 1000  # of a sweep; each needs a scoring of its own


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("-g", "--groundTruth", type=Path, required=True, metavar="PATH", help="folder or file")
    add("-p", "--predictions", type=Path, required=True, metavar="PATH", help="folder or file")
    add("-e", "--evalPoseEstimation", action="store_true", help="AP")
    add("-t", "--evalPoseTracking", action="store_true", help="CLEAR; with neither: all metrics")
    add("-s", "--saveEvalPerSequence", action="store_true", help="a table and files by sequence")
    add("-o", "--outputDir", type=Path, default=Path("out"), metavar="DIR", help="default: out")
    add("--metrics", nargs="+", choices=METRICS, help="default: all")
    text = "poseval: equal to the reference with its quirks; strict: every labelled frame"
    add("--compat", choices=("poseval", "strict"), default="poseval", help=text)
    text = "predicted joints below X are not tracked, AP takes all; several: the first, and a sweep"
    add("--kpt-thr", type=number, nargs="+", metavar="X", help=text)
    add("--sweep", type=_thresholds, metavar="A:B:STEP", help="MOTA at each joint threshold")
    add("--format", choices=("auto", *FORMATS), default="auto", help="of both sides' files")
    add("--poseval-motp", action="store_true", help="give MOTP as poseval prints it, wrongly")
    text = "processes; default: the cores"
    add("--workers", type=positive, default=worth_forking(), metavar="N", help=text)


def _thresholds(text: str) -> tuple[float, ...]:
    """Parse `start:stop:step`, the stop included."""
    try:
        start, stop, step = (float(part) for part in text.split(":"))
        if not (step > 0 and stop >= start):
            raise ValueError
        count = int((stop - start) / step + 1e-9) + 1
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not START:STOP:STEP, as 0:1:0.05") from None
    if count > _MOST_THRESHOLDS:
        text = f"{text!r} has {count} thresholds, expected at most {_MOST_THRESHOLDS}"
        raise argparse.ArgumentTypeError(text)
    return tuple(round(start + step * index, 9) for index in range(count))


def run(args: argparse.Namespace) -> int:
    """Score as the command line asks, print the tables, write the files."""
    options = _options(args)
    check_folder(args.outputDir)
    scored = score_set(args.groundTruth, args.predictions, options, workers=args.workers)
    publish(
        scored,
        options,
        args.outputDir,
        per_sequence=args.saveEvalPerSequence,
        poseval_motp=args.poseval_motp,
        workers=args.workers,
    )
    return 0


def publish(
    scored: Sequence[tuple[SequenceScore, Scores]],
    options: ScoreOptions,
    folder: Path,
    *,
    per_sequence: bool = False,
    poseval_motp: bool = False,
    workers: int = 1,
) -> None:
    """Print the tables of a scored set, and write its files and report into `folder`."""
    scores = [score for score, _ in scored]
    scores_of = {score.name: sequence for score, sequence in scored}
    counts = total(scores)
    overall = summary(counts, options, workers=workers)
    warnings = [warning for score in scores for warning in score.warnings]
    for warning in warnings:
        tell(warning, "warning")
    for note in notes(counts, options):
        tell(note, "note")

    files = poseval_files("total", overall, poseval_motp=poseval_motp)
    if per_sequence:
        for name, sequence in scores_of.items():
            files |= poseval_files(name, sequence, poseval_motp=poseval_motp)
    contents = {name: json.dumps(content) for name, content in files.items()}
    contents["summary.json"] = to_json(
        {
            "compat": "strict" if options.strict else "poseval",
            "kpt_thr": options.kpt_thr,
            "total": overall,
            "sequences": scores_of,
            "warnings": warnings,
        }
    )
    rows: list[list[str | float]] = [
        [name, *totals(each).values()]
        for name, each in [*sorted(scores_of.items()), ("all", overall)]
    ]
    contents["scores.csv"] = csv_table(["sequence", *totals(overall)], rows)
    contents["report.html"] = report_page(scores, scores_of, overall, options)
    write_all(folder, contents)
    say(tables(overall, poseval_motp=poseval_motp))
    if per_sequence:
        say("\n" + sequence_table(scores_of, overall))
    say(f"\nReport: {folder / 'report.html'}")


def _options(args: argparse.Namespace) -> ScoreOptions:
    metrics = args.metrics
    if metrics and (args.evalPoseEstimation or args.evalPoseTracking):
        raise UserError("-e and -t are metrics too; leave them or --metrics out")
    if metrics is None:
        asked = {"AP": args.evalPoseEstimation, "CLEAR": args.evalPoseTracking}
        metrics = [name for name, flag in asked.items() if flag] or METRICS
    thresholds = tuple(args.kpt_thr or ())
    if args.sweep and len(thresholds) > 1:
        raise UserError("several values of --kpt-thr are a sweep; leave them or --sweep out")
    sweep = args.sweep or (thresholds if len(thresholds) > 1 else ())
    if sweep and "CLEAR" not in metrics:
        raise UserError("a sweep gives MOTA, which is not among the metrics asked for")
    return ScoreOptions(
        tuple(metrics),
        args.compat == "strict",
        thresholds[0] if thresholds else None,
        sweep,
        args.format,
    )


def score_set(
    truth: Path, predictions: Path, options: ScoreOptions, *, workers: int = 1
) -> list[tuple[SequenceScore, Scores]]:
    """Score every sequence, `workers` at a time, and summarise each.

    Sequences are named as in poseval, or after their files where several would share a name. Raises
    AnnotationError where a file cannot be used, or where nobody at all is labelled: all scores
    would be 0.
    """
    pairs = file_pairs(truth, predictions)
    sizes = [predicted.stat().st_size for _, predicted in pairs]
    longest_first = sorted(range(len(pairs)), key=sizes.__getitem__, reverse=True)
    scored = forked_map(partial(_scored, options), pairs, workers, longest_first)
    if not any(score.counts.frames for score, _ in scored):
        raise AnnotationError(f"{truth}: nobody is labelled there; there is nothing to score")
    names = Counter(score.name for score, _ in scored)
    names["total"] += 1  # the name of the set's own files
    return [
        (score._replace(name=path.name) if names[score.name] > 1 else score, scores)
        for (score, scores), (path, _) in zip(scored, pairs, strict=True)
    ]


def _scored(options: ScoreOptions, pair: tuple[Path, Path]) -> tuple[SequenceScore, Scores]:
    score = score_files(*pair, options)
    return score, summary(score.counts, options)


def file_pairs(truth: Path, predictions: Path) -> list[tuple[Path, Path]]:
    """Each truth file and the prediction of the same name; AnnotationError where one is missing.

    The files come in the folder's own order, as in poseval's glob: it decides how joints of equal
    score rank in AP.
    """
    for path in (truth, predictions):
        if not path.exists():
            raise AnnotationError(f"{path}: no such file or folder")
    if truth.is_file():
        truths = [truth]
    elif predictions.is_file():
        truths = [truth / predictions.name]
    else:
        truths = [path for path in truth.glob("*.json") if not path.name.startswith(".")]
    if not truths:
        raise AnnotationError(f"{truth}: no .json files in this folder")
    pairs = []
    for path in truths:
        predicted = predictions if predictions.is_file() else predictions / path.name
        if not predicted.exists():
            raise AnnotationError(f"{predicted}: no such file, which {path} asks for")
        pairs.append((path, predicted))
    return pairs


def notes(counts: PoseCounts, options: ScoreOptions) -> list[str]:
    """What a reader must know about this result: joints left out, and poseval's quirks in it."""
    result = []
    if options.kpt_thr is not None:
        result.append(f"joints that score under {options.kpt_thr:g} are not tracked; AP takes all")
    if options.strict:
        return result
    if "CLEAR" in options.metrics:
        result.append(
            f"as in poseval, the last labelled frame of each sequence is not in MOTA "
            f"({counts.last_frames} of {counts.frames} frames); --compat strict takes them all"
        )
        if counts.empty_frames:
            result.append(
                "as in poseval, a frame without truth or without predictions counts one miss and "
                f"one false positive per joint ({counted(counts.empty_frames, 'frame')})"
            )
    detections = counts.detections
    nowhere = int(((detections.truth == 0) & np.isnan(detections.scores).all(0)).sum())
    if "AP" in options.metrics and nowhere:
        joints = counted(nowhere, "joint")
        result.append(f"as in poseval, a joint that is nowhere has AP 0 in the mean ({joints})")
    return result


def tables(overall: Scores, *, poseval_motp: bool) -> str:
    """The tables of a set: poseval's two, then HOTA and identity."""
    blocks = []
    if "AP" in overall:
        blocks.append(f"Average Precision (AP) metric:\n{ap_table(np.array(overall['AP']['ap']))}")
    if "CLEAR" in overall:
        clear = overall["CLEAR"]
        motp = clear["motp_poseval" if poseval_motp else "motp"][15]
        table = mot_table(np.array(clear["mota"]), motp, clear["pre"][15], clear["rec"][15])
        blocks.append(f"Multiple Object Tracking (MOT) metrics:\n{table}")
    for name in ("HOTA", "Identity"):
        if name in overall:
            scores = {key: value for key, value in overall[name].items() if key != "person"}
            people = overall[name]["person"]
            rows = [["joints", *(value[15] for value in scores.values())]]
            rows.append(["people", *(people[key] for key in scores)])
            blocks.append(f"{name}, mean of the joints and of whole people (OKS):")
            blocks.append(text_table(["", *scores], rows))
    if "sweep" in overall:
        rows = [[f"{row['kpt_thr']:g}", *list(row.values())[1:]] for row in overall["sweep"]]
        blocks.append("MOTA by joint threshold:")
        blocks.append(text_table(["kpt-thr", "MOTA", "MOTP", "Prec", "Rec"], rows))
    return "\n\n".join(blocks).replace(":\n\n", ":\n")


def sequence_table(scores_of: dict[str, Scores], overall: Scores) -> str:
    """One row of totals for each sequence, and for the set."""
    names = ("mAP", "MOTA", "MOTP", "switches", "HOTA", "IDF1")
    rows = [
        [name, scores["frames"], *(values[15] for values in figures(scores, *names).values())]
        for name, scores in [*sorted(scores_of.items()), ("all", overall)]
    ]
    return text_table(["sequence", "frames", *figures(overall, *names)], rows)


main = partial(run_command, "evaluation.posetrack", __doc__, add_arguments, run)

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all files are closed; tearing down the modules would take 8 ms
