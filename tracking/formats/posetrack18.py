"""PoseTrack 2018: a COCO-like object of images, annotations and categories.

`keypoints` holds x, y, confidence; `scores` repeats the confidences, as predictions do there. Ours
are two fields of an image that others ignore: `shot`, where it is not 0, and `camera`, where it
moved: the upper two rows of FrameResult.camera.
"""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from pose.reading import ContentError, number, read_json, reading, shown, whole
from pose.skeleton import POSETRACK18
from tracking.clip_info import ClipInfo, skeleton_named
from tracking.files import Tracks, TracksFileError, frame_without_picture
from tracking.formats.rows import (
    frame_numbers,
    notes_of,
    people_of,
    scores_of,
    to_posetrack18,
    triplets,
    xywh,
)
from tracking.formats.whole import JsonLists
from tracking.ground import Ground
from tracking.tracks import FrameResult


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._info = info
        self._lists = JsonLists(path, ("images", "annotations"))
        self._count = 0

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        index = result.frame.index
        self._lists.append(
            "images",
            {
                "id": index,
                "frame_id": index,
                "file_name": f"{self._info.name}/{index:06d}.jpg",
                "vid_id": self._info.name,
                "time_s": round(result.frame.time_s, 6),
                "is_labeled": True,
                **_ground_fields(result.ground),
            },
        )
        poses = to_posetrack18(result.people.poses)
        joints = triplets(poses)
        boxes, scores = xywh(poses.boxes), scores_of(poses)
        for place, person in enumerate(result.people.ids.tolist()):
            self._lists.append(
                "annotations",
                {
                    "id": self._count,
                    "image_id": index,
                    "category_id": 1,
                    "track_id": person,
                    "score": scores[place],
                    "bbox": boxes[place],
                    "keypoints": joints[place],
                    "scores": joints[place][2::3],
                },
            )
            self._count += 1

    def close(self) -> None:
        """Complete the file."""
        category = {
            "id": 1,
            "name": "person",
            "supercategory": "person",
            "keypoints": list(POSETRACK18.names),
            "skeleton": [[a + 1, b + 1] for a, b in POSETRACK18.limbs],
        }
        self._lists.close(info=self._info.to_json(), categories=[category])

    def abort(self) -> None:
        """Leave nothing behind."""
        self._lists.abort()


def read(path: Path) -> Tracks:
    """Read a PoseTrack 2018 file: ours, or another's with `track_id`s."""
    content = read_json(path, TracksFileError)
    names = content["categories"][0]["keypoints"]
    skeleton = skeleton_named(POSETRACK18.name, names)
    info = ClipInfo.from_json({**(content.get("info") or {}), "skeleton": {"joints": list(names)}})
    images = sorted(content["images"], key=itemgetter("id"))
    videos = {image["vid_id"] for image in images if "vid_id" in image}
    if len(videos) > 1:
        raise ContentError(f"it is of {len(videos)} videos; write a file for each")
    people: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in images}
    for place, annotation in enumerate(content["annotations"]):
        with reading(f"{path}: annotation {place}", TracksFileError):
            if annotation["image_id"] not in people:
                raise ContentError(f"its image {annotation['image_id']} is not listed")
            people[annotation["image_id"]].append(annotation)
    frames = []
    numbers = frame_numbers([image.get("frame_id") for image in images])
    for index, image in zip(numbers, images, strict=True):
        found = people[image["id"]]
        with reading(f"{path}: the people of image {image['id']}", TracksFileError):
            tracked = people_of(
                skeleton,
                [whole(person["track_id"]) for person in found],
                [person.get("score", 1.0) for person in found],
                [person.get("bbox", [0, 0, 0, 0]) for person in found],
                [_joints(person) for person in found],
            )
            time_s = number(image.get("time_s", (index - numbers[0]) * info.step_s))
            frames.append(frame_without_picture(index, time_s, tracked, _ground(image)))
    timed = info.frame_rate is not None or any("time_s" in image for image in images)
    regions = sum(bool(image.get("ignore_regions_x")) for image in images)
    unlabelled = sum(not image.get("is_labeled", True) for image in images)
    return Tracks(info, frames, notes_of(timed or not frames, regions, unlabelled))


def _ground_fields(ground: Ground) -> dict[str, Any]:
    shot = {"shot": ground.shot} if ground.shot else {}
    if ground.camera is None:
        return shot
    # Nine decimals: turns are exact to a hundredth of a pixel even where a pan is very long
    return {**shot, "camera": ground.camera[:2].round(9).tolist()}


def _ground(image: dict[str, Any]) -> Ground:
    shot = whole(image.get("shot", 0))
    if image.get("camera") is None:
        return Ground(shot)
    rows = np.array(image["camera"], np.float64)
    if rows.shape != (2, 3) or not np.isfinite(rows).all() or not np.linalg.det(rows[:, :2]):
        raise ContentError(f"{shown(image['camera'])} is not a camera's motion")
    return Ground(shot, np.vstack([rows, [0, 0, 1]]))


def _joints(person: dict[str, Any]) -> list[float]:
    """x, y, confidence; the confidences are in `scores` if the third number is a visibility."""
    joints = [float(value) for value in person["keypoints"]]
    if person.get("scores"):  # [] in official ground truth
        joints[2::3] = [float(score) for score in person["scores"]]
    return joints
