"""PoseTrack 2017: a list of frames, each with its people, and every value wrapped in a list."""

from __future__ import annotations

from itertools import chain
from operator import itemgetter
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
from evaluation.annotations import JOINTS, MISSING_SCORE, AnnotationError
from pose.people import DoubleArray, IntArray
from pose.reading import MALFORMED, ContentError, reason, shown

_FIELDS = ("id", "x", "y", "score")
_CORNERS = ("x1", "y1", "x2", "y2")
_FIRST = itemgetter(0)


def read_2017(rows: Rows, data: Any, *, truth: bool) -> tuple[DoubleArray, DoubleArray]:
    """Fill `rows`; returns the people's keypoints (N, 15, 2) and scores (N, 15)."""
    points: list[Any] = []
    counts: list[int] = []
    for frame, entry in enumerate(data["annolist"]):
        place = None
        try:
            rows.frames.append((f"frame {frame}", False, False))  # until its name is known
            name = str(_value(entry, "image")["name"])
            rows.frames[frame] = (name, False, False)
            people = entry["annorect"]
            annotated = len(people) > 0
            labelled = bool(_value(entry, "is_labeled")) if entry.get("is_labeled") else annotated
            rows.frames[frame] = (name, annotated, labelled)
            regions = entry.get("ignore_regions") or []
            if regions:
                rows.regions[frame] = _polygons(regions)
            for place, person in enumerate(people):
                listed = _add(rows, frame, place, person, truth)
                points += listed
                counts.append(len(listed))
        except MALFORMED as error:
            raise AnnotationError(f"{rows.place(frame, place)}: {reason(error)}") from error
    owner = np.repeat(np.arange(len(counts)), counts)  # (P,)
    table = _table(points, _FIELDS[:3] if truth else _FIELDS)  # scores of truth are ignored
    if table is None:  # a point lacks its score, or something is wrong: look at each
        table = np.array([_row(rows, *one) for one in zip(owner.tolist(), points, strict=True)])
    known = np.isin(table[:, 0], np.arange(JOINTS))
    rows.unknown_points = int((~known).sum())
    return _placed(len(counts), owner[known], table[known])


def _polygons(regions: Any) -> list[DoubleArray]:
    try:
        corners = [[(p["x"][0], p["y"][0]) for p in region["point"]] for region in regions]
    except (LookupError, TypeError):
        raise ContentError(
            "ignore_regions is not a list of polygons, each with a list `point` of corners x, y"
        ) from None
    return [polygon(each) for each in corners]


def _add(rows: Rows, frame: int, place: int, person: Any, truth: bool) -> list[Any]:
    """Add a person to `rows`; returns its points."""
    points: Any = _value(person, "annopoints") if person.get("annopoints") else {}
    has_points = bool(points) and "point" in points
    number = track_id(_value(person, "track_id")) if person.get("track_id") else None
    head = None
    if truth and all(map(person.get, _CORNERS)):
        head = tuple(_value(person, corner) for corner in _CORNERS)
    rows.people.append(Person(frame, place, number, has_points, head))
    return points["point"] if has_points else []


def _value(row: Any, name: str) -> Any:
    """The value of a field, which this format wraps in a list."""
    wrapped = row[name]
    if type(wrapped) is not list or not wrapped:
        raise ContentError(f"{name} is {shown(wrapped)}, expected a list of one value")
    return wrapped[0]


def _table(points: list[Any], fields: tuple[str, ...]) -> DoubleArray | None:
    """The fields of all points (P, 3 or 4) at once, or None where one is missing or no number."""
    try:
        lists = chain.from_iterable(map(itemgetter(*fields), points))
        values = numbers(list(map(_FIRST, lists)))
    except MALFORMED:
        return None
    return None if values is None else values.reshape(-1, len(fields))


def _row(rows: Rows, owner: int, point: Any) -> list[float]:
    """Id, x, y and score of one point; AnnotationError where one is not a number."""
    try:
        values = [_value(point, name) for name in _FIELDS[:3]]
        values.append(_value(point, "score") if point.get("score") else MISSING_SCORE)
    except MALFORMED as error:
        raise rows.error(owner, reason(error)) from error
    if not all(map(is_number, values)):
        raise rows.not_a_number(owner, "point", values)
    return values


def _placed(people: int, owner: IntArray, table: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """The points (P, 3 or 4) as keypoints (N, 15, 2) and scores (N, 15) of their owners (P,)."""
    keypoints = np.full((people, JOINTS, 2), np.nan)
    scores = np.full((people, JOINTS), MISSING_SCORE)
    # Backwards, so that the first of a joint given twice stays, as in poseval.
    rows = table[::-1]
    index = (owner[::-1], rows[:, 0].astype(np.int64))
    keypoints[index] = rows[:, 1:3]
    if table.shape[1] == 4:
        scores[index] = rows[:, 3]
    return keypoints, scores
