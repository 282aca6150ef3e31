"""Read PoseTrack files of 2017, 2018 and 2021; every fault becomes one line that says where."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np

from evaluation.annotation_rows import Rows, numbers
from evaluation.annotations import AnnotationError, Sequence
from evaluation.layout_2017 import read_2017
from evaluation.layout_2018 import read_2018
from pose.people import DoubleArray
from pose.reading import read_json

FORMATS = ("posetrack17", "posetrack18", "posetrack21")


def read_sequence(path: Path, *, truth: bool, need_ids: bool, expected: str = "auto") -> Sequence:
    """Read one PoseTrack file of the `expected` format; "auto" recognises it by its keys.

    `truth` requires a head box for everybody with joints; `need_ids` requires track ids. Raises
    AnnotationError where the file is missing, damaged or in another format, where a number is not
    one, or where an id occurs twice in a frame. As in poseval, people without a list of points are
    left out; people with an empty list are kept.
    """
    collecting = gc.isenabled()
    gc.disable()  # looking for cycles would take half the time of parsing
    try:
        return _read(path, truth, need_ids, expected)
    finally:
        if collecting:
            gc.enable()


def _read(path: Path, truth: bool, need_ids: bool, expected: str) -> Sequence:
    data = read_json(path, AnnotationError)
    entries = data.items() if isinstance(data, dict) else ()
    keys = {key for key, value in entries if isinstance(value, list)}
    rows = Rows(path)
    if "annolist" in keys and expected in ("auto", "posetrack17"):
        keypoints, scores = read_2017(rows, data, truth=truth)
    elif {"images", "annotations"} <= keys and expected in ("auto", "posetrack18", "posetrack21"):
        keypoints, scores = read_2018(rows, data, truth=truth)
    else:
        known = "a PoseTrack file" if expected == "auto" else f"a {expected} file"
        raise AnnotationError(
            f"{path}: unknown format, not {known}; expected an object with annolist (2017), "
            "or with images and annotations (2018, 2021)"
        )
    _check_ids(rows, need_ids)
    head_px = _head_sizes(rows)
    if truth:
        headless = np.isnan(head_px) & ~np.isnan(keypoints[..., 0]).all(1)
        for number in np.flatnonzero(headless)[:1]:
            raise rows.error(number, "no head box, by which distances are measured")
    return _assembled(rows, keypoints, scores, head_px)


def _check_ids(rows: Rows, need_ids: bool) -> None:
    seen: set[tuple[int, int]] = set()
    for number, person in enumerate(rows.people):
        if person.track_id is None:
            if need_ids and person.has_points:
                raise rows.error(number, "no track_id, which tracking scores need")
        elif (person.frame, person.track_id) in seen:
            raise rows.error(number, f"track id {person.track_id} is twice in the frame")
        else:
            seen.add((person.frame, person.track_id))


def _head_sizes(rows: Rows) -> DoubleArray:
    """0.6 of the head boxes' diagonals (N,), NaN where there is no box."""
    heads = {number: row.head for number, row in enumerate(rows.people) if row.head is not None}
    boxes = numbers([value for head in heads.values() for value in head])
    if boxes is None:
        wrong = next(number for number, head in heads.items() if numbers(head) is None)
        raise rows.not_a_number(wrong, "head box", heads[wrong])
    corners = boxes.reshape(-1, 2, 2)
    sizes = np.full(len(rows.people), np.nan)
    sizes[list(heads)] = 0.6 * np.sqrt(((corners[:, 1] - corners[:, 0]) ** 2).sum(1))
    return sizes


def _assembled(
    rows: Rows, keypoints: DoubleArray, scores: DoubleArray, head_px: DoubleArray
) -> Sequence:
    people = rows.people
    names, annotated, labelled = zip(*rows.frames, strict=True) if rows.frames else ((), (), ())
    sequence = Sequence(
        rows.path,
        names,
        np.array(annotated, bool),
        np.array(labelled, bool),
        rows.regions,
        np.array([row.frame for row in people], np.int64),
        np.array([row.place for row in people], np.int64),
        np.array([-1 if row.track_id is None else row.track_id for row in people], np.int64),
        keypoints,
        scores,
        head_px,
        rows.unknown_points,
    )
    return sequence.select(np.array([row.has_points for row in people], bool))
