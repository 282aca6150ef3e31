"""A COCO-keypoints file as arrays, and its pictures in memory."""

from __future__ import annotations

import json
import logging
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose.errors import UserError
from pose.geometry import xywh_to_xyxy
from pose.people import BoolArray, FloatArray, ImageArray, IntArray
from pose.skeleton import COCO17, Skeleton

log = logging.getLogger(__name__)


class TrainingDataError(UserError):
    """Training data that cannot be used."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPeople:
    """The people of a COCO-keypoints file, as parallel arrays."""

    files: tuple[Path, ...]  # (I,) pictures
    image_of: IntArray  # (N,) index into files
    boxes: FloatArray  # (N, 4) x1 y1 x2 y2
    keypoints: FloatArray  # (N, K, 2); meaningless where the weight is 0
    weights: FloatArray  # (N, K) 0 = not labelled, 1 = sure
    areas: FloatArray  # (N,) of the person, as OKS wants it
    crowd: BoolArray  # (N,) a region of people, not a person
    skeleton: Skeleton

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, mask: BoolArray) -> LabelledPeople:
        """The people that `mask` picks; the list of pictures stays."""
        return LabelledPeople(
            self.files,
            self.image_of[mask],
            self.boxes[mask],
            self.keypoints[mask],
            self.weights[mask],
            self.areas[mask],
            self.crowd[mask],
            self.skeleton,
        )


def joint_weights(annotation: dict[str, Any], joints: int) -> FloatArray:
    """How much each joint's label counts, (K,): 0 where v is 0, less where a teacher was unsure."""
    visible = np.array(annotation["keypoints"], np.float32).reshape(joints, 3)[:, 2] > 0
    if annotation.get("label", "human") == "human" or "keypoint_scores" not in annotation:
        return visible.astype(np.float32)
    confidence = np.array(annotation["keypoint_scores"], np.float32)
    return (visible * np.clip(confidence / 0.5, 0, 1)).astype(np.float32)


def read_people(
    data: Path,
    images: Path,
    split: str,
    *,
    exclude: frozenset[str] = frozenset(),
    skeleton: Skeleton = COCO17,
) -> LabelledPeople:
    """Read the `split` ("train" or "val") of a COCO-keypoints file whose pictures lie in `images`.

    Pictures without a field `split` are dealt out by a hash of their name, one in twenty to val.
    `exclude` names values of the pictures' field `source` to leave out. Annotations that cannot be
    used (no picture, a box without area, numbers that are not finite) are left out, counted and
    logged by reason. Raises TrainingDataError where nothing is left.
    """
    try:
        content = json.loads(data.read_text())
        pictures, annotations = content["images"], content["annotations"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise TrainingDataError(f"{data} is not a COCO-keypoints file: {error!r}") from error

    wanted = [
        picture
        for picture in pictures
        if _split_of(picture) == split and picture.get("source") not in exclude
    ]
    there = [picture for picture in wanted if (images / picture["file_name"]).is_file()]
    refused: Counter[str] = Counter()
    if len(there) < len(wanted):
        refused["picture missing"] = len(wanted) - len(there)
    index_of = {picture["id"]: index for index, picture in enumerate(there)}
    rows = []
    for annotation in annotations:
        if annotation["image_id"] in index_of:
            reason = _reason_to_refuse(annotation, len(skeleton))
            if reason is None:
                rows.append(annotation)
            else:
                refused[reason] += 1
    for reason, count in refused.items():
        log.warning("%s, %s: %d left out: %s", data, split, count, reason)
    if not rows:
        raise TrainingDataError(f"{data}: no usable person in split '{split}' under {images}")
    points = np.array([row["keypoints"] for row in rows], np.float32).reshape(len(rows), -1, 3)
    boxes = xywh_to_xyxy(np.array([row["bbox"] for row in rows], np.float32))
    return LabelledPeople(
        files=tuple(images / picture["file_name"] for picture in there),
        image_of=np.array([index_of[row["image_id"]] for row in rows], np.int64),
        boxes=boxes,
        keypoints=points[..., :2],
        weights=np.stack([joint_weights(row, len(skeleton)) for row in rows]),
        areas=np.array([row.get("area") or np.prod(row["bbox"][2:]) for row in rows], np.float32),
        crowd=np.array([bool(row.get("iscrowd")) for row in rows]),
        skeleton=skeleton,
    )


def _split_of(picture: dict[str, Any]) -> str:
    if "split" in picture:
        return str(picture["split"])
    return "val" if zlib.crc32(picture["file_name"].encode()) % 20 == 0 else "train"


def _reason_to_refuse(annotation: dict[str, Any], joints: int) -> str | None:
    box, points = annotation.get("bbox"), annotation.get("keypoints")
    if box is None or len(box) != 4 or points is None or len(points) != 3 * joints:
        return f"no box or not {joints} keypoints"
    if not (np.isfinite(box).all() and np.isfinite(points).all()):
        return "a number is not finite"
    if min(box[2:]) <= 1:
        return "box without area"
    return None


class Pictures:
    """Decoded pictures, kept in memory up to a limit so that an epoch does not decode again."""

    def __init__(self, files: tuple[Path, ...], limit_bytes: int = 6 * 1024**3) -> None:
        self._files = files
        self._left = limit_bytes
        self._kept: dict[int, ImageArray] = {}

    def __getitem__(self, index: int) -> ImageArray:
        """Picture `index`, (H, W, 3) BGR. Raises TrainingDataError where it cannot be decoded."""
        if index in self._kept:
            return self._kept[index]
        decoded = cv2.imread(str(self._files[index]), cv2.IMREAD_COLOR)
        if decoded is None:
            raise TrainingDataError(f"{self._files[index]} is not a picture; remove it or mend it")
        image = decoded.astype(np.uint8, copy=False)
        if image.nbytes <= self._left:
            self._kept[index] = image
            self._left -= image.nbytes
        return image
