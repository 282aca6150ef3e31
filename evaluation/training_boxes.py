"""`python -m evaluation.training_boxes`: correct the boxes that detectors gave a training set.

    python -m evaluation.training_boxes people.json --images images --teachers DIR -o mended.json

A detector learns that people without a box are background. So RTMDet-nano and DEIMv2-Femto look at
every training picture; where both see somebody, or one is confident, and there is no box, one is
added. A detector also learns that whatever has a box is a person: gloves, rackets, shoes, blurs in
the stands. So boxes in which the network that labelled the joints found hardly any become ignored
regions (`iscrowd`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from evaluation.matching import box_iou
from evaluation.results import check_writable, write_all
from evaluation.teachers import Detector, deim, rtmdet
from pose.command import run_command, say
from pose.errors import UserError
from pose.people import Detections
from pose.people import DoubleArray as Boxes
from pose.reading import MALFORMED, read_json
from pose.training.pictures import find_picture, read_picture

_LOWEST = 0.2  # score below which a teacher's box is ignored
_SAME = 0.6  # overlap (IoU) from which two teachers' boxes are of one person
_TOGETHER, _ALONE = 0.7, 0.55  # sum of both scores, or one score, from which somebody is there
_KNOWN, _INSIDE = 0.45, 0.75  # IoU with a box, or share inside it, from which it is the same person
_DOUBTFUL = 0.2  # mean of the teacher's joint scores below which nobody may be there
_SMALLEST_WH = (8, 12)  # pixels


def missing(found: Sequence[Detections], known: Boxes, size_wh: tuple[int, int]) -> Boxes:
    """Boxes (M, 4) of people whom two detectors found in a picture and who are not in `known`."""
    sure = [box for pair in (found, found[::-1]) for box in _sure(*pair)]
    width, height = size_wh
    taken, added = known, []
    for _, box in sorted(sure, key=lambda each: -each[0]):
        box = np.clip(box, 0, [width, height, width, height])
        if ((box[2:] - box[:2]) < _SMALLEST_WH).any():
            continue
        if len(taken) and (
            box_iou(box[None], taken).max() >= _KNOWN or _inside(box, taken).max() >= _INSIDE
        ):
            continue
        taken = np.concatenate([taken, box[None]])
        added.append(box)
    return np.array(added).reshape(-1, 4)


def _sure(found: Detections, other: Detections) -> list[tuple[float, Boxes]]:
    """The boxes of `found` that are people, each with its score plus that of `other` for it."""
    alike = box_iou(found.boxes.astype(np.float64), other.boxes.astype(np.float64)) >= _SAME
    seconded = np.where(alike, other.scores, 0).max(1, initial=0)
    total = found.scores + seconded
    good = ((seconded > 0) & (total >= _TOGETHER)) | (found.scores >= _ALONE)
    return list(zip(total[good].tolist(), found.boxes[good].astype(np.float64), strict=True))


def _inside(box: Boxes, others: Boxes) -> Boxes:
    """The share (N,) of a box (4,) that each of the `others` (N, 4) covers."""
    corner = np.maximum(box[:2], others[:, :2])
    sides = np.maximum(np.minimum(box[2:], others[:, 2:]) - corner, 0)
    return np.asarray(sides.prod(1) / (box[2:] - box[:2]).prod())


def complete(content: dict[str, Any], images: Path, detectors: Sequence[Detector]) -> int:
    """Add boxes to a COCO file's `content`, in pictures of `split` train; returns how many."""
    labelled: dict[Any, list[list[float]]] = {}
    for person in content["annotations"]:
        if person.get("bbox"):
            labelled.setdefault(person["image_id"], []).append(person["bbox"])
    rows = [row for row in content["images"] if row.get("split", "train") == "train"]
    placed = [(row, place) for row in rows if (place := find_picture(images, row)) is not None]
    free = 1 + max((person["id"] for person in content["annotations"]), default=0)
    category = next((p["category_id"] for p in content["annotations"] if p.get("keypoints")), 1)
    before = free
    for row, place in tqdm(placed, unit="picture", mininterval=5):
        if (image := read_picture(place)) is None:
            continue
        seen = [detect(image) for detect in detectors]
        seen = [people.select(people.scores >= _LOWEST) for people in seen]
        known = np.array(labelled.get(row["id"], [])).reshape(-1, 4)
        known[:, 2:] += known[:, :2]
        for x1, y1, x2, y2 in missing(seen, known, (image.shape[1], image.shape[0])).tolist():
            content["annotations"].append(
                {"id": free, "image_id": row["id"], "category_id": category,
                 "bbox": [x1, y1, x2 - x1, y2 - y1], "label": "box", "iscrowd": 0}
            )  # fmt: skip
            free += 1
    return free - before


def set_aside(content: dict[str, Any]) -> int:
    """Mark boxes of COCO `content`, in `split` train, that may hold nobody; returns how many."""
    train = {row["id"] for row in content["images"] if row.get("split", "train") == "train"}
    marked = 0
    for person in content["annotations"]:
        if person["image_id"] not in train or person.get("label") != "teacher":
            continue
        scores = person.get("keypoint_scores") or [1.0]
        if float(np.mean(scores)) < _DOUBTFUL and not person.get("iscrowd"):
            person["iscrowd"] = 1
            marked += 1
    return marked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("data", type=Path, help="COCO keypoints")
    add("--images", type=Path, required=True, metavar="DIR", help="folder of its pictures")
    text = "folder of both detectors' ONNX files"
    add("--teachers", type=Path, required=True, metavar="DIR", help=text)
    add("-o", "--out", type=Path, required=True, metavar="FILE", help="the corrected data")


def run(args: argparse.Namespace) -> int:
    """Correct the file; returns 0. Raises UserError where one cannot be read or written."""
    check_writable(args.out)
    try:
        content = read_json(args.data, UserError)
        detectors = (rtmdet(args.teachers), deim(args.teachers))
        added = complete(content, args.images, detectors)
        marked = set_aside(content)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
    except MALFORMED as error:
        raise UserError(f"{args.data}: no COCO keypoints") from error
    write_all(args.out.parent, {args.out.name: json.dumps(content) + "\n"})
    say(f"{added} boxes added, {marked} set aside")
    return 0


main = partial(run_command, "evaluation.training_boxes", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
