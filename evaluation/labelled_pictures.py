"""Pictures with labelled people, as they are or turned."""

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
from pose.errors import UserError
from pose.people import ImageArray
from pose.reading import ContentError, number, read_json, reading
from pose.skeleton import COCO17


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures with labelled people, both turned to the left by so many quarters."""

    truth: COCO
    folder: Path
    quarters: int = 0

    def pictures(self) -> Iterator[tuple[int, ImageArray, list[dict[str, Any]]]]:
        """Id, picture and people of all of them, decoded one by one."""
        for each in self.truth.loadImgs(sorted(self.truth.getImgIds())):
            picture = np.rot90(read_picture(self.folder / each["file_name"]), self.quarters)
            people = self.truth.loadAnns(self.truth.getAnnIds([each["id"]]))
            yield each["id"], np.ascontiguousarray(picture), people


def read_set(labels: Path, quarters: int = 0) -> PictureSet:
    """A COCO-keypoints file with a folder `images` beside it; of a split file, the part `val`.

    Raises UserError where there is none, or something in it is missing.
    """
    if labels.is_dir():
        labels = labels / "person_keypoints.json"
    if not labels.is_file():
        raise UserError(f"{labels}: no such file; give COCO keypoints with images/ beside them")
    content = read_json(labels, UserError)
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise UserError(f"{labels}: no COCO keypoints: images or annotations are missing")
    _check(content, labels, turned=quarters > 0)
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


def _check(content: dict[str, Any], labels: Path, turned: bool) -> None:
    """Raise UserError where a picture or person lacks what scores are made of."""
    with reading(str(labels), UserError):
        ids = set()
        for place, picture in enumerate(content["images"]):
            with reading(f"{labels}: picture {place}", UserError):
                ids.add(picture["id"])
                Path(picture["file_name"])
                for name in ("width", "height") if turned else ():
                    number(picture[name])
        for place, person in enumerate(content["annotations"]):
            with reading(f"{labels}: annotation {place}", UserError):
                if person["image_id"] not in ids:
                    raise ContentError(f"its picture {person['image_id']} is not listed")
                for name in ("id", "category_id", "iscrowd", "area"):
                    number(person[name])
                _, _, _, _ = map(number, person["bbox"])
                joints = [number(value) for value in person.get("keypoints", ())]
                if len(joints) not in (0, 3 * len(COCO17)):
                    raise ContentError(f"{len(joints)} keypoint values, expected 3 x {len(COCO17)}")
                person.setdefault("num_keypoints", sum(seen > 0 for seen in joints[2::3]))


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
