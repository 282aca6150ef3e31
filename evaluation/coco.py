"""Score keypoints in COCO's format: AP by OKS through pycocotools, and PCKh where heads are known.

    python -m evaluation.coco -g person_keypoints.json -p results.json [--skeleton NAME|FILE]

Works for every data set in that format. The skeleton (joints and OKS sigmas) is found by the joint
names in the ground truth's category, or given by sigmas there, or by --skeleton: a name, or a JSON
file with "names" and "sigmas".
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.annotation_rows import is_number
from evaluation.annotations import AnnotationError
from evaluation.coco_labels import box_of, check_keypoints, complete_labels, read_labels
from evaluation.pckh import pckh_counts
from evaluation.results import check_folder, to_json, write_all
from evaluation.table import text_table
from pose.command import counted, run_command, say, tell
from pose.oks import SEGMENT_SHARE
from pose.pckh import head_lengths, joints_in_mean
from pose.people import DoubleArray
from pose.reading import ContentError, number, read_json, reading, shown
from pose.skeleton import COCO17, SKELETONS, Skeleton, skeleton_of
from pose.training.joints import skeleton_of_category

_STATS = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


def load_skeleton(name: str) -> Skeleton:
    """A known skeleton by name, or one from a JSON file. Raises AnnotationError."""
    if name in SKELETONS:
        return SKELETONS[name]
    if not Path(name).is_file():
        known = ", ".join(SKELETONS)
        raise AnnotationError(f"{name}: no such file, nor one of the skeletons {known}")
    data = read_json(Path(name), AnnotationError)
    expected = '{"names": [...], "sigmas": [...]}'
    with reading(f"{name}: not a skeleton, expected {expected}", AnnotationError):
        names, sigmas = tuple(map(str, data["names"])), tuple(map(number, data["sigmas"]))
        if len(names) != len(sigmas) or not names or min(sigmas) <= 0:
            raise ContentError(f"{len(names)} names, and {len(sigmas)} sigmas above 0")
        return skeleton_of(Path(name).stem, names, (), sigmas)


def skeleton_for(truth: Any, path: Path) -> Skeleton:
    """The truth's own skeleton if its category has sigmas, else the known one with its joints."""
    categories = truth.get("categories") or ()
    category = next((each for each in categories if each.get("keypoints")), None)
    if category is None:
        lengths = {len(a["keypoints"]) // 3 for a in truth["annotations"] if a.get("keypoints")}
        same = [s for s in SKELETONS.values() if lengths == {len(s)}]
        same = [COCO17] if COCO17 in same else same  # 17 joints without names are COCO's
    else:
        own = skeleton_of_category(category)
        given = bool(category.get("sigmas"))
        same = [own] if given else [s for s in SKELETONS.values() if s.names == own.names]
    if len(same) == 1:
        return same[0]
    known = ", ".join(SKELETONS)
    raise AnnotationError(
        f"{path}: its joints are of no known skeleton; give sigmas in its category, or --skeleton: "
        f"{known}, or a JSON file"
    )


def load_truth(path: Path, skeleton_name: str | None) -> tuple[Any, Skeleton]:
    """Truth with every field that pycocotools needs, and its skeleton. Raises AnnotationError."""
    truth = read_labels(path)
    with reading(str(path), AnnotationError):
        skeleton = load_skeleton(skeleton_name) if skeleton_name else skeleton_for(truth, path)
    guessed = complete_labels(truth, path, len(skeleton), boxes_too=False)
    if not any(person["num_keypoints"] for person in truth["annotations"]):
        raise AnnotationError(f"{path}: nobody is labelled there; there is nothing to score")
    if guessed:
        people = counted(guessed, "person has", "people have")
        tell(
            f"{path}: {people} no area; {SEGMENT_SHARE:g} of the box counts, so scores are "
            "not comparable with those by the areas of outlines",
            "note",
        )
    return truth, skeleton


def load_results(path: Path, truth: Any, skeleton: Skeleton) -> list[Any]:
    """Predictions, checked, with the fields that pycocotools reads. Raises AnnotationError.

    Boxes are kept only where every prediction has one; pycocotools takes people's sizes from them.
    """
    results = read_json(path, AnnotationError)
    if isinstance(results, dict) and "annotations" in results:
        results = results["annotations"]
    if not isinstance(results, list):
        raise AnnotationError(f"{path}: unknown format, expected a list of results")
    images = {image["id"] for image in truth["images"]}
    categories = {category["id"] for category in truth["categories"]}
    used = {annotation["category_id"] for annotation in truth["annotations"]}
    usual = next(iter(used)) if len(used) == 1 else 1  # where a result does not say
    for place, result in enumerate(results):
        with reading(f"{path}: result {place}", AnnotationError):
            check_keypoints(result, len(skeleton))
            if result["image_id"] not in images:
                raise ContentError(f"its image {shown(result['image_id'])} is not in the truth")
            if not is_number(result["score"]):
                raise ContentError(f"its score is not a finite number: {shown(result['score'])}")
            if result.setdefault("category_id", usual) not in categories:
                category = shown(result["category_id"])
                raise ContentError(f"its category {category} is not in the truth")
            if result.get("bbox"):
                box_of(result, "bbox")
    fields = ["image_id", "category_id", "keypoints", "score"]
    if all(result.get("bbox") for result in results):
        fields.append("bbox")
    return [{name: result[name] for name in fields} for result in results]


def oks_ap(truth: Any, results: list[Any], sigmas: Sequence[float]) -> dict[str, float]:
    """COCO's ten keypoint scores, in percent; NaN for a size class without people."""
    # Imported here: they cost a third of a second of start-up.
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco, predicted = COCO(), COCO()
        coco.dataset = {
            "images": [{"id": rank} for rank in range(len(truth["images"]))],
            "categories": truth["categories"],
            "annotations": _with_image_numbers(truth["annotations"], truth),
        }
        coco.createIndex()
        if results:  # loadRes looks at the first one
            predicted = coco.loadRes(_with_image_numbers(results, truth))
        evaluation = COCOeval(coco, predicted, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    # pycocotools says -1 where there is nothing to find
    shares = np.where(evaluation.stats < 0, np.nan, 100 * evaluation.stats)
    return dict(zip(_STATS, shares.tolist(), strict=True))


def pckh(truth: Any, results: list[Any], skeleton: Skeleton) -> dict[str, float] | None:
    """PCKh@0.5 of each joint and the published mean, in percent; None where no head is known.

    A head's size is 0.6 of its box's diagonal (bbox_head), or else the distance from neck to head
    top. The mean is that of `joints_in_mean`.
    """
    people = [person for person in truth["annotations"] if any(person["keypoints"][2::3])]
    keypoints = _keypoints(people, skeleton)
    seen = np.array([person["keypoints"][2::3] for person in people], np.float64)
    keypoints[seen.reshape(keypoints.shape[:2]) == 0] = np.nan
    head_px = _head_sizes(people, keypoints, skeleton)
    if not (head_px > 0).any():
        return None
    right, labelled = pckh_counts(
        keypoints,
        head_px,
        _keypoints(results, skeleton),
        *(np.array(_image_numbers(entries, truth), np.int64) for entries in (people, results)),
    )
    counted = joints_in_mean(skeleton)
    with np.errstate(invalid="ignore"):
        shares = 100 * right / labelled
        mean = 100 * right[counted].sum() / labelled[counted].sum()
    return {**dict(zip(skeleton.names, shares.tolist(), strict=True)), "mean": float(mean)}


def _keypoints(people: list[Any], skeleton: Skeleton) -> DoubleArray:
    values = np.array([person["keypoints"] for person in people], np.float64)
    return values.reshape(-1, len(skeleton), 3)[..., :2]


def _image_numbers(entries: list[Any], truth: Any) -> list[int]:
    """The rank of each entry's image among the truth's ids, which may be numbers and text.

    In that order pycocotools takes the images, which decides between equal scores.
    """
    ids = {image["id"] for image in truth["images"]}
    ranks = {each: n for n, each in enumerate(sorted(ids, key=lambda i: (isinstance(i, str), i)))}
    return [ranks[entry["image_id"]] for entry in entries]


def _with_image_numbers(entries: list[Any], truth: Any) -> list[Any]:
    numbers = _image_numbers(entries, truth)
    return [{**entry, "image_id": number} for entry, number in zip(entries, numbers, strict=True)]


def _head_sizes(people: list[Any], keypoints: DoubleArray, skeleton: Skeleton) -> DoubleArray:
    sizes = head_lengths(keypoints, skeleton)
    for place, person in enumerate(people):
        if person.get("bbox_head"):
            sizes[place] = 0.6 * float(np.hypot(*person["bbox_head"][2:4]))
    return sizes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("-g", "--groundTruth", type=Path, required=True, metavar="FILE", help="COCO annotations")
    add("-p", "--predictions", type=Path, required=True, metavar="FILE", help="COCO results")
    add("--skeleton", metavar="NAME", help=f"{', '.join(SKELETONS)}, or a JSON file")
    add("-o", "--outputDir", type=Path, metavar="DIR", help="write summary.json there")


def run(args: argparse.Namespace) -> int:
    """Score, print the tables, write the file."""
    if args.outputDir is not None:
        check_folder(args.outputDir)
    truth, skeleton = load_truth(args.groundTruth, args.skeleton)
    results = load_results(args.predictions, truth, skeleton)
    scores = oks_ap(truth, results, skeleton.sigmas)
    heads = pckh(truth, results, skeleton)
    say(text_table([skeleton.name, *scores], [["OKS", *scores.values()]]))
    if heads is None:
        say("PCKh@0.5: nobody has a head box, or a neck and head_top labelled")
    else:
        rows: list[list[str | float]] = [[name, value] for name, value in heads.items()]
        say("\n" + text_table(["joint", "PCKh@0.5"], rows))
    if args.outputDir is not None:
        summary = {"skeleton": skeleton.name, "OKS": scores, "PCKh": heads}
        write_all(args.outputDir, {"summary.json": to_json(summary)})
    return 0


main = partial(run_command, "evaluation.coco", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
