"""COCO keypoint results: one list of people, each with the `image_id` of its frame.

`image_id` is the frame's 0-based index. pycocotools reads the file with `COCO.loadRes`.
"""

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
        "image_id": index,
        "time_s": time_s,
        "category_id": 1,
        "track_id": person,
        "score": score,
        "bbox": box,
        "keypoints": joints,
    }


Writer = functools.partial(FlatWriter, _entry)  # of path and info; see TracksWriter


def read(path: Path) -> Tracks:
    """Read a list of results; people without a `track_id` are numbered within their frame."""
    return tracks_of(path, read_info(path), "image_id", "track_id", "bbox")
