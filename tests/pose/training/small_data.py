"""Data sets and networks small enough to train in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose.skeleton import COCO17
from pose.training.augment import PoseAugmentation
from pose.training.detector_task import DetectorTask
from pose.training.people_file import DataReport, LabelledPeople, choose_people
from pose.training.pose_task import PoseTask
from pose.training.readers import read_content
from pose.training.recipes import Recipe, Stage
from pose.training.starts import Start, build_detector, build_pose

TINY: dict[str, Any] = {
    "width": 4, "stage_modules": [1, 1, 1], "blocks": 1, "stem_blocks": 1, "stem_width": 8
}  # fmt: skip
TINY_DETECTOR = Start({"hrnet": TINY, "head_width": 8})
SIZE_WH = (32, 64)
PLAIN = PoseAugmentation(  # changes nothing
    scale=0, shift=0, rotation_chance=0, turn_chance=0, cut_chance=0, half_body_chance=0,
    occlusion_chance=0, low_resolution_chance=0, colour=False,
)  # fmt: skip
CATEGORY = {
    "id": 1,
    "name": "person",
    "keypoints": list(COCO17.names),
    "skeleton": [[a + 1, b + 1] for a, b in COCO17.limbs],
}


def person(image_id: int, box: list[float], **more: Any) -> dict[str, Any]:
    """An annotation whose joints fill the box (x, y, width, height) in a pattern."""
    x, y, width, height = box
    joints = [
        value
        for joint in range(17)
        for value in (x + width * (0.2 + 0.6 * (joint % 2)), y + height * (joint + 0.5) / 17, 2)
    ]
    return {"id": 10 * image_id, "image_id": image_id, "category_id": 1, "bbox": box,
            "keypoints": joints, "area": width * height, **more}  # fmt: skip


def write_data(folder: Path, pictures: int = 8, size_wh: tuple[int, int] = (60, 80)) -> Path:
    """A COCO-keypoints file of `pictures` pictures with a person each; every fourth is val."""
    rng = np.random.default_rng(3)
    images, annotations = [], []
    for index in range(pictures):
        name = f"{index:03d}.png"
        noise = rng.integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
        cv2.imwrite(str(folder / name), noise)
        split = "val" if index % 4 == 3 else "train"
        images.append({"id": index, "file_name": name, "width": size_wh[0],
                       "height": size_wh[1], "split": split})  # fmt: skip
        annotations.append(person(index, [10.0, 5.0, 40.0, 70.0]))
    file = folder / "labels.json"
    content = {"images": images, "annotations": annotations, "categories": [CATEGORY]}
    file.write_text(json.dumps(content))
    return file


def read_people(data: Path, images: Path, split: str | None) -> LabelledPeople:
    """The people of a data set."""
    return choose_people(read_content(data), images, split, DataReport())


def read_split(file: Path, split: str | None) -> LabelledPeople:
    """The people of a file whose pictures lie beside it."""
    return read_people(file, file.parent, split)


def small_people(folder: Path, pictures: int = 4) -> LabelledPeople:
    """One person in each of `pictures` pictures, written to `folder`."""
    return read_split(write_data(folder, pictures), None)


def small_task(file: Path) -> PoseTask:
    """A tiny HRNet on the data of `file`."""
    train, val = read_split(file, "train"), read_split(file, "val")
    return PoseTask(build_pose(Start(TINY), train.skeleton), TINY, train, val)


def small_detector_task(file: Path, start: Start = TINY_DETECTOR) -> DetectorTask:
    """The detector of `start`, else a tiny YOLOX head on a tiny HRNet, on the data of `file`."""
    train, val = read_split(file, "train"), read_split(file, "val")
    return DetectorTask(build_detector(start), start.network, train, val)


def small_recipe(epochs: float = 3, **changes: Any) -> Recipe:
    """A few steps of two people each."""
    settings: dict[str, Any] = {
        "optimiser": "muon", "precision": "fp32", "warmup_steps": 2
    } | changes  # fmt: skip
    return Recipe((Stage(SIZE_WH, epochs, 2),), **settings)
