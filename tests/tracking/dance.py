"""A short dance as tracks, written in every format: what the tests of tracks files share."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pose.people import Poses
from pose.skeleton import COCO17
from tracking.files import (
    FORMATS,
    ClipInfo,
    TracksWriter,
    frame_without_picture,
    open_writer,
)
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses

INFO = ClipInfo(
    "dance", (640, 480), COCO17, Fraction(30000, 1001), {"bbox_thr": 0.3}, {"pose": "ab"}
)


JOINTS_KEPT = ["csv", "parquet", "coco", "alphapose", "openpose"]


OPTIONAL = {"parquet": "pyarrow", "rerun": "rerun"}


def results() -> list[FrameResult]:
    """Four frames with 2, 0, 1 and 2 people; uneven times, an id that comes back."""
    random = np.random.default_rng(7)
    frames = []
    for index, (time_s, ids) in enumerate(
        [(0.0, [1, 2]), (0.0334, []), (0.1, [2]), (0.1334, [2, 5])]
    ):
        count = len(ids)
        boxes = np.sort(random.uniform(0, 400, (count, 2, 2)), axis=1).reshape(count, 4)
        poses = Poses(
            boxes.astype(np.float32),
            random.uniform(0.3, 1, count).astype(np.float32),
            random.uniform(0, 400, (count, 17, 2)).astype(np.float32),
            random.uniform(0.1, 1, (count, 17)).astype(np.float32),
            COCO17,
        )
        people = TrackedPoses(poses, np.array(ids, np.int64))
        frames.append(frame_without_picture(index, time_s, people))
    return frames


def write_frame(name: str, path: Path, info: ClipInfo, poses: Poses, ids: list[int]) -> None:
    """Write a clip of one frame."""
    writer = open_writer(name, path, info)
    writer.put(frame_without_picture(0, 0.0, TrackedPoses(poses, np.array(ids, np.int64))))
    writer.close()


def unfinished(folder: Path, name: str, info: ClipInfo = INFO) -> tuple[TracksWriter, Path]:
    """The writer of the dance in the named format, all frames put, and the file it will make."""
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    path = folder / f"dance{FORMATS[name].suffix}"
    writer = open_writer(name, str(path), info)
    for result in results():
        writer.put(result)
    return writer, path


def written(folder: Path, name: str, info: ClipInfo = INFO) -> Path:
    writer, path = unfinished(folder, name, info)
    writer.close()
    (folder / "dance.info.json").write_text(json.dumps(info.to_json()))
    return path
