"""Pictures with labelled people, as they are or turned."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from app.video.images import read_picture
from pose.errors import UserError
from pose.people import ImageArray
from pose.reading import read_json


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures with labelled people, both turned to the left by so many quarters."""

    truth: COCO
    folder: Path
    quarters: int = 0

    def pictures(self) -> list[tuple[int, ImageArray, list[dict[str, Any]]]]:
        """Id, picture and people of all of them."""
        return [
            (
                each["id"],
                np.ascontiguousarray(
                    np.rot90(read_picture(self.folder / each["file_name"]), self.quarters)
                ),
                self.truth.loadAnns(self.truth.getAnnIds([each["id"]])),
            )
            for each in self.truth.loadImgs(sorted(self.truth.getImgIds()))
        ]


def read_set(labels: Path, quarters: int = 0) -> PictureSet:
    """A COCO-keypoints file with a folder `images` beside it; of a split file, the part `val`."""
    if labels.is_dir():
        labels = labels / "person_keypoints.json"
    if not labels.is_file():
        raise UserError(f"{labels}: no such file; give COCO keypoints with images/ beside them")
    content = read_json(labels, UserError)
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise UserError(f"{labels}: no COCO keypoints: images or annotations are missing")
    if any("split" in each for each in content["images"]):
        content["images"] = [each for each in content["images"] if each.get("split") == "val"]
        ids = {each["id"] for each in content["images"]}
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] in ids]
    for _ in range(quarters):
        _turn(content)
    truth = COCO()
    truth.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        truth.createIndex()
    return PictureSet(truth, labels.parent / "images", quarters)


def _turn(content: dict[str, Any]) -> None:
    """Turn all labels to the left by a quarter; outlines of crowds are left out."""
    widths = {each["id"]: each["width"] for each in content["images"]}
    for person in content["annotations"]:
        width = widths[person["image_id"]]
        x, y, across, down = person["bbox"]
        person["bbox"] = [y, width - x - across, down, across]
        joints = np.array(person.get("keypoints", []), float).reshape(-1, 3)
        turned = np.stack([joints[:, 1], width - 1 - joints[:, 0], joints[:, 2]], axis=1)
        person["keypoints"] = turned.ravel().tolist()
        person.pop("segmentation", None)
    for each in content["images"]:
        each["width"], each["height"] = each["height"], each["width"]
