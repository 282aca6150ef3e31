"""Pictures with labelled people, as they are or rotated."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from app.video.images import read_picture
from evaluation.coco_labels import complete_labels, read_labels
from pose.errors import UserError
from pose.people import ImageArray
from pose.reading import number, reading
from pose.skeleton import COCO17


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures with labelled people, both rotated to the left by `quarters` quarter turns."""

    truth: COCO
    folder: Path
    quarters: int = 0

    def pictures(self) -> Iterator[tuple[int, ImageArray, list[dict[str, Any]]]]:
        """Each picture's id, pixels and people; pictures are decoded one by one."""
        for each in self.truth.loadImgs(sorted(self.truth.getImgIds())):
            picture = np.rot90(read_picture(self.folder / each["file_name"]), self.quarters)
            people = self.truth.loadAnns(self.truth.getAnnIds([each["id"]]))
            yield each["id"], np.ascontiguousarray(picture), people


def read_set(labels: Path, quarters: int = 0) -> PictureSet:
    """A COCO-keypoints file with a folder `images` beside it; of a split file, the part `val`.

    The category that has labelled joints is people; it becomes 1, and the others are dropped.
    Raises UserError where there is no such file, nobody in it, or something in it is missing.
    """
    if labels.is_dir():
        labels = labels / "person_keypoints.json"
    if not labels.is_file():
        raise UserError(f"{labels}: no such file; give COCO keypoints with images/ beside them")
    content = read_labels(labels)
    _check_pictures(content, labels, turned=quarters > 0)
    complete_labels(content, labels, len(COCO17), boxes_too=True)
    if any("split" in each for each in content["images"]):
        content["images"] = [each for each in content["images"] if each.get("split") == "val"]
        ids = {each["id"] for each in content["images"]}
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] in ids]
    _keep_people(content, labels)
    for _ in range(quarters):
        _turn(content)
    truth = COCO()
    truth.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        truth.createIndex()
    return PictureSet(truth, labels.parent / "images", quarters)


def _keep_people(content: dict[str, Any], labels: Path) -> None:
    """Keep only people in `content`, as category 1. Raises UserError where there are none."""
    everything = content["annotations"]
    person = next((a["category_id"] for a in everything if a["num_keypoints"]), None)
    if person is None:
        raise UserError(f"{labels}: nobody in it has labelled joints; there is nothing to score")
    people = [a for a in everything if a["category_id"] == person]
    content["annotations"] = [{**a, "category_id": 1} for a in people]
    content["categories"] = [{"id": 1, "name": "person"}]


def _check_pictures(content: dict[str, Any], labels: Path, turned: bool) -> None:
    """Raise UserError where a picture's file, or the size that turning needs, is not given."""
    with reading(str(labels), UserError):
        for place, picture in enumerate(content["images"]):
            with reading(f"{labels}: picture {place}", UserError):
                _ = picture["id"], Path(picture["file_name"])
                for name in ("width", "height") if turned else ():
                    number(picture[name])


def _turn(content: dict[str, Any]) -> None:
    """Rotate all labels to the left by a quarter turn; outlines (of crowds) are dropped."""
    widths = {each["id"]: each["width"] for each in content["images"]}
    for person in content["annotations"]:
        width = widths[person["image_id"]]
        x, y, across, down = person["bbox"]
        person["bbox"] = [y, width - x - across, down, across]
        joints = np.array(person["keypoints"], float).reshape(-1, 3)
        turned = np.stack([joints[:, 1], width - 1 - joints[:, 0], joints[:, 2]], axis=1)
        person["keypoints"] = turned.ravel().tolist()
        person.pop("segmentation", None)
    for each in content["images"]:
        each["width"], each["height"] = each["height"], each["width"]
