"""`python -m evaluation.networks`: how good the bundled networks are, beside their teachers.

Pose: mean OKS and OKS-AP (pycocotools) with the true boxes and with a detector's. Detectors: AP at
IoU 0.5 on the same pictures; precision and recall on frames of a video with true boxes. The
teachers are ONNX files, run by ONNX Runtime where it is installed; they are never shipped.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment

from app.video.source import open_source
from evaluation.command import run_command
from pose.crops import crop_people
from pose.detector import load_detector
from pose.errors import UserError
from pose.estimator import load_estimator
from pose.geometry import crop_regions, grid_to_frame, xywh_to_xyxy, xyxy_to_xywh
from pose.people import Detections, FloatArray, Frame, ImageArray
from pose.skeleton import COCO17

Detector = Callable[[ImageArray], Detections]
Estimator = Callable[[ImageArray, FloatArray], tuple[FloatArray, FloatArray]]
LOWEST_SCORE = 0.01  # AP wants the whole curve


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    figures: dict[str, float]


def our_detector(name: str, device: str) -> Detector:
    """A detector of pose.weights' table or a file, down to the lowest scores."""
    detect = load_detector(name, device, score_thr=LOWEST_SCORE)
    return lambda image: detect(Frame(0, 0.0, image))


def our_estimator(name: str, device: str, flip: bool) -> Estimator:
    """A pose network of pose.weights' table or a file."""
    estimate = load_estimator(name, device, flip=flip)

    def run(image: ImageArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
        poses = estimate(Frame(0, 0.0, image), Detections(boxes, np.ones(len(boxes), np.float32)))
        return poses.keypoints, poses.keypoint_scores

    return run


def onnx_session(path: Path) -> Any:
    """An ONNX Runtime session on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("the teachers need ONNX Runtime: pip install onnxruntime") from error
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def tinypose(path: Path, flip: bool) -> Estimator:
    """PP-TinyPose: RGB, ImageNet statistics, box times 1.25, unbiased crops, DARK."""
    import torch

    from pose.heatmaps import average_flipped, decode_dark

    session = onnx_session(path)
    name = session.get_inputs()[0].name
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    std = np.array([0.229, 0.224, 0.225], np.float32)

    def run(image: ImageArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
        size_wh = (192, 256)
        regions = crop_regions(boxes, size_wh, 1.25)
        crops = crop_people(image, regions, size_wh)[..., ::-1].astype(np.float32) / 255
        batch = np.ascontiguousarray(((crops - mean) / std).transpose(0, 3, 1, 2))
        maps = torch.from_numpy(session.run(None, {name: batch})[0])
        if flip:
            mirrored = session.run(None, {name: np.ascontiguousarray(batch[..., ::-1])})[0]
            maps = average_flipped(maps, torch.from_numpy(mirrored), COCO17.mirror)
        points, scores = decode_dark(maps)
        scale, offset = grid_to_frame(regions, (48, 64))
        return points.numpy() * scale[:, None] + offset[:, None], scores.numpy()

    return run


def rtmdet(path: Path) -> Detector:
    """RTMDet-nano for people: BGR, its own statistics, letterbox of 416, suppression inside."""
    session = onnx_session(path)
    name = session.get_inputs()[0].name
    mean = np.array([103.53, 116.28, 123.675], np.float32)
    std = np.array([57.375, 57.12, 58.395], np.float32)

    def run(image: ImageArray) -> Detections:
        canvas, scale = square_letterbox(image, 416)
        batch = ((canvas - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
        found = session.run(None, {name: batch})[0][0]  # (n, 5)
        return Detections((found[:, :4] / scale).astype(np.float32), np.clip(found[:, 4], 0, 1))

    return run


def deim(path: Path) -> Detector:
    """DEIMv2-Femto: RGB / 255, plain resize to 416, boxes in frame pixels."""
    session = onnx_session(path)
    names = [item.name for item in session.get_inputs()]

    def run(image: ImageArray) -> Detections:
        resized = cv2.resize(image, (416, 416))[..., ::-1].astype(np.float32) / 255
        size = np.array([[image.shape[1], image.shape[0]]], np.int64)
        feed = dict(zip(names, (resized.transpose(2, 0, 1)[None], size), strict=True))
        labels, boxes, scores = (part[0] for part in session.run(None, feed))
        person = (labels == 0) & (scores >= LOWEST_SCORE)
        return Detections(boxes[person], scores[person])

    return run


def yolox(path: Path) -> Detector:
    """YOLOX-nano as released: BGR 0..255, letterbox of 416; decoded and suppressed by us."""
    import torch

    from pose.detector import suppress
    from pose.yolox import YOLOX, cell_grid, decode_boxes

    session = onnx_session(path)
    name = session.get_inputs()[0].name
    cells = cell_grid((416, 416), YOLOX.strides, torch.device("cpu"))

    def run(image: ImageArray) -> Detections:
        canvas, scale = square_letterbox(image, 416)
        batch = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        raw = torch.from_numpy(session.run(None, {name: batch})[0])
        boxes, scores = decode_boxes(raw, cells)[0], raw[0, :, 4] * raw[0, :, 5]
        order = scores.argsort(descending=True)[:300]
        order = order[scores[order] >= LOWEST_SCORE]
        kept = order[suppress(boxes[order], 0.65)]
        return Detections((boxes[kept] / scale).numpy(), scores[kept].numpy())

    return run


def square_letterbox(image: ImageArray, side: int) -> tuple[ImageArray, float]:
    """Fit a picture into the top left of a grey square; the square, and square / picture."""
    scale = min(side / image.shape[1], side / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    canvas = np.full((side, side, 3), 114, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size)
    return canvas, scale


def score_poses(truth: COCO, images: Path, estimate: Estimator, detect: Detector | None) -> Row:
    """Mean OKS (true boxes only) and OKS-AP of one pose network; boxes from `detect` if given."""
    results: list[dict[str, Any]] = []
    oks: list[float] = []
    for picture in truth.loadImgs(truth.getImgIds()):
        image = read_picture(images / picture["file_name"])
        people = [
            person
            for person in truth.loadAnns(truth.getAnnIds([picture["id"]]))
            if person["num_keypoints"] and not person["iscrowd"]
        ]
        if detect is None:
            boxes = xywh_to_xyxy(
                np.array([person["bbox"] for person in people], np.float32).reshape(-1, 4)
            )
            scores = np.ones(len(boxes), np.float32)
        else:
            found = detect(image)
            boxes, scores = found.boxes, found.scores
        if not len(boxes):
            continue
        keypoints, joint_scores = estimate(image, boxes)
        if detect is None:
            oks.extend(
                oks_of(points, person) for points, person in zip(keypoints, people, strict=True)
            )
        for points, confidence, score in zip(keypoints, joint_scores, scores, strict=True):
            sure = confidence[confidence > 0.2]  # HRNet's rescoring (lib/dataset/coco.py)
            results.append(
                {
                    "image_id": picture["id"],
                    "category_id": 1,
                    "keypoints": np.c_[points, confidence].astype(float).ravel().tolist(),
                    "score": float(score * (sure.mean() if len(sure) else 0.0)),
                }
            )
    precision, recall = coco_ap(truth, results, "keypoints")
    figures = {"AP": precision[0], "AP50": precision[1], "AR": recall}
    return Row("", ({"mean OKS": float(np.mean(oks))} if oks else {}) | figures)


def oks_of(points: FloatArray, person: dict[str, Any]) -> float:
    """OKS of one person's points (17, 2) against an annotation, over its labelled joints."""
    labels = np.array(person["keypoints"], np.float32).reshape(-1, 3)
    labelled = labels[:, 2] > 0
    squared = np.square(points - labels[:, :2]).sum(1)
    variance = np.square(2 * np.array(COCO17.sigmas))
    return float(np.exp(-squared / (2 * person["area"] * variance))[labelled].mean())


def score_boxes(truth: COCO, images: Path, detect: Detector) -> dict[str, float]:
    """Person AP at IoU 0.5 of one detector, and its milliseconds a picture."""
    results: list[dict[str, Any]] = []
    spent = []
    for picture in truth.loadImgs(truth.getImgIds()):
        image = read_picture(images / picture["file_name"])
        start = time.perf_counter()
        found = detect(image)
        spent.append(time.perf_counter() - start)
        results.extend(
            {
                "image_id": picture["id"],
                "category_id": 1,
                "bbox": xyxy_to_xywh(box).astype(float).tolist(),
                "score": float(score),
            }
            for box, score in zip(found.boxes, found.scores, strict=True)
        )
    precision, _ = coco_ap(truth, results, "bbox")
    return {"person AP50": precision[1], "ms": float(np.median(spent)) * 1000}


def coco_ap(truth: COCO, results: list[dict[str, Any]], kind: str) -> tuple[list[float], float]:
    """AP and AP50, and AR, as pycocotools has them; zeros without results."""
    if not results:
        return [0.0, 0.0], 0.0
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        evaluation.params.catIds = [1]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(evaluation.stats[0]), float(evaluation.stats[1])], float(evaluation.stats[5])


def score_video(clip: Path, truth: Path, detect: Detector, threshold: float) -> dict[str, float]:
    """Precision and recall at IoU 0.5 of the boxes over `threshold` on the labelled frames."""
    rows = np.loadtxt(truth, delimiter=",", ndmin=2)
    last = int(rows[:, 0].max())
    matched = found_count = 0
    with open_source(clip) as source:
        for frame in source:
            if frame.index >= last:
                break
            wanted = xywh_to_xyxy(rows[rows[:, 0] == frame.index + 1, 2:6].astype(np.float32))
            found = detect(frame.image)
            boxes = found.boxes[found.scores >= threshold]
            found_count += len(boxes)
            overlap = box_iou(wanted, boxes)
            pairs = linear_sum_assignment(-np.where(overlap >= 0.5, overlap, 0))
            matched += int((overlap[pairs] >= 0.5).sum())
    return {
        "recall": matched / len(rows),
        "precision": matched / max(found_count, 1),
    }


def box_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """IoU (N, M) of boxes (N, 4) and (M, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (a, b)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)


def read_picture(path: Path) -> ImageArray:
    """A picture as (H, W, 3) BGR."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise UserError(f"{path} is not a picture")
    return image.astype(np.uint8, copy=False)


def print_table(title: str, rows: list[Row]) -> None:
    """A Markdown table, figures with three decimals, times with one."""
    columns = list(dict.fromkeys(name for row in rows for name in row.figures))
    lines = [f"| {title} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        cells = [
            "" if name not in row.figures else f"{row.figures[name]:.{1 if name == 'ms' else 3}f}"
            for name in columns
        ]
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    print("\n".join(lines) + "\n")  # noqa: T201


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--coco", type=Path, required=True, help="folder with images/ and truth")
    parser.add_argument("--pets", type=Path, help="MOT text with the true boxes of the clip")
    parser.add_argument("--clip", type=Path, help="the video that --pets labels")
    parser.add_argument("--teachers", type=Path, help="folder of the teachers' ONNX files")
    parser.add_argument("--detector", default="posse-detector")
    parser.add_argument("--pose", default="posse-pose")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--bbox-thr", type=float, default=0.3, help="for precision and recall")
    parser.add_argument("--json", type=Path, help="write the figures there too")


def run(args: argparse.Namespace) -> int:
    """Score and print."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(args.coco / "person_keypoints.json"))
    images = args.coco / "images"

    detectors: dict[str, Detector] = {args.detector: our_detector(args.detector, args.device)}
    estimators: dict[str, Estimator] = {
        args.pose: our_estimator(args.pose, args.device, flip=False),
        f"{args.pose}, flip test": our_estimator(args.pose, args.device, flip=True),
    }
    own_detector, teacher_detector = detectors[args.detector], None
    if args.teachers:
        detectors |= {
            "YOLOX-nano": yolox(args.teachers / "yolox_nano.onnx"),
            "RTMDet-nano": rtmdet(args.teachers / "rtmdet_nano_person.onnx"),
            "DEIMv2-Femto": deim(args.teachers / "deimv2_hgnetv2_femto_coco.onnx"),
        }
        teacher_detector = detectors["YOLOX-nano"]
        file = args.teachers / "tinypose_256_192.onnx"
        estimators |= {
            "PP-TinyPose": tinypose(file, flip=False),
            "PP-TinyPose, flip test": tinypose(file, flip=True),
        }

    boxes = []
    for name, detect in detectors.items():
        figures = score_boxes(truth, images, detect)
        if args.pets and args.clip:
            figures |= score_video(args.clip, args.pets, detect, args.bbox_thr)
        boxes.append(Row(name, figures))
    print_table("detector", boxes)
    poses = []
    for name, estimate in estimators.items():
        poses.append(Row(f"{name}, true boxes", score_poses(truth, images, estimate, None).figures))
        used = teacher_detector if "TinyPose" in name and teacher_detector else own_detector
        poses.append(
            Row(f"{name}, found boxes", score_poses(truth, images, estimate, used).figures)
        )
    print_table("pose", poses)
    if args.json:
        args.json.write_text(json.dumps({row.name: row.figures for row in boxes + poses}, indent=1))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; a UserError becomes one line and exit code 1."""
    return run_command("networks", __doc__, add_arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
