"""The networks that labelled our training pictures, as the scorers call them; never shipped.

They are ONNX files in one folder, run by ONNX Runtime in single precision, each with its makers'
preprocessing of pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from pose.crops import crop_people
from pose.detector import suppress
from pose.errors import UserError
from pose.geometry import crop_regions, grid_to_frame
from pose.heatmaps import average_flipped, decode_expected_oks
from pose.people import Detections, FloatArray, ImageArray
from pose.skeleton import COCO17
from pose.yolox import cell_grid, decode_boxes

# A picture -> its people; a picture and boxes (N, 4) -> keypoints (N, 17, 2) and scores (N, 17).
Detector = Callable[[ImageArray], Detections]
Estimator = Callable[[ImageArray, FloatArray], tuple[FloatArray, FloatArray]]
LOWEST_SCORE = 0.01  # AP wants the whole curve


def onnx_session(path: Path) -> Any:
    """An ONNX Runtime session on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("the teachers need ONNX Runtime: pip install onnxruntime") from error
    if not path.is_file():
        raise UserError(f"{path}: no such file; it is one of the teachers' networks")
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def tinypose(folder: Path, flip: bool) -> Estimator:
    """PP-TinyPose: RGB, ImageNet statistics, box times 1.25, unbiased crops, decoded as ours."""
    session = onnx_session(folder / "tinypose_256_192.onnx")
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
        points, scores = decode_expected_oks(maps, COCO17.sigmas)
        scale, offset = grid_to_frame(regions, (48, 64))
        return points.numpy() * scale[:, None] + offset[:, None], scores.numpy()

    return run


def rtmdet(folder: Path) -> Detector:
    """RTMDet-nano for people: BGR, its own statistics, letterbox of 416, suppression inside."""
    session = onnx_session(folder / "rtmdet_nano_person.onnx")
    name = session.get_inputs()[0].name
    mean = np.array([103.53, 116.28, 123.675], np.float32)
    std = np.array([57.375, 57.12, 58.395], np.float32)

    def run(image: ImageArray) -> Detections:
        canvas, scale = square_letterbox(image, 416)
        batch = ((canvas - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
        found = session.run(None, {name: batch})[0][0]  # (n, 5)
        return Detections((found[:, :4] / scale).astype(np.float32), np.clip(found[:, 4], 0, 1))

    return run


def deim(folder: Path) -> Detector:
    """DEIMv2-Femto: RGB / 255, plain resize to 416, boxes in frame pixels."""
    session = onnx_session(folder / "deimv2_hgnetv2_femto_coco.onnx")
    names = [item.name for item in session.get_inputs()]

    def run(image: ImageArray) -> Detections:
        resized = cv2.resize(image, (416, 416))[..., ::-1].astype(np.float32) / 255
        size = np.array([[image.shape[1], image.shape[0]]], np.int64)
        feed = dict(zip(names, (resized.transpose(2, 0, 1)[None], size), strict=True))
        labels, boxes, scores = (part[0] for part in session.run(None, feed))
        person = (labels == 0) & (scores >= LOWEST_SCORE)
        return Detections(boxes[person], scores[person])

    return run


def yolox(folder: Path) -> Detector:
    """YOLOX-nano as released: BGR 0..255, letterbox of 416; decoded and suppressed by us."""
    session = onnx_session(folder / "yolox_nano.onnx")
    name = session.get_inputs()[0].name
    cells = cell_grid((416, 416), torch.device("cpu"))

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
    """Fit a picture into the top left of a grey square; the square, and scale square / picture."""
    scale = min(side / image.shape[1], side / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    canvas = np.full((side, side, 3), 114, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size)
    return canvas, scale
