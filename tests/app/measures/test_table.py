"""The measures' file, which the window and the command line write alike."""

from __future__ import annotations

import csv
import resource
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.corrections import Correction
from app.measures.table import MeasuresWriter
from app.results import export_result
from pose.people import Poses
from pose.skeleton import COCO17
from tracking.files import ClipInfo, TracksFileError, frame_without_picture
from tracking.pipeline import FrameResult
from tracking.tracks import KnownFrame, TrackedPoses

INFO = ClipInfo("walk", (400, 120), COCO17)


def walking(index: int, *ids: int) -> FrameResult:
    """People 100 pixels high, legs stretched, who walk 4 pixels a frame of a 25th of a second."""
    keypoints = np.zeros((len(ids), 17, 2), np.float32)
    for name, y in (("hip", 50), ("knee", 75), ("ankle", 100)):
        for side in ("left", "right"):
            keypoints[:, COCO17.index(f"{side}_{name}"), 1] = y
    x = 4 * index + 100 * np.arange(len(ids), dtype=np.float32)  # (N,)
    keypoints[..., 0] += x[:, None]
    boxes = np.stack([x, 0 * x, x + 40, 0 * x + 100], axis=1)  # (N, 4)
    scores = np.full((len(ids), 17), 0.8, np.float32)
    poses = Poses(boxes, np.full(len(ids), 0.9), keypoints, scores, COCO17)
    return frame_without_picture(index, index / 25, TrackedPoses(poses, np.array(ids, np.int64)))


def test_a_row_says_who_is_measured_and_its_header_in_which_units(tmp_path: Path) -> None:
    writer = MeasuresWriter(tmp_path / "m.csv", {4: "Anna, in red"}, 0.3, 0.04)
    for index in range(1, 5):
        writer.put(walking(index, 4))
    writer.close()
    lines = (tmp_path / "m.csv").read_text().splitlines()
    assert lines[0].startswith("frame,time_s,id,name,knee left (°)")
    assert lines[1].startswith('1,0.0400,4,"Anna, in red",180,180,')
    with (tmp_path / "m.csv").open() as file:
        speeds = [row["body speed (heights/s)"] for row in csv.DictReader(file)]
    assert speeds == ["", "", "", "1"]  # 4 pixels of 100 in a 25th of a second


def test_the_window_and_the_command_line_write_the_same_table_but_for_the_unit_of_speeds(
    tmp_path: Path,
) -> None:
    # Out of order, as ids are after a correction, one away for a while, frames of nobody between
    people = [walking(index, *ids) for index, ids in enumerate([(5, 2), (5,), (), (2, 5), (9, 2)])]
    frames = [KnownFrame(result.frame.time_s, result.people) for result in people]
    corrections = [Correction("set id", 2, 7)]
    export_result(tmp_path / "walk.json", INFO, frames, corrections, 0.3, lambda share: None)
    words = ["measure", str(tmp_path / "walk.csv"), "-o", str(tmp_path / "again")]
    words += ["--angles", "--speeds"]
    assert main(words) == 0
    (head, *rows), (other_head, *other_rows) = (
        [line.split(",") for line in (folder / "walk.measures.csv").read_text().splitlines()]
        for folder in (tmp_path, tmp_path / "again")
    )
    speeds = [place for place, name in enumerate(head) if name.endswith("(heights/s)")]
    assert [name.replace("heights/s", "px/s") for name in head] == other_head
    for row, other in zip(rows, other_rows, strict=True):
        for place in speeds:  # everybody is 100 pixels tall
            row[place] = f"{100 * float(row[place]):.4g}" if row[place] else ""
        assert row == other
    assert [(int(row[0]), int(row[2])) for row in rows] == [
        (0, 5), (0, 7), (1, 5), (3, 5), (3, 7), (4, 7), (4, 9),
    ]  # fmt: skip


def test_people_seen_every_two_seconds_have_speeds(tmp_path: Path) -> None:
    frames = [KnownFrame(2.0 * index, walking(index, 4).people) for index in range(3)]
    info = ClipInfo("walk", (400, 120), COCO17, frame_rate=Fraction(1, 2))
    export_result(tmp_path / "walk.json", info, frames, (), 0.3, lambda share: None)
    with (tmp_path / "walk.measures.csv").open() as file:
        speeds = [row["body speed (heights/s)"] for row in csv.DictReader(file)]
    assert speeds == ["", "0.02", "0.02"]  # 4 pixels of 100 in two seconds


def test_a_full_disk_is_told_in_one_line_and_leaves_no_table(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = MeasuresWriter(tmp_path / "m.csv", {}, 0.3, 0.04)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))  # no file larger than this
    try:
        writer.put(walking(1, 4))
        with pytest.raises(TracksFileError, match=r"m\.csv: cannot be written"):
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "m.csv").exists()
