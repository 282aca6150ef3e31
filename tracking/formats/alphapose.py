"""AlphaPose results: one list of people; `image_id` is a file name and `idx` the identity."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from tracking.files import Tracks, read_info
from tracking.formats.flat import FlatWriter, tracks_of


def _entry(
    index: int, time_s: float, person: int, score: float, box: list[float], joints: list[float]
) -> dict[str, Any]:
    return {
        "image_id": f"{index}.jpg",
        "time_s": time_s,
        "category_id": 1,
        "keypoints": joints,
        "score": score,
        "box": box,
        "idx": person,
    }


Writer = functools.partial(FlatWriter, _entry)  # of path and info; see TracksWriter


def read(path: Path) -> Tracks:
    """Read AlphaPose results; people without an `idx` are numbered within their frame.

    Scores, which AlphaPose sums over a person's joints and box, may exceed 1; they are kept.
    """
    return tracks_of(path, read_info(path), "image_id", "idx", "box")
