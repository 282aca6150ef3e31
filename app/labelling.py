"""Which frames of a video are worth correcting by hand, and their labels in labelling tools' form.

Labels are COCO keypoints, as CVAT, COCO Annotator, Label Studio and others read and write them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import UserError
from pose.geometry import box_area, xywh_to_xyxy, xyxy_to_xywh
from pose.oks import SEGMENT_SHARE, oks
from pose.people import FloatArray, IntArray
from pose.reading import ContentError
from pose.skeleton import SKELETONS, Skeleton
from tracking.tracks import TrackedPoses

_BOX_MARGIN = 0.1  # share added around joints that were moved out of their box
_MOVED_PX = 1.0  # smaller changes are rounding: tools round to half pixels or finer
_FAR_PX = 1e6  # no picture is so large
_SAME_WITHIN = 0.5  # of a person's size: who lies further off is somebody else


class LabelsError(UserError):
    """Labels that do not match the frames they are for."""


def worth_correcting(frames: Sequence[TrackedPoses]) -> FloatArray:
    """How much would be learnt from correcting each frame by hand, (F,) in 0..1.

    The mean of doubt (one minus the mean joint score of the least certain person) and disagreement
    (one minus the OKS between a pose and the mean of the same person's poses just before and after,
    for the person that jumps most). Frames without people are worth 0.
    """
    return np.array(
        [
            0.0 if not len(people) else (_doubt(people) + _jump(frames, index)) / 2
            for index, people in enumerate(frames)
        ],
        np.float32,
    )


def _doubt(people: TrackedPoses) -> float:
    return 1 - float(people.poses.keypoint_scores.mean(1).min())


def _jump(frames: Sequence[TrackedPoses], index: int) -> float:
    """One minus the lowest OKS between a person's pose and the mean of its temporal neighbours."""
    if not 0 < index < len(frames) - 1:
        return 0.0
    before, here, after = frames[index - 1 : index + 2]
    ids = np.intersect1d(np.intersect1d(before.ids, here.ids), after.ids)
    if not len(ids):
        return 0.0
    a, b, c = (_of(people, ids) for people in (before, here, after))  # (M, K, 2) each
    rows = [int(np.flatnonzero(here.ids == each)[0]) for each in ids]
    areas = np.maximum(box_area(here.poses.boxes[rows]), 1.0)  # (M,)
    variance = np.square(2 * np.array(here.poses.skeleton.sigmas)) * areas[:, None]  # (M, K)
    squared = np.square(b - (a + c) / 2).sum(-1)  # (M, K)
    agreement, _ = oks(squared, np.ones_like(variance), variance)  # (M,)
    return float(1 - agreement.min())


def _of(people: TrackedPoses, ids: IntArray) -> FloatArray:
    rows = [int(np.flatnonzero(people.ids == each)[0]) for each in ids]
    return people.poses.keypoints[rows]


def pick_frames(worth: FloatArray, count: int) -> list[int]:
    """The `count` frames of most worth, in order, and spaced apart: neighbours show the same.

    Frames worth 0 are never picked.
    """
    gap = max(1, len(worth) // (2 * max(count, 1)))
    left = worth.astype(np.float64)
    picked: list[int] = []
    while len(picked) < count and left.size and left.max() > 0:
        best = int(left.argmax())
        picked.append(best)
        left[max(0, best - gap) : best + gap + 1] = 0
    return sorted(picked)


def category_of(skeleton: Skeleton) -> dict[str, Any]:
    """The entry of `categories` that describes the joints; training reads it back."""
    category: dict[str, Any] = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(skeleton.names),
        "skeleton": [[a + 1, b + 1] for a, b in skeleton.limbs],
    }
    if SKELETONS.get(skeleton.name) != skeleton:
        category["name"] = skeleton.name
        category["sigmas"] = list(skeleton.sigmas)
        pairs = [(a, b) for a, b in enumerate(skeleton.mirror) if a < b]
        category["mirror"] = [[skeleton.names[a], skeleton.names[b]] for a, b in pairs]
    return category


def annotations_of(
    people: TrackedPoses, image_id: int, first_id: int, kpt_thr: float
) -> list[dict[str, Any]]:
    """The people of a frame as COCO annotations; joints scoring below `kpt_thr` count as hidden."""
    poses = people.poses
    boxes = np.round(xyxy_to_xywh(poses.boxes), 1)
    visible = np.where(poses.keypoint_scores >= kpt_thr, 2, 1)  # (N, K)
    joints = np.dstack([np.round(poses.keypoints, 1), visible])  # (N, K, 3)
    return [
        {
            "id": first_id + row,
            "image_id": image_id,
            "category_id": 1,
            "track_id": int(people.ids[row]),
            "bbox": [round(float(value), 1) for value in boxes[row]],
            "area": round(SEGMENT_SHARE * float(boxes[row, 2] * boxes[row, 3]), 1),
            "iscrowd": 0,
            "score": round(float(poses.scores[row]), 3),
            "keypoints": [round(float(value), 1) for value in joints[row].ravel()],
            "num_keypoints": len(poses.skeleton),
            "keypoint_scores": [round(float(s), 3) for s in poses.keypoint_scores[row]],
            "label": "teacher",
        }
        for row in range(len(people))
    ]


def take_back(
    written: Mapping[str, Any], corrected: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, int]]:
    """The corrected labels, ready for training, and the number of changes by kind.

    A human looked at every frame that came back, so every label now counts as human. Boxes are
    enlarged, or created, to hold their joints. Raises LabelsError if joints or pictures are not
    those that were written, ContentError if a number cannot be a place in a picture.
    """
    wanted = {_name(image): image for image in written["images"]}
    category = next((row for row in corrected.get("categories", ()) if row.get("keypoints")), None)
    expected = written["categories"][0]
    if category is not None and list(category["keypoints"]) != expected["keypoints"]:
        raise LabelsError(
            f"the corrected labels have the joints {', '.join(category['keypoints'][:3])}, ...; "
            f"{', '.join(expected['keypoints'][:3])}, ... were written"
        )
    picture_of = {
        image["id"]: wanted[_name(image)] for image in corrected["images"] if _name(image) in wanted
    }
    if not picture_of:
        raise LabelsError("none of the corrected pictures is one of those that were written")
    back = []
    for row in corrected["annotations"]:
        joints, wanted_count = row.get("keypoints") or [], 3 * len(expected["keypoints"])
        if row["image_id"] not in picture_of or not joints:  # boxes without joints do not train
            continue
        if len(joints) != wanted_count:
            raise ContentError(
                f"annotation {row.get('id', '?')} has {len(joints)} numbers of joints, "
                f"expected {wanted_count}"
            )
        back.append(_by_hand(row, picture_of[row["image_id"]]["id"]))
    seen = {image["id"] for image in picture_of.values()}
    images = [image for image in written["images"] if image["id"] in seen]
    before = [row for row in written["annotations"] if row["image_id"] in seen]
    content = {"images": images, "annotations": back, "categories": [expected]}
    return content, _changes(before, back)


def _name(image: Mapping[str, Any]) -> str:
    """A picture's name without the folders that tools put before it (with \\ on Windows)."""
    return PureWindowsPath(image["file_name"]).name


def _by_hand(row: Mapping[str, Any], image_id: int) -> dict[str, Any]:
    kept = {key: row[key] for key in ("id", "track_id", "keypoints", "iscrowd") if key in row}
    given = row.get("bbox") or ()  # COCO Annotator writes zeros if only joints were drawn
    points, box = np.array(row["keypoints"], np.float64), np.array(given if any(given) else ())
    if not all((np.abs(values) < _FAR_PX).all() for values in (points, box)):  # or if NaN
        raise ContentError(
            f"annotation {row.get('id', '?')} has a number that is not a place in a picture"
        )
    points = points.reshape(-1, 3).astype(np.float32)
    labelled = points[points[:, 2] > 0, :2]
    corners = [xywh_to_xyxy(box.astype(np.float32)).reshape(2, 2)] if len(box) else []
    if len(labelled):
        low, high = labelled.min(0), labelled.max(0)
        margin = _BOX_MARGIN * (high - low)
        outside = not corners or (low < corners[0][0]).any() or (high > corners[0][1]).any()
        corners += [np.stack([low - margin, high + margin])] if outside else []
    every = np.concatenate(corners) if corners else np.zeros((1, 2), np.float32)
    bounds = np.concatenate([every.min(0), every.max(0)])
    xywh = [round(float(value), 1) for value in xyxy_to_xywh(bounds)]
    return {
        **kept,
        "image_id": image_id,
        "category_id": 1,
        "bbox": xywh,
        "area": round(SEGMENT_SHARE * xywh[2] * xywh[3], 1),
        "num_keypoints": len(labelled),
        "label": "human",
    }


def _changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    """Counts of changes between the people of the same pictures."""
    old, new = ([_joints(row) for row in rows] for rows in (before, after))
    pairs = _same_people(before, old, after, new)
    moved = 0
    for a, b in pairs:
        step = np.abs(old[a][:, :2] - new[b][:, :2]).max(1)
        moved += int(((step > _MOVED_PX) | ((old[a][:, 2] > 0) != (new[b][:, 2] > 0))).sum())
    return {
        "pictures": len({row["image_id"] for row in after}),
        "people": len(after),
        "people added": len(new) - len(pairs),
        "people removed": len(old) - len(pairs),
        "joints corrected": moved,
    }


def _joints(row: Mapping[str, Any]) -> NDArray[np.float64]:
    return np.array(row["keypoints"], np.float64).reshape(-1, 3)


def _same_people(
    before: Sequence[Mapping[str, Any]],
    old: Sequence[NDArray[np.float64]],
    after: Sequence[Mapping[str, Any]],
    new: Sequence[NDArray[np.float64]],
) -> list[tuple[int, int]]:
    """Indices of who is the same person, the nearest first: tools number people anew.

    `old` and `new` are the joints (K, 3) of the people.
    """
    in_picture: dict[Any, list[int]] = {}
    for b, row in enumerate(after):
        in_picture.setdefault(row["image_id"], []).append(b)
    near = []
    for a, row in enumerate(before):
        size = np.sqrt(row["bbox"][2] * row["bbox"][3])
        for b in in_picture.get(row["image_id"], ()):
            both = (old[a][:, 2] > 0) & (new[b][:, 2] > 0)
            apart = np.hypot(*(old[a] - new[b])[both, :2].T)
            if both.any() and np.median(apart) < _SAME_WITHIN * size:
                near.append((float(np.median(apart)), a, b))
    pairs: dict[int, int] = {}
    for _, a, b in sorted(near):
        if a not in pairs and b not in pairs.values():
            pairs[a] = b
    return list(pairs.items())
