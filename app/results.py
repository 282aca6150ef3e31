"""Finished results: tracks with their video and corrections, opened to be looked at and saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.corrections import (
    Correction,
    corrected_people,
    load_corrections,
    names_of,
    save_corrections,
    sidecar_of,
)
from app.measures.angles import MeasuresWriter
from app.video.source import MediaError
from pose.people import Frame
from tracking.files import ClipInfo, TracksWriter, open_writer, read_tracks
from tracking.pipeline import FrameResult
from tracking.tracks import TrackedPoses

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mts")

Frames = Sequence[tuple[float, TrackedPoses]]
Progress = Callable[[float], None]  # told the share done; may raise to cancel


@dataclass(frozen=True, slots=True, eq=False)
class OpenResult:
    """What a tracks file and what lies beside it hold."""

    video: str
    frames: list[tuple[float, TrackedPoses]]
    corrections: tuple[Correction, ...]
    tracks: Path


def is_result(path: Path) -> bool:
    """True for a tracks file that `open_result` takes."""
    return path.suffix == ".json" and not path.name.endswith((".corrections.json", ".info.json"))


def open_result(path: Path, video: Path | None = None) -> OpenResult:
    """Read `path`, find its video, and the corrections made before. Raises UserErrors."""
    tracks = read_tracks(path)
    frames = [(result.frame.time_s, result.people) for result in tracks.frames]
    video = video_of(path, tracks.info) if video is None else video
    return OpenResult(str(video), frames, load_corrections(sidecar_of(path)), path)


def video_of(tracks: Path, info: ClipInfo) -> Path:
    """The video of a tracks file: beside it, the clean one first. Raises MediaError."""
    stems = [f"{tracks.stem}.clean", tracks.stem, info.name]
    for stem in dict.fromkeys(stems):
        for suffix in VIDEO_SUFFIXES:
            path = tracks.with_name(stem + suffix)
            if stem and path.is_file():
                return path
    raise MediaError(
        f"{tracks}: its video {tracks.stem}.mp4 is not beside it; copy it there and open it again"
    )


def save_result(
    path: Path,
    info: ClipInfo,
    frames: Frames,
    corrections: Sequence[Correction],
    progress: Progress,
) -> None:
    """Write the tracks as they were found to `path`, and the corrections beside it."""
    save_corrections(sidecar_of(path), corrections)
    _write([open_writer("posetrack18", path, info)], frames, (), progress)


def export_result(
    path: Path,
    info: ClipInfo,
    frames: Frames,
    corrections: Sequence[Correction],
    progress: Progress,
) -> None:
    """Write tracks with corrections applied, as JSON and CSV, and the measures, for other use."""
    writers: list[TracksWriter | MeasuresWriter] = [
        open_writer("posetrack18", path, info),
        open_writer("csv", path.with_suffix(".csv"), info),
        MeasuresWriter(path.with_suffix(".measures.csv"), names_of(corrections)),
    ]
    _write(writers, frames, corrections, progress)


def _write(
    writers: Sequence[TracksWriter | MeasuresWriter],
    frames: Frames,
    corrections: Sequence[Correction],
    progress: Progress,
) -> None:
    width, height = 0, 0
    picture = np.zeros((height, width, 3), np.uint8)
    try:
        for index, (time_s, people) in enumerate(frames):
            shown = corrected_people(people, time_s, corrections)
            for writer in writers:
                writer.put(FrameResult(Frame(index, time_s, picture), shown, {}))
            if index % 50 == 0:
                progress(index / len(frames))
    except BaseException:
        for writer in writers:
            if not isinstance(writer, MeasuresWriter):
                writer.abort()
            writer.close()
        raise
    for writer in writers:
        writer.close()
