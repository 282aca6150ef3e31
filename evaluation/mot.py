"""Score boxes and their identities in MOTChallenge text files: CLEAR MOT, HOTA, identity.

    python -m evaluation.mot -g TRUTH -p PREDICTIONS [-o OUT]

Lines are `frame,id,x,y,width,height,confidence,...`. TRUTH is a folder of NAME.txt, NAME/gt.txt or
NAME/gt/gt.txt, PREDICTIONS a folder of NAME.txt, NAME/test.txt or data/NAME.txt; or each is one
file.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evaluation.annotations import AnnotationError
from evaluation.hota import hota_scores
from evaluation.identity import identity_scores
from evaluation.matching import best_pairs, box_iou, whole_people
from evaluation.mota import mot_scores
from evaluation.people_counts import AGREE, PeopleCounts, count_people
from evaluation.results import check_folder, to_json, write_all
from evaluation.table import csv_table, text_table
from pose.command import run_command, say, tell
from pose.people import BoolArray, DoubleArray, IntArray
from pose.reading import read_text
from tracking.formats.mot_rows import PEDESTRIAN, class_of, mot_rows

_FAR = 1e15  # beyond any frame number, id or pixel
# Someone on a vehicle, a person who never moves, a likeness of one, a reflection: finding them is
# neither right nor wrong
_DISTRACTORS = (2, 7, 8, 12)
_DISTRACTORS_OF_MOT20 = (*_DISTRACTORS, 6)  # vehicles without a motor
_COLUMNS = ("MOTA", "MOTP", "IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "LocA", "Prec", "Rec")
_TALLIES = {  # fields of MotCounts, and their names in the table
    "misses": "miss",
    "false_positives": "false",
    "switches": "switch",
    "fragments": "frag",
    "mostly_tracked": "MT",
    "mostly_lost": "ML",
}


class Boxes(NamedTuple):
    """The N boxes of a MOT file, by frame."""

    frame: IntArray  # (N,) ascending
    ids: IntArray  # (N,) unique in a frame
    boxes: DoubleArray  # (N, 4) x1 y1 x2 y2
    scored: BoolArray  # (N,) whether it must be found
    distractor: BoolArray  # (N,) whether a prediction paired with it is left out

    def select(self, rows: BoolArray | IntArray | slice) -> Boxes:
        """The boxes that a mask, indices or a slice pick."""
        return Boxes(*(values[rows] for values in self))  # type: ignore[arg-type]  # one by one


def read_boxes(path: Path, *, truth: bool) -> Boxes:
    """Read a MOT text file, separated by commas or blanks.

    In truth, lines with confidence 0 and classes other than pedestrian are not scored. Some of them
    are distractors; MOT20, told by the sequence's name, has one more. Raises AnnotationError naming
    the line of a value that is not a number, or of an id that occurs twice in a frame.
    """
    table = _read_at_once(path)
    if table is None:  # lines of different lengths, or something is wrong with one
        table = _read_by_line(path)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    kind = table[:, 7] if truth else np.full(len(table), PEDESTRIAN)
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    frame, ids = table[:, :2].astype(np.int64).T
    mot20 = any(part.startswith("MOT20-") for part in path.resolve().parts)
    return Boxes(
        frame,
        ids,
        corners,
        (kind == PEDESTRIAN) & (table[:, 6] != 0) if truth else np.ones(len(table), bool),
        np.isin(kind, _DISTRACTORS_OF_MOT20 if mot20 else _DISTRACTORS),
    )


def _read_at_once(path: Path) -> DoubleArray | None:
    """The lines as `_read_by_line` gives them, but faster; None where that must be used."""
    lines = read_text(path, AnnotationError).splitlines()
    if not any(map(str.strip, lines)):
        return None
    comma = "," if "," in lines[0] else None
    try:
        table = np.loadtxt(lines, delimiter=comma, ndmin=2, comments=None)
    except ValueError:
        return None
    if table.shape[1] < 6 or not (np.abs(table) < _FAR).all() or (table[:, :2] % 1).any():
        return None
    if len(np.unique(table[:, :2], axis=0)) < len(table):
        return None
    marks = [_marks(values) for values in table.tolist()]
    return np.concatenate([table[:, :6], marks], axis=1)


def _read_by_line(path: Path) -> DoubleArray:
    """Frame, id, x, y, width, height, confidence and class of each line (L, 8)."""
    rows: dict[tuple[int, int], list[float]] = {}
    for place, values in mot_rows(path, AnnotationError):
        if not all(abs(value) < _FAR for value in values):  # nan is not
            raise AnnotationError(f"{place}: a number is too large, or NaN")
        key = (int(values[0]), int(values[1]))
        if key in rows:
            raise AnnotationError(f"{place}: id {key[1]} is twice in frame {key[0]}")
        rows[key] = [*values[:6], *_marks(values)]
    return np.array(list(rows.values()), np.float64).reshape(-1, 8)


def _marks(values: list[float]) -> tuple[float, float]:
    """Confidence, 1 where a line has none, and class."""
    return values[6] if len(values) > 6 else 1.0, class_of(values)


def score_boxes(truth: Boxes, predicted: Boxes) -> PeopleCounts:
    """Score one sequence, over every frame that either side has.

    As in MOTChallenge's own evaluation, predictions are first paired with all boxes of truth, and
    those paired with a distractor are left out (Luiten's TrackEval, MotChallenge2DBox).
    """
    similar = []
    frames = np.union1d(truth.frame, predicted.frame)
    places = [
        np.searchsorted(side.frame, [frames, frames + 1]).T.tolist() for side in (truth, predicted)
    ]
    for (g0, g1), (p0, p1) in zip(*places, strict=True):
        true, found = truth.select(slice(g0, g1)), predicted.select(slice(p0, p1))
        overlap = box_iou(true.boxes, found.boxes)
        if true.distractor.any():
            row, column = best_pairs(np.where(overlap >= AGREE, overlap, 0))
            kept = np.ones(len(found.ids), bool)
            kept[column[true.distractor[row]]] = False
            found, overlap = found.select(kept), overlap[:, kept]
        similar.append(whole_people(true.ids[true.scored], found.ids, overlap[true.scored]))
    return count_people(similar)


def score_files(truth_path: Path, predicted_path: Path) -> PeopleCounts:
    """Read and score one sequence; warn of boxes that cannot be right.

    These are boxes without an area, and boxes before the first or after the last frame of truth.
    """
    truth, predicted = read_boxes(truth_path, truth=True), read_boxes(predicted_path, truth=False)
    if len(truth.frame):
        first, last = truth.frame[[0, -1]].tolist()
        outside = int(((predicted.frame < first) | (predicted.frame > last)).sum())
        if outside:
            tell(
                f"{predicted_path}: {outside} of {len(predicted.frame)} boxes lie outside "
                f"frames {first} to {last}, those of {truth_path}; they count as false",
                "warning",
            )
    flat = int((predicted.boxes[:, 2:] <= predicted.boxes[:, :2]).any(1).sum())
    if flat:
        tell(
            f"{predicted_path}: {flat} of {len(predicted.frame)} boxes have no width or "
            "height and count as false; a line is frame, id, x, y, width, height, ...",
            "warning",
        )
    return score_boxes(truth, predicted)


def box_scores(counts: PeopleCounts) -> dict[str, float]:
    """Scores in percent, and the tallies."""
    mot = mot_scores(counts.mot)
    renamed = {"MOTA": mot["mota"], "MOTP": mot["motp"], "Prec": mot["pre"], "Rec": mot["rec"]}
    known = renamed | hota_scores(counts.hota) | identity_scores(counts.identity)
    scores = {name: float(known[name][0]) for name in _COLUMNS}
    return scores | {name: int(getattr(counts.mot, name)[0]) for name in _TALLIES}


def file_pairs(truth: Path, predictions: Path) -> dict[str, tuple[Path, Path]]:
    """Name -> truth file and prediction file; AnnotationError where one is missing or in doubt."""
    for path in (truth, predictions):
        if not path.exists():
            raise AnnotationError(f"{path}: no such file or folder")
    found = [truth]
    if truth.is_dir():
        found = sorted(truth.glob("[!.]*.txt"))
        for folder in sorted(path for path in truth.iterdir() if path.is_dir()):
            found += filter(Path.is_file, (folder / "gt.txt", folder / "gt" / "gt.txt"))
    truths = {_name(path): path for path in found}
    for path in found:
        if path != (same := truths[_name(path)]):
            raise AnnotationError(f"{path}: {same} is truth of the same sequence")
    if not predictions.is_dir() and len(truths) > 1:
        raise AnnotationError(f"{predictions}: one file, but {truth} has {len(truths)} sequences")
    if not truths:
        raise AnnotationError(f"{truth}: neither NAME.txt nor NAME/gt.txt nor NAME/gt/gt.txt there")
    return {name: (path, _prediction(name, predictions)) for name, path in truths.items()}


def _name(truth: Path) -> str:
    """The sequence of NAME.txt, NAME/gt.txt or NAME/gt/gt.txt."""
    if truth.name != "gt.txt":
        return truth.stem
    folder = Path(os.path.abspath(truth)).parent  # noqa: PTH100  resolve() would follow links
    return folder.parent.name if folder.name == "gt" else folder.name


def _prediction(name: str, predictions: Path) -> Path:
    if not predictions.is_dir():  # a file, or what a shell's <(...) is
        return predictions
    usual = predictions / f"{name}.txt"
    others = predictions / name / "test.txt", predictions / "data" / f"{name}.txt"
    for place in (usual, *others):
        if place.is_file():
            return place
    raise AnnotationError(f"{usual}: no such file, nor {others[0]} nor {others[1]}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("-g", "--groundTruth", type=Path, required=True, metavar="PATH", help="folder or file")
    add("-p", "--predictions", type=Path, required=True, metavar="PATH", help="folder or file")
    text = "write summary.json and scores.csv there"
    add("-o", "--outputDir", type=Path, metavar="DIR", help=text)


def run(args: argparse.Namespace) -> int:
    """Score, print the table, write the file."""
    if args.outputDir is not None:
        check_folder(args.outputDir)
    pairs = file_pairs(args.groundTruth, args.predictions)
    counts_of = {name: score_files(*paths) for name, paths in pairs.items()}
    first, *rest = counts_of.values()
    counts = sum(rest, first)
    if not counts.mot.truth[0]:
        raise AnnotationError(
            f"{args.groundTruth}: there is nothing to score; no box has a confidence other than 0 "
            f"and, where lines give a class, class {PEDESTRIAN}"
        )
    overall = box_scores(counts)
    scores_of = {name: box_scores(counts) for name, counts in counts_of.items()}
    rows: list[list[str | float]] = []
    for name, scores in [*scores_of.items(), ("all", overall)]:
        rows.append([name, *scores.values()])
    header = ["sequence", *_COLUMNS, *_TALLIES.values()]
    say(text_table(header, rows))
    if args.outputDir is not None:
        contents = {
            "summary.json": to_json({"total": overall, "sequences": scores_of}),
            "scores.csv": csv_table(header, rows),
        }
        write_all(args.outputDir, contents)
    return 0


main = partial(run_command, "evaluation.mot", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
