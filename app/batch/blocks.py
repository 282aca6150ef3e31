"""Finished work on disk, one block of frames at a time: an interruption costs at most one block.

A folder holds `000000.npz` (the people of the first frames and the state of the pipeline after
them), `000000.mp4` (their part of the video), then `000001`... The .npz is written last and
atomically, so its presence means that the block is complete. Tracking keeps the results of at most
one block in memory, whatever the clip's length.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from app.batch.outputs import only
from app.overlay import Overlay
from app.paint import rasterise
from app.video.conveyor import Conveyor
from app.video.recorder import Recorder, WriteError
from pose.people import Poses
from pose.skeleton import Skeleton
from pose.writing import whole_file, writing
from tracking.files import frame_without_picture
from tracking.ground import Ground
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses

log = logging.getLogger(__name__)

BLOCK_FRAMES = 1500  # a minute of video
DRAWN_AHEAD = 8
_COLUMNS = ("boxes", "scores", "keypoints", "keypoint_scores", "appearance")  # of Poses
_NO_MOTION = np.full((3, 3), np.nan)


class Blocks:
    """The finished blocks in a folder, made under `key`; under another key work starts anew."""

    def __init__(self, folder: Path, key: dict[str, Any], skeleton: Skeleton) -> None:
        self.folder = folder
        self.skeleton = skeleton
        marker, content = folder / "key.json", json.dumps(key, sort_keys=True).encode()
        with writing(folder, WriteError):
            if not marker.is_file() or marker.read_bytes() != content:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                with whole_file(marker) as partial:
                    partial.write_bytes(content)
            self._drop_damaged()

    def _drop_damaged(self) -> None:
        """Delete the first unreadable block and all later ones, which continued from it."""
        paths = self.paths
        for place, path in enumerate(paths):
            try:
                _load(path)
            except (EOFError, OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
                log.warning("%s is damaged; the clip is tracked anew from there", path)
                for later in reversed(paths[place:]):  # so that an interruption leaves no gap
                    later.unlink()
                return

    @property
    def paths(self) -> list[Path]:
        """The .npz of every finished block, in order."""
        return sorted(self.folder.glob("[0-9]*.npz"))

    @property
    def frame_count(self) -> int:
        """How many frames are finished."""
        return sum(len(_array(path, "index")) for path in self.paths)

    def state(self) -> bytes | None:
        """The pipeline's state after the last block; None before the first."""
        paths = self.paths
        return _array(paths[-1], "state").tobytes() if paths else None

    def results(self) -> Iterator[FrameResult]:
        """The results of all blocks; their frames have no picture."""
        for path in self.paths:
            yield from _unpack(_load(path), self.skeleton)

    def parts(self) -> list[tuple[Path, float]]:
        """The parts of the video, each with its start in seconds after the first frame."""
        paths = self.paths
        begins_s = [float(_array(path, "time_s")[0]) for path in paths]
        return [
            (path.with_suffix(".mp4"), begin_s - begins_s[0])
            for path, begin_s in zip(paths, begins_s, strict=True)
            if path.with_suffix(".mp4").is_file()
        ]


class BlockWriter:
    """Adds blocks: draws and encodes on separate threads while the next frames are tracked."""

    def __init__(
        self,
        blocks: Blocks,
        overlay: Overlay | None,  # None: no video
        size_wh: tuple[int, int],
        frame_rate: Fraction | None,
        *,
        follow: int = 0,  # draw only the person with this id; 0: everybody
        quick: bool = False,
    ) -> None:
        self._blocks, self._overlay = blocks, overlay
        self._size_wh, self._frame_rate = size_wh, frame_rate
        self._follow, self._quick = follow, quick
        self._results: list[FrameResult] = []  # of the block so far, without pictures
        self._recorder: Recorder | None = None
        self._conveyor: Conveyor[FrameResult | bytes] = Conveyor(self._take, DRAWN_AHEAD, "draw")
        if overlay is not None and blocks.paths:
            self._recall_trails(overlay)

    def put(self, result: FrameResult) -> None:
        """Add a frame to the block."""
        self._conveyor.put(result)

    def end_block(self, state: bytes) -> None:
        """Finish the block with the pipeline's state after it; the next frame begins a new one."""
        self._conveyor.put(state)

    def close(self) -> None:
        """Wait until all is on disk; an unfinished block is discarded. Safe to call twice."""
        try:
            self._conveyor.close()
        finally:
            if self._recorder is not None:
                self._recorder.abort()
                self._recorder = None

    def _take(self, item: FrameResult | bytes) -> None:
        if isinstance(item, bytes):
            self._finish(item)
            return
        frame = item.frame
        bare = frame_without_picture(frame.index, frame.time_s, item.people, item.ground)
        self._results.append(replace(bare, found=item.found))
        if self._overlay is None:
            return
        if self._recorder is None:
            path = self._next_path().with_suffix(".mp4")
            self._recorder = Recorder(path, self._size_wh, self._frame_rate, quick=self._quick)
        drawing = self._overlay.layout(only(item, self._follow))
        self._recorder.put(rasterise(drawing, frame.image), frame.time_s)

    def _finish(self, state: bytes) -> None:
        if not self._results:
            return
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
        path = self._next_path()
        packed = io.BytesIO()
        arrays = {"state": np.frombuffer(state, np.uint8), **_pack(self._results)}
        np.savez(packed, allow_pickle=False, **arrays)
        with writing(path, WriteError), whole_file(path) as partial:
            partial.write_bytes(packed.getbuffer())
        self._results = []

    def _next_path(self) -> Path:
        return self._blocks.folder / f"{len(self._blocks.paths):06d}.npz"

    def _recall_trails(self, overlay: Overlay) -> None:
        """Show the overlay the earlier frames that trails in the next block reach back to."""
        ends_s = float(_array(self._blocks.paths[-1], "time_s")[-1])
        for result in self._blocks.results():
            if result.frame.time_s >= ends_s - overlay.style.trails_s:
                overlay.layout(only(result, self._follow))


def _pack(results: list[FrameResult]) -> dict[str, np.ndarray]:
    """Parallel arrays: a row per frame, then a row per person in the order of the frames."""
    people = [result.people for result in results]
    return {
        "index": np.array([result.frame.index for result in results], np.int64),
        "time_s": np.array([result.frame.time_s for result in results], np.float64),
        "shot": np.array([result.shot for result in results], np.int64),
        "camera": np.array(
            [_NO_MOTION if result.camera is None else result.camera for result in results]
        ),
        "ids": np.concatenate([tracked.ids for tracked in people]),
        **_pack_poses([tracked.poses for tracked in people], ""),
        **_pack_poses(
            [result.people.poses if result.found is None else result.found for result in results],
            "found_",
        ),
    }


def _pack_poses(poses: list[Poses], prefix: str) -> dict[str, np.ndarray]:
    everybody = Poses.stacked(poses)
    columns = {prefix + name: getattr(everybody, name) for name in _COLUMNS}
    return {f"{prefix}count": np.array([len(each) for each in poses], np.int64), **columns}


def _unpack(arrays: dict[str, np.ndarray], skeleton: Skeleton) -> Iterator[FrameResult]:
    followed = _unpack_poses(arrays, "", skeleton)
    found = _unpack_poses(arrays, "found_", skeleton)
    ids = np.split(arrays["ids"], np.cumsum(arrays["count"]))
    for row, time_s in enumerate(arrays["time_s"].tolist()):
        people = TrackedPoses(next(followed), ids[row])
        camera = arrays["camera"][row]  # (3, 3), nan where there is none
        ground = Ground(int(arrays["shot"][row]), None if np.isnan(camera).any() else camera)
        bare = frame_without_picture(int(arrays["index"][row]), time_s, people, ground)
        yield replace(bare, found=next(found))


def _unpack_poses(
    arrays: dict[str, np.ndarray], prefix: str, skeleton: Skeleton
) -> Iterator[Poses]:
    columns = {name: arrays[prefix + name] for name in _COLUMNS}
    everybody = Poses(skeleton=skeleton, **columns)
    begin = 0
    for count in arrays[prefix + "count"].tolist():
        yield everybody.select(slice(begin, begin + count))
        begin += count


def _load(path: Path) -> dict[str, np.ndarray]:
    with _opened(path) as file:
        return dict(file)


def _array(path: Path, name: str) -> np.ndarray:
    """One array of a block; the others, which are nearly all of it, are not read."""
    with _opened(path) as file:
        return np.asarray(file[name])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    # Opened here: numpy leaves a damaged file open, and then it could not be deleted
    with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
        yield file
