"""Check labels in COCO's keypoints format, and add every field that pycocotools needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluation.annotation_rows import is_number, numbers
from evaluation.annotations import AnnotationError
from pose.oks import SEGMENT_SHARE
from pose.reading import ContentError, number, read_json, reading, shown


def read_labels(path: Path) -> dict[str, Any]:
    """The content of a COCO file, not checked in detail yet. Raises AnnotationError."""
    content = read_json(path, AnnotationError)
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise AnnotationError(
            f"{path}: no COCO keypoints, expected an object with images and annotations"
        )
    return content


def complete_labels(content: dict[str, Any], path: Path, joints: int, *, boxes_too: bool) -> int:
    """Check people with this number of `joints`, and fill in, in place, what other programs omit.

    `boxes_too`: people without keypoints are allowed; they have only a box. People are renumbered
    from 1. Returns how many people with joints had no area. Raises AnnotationError naming the
    annotation that is wrong.
    """
    guessed = 0
    with reading(str(path), AnnotationError):
        images = {image["id"] for image in content["images"]}
        if odd := [each for each in images if not isinstance(each, int | float | str)]:
            raise ContentError(f"an image's id is {shown(odd[0])}, expected a number or text")
        for place, annotation in enumerate(content["annotations"]):
            with reading(f"{path}: annotation {place}", AnnotationError):
                if boxes_too and not annotation.get("keypoints"):
                    annotation["keypoints"] = [0] * (3 * joints)
                check_keypoints(annotation, joints)
                if annotation["image_id"] not in images:
                    raise ContentError(f"its image {shown(annotation['image_id'])} is not listed")
                guessed += _complete(annotation) and annotation["num_keypoints"] > 0
                annotation["id"] = place + 1  # pycocotools takes 0 for nobody
        listed = content.get("categories") or []
        known = {number(category["id"]) for category in listed}
        used = {annotation["category_id"] for annotation in content["annotations"]} or {1}
        # pycocotools ignores categories that are not listed
        content["categories"] = [*listed, *({"id": each} for each in sorted(used - known))]
    return guessed


def _complete(annotation: dict[str, Any]) -> bool:
    """Check and complete one person; whether there was no area."""
    _, _, width, height = box_of(annotation, "bbox")
    area = _number(annotation, "area") if annotation.get("area") else 0
    annotation["area"] = area if area > 0 else width * height * SEGMENT_SHARE
    annotation["iscrowd"] = _flag(annotation)
    annotation.setdefault("category_id", 1)
    annotation.setdefault("num_keypoints", sum(v > 0 for v in annotation["keypoints"][2::3]))
    for name in ("category_id", "num_keypoints"):
        _number(annotation, name)
    if annotation.get("bbox_head"):
        box_of(annotation, "bbox_head")
    return area <= 0


def box_of(entry: Any, name: str) -> list[float]:
    """The box x, y, width, height of a field. Raises ContentError."""
    box = entry[name]
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise ContentError(f"{name} is {shown(box)}, expected x, y, width, height")
    if min(box[2:]) < 0:  # pycocotools leaves such people out
        raise ContentError(f"{name} is {shown(box)}, of a negative size")
    return box


def _number(annotation: dict[str, Any], name: str) -> float:
    value = annotation[name]
    if not is_number(value):
        raise ContentError(f"{name} is {shown(value)}, expected a number")
    return float(value)


def _flag(annotation: dict[str, Any]) -> int:
    """0 or 1, as in COCO, from a number or from true or false, as in PoseTrack 2018."""
    value = annotation.setdefault("iscrowd", 0)
    return int(value if type(value) is bool else _number(annotation, "iscrowd") != 0)


def check_keypoints(annotation: Any, joints: int) -> None:
    """Raise ContentError where the keypoints are not x, y, visibility of each of the `joints`."""
    keypoints = annotation["keypoints"]
    if len(keypoints) != 3 * joints:
        raise ContentError(f"{len(keypoints)} keypoint values, expected 3 x {joints}")
    if numbers(keypoints) is None:
        raise ContentError("a coordinate is NaN, infinite, too large or no number")
