"""Read the file formats of the field's data sets into one form: `Content`.

Supported are COCO's layout (COCO, CrowdPose, Human-Art, PoseTrack 2018 and 2021, files of labelling
tools, any joints), COCO-WholeBody, PoseTrack 2017, MPII (the JSON of the released HRNet code), AI
Challenger and BRACE. The format is recognised by content, never by file name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pose.errors import UserError
from pose.reading import ContentError, read_json, reading, shown
from pose.skeleton import AIC14, COCO17, CROWDPOSE14, MPII16, POSETRACK15, WHOLEBODY133, Skeleton
from pose.training.joints import skeleton_of_category

PARTS = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")
Row = dict[str, Any]


class TrainingDataError(UserError):
    """Training data that cannot be used."""


@dataclass(slots=True)
class Content:
    """What a data set contains, in COCO's terms; nothing in it has been checked.

    A picture has `id` and `file_name`; optionally `width`, `height`, `split`, `source`,
    `is_labeled`, and `video` with `frame` if it is a frame of a video. A person has `image_id` and
    `keypoints` (x, y, v for every joint); optionally `bbox` xywh, `area`, `iscrowd`, `head_px`,
    `label`, `keypoint_scores`. With `iscrowd` it is a crowd region, which needs only a `bbox`.
    """

    skeleton: Skeleton
    images: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # annotations of other categories


def read_content(data: Path) -> Content:
    """Read a file, or all *.json of a folder as one data set (PoseTrack has a file per sequence).

    Raises TrainingDataError if a file is missing, damaged or of no known format, or if the files
    of a folder differ in their joints.
    """
    files = [data]
    if data.is_dir():  # BRACE has a folder per year and video
        files = sorted(data.glob("*.json")) or sorted(data.rglob("*.json"))
    if not files:
        raise TrainingDataError(f"{data}: no *.json in this folder or below it")
    contents = [_read_file(file) for file in files]
    whole = contents[0]
    for file, content in zip(files[1:], contents[1:], strict=True):
        if content.skeleton != whole.skeleton:
            raise TrainingDataError(
                f"{file} has the joints of {content.skeleton.name}, {files[0]} those of "
                f"{whole.skeleton.name}; train on files of one kind"
            )
    if len(contents) > 1:
        for part, content in enumerate(contents):  # ids are unique within a file only
            for image in content.images:
                image["id"] = (part, image["id"])
            for person in content.people:
                person["image_id"] = (part, person.get("image_id"))
        whole.images = [image for content in contents for image in content.images]
        whole.people = [person for content in contents for person in content.people]
        whole.others = [other for content in contents for other in content.others]
    return whole


def _read_file(file: Path) -> Content:
    raw = read_json(file, TrainingDataError)
    reader = recognise(raw)
    if reader is None:
        raise TrainingDataError(
            f"{file} is of no known format; expected COCO's layout (images, annotations, "
            "categories), PoseTrack 2017 (annolist), MPII, AI Challenger or BRACE"
        )
    with reading(f"{file}: not as its format has it", TrainingDataError):
        content = reader(raw)
        _check_ids([row["id"] for row in content.images])
        _check_ids([row.get("image_id") for row in content.people])
    return content


def _check_ids(ids: list[Any]) -> None:
    for value in ids:
        if isinstance(value, list | dict):  # not hashable, so nothing can be found by it
            raise ContentError(f"a picture's id is {shown(value)}")


def recognise(raw: Any) -> Callable[[Any], Content] | None:
    """The reader for a parsed file; None if it is of no known format."""
    if isinstance(raw, dict):
        if "annolist" in raw:
            return read_posetrack17
        if {"images", "annotations"} <= raw.keys():
            return read_coco
        one = next(iter(raw.values()), None)
        return read_brace if isinstance(one, dict) and {"box", "keypoints"} <= one.keys() else None
    first = raw[0] if isinstance(raw, list) and raw and isinstance(raw[0], dict) else {}
    if "keypoint_annotations" in first:
        return read_aic
    return read_mpii if {"joints", "joints_vis", "image"} <= first.keys() else None


def read_coco(raw: Any) -> Content:
    """COCO's layout with any joints. COCO-WholeBody's parts are concatenated."""
    category = _person_category(raw)
    whole = any("lefthand_kpts" in row for row in raw["annotations"])
    content = Content(WHOLEBODY133 if whole else _skeleton(category, raw["annotations"]))
    for image in raw["images"]:
        number = image["id"]
        content.images.append(dict(image))
        regions = (image.get(f"ignore_regions_{axis}") or () for axis in "xy")  # PoseTrack's
        content.people += [_crowd(number, *ways) for ways in zip(*regions, strict=True) if ways[0]]
    for row in raw["annotations"]:
        if category is not None and row.get("category_id", category["id"]) != category["id"]:
            content.others.append(f"annotation {row.get('id', '?')}")
            continue
        person = dict(row)
        if whole:
            person["keypoints"] = [value for part in PARTS for value in row.get(part, ())]
        if row.get("bbox_head"):  # PoseTrack 2018 and 2021
            person["head_px"] = _head_px(*row["bbox_head"][2:])
        content.people.append(person)
    return content


def _person_category(raw: Any) -> Row | None:
    """The category with joints; of several, the first called `person`.

    A file of boxes has none with joints: then the one called `person`, or the only one.
    """
    categories = list(raw.get("categories") or ())
    jointed = [row for row in categories if row.get("keypoints")]
    people = [row for row in jointed or categories if row.get("name") == "person"]
    if not jointed and not people and len(categories) > 1:
        raise ContentError("none of its categories is called person")
    return next(iter(people or jointed or categories), None)


def _skeleton(category: Row | None, annotations: list[Row]) -> Skeleton:
    """The category's joints; if it has none, COCO's or CrowdPose's by the number of joints."""
    if category is not None and category.get("keypoints"):
        return skeleton_of_category(category)
    triples = next((len(row["keypoints"]) // 3 for row in annotations if row.get("keypoints")), 17)
    by_number = {17: COCO17, 14: CROWDPOSE14}
    if triples not in by_number:
        raise ContentError(f"its categories do not name the {triples} joints")
    return by_number[triples]


def read_posetrack17(raw: Any) -> Content:
    """PoseTrack 2017: every value wrapped in a list; x1 y1 x2 y2 is the head's box."""
    content = Content(POSETRACK15)
    for index, entry in enumerate(raw["annolist"]):
        name = entry["image"][0]["name"]
        content.images.append({"id": index, "file_name": name, "vid_id": str(Path(name).parent)})
        content.images[-1]["is_labeled"] = (entry.get("is_labeled") or [entry.get("annorect")])[0]
        for region in entry.get("ignore_regions") or ():
            if points := region.get("point"):
                ways = ([point[axis][0] for point in points] for axis in "xy")
                content.people.append(_crowd(index, *ways))
        for row in entry.get("annorect") or ():
            points = (row.get("annopoints") or [{}])[0].get("point") or ()
            joints = np.zeros((len(POSETRACK15), 3))
            for point in points:
                if 0 <= point["id"][0] < len(joints):
                    joints[point["id"][0]] = point["x"][0], point["y"][0], 2
            person: Row = {"image_id": index, "keypoints": joints.ravel().tolist()}
            if row.get("x2"):
                width, height = row["x2"][0] - row["x1"][0], row["y2"][0] - row["y1"][0]
                person["head_px"] = _head_px(width, height)
            content.people.append(person)
    return content


def read_mpii(raw: Any) -> Content:
    """MPII as in HRNet's released code: people; `scale` in units of 200 pixels; pixels from 1.

    A joint's visibility says whether it is labelled. The box is the square of side 200 * `scale`
    around `center`, moved down a little as in the released code, so that feet are not cut off.
    """
    content = Content(MPII16)
    number_of: dict[str, int] = {}
    for row in raw:
        name = row["image"]
        if name not in number_of:
            number_of[name] = len(number_of)
            content.images.append({"id": number_of[name], "file_name": name})
        points = np.array(row["joints"], np.float64).reshape(-1, 2) - 1
        seen = np.array(row["joints_vis"], np.float64) > 0
        joints = np.column_stack([points, 2 * seen]) * seen[:, None]
        scale = float(row["scale"])
        centre, side = np.array(row["center"], np.float64) - 1 + [0, 15 * scale], 200 * scale
        content.people.append(
            {
                "image_id": number_of[name],
                "keypoints": joints.ravel().tolist(),
                "bbox": [*(centre - side / 2).tolist(), side, side],
            }
        )
    return content


def read_aic(raw: Any) -> Content:
    """AI Challenger: per picture, people by name; v is 1 visible, 2 hidden, 3 not labelled."""
    content = Content(AIC14)
    for index, entry in enumerate(raw):
        content.images.append({"id": index, "file_name": f"{entry['image_id']}.jpg"})
        for name, values in entry["keypoint_annotations"].items():
            joints = np.array(values, np.float64).reshape(-1, 3)
            labelled = np.isin(joints[:, 2], (1, 2))
            joints[:, 2] = np.where(joints[:, 2] == 1, 2, 1) * labelled
            x1, y1, x2, y2 = entry["human_annotations"][name]
            content.people.append(
                {
                    "image_id": index,
                    "keypoints": joints.ravel().tolist(),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),  # its own evaluation takes the whole box
                }
            )
    return content


def read_brace(raw: Any) -> Content:
    """BRACE: the frames of a segment by name (VIDEO/img-NUMBER.png), each with one dancer.

    `box` is x, y, width, height and a score, `keypoints` are x, y and a score of COCO's joints; all
    scores are 1.
    """
    content = Content(COCO17)
    for name, row in raw.items():
        content.images.append({"id": name, "file_name": name, "vid_id": str(Path(name).parent)})
        joints = np.array(row["keypoints"], np.float64).reshape(-1, 3)
        joints[:, 2] = 2
        content.people.append(
            {"image_id": name, "keypoints": joints.ravel().tolist(), "bbox": row["box"][:4]}
        )
    return content


def _crowd(image: Any, xs: Sequence[float], ys: Sequence[float]) -> Row:
    """A crowd: the extent of a region whose people are not labelled one by one."""
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return {"image_id": image, "bbox": box, "iscrowd": 1}


def _head_px(width: float, height: float) -> float:
    """The head size for PCKh: 0.6 of the diagonal of the head's box."""
    return 0.6 * float(np.hypot(width, height))
