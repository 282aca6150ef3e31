"""`python -m evaluation.networks`: how good the bundled networks are, compared with their teachers.

Pose: mean OKS and OKS-AP (pycocotools) with the true boxes and with a detector's. Detectors: AP at
IoU 0.5 on the same pictures; precision and recall on frames of videos with true boxes. Where the
pictures are split, those of `val` are scored. Teachers are scored where their files are given.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from app.video.source import open_source
from evaluation.labelled_pictures import PictureSet, read_set
from evaluation.matching import box_iou, cheapest_mask
from evaluation.mot import read_boxes
from evaluation.results import check_writable, write_figures
from evaluation.table import markdown_table
from evaluation.teachers import LOWEST_SCORE, Detector, Estimator, deim, rtmdet, tinypose, yolox
from pose.command import run_command, say
from pose.detector import load_detector
from pose.errors import UserError
from pose.estimator import load_estimator
from pose.geometry import xywh_to_xyxy, xyxy_to_xywh
from pose.oks import oks
from pose.people import Detections, FloatArray, Frame, ImageArray
from pose.skeleton import COCO17

Figures = dict[str, float]


def our_detector(name: str, device: str) -> Detector:
    """A detector by name or file, with people down to the lowest scores."""
    detect = load_detector(name, device, score_thr=LOWEST_SCORE)
    return lambda image: detect(Frame(0, 0.0, image))


def our_estimator(name: str, device: str, flip: bool) -> Estimator:
    """A pose network by name or file."""
    estimate = load_estimator(name, device, flip=flip)

    def run(image: ImageArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
        poses = estimate(Frame(0, 0.0, image), Detections(boxes, np.ones(len(boxes), np.float32)))
        return poses.keypoints, poses.keypoint_scores

    return run


def score_poses(pictures: PictureSet, estimate: Estimator, detect: Detector | None) -> Figures:
    """OKS-AP of one pose network with the boxes of `detect`; None: with the true boxes.

    With true boxes also mean OKS, and the milliseconds per person.
    """
    results: list[dict[str, Any]] = []
    agreements: list[float] = []
    spent: list[float] = []
    for picture, image, labelled in pictures.pictures():
        people = [each for each in labelled if each["num_keypoints"] and not each["iscrowd"]]
        if detect is None:
            labels = np.array([person["bbox"] for person in people], np.float32)
            boxes = xywh_to_xyxy(labels.reshape(-1, 4))
            scores = np.ones(len(boxes), np.float32)
        else:
            found = detect(image)
            boxes, scores = found.boxes, found.scores
        if not len(boxes):
            continue
        start = time.perf_counter()
        keypoints, joint_scores = estimate(image, boxes)
        spent.append((time.perf_counter() - start) / len(boxes))
        if detect is None:
            agreements.extend(map(oks_of, keypoints, people))
        for points, confidence, score in zip(keypoints, joint_scores, scores, strict=True):
            sure = confidence[confidence > 0.2]  # HRNet's rescoring (lib/dataset/coco.py)
            results.append(
                {
                    "image_id": picture,
                    "category_id": 1,
                    "keypoints": np.c_[points, confidence].astype(float).ravel().tolist(),
                    "score": float(score * (sure.mean() if len(sure) else 0.0)),
                }
            )
    precision, _ = coco_ap(pictures.truth, results, "keypoints")
    if detect is not None:
        return {"AP, found boxes": precision}
    return {
        "mean OKS": float(np.mean(agreements)),
        "AP, true boxes": precision,
        "ms a person": 1000 * float(np.median(spent)),
    }


def oks_of(points: FloatArray, person: dict[str, Any]) -> float:
    """OKS of one person's points (17, 2) against an annotation, over its labelled joints."""
    labels = np.array(person["keypoints"], np.float32).reshape(-1, 3)
    labelled = (labels[:, 2] > 0).astype(np.float64)
    squared = np.square(points - labels[:, :2]).sum(1)
    variance = person["area"] * np.square(2 * np.array(COCO17.sigmas))
    return float(oks(squared[None], labelled[None], variance[None])[0][0])


def score_boxes(pictures: PictureSet, detect: Detector) -> Figures:
    """Person AP at IoU 0.5 of one detector, and its milliseconds per picture."""
    results: list[dict[str, Any]] = []
    spent = []
    for picture, image, _ in pictures.pictures():
        start = time.perf_counter()
        found = detect(image)
        spent.append(time.perf_counter() - start)
        results.extend(
            {
                "image_id": picture,
                "category_id": 1,
                "bbox": xyxy_to_xywh(box).astype(float).tolist(),
                "score": float(score),
            }
            for box, score in zip(found.boxes, found.scores, strict=True)
        )
    _, precision = coco_ap(pictures.truth, results, "bbox")
    return {"person AP50": precision, "ms a picture": 1000 * float(np.median(spent))}


def coco_ap(truth: COCO, results: list[dict[str, Any]], kind: str) -> tuple[float, float]:
    """AP and AP50 as pycocotools computes them; zeros without results."""
    if not results:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        evaluation.params.catIds = [1]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def score_video(clip: Path, truth: Path, detect: Detector, threshold: float) -> Figures:
    """Precision and recall at IoU 0.5, on the labelled frames, of boxes from `threshold` on.

    Raises UserError where the truth labels nobody, or frames that the video does not have.
    """
    everything = read_boxes(truth, truth=True)
    people = everything.select(everything.scored)
    if not len(people.ids):
        raise UserError(f"{truth}: no boxes of people there")
    labelled, last = set(people.frame.tolist()), int(people.frame[-1])
    matched = found_count = 0
    with open_source(clip) as source:
        for frame in source:
            if frame.index + 1 not in labelled:
                continue
            wanted = people.boxes[people.frame == frame.index + 1]
            found = detect(frame.image)
            boxes = found.boxes[found.scores >= threshold]
            found_count += len(boxes)
            overlap = box_iou(wanted, boxes.astype(np.float64))
            matched += int(cheapest_mask(np.where(overlap >= 0.5, 1 - overlap, np.nan)).sum())
            if frame.index + 1 == last:
                break
        else:
            raise UserError(f"{clip}: it ends before frame {last}, which {truth} labels")
    return {
        f"recall, {clip.stem}": matched / len(people.ids),
        f"precision, {clip.stem}": matched / max(found_count, 1),
    }


def print_table(title: str, rows: dict[str, Figures]) -> None:
    """A Markdown table, figures with three decimals, times with one."""
    columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    cells = (
        [name, *(f"{figures[each]:.{1 if each.startswith('ms') else 3}f}" for each in columns)]
        for name, figures in rows.items()
    )
    say(markdown_table([title, *columns], cells, "---") + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    text = "COCO keypoints with images/ beside them, or their folder; may be given again"
    add("--coco", type=Path, action="append", required=True, metavar="LABELS", help=text)
    text = "a video and its true boxes as MOT text; may be given again"
    add(
        "--clip",
        nargs=2,
        type=Path,
        action="append",
        default=[],
        metavar=("VIDEO", "GT"),
        help=text,
    )
    text = "degrees to rotate the pictures of --coco to the left, as for people in handstands"
    add("--turn", type=int, choices=(0, 90, 180, 270), default=0, help=text)
    add("--true-boxes", action="store_true", help="poses in true boxes only: much faster")
    text = "folder of the teachers' ONNX files"
    add("--teachers", type=Path, metavar="DIR", help=text)
    add("--detector", default="posse-detector", metavar="NAME", help="name or file")
    add("--pose", nargs="+", default=["posse-pose"], metavar="NAME", help="names or files")
    text = "auto, cpu, cuda or cuda:N"
    add("--device", default="auto", metavar="DEV", help=text)
    text = "score from which a box counts for precision and recall"
    add("--bbox-thr", type=float, default=0.3, metavar="X", help=text)
    add("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(args: argparse.Namespace) -> int:
    """Score and print."""
    if args.json:
        check_writable(args.json)
    _check(args)
    detectors, estimators = _networks(args)
    figures: dict[str, Any] = {}
    for labels in args.coco:
        pictures = read_set(labels, quarters=args.turn // 90)
        boxes = {name: score_boxes(pictures, detect) for name, detect in detectors.items()}
        poses = {
            name: score_poses(pictures, estimate, None)
            | ({} if args.true_boxes else score_poses(pictures, estimate, detect))
            for name, (estimate, detect) in estimators.items()
        }
        print_table(f"{labels.stem}: detector", boxes)
        print_table(f"{labels.stem}: pose", poses)
        figures[labels.stem] = {"detectors": boxes, "poses": poses}
    if args.clip:
        found: dict[str, Figures] = {name: {} for name in detectors}
        for name, detect in detectors.items():
            for clip, truth in args.clip:
                found[name] |= score_video(clip, truth, detect, args.bbox_thr)
        print_table(f"detector, score {args.bbox_thr}", found)
        figures["clips"] = found
    if args.json:
        write_figures(args.json, figures)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise UserError for what would otherwise be found wrong only after all pictures."""
    videos = [clip for clip, _ in args.clip]
    for kind, paths in (("label files", args.coco), ("videos", videos)):
        for name, times in Counter(path.stem for path in paths).items():
            if times > 1:
                raise UserError(f"two {kind} are called {name}; score one after the other")
    for clip, truth in args.clip:
        open_source(clip).close()
        read_boxes(truth, truth=True)


def _networks(
    args: argparse.Namespace,
) -> tuple[dict[str, Detector], dict[str, tuple[Estimator, Detector]]]:
    """The detectors, and the pose networks each with the detector it gets boxes from, by name."""
    ours = our_detector(args.detector, args.device)
    detectors: dict[str, Detector] = {args.detector: ours}
    estimators: dict[str, tuple[Estimator, Detector]] = {}
    for pose in args.pose:
        for flip in (False, True):
            estimators[_row(pose, flip)] = our_estimator(pose, args.device, flip), ours
    if args.teachers:
        nano = yolox(args.teachers)
        others = {"RTMDet-nano": rtmdet(args.teachers), "DEIMv2-Femto": deim(args.teachers)}
        detectors |= {"YOLOX-nano": nano, **others}
        for flip in (False, True):
            estimators[_row("PP-TinyPose", flip)] = tinypose(args.teachers, flip), nano
    return detectors, estimators


def _row(name: str, flip: bool) -> str:
    return f"{name}, flip test" if flip else name


main = partial(run_command, "evaluation.networks", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
