"""TRC: OpenSim's marker files, one per person in a folder, NAME_person3.trc.

Units are pixels of the frame, x right, y down, z 0. A TRC file has no confidences: a joint that
was not seen, by the threshold in the clip's settings, is nan, as OpenSim writes it. Blank cells,
which other programs write, are read too; OpenSim rejects a file in which they end a line.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np

from pose.people import Poses
from pose.reading import ContentError, floats, read_text, reading, whole
from pose.reading import number as number_of
from tracking.clip_info import USUAL_RATE, ClipInfo, skeleton_named
from tracking.files import Tracks, TracksFileError, frame_without_picture, read_info
from tracking.formats.rows import boxes_around, finite
from tracking.formats.whole import WholeFolder
from tracking.tracks import FrameResult, TrackedPoses

LINES_AT_ONCE = 200  # lines held in memory per person


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._info = info
        with reading(f"{path}: the clip's settings", TracksFileError):
            told = info.settings.get("pipeline", {}).get("kpt_thr", 0)
            self._kpt_thr = number_of(told)
        self._out = WholeFolder(path)
        self._waiting: dict[int, list[str]] = defaultdict(list)
        self._counts: dict[int, int] = defaultdict(int)

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        poses = result.people.poses
        seen = poses.seen(self._kpt_thr)  # (N, K)
        for place, person in enumerate(result.people.ids.tolist()):
            cells = [
                f"{x:.2f}\t{y:.2f}\t0" if given else "nan\tnan\tnan"
                for (x, y), given in zip(poses.keypoints[place], seen[place], strict=True)
            ]
            frame = result.frame
            self._waiting[person].append(
                f"{frame.index + 1}\t{frame.time_s:.6f}\t" + "\t".join(cells)
            )
            self._counts[person] += 1
            if len(self._waiting[person]) >= LINES_AT_ONCE:
                self._flush(person)

    def close(self) -> None:
        """Write the headers, which hold the frame count, and give the folder its final name."""
        if self._out.closed:
            return
        for person, count in self._counts.items():
            self._flush(person)
            name, body = f"{self._info.name}_person{person}.trc", f"{person}.lines"
            with self._out.open(name, "w") as file, self._out.open(body, "r") as lines:
                file.write(_header(name, self._info, count))
                shutil.copyfileobj(lines, file)
            self._out.remove(body)
        self._out.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._out.abort()

    def _flush(self, person: int) -> None:
        lines = self._waiting.pop(person, [])
        if lines:
            with self._out.open(f"{person}.lines", "a") as file:
                file.write("\n".join(lines) + "\n")


def _header(name: str, info: ClipInfo, count: int) -> str:
    rate = f"{float(info.frame_rate or USUAL_RATE):g}"
    joints = info.skeleton.names
    axes = "\t".join(f"X{k}\tY{k}\tZ{k}" for k in range(1, len(joints) + 1))
    keys = "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame"
    values = (rate, rate, str(count), str(len(joints)), "px", rate, "1", str(count))
    return "\n".join(
        (
            f"PathFileType\t4\t(X/Y/Z)\t{name}",
            "\t".join([*keys.split(), "OrigNumFrames"]),
            "\t".join(values),
            "Frame#\tTime\t" + "\t\t\t".join(joints) + "\t\t",
            "\t\t" + axes,
            "",
            "",
        )
    )


def read(path: Path) -> Tracks:
    """Read a folder of TRC files, or a single one; confidences are 1, or 0 for missing joints."""
    files = sorted(path.glob("[!.]*.trc")) if path.is_dir() else [path]
    if not files:
        raise TracksFileError(f"{path}: no .trc files in this folder")
    rows: dict[int, dict[int, np.ndarray]] = defaultdict(dict)  # frame -> id -> (K, 3)
    times: dict[int, float] = {}
    joints: list[str] = []
    notes: list[str] = []
    for place, file in enumerate(files):
        numbered = re.search(r"_person(\d+)$", file.stem)
        person = int(numbered[1]) if numbered else place + 1
        lines = read_text(file, TracksFileError).split("\n")
        named = [name for name in "".join(lines[3:4]).split("\t")[2:] if name]
        if not named or (joints and named != joints):
            raise TracksFileError(f"{file}: line 4 names no joints, or others than {files[0].name}")
        joints, count = named, 0
        for number, line in enumerate(lines[5:], start=6):
            cells = line.split("\t")
            if len(cells) < 2 or not cells[0]:
                continue
            with reading(f"{file}: line {number}", TracksFileError):
                stated, time_s = floats(cells[:2])
                index = whole(stated) - 1
                if person in rows[index]:
                    raise ContentError(f"frame {index + 1} has the person {person} twice")
                times[index] = number_of(time_s)
                cells = (cells[2:] + [""] * (3 * len(joints)))[: 3 * len(joints)]
                rows[index][person] = _points(cells)
                count += 1
        notes += _notes(file, lines, count)
    info = read_info(path, skeleton_named("trc", joints))
    skeleton = skeleton_named(info.skeleton.name, joints)
    frames = []
    for index, people in sorted(rows.items()):
        points = np.stack(list(people.values()))  # (N, K, 3)
        given = np.isfinite(points[..., :2]).all(axis=2).astype(np.float32)
        keypoints = np.nan_to_num(points[..., :2]).astype(np.float32)
        ones = np.ones(len(people), np.float32)
        poses = Poses(boxes_around(keypoints, given), ones, keypoints, given, skeleton)
        tracked = TrackedPoses(poses, np.array(list(people), np.int64))
        frames.append(frame_without_picture(index, times[index], tracked))
    return Tracks(info, frames, tuple(dict.fromkeys(notes)))


def _notes(file: Path, lines: list[str], count: int) -> list[str]:
    """Notes on a file of `count` frames: units other than pixels, another count in the header."""
    header = dict(zip(*(line.split("\t") for line in lines[1:3]), strict=False))
    notes = []
    if (units := header.get("Units", "px")) != "px":
        notes.append(f"x and y are taken as pixels, though they are in {units}; z is left out")
    if (stated := header.get("NumFrames", str(count))) != str(count):
        notes.append(f"{file.name}: its header says {stated} frames, and it has {count}")
    return notes


def _points(cells: list[str]) -> np.ndarray:
    """x, y, z (K, 3) of the joints, nan where missing. Raises ContentError."""
    missing = ("", "nan")
    given = [place for place, cell in enumerate(cells) if cell.strip().lower() not in missing]
    values = np.full(len(cells), np.nan)
    values[given] = finite(floats([cells[place] for place in given]), (len(given),))
    return values.reshape(-1, 3)
