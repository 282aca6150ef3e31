"""How good predictions are on labelled people: OKS, OKS-AP, PCKh, and AP of boxes."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose.geometry import xyxy_to_xywh
from pose.oks import oks
from pose.pckh import head_lengths, joints_in_mean, within_half_a_head
from pose.people import FloatArray
from pose.training.people_file import LabelledPeople


def oks_of(points: FloatArray, people: LabelledPeople) -> FloatArray:
    """OKS (N,) of points (N, K, 2) against the labels; every labelled joint counts the same."""
    squared = np.square(points - people.keypoints).sum(-1)  # (N, K)
    spread = np.square(2 * np.array(people.skeleton.sigmas, np.float32))  # (K,)
    labelled = (people.weights > 0).astype(np.float32)  # (N, K)
    return oks(squared, labelled, people.areas[:, None] * spread)[0]


def oks_ap(points: FloatArray, scores: FloatArray, people: LabelledPeople) -> float:
    """COCO's keypoint AP (OKS 0.5 to 0.95) of one prediction per person, with its box given.

    points (N, K, 2), scores (N,) of the person. The sigmas are the skeleton's. It is pycocotools'
    AP of these people alone; given a file's unlabelled people and crowds too, pycocotools would not
    count a wrong pose that lies on one of them.
    """
    labelled = people.weights > 0
    keypoints = np.dstack([people.keypoints * labelled[..., None], 2 * labelled])  # (N, K, 3)
    truth = _truth(
        people,
        keypoints=keypoints.reshape(len(people), -1).tolist(),
        num_keypoints=labelled.sum(1).tolist(),
    )
    found = np.dstack([points, np.ones_like(points[..., :1])]).reshape(len(people), -1)
    results = [
        {"image_id": int(image), "category_id": 1, "keypoints": row.tolist(), "score": float(score)}
        for image, row, score in zip(people.image_of, found, scores, strict=True)
    ]
    thresholds = np.linspace(0.5, 0.95, 10)
    return _mean_precision(truth, results, "keypoints", thresholds, people.skeleton.sigmas)


def pckh(points: FloatArray, people: LabelledPeople) -> float:
    """PCKh at 0.5: the part of labelled joints that are off by no more than half a head size.

    The head size is `head_px`, or else the distance from neck to head top; people with neither are
    left out, as are the joints that `joints_in_mean` leaves out. NaN if nobody has a head size.
    """
    labelled = people.weights > 0  # (N, K)
    lengths = head_lengths(np.where(labelled[..., None], people.keypoints, np.nan), people.skeleton)
    heads = np.where(np.isnan(people.head_px), lengths, people.head_px)
    counted = labelled & (heads > 0)[:, None] & joints_in_mean(people.skeleton)
    if not counted.any():
        return float("nan")
    return float(within_half_a_head(points, people.keypoints, heads)[counted].mean())


def box_ap(people: LabelledPeople, results: list[dict[str, Any]]) -> float:
    """COCO's AP at IoU 0.5, all sizes, up to 100 boxes per picture.

    results: `image_id` (index into the pictures), `category_id` 1, `bbox` xywh, `score`.
    """
    return _mean_precision(_truth(people), results, "bbox", np.array([0.5]))


def _truth(people: LabelledPeople, **columns: list[Any]) -> COCO:
    """The labels as a pycocotools COCO; `columns` are further fields, a value per person."""
    boxes = xyxy_to_xywh(people.boxes).tolist()
    truth = COCO()
    truth.dataset = {
        "images": [{"id": index} for index in range(len(people.places))],
        "categories": [{"id": 1}],
        "annotations": [
            {
                "id": index + 1,
                "image_id": int(people.image_of[index]),
                "category_id": 1,
                "bbox": boxes[index],
                "area": float(people.areas[index]),
                "iscrowd": int(people.crowd[index]),
                **{name: values[index] for name, values in columns.items()},
            }
            for index in range(len(people))
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth.createIndex()
    return truth


def _mean_precision(
    truth: COCO,
    results: list[dict[str, Any]],
    kind: str,
    thresholds: NDArray[np.float64],
    sigmas: tuple[float, ...] = (),
) -> float:
    if not results:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        evaluation.params.iouThrs = thresholds
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        if sigmas:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # (T, 101, 1, 1, M)
    return float(precision[..., 0, 0, -1].mean())
