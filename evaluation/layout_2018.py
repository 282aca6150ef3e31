"""PoseTrack 2018 and 2021: COCO's images, annotations and categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.annotation_rows import (
    Person,
    Rows,
    is_number,
    numbers,
    polygon,
    track_id,
)
from evaluation.annotations import MISSING_SCORE, AnnotationError
from pose.people import DoubleArray
from pose.reading import MALFORMED, ContentError, reason, shown
from pose.skeleton import POSETRACK15, POSETRACK18, same_joint


def read_2018(rows: Rows, data: Any, *, truth: bool) -> tuple[DoubleArray, DoubleArray]:
    """Fill `rows`; returns the people's keypoints (N, 15, 2) and scores (N, 15)."""
    count, columns, people = _by_frame(rows, data)
    values: list[float] = []  # 3 x the joints of each person
    scores: list[float] = []
    for frame, image in enumerate(data["images"]):
        place = None
        try:
            annotated = len(people[frame]) > 0
            labelled = bool(image.get("is_labeled", annotated))
            rows.frames[frame] = (rows.frames[frame][0], annotated, labelled)
            xs, ys = image.get("ignore_regions_x") or [], image.get("ignore_regions_y") or []
            if xs or ys:
                rows.regions[frame] = _regions(xs, ys)
            for place, person in enumerate(people[frame]):
                _add(rows, frame, place, person, truth)
                values += _of_length(person["keypoints"], 3 * count, "keypoint values")
                missing = [MISSING_SCORE] * count
                scores += _of_length(person.get("scores") or missing, count, "scores")
        except MALFORMED as error:
            raise AnnotationError(f"{rows.place(frame, place)}: {reason(error)}") from error
    points = _checked(rows, values, "point").reshape(len(rows.people), count, 3)
    points[(points == 0).all(-1)] = np.nan  # how the format writes a missing joint
    ranked = _checked(rows, scores, "score").reshape(points.shape[:2])
    return points[:, columns, :2], ranked[:, columns]


def _by_frame(rows: Rows, data: Any) -> tuple[int, list[int], list[list[Any]]]:
    """The number of keypoints of a person, the indices of the 15 joints, each frame's people."""
    try:
        named = (each["keypoints"] for each in data.get("categories") or () if "keypoints" in each)
        names = next(named, POSETRACK18.names)
        columns = _columns(names)
        frame_of: dict[Any, int] = {}
        for frame, image in enumerate(data["images"]):
            if image["id"] in frame_of:
                raise ContentError(f"two images have the id {shown(image['id'])}")
            frame_of[image["id"]] = frame
            rows.frames.append((str(image.get("file_name", image["id"])), False, False))
        people: list[list[Any]] = [[] for _ in frame_of]
        for number, annotation in enumerate(data["annotations"]):
            try:
                image = annotation["image_id"]
                if image not in frame_of:
                    raise ContentError(f"its image_id {shown(image)} is no image's id")
                people[frame_of[image]].append(annotation)
            except MALFORMED as error:
                place = f"{rows.path}: annotation {number}"
                raise AnnotationError(f"{place}: {reason(error)}") from error
    except MALFORMED as error:
        raise AnnotationError(f"{rows.path}: {reason(error)}") from error
    return len(names), columns, people


def _columns(names: Sequence[str]) -> list[int]:
    """The indices of the 15 joints among the `names` of keypoints."""
    found = {name: same_joint(name, names) for name in POSETRACK15.names}
    if lacking := [name for name, column in found.items() if column is None]:
        raise ContentError(
            f"its categories lack {', '.join(lacking)}; "
            "COCO's joints are not PoseTrack's, map them first"
        )
    return [column for column in found.values() if column is not None]


def _add(rows: Rows, frame: int, place: int, person: Any, truth: bool) -> None:
    number, head = person.get("track_id"), None
    if truth and person.get("bbox_head"):
        try:
            x, y, width, height = person["bbox_head"]
            head = (x, y, x + width, y + height)
        except (TypeError, ValueError):
            box = shown(person["bbox_head"])
            raise ContentError(f"bbox_head is {box}, expected x, y, width, height") from None
    rows.people.append(
        Person(frame, place, None if number is None else track_id(number), True, head)
    )


def _regions(xs: Any, ys: Any) -> list[DoubleArray]:
    try:
        corners = [list(zip(x, y, strict=True)) for x, y in zip(xs, ys, strict=True)]
    except (TypeError, ValueError):
        raise ContentError(
            "ignore_regions_x and ignore_regions_y are not lists of equally many polygons, each a "
            "list of its corners' coordinates"
        ) from None
    return [polygon(each) for each in corners]


def _of_length(values: Any, length: int, what: str) -> Any:
    if len(values) != length:
        raise ContentError(f"{len(values)} {what}, expected {length}")
    return values


def _checked(rows: Rows, values: list[Any], what: str) -> DoubleArray:
    """The values of all people, equally many each; AnnotationError names one that is no number."""
    array = numbers(values)
    if array is not None:
        return array
    wrong = next(index for index, value in enumerate(values) if not is_number(value))
    number = wrong * len(rows.people) // len(values)
    raise rows.not_a_number(number, what, values[wrong:])
