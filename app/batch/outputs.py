"""What is written once a clip's frames are tracked: tracks, measures, a second drawing."""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from app.batch.frames import taken_frames
from app.config import Settings
from app.measures.outputs import write_measures
from app.overlay import Overlay
from app.paint import rasterise
from app.video.conveyor import prefetch
from app.video.recorder import Recorder
from app.video.source import open_source
from pose.people import ImageArray
from tracking.files import FORMATS, ClipInfo, TracksWriter, open_writer
from tracking.formats.whole import completing, write_pieces
from tracking.pipeline import FrameResult
from tracking.refine import refined

DECODED_AHEAD = 8


def beside(stem: Path, ending: str) -> Path:
    """The path of an output; `stem` is the path without ending."""
    return stem.with_name(stem.name + ending)


def only(result: FrameResult, person: int) -> FrameResult:
    """`result` with only the person of id `person`; with everybody if it is 0."""
    if not person:
        return result
    return replace(result, people=result.people.select(result.people.ids == person))


def after_second_pass(results: Sequence[FrameResult], settings: Settings) -> list[FrameResult]:
    """A whole clip's results linked, filled and smoothed."""
    people = refined(
        [result.people for result in results],
        [result.frame.time_s for result in results],
        settings.pipeline.tracker,
        [result.shot for result in results],
    )
    return [
        replace(result, people=tracked) for result, tracked in zip(results, people, strict=True)
    ]


def write_tracks(
    stem: Path, info: ClipInfo, formats: Iterable[str], results: Iterable[FrameResult]
) -> list[Path]:
    """Write every format and the clip's NAME.info.json; each file atomically."""
    outputs = [beside(stem, FORMATS[name].suffix) for name in formats]
    writers: list[TracksWriter] = []
    with completing(writers):
        for name, path in zip(formats, outputs, strict=True):
            writers.append(open_writer(name, path, info))
        for result in results:
            for writer in writers:
                writer.put(result)
    write_pieces(beside(stem, ".info.json"), [json.dumps(info.to_json(), indent=1) + "\n"])
    return outputs


def check_formats(info: ClipInfo, formats: Iterable[str]) -> None:
    """Raise before the first frame what would otherwise be raised after the last.

    TracksFileError if a format cannot hold the skeleton or needs a package that is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in formats:
            open_writer(name, Path(folder) / name, info).abort()


def measure_clip(
    stem: Path, source: str, settings: Settings, results: Iterable[FrameResult], step_s: float
) -> list[Path]:
    """Write angles, speeds, plots and the report; without thumbnails if faces are blurred.

    `step_s` is the time from frame to frame.
    """
    if settings.clip.measures.report:
        results = list(results)  # read twice: for thumbnails, and for measuring
    pictures: dict[int, ImageArray] = {}
    if settings.clip.measures.report and not settings.overlay.blur_faces:
        from app.measures.report import best_places, take_thumbnails

        with open_source(source) as opened:
            pictures = take_thumbnails(taken_frames(opened, settings.clip), best_places(results))
    options, kpt_thr = settings.clip.measures, settings.pipeline.kpt_thr
    return write_measures(stem, results, options, kpt_thr, pictures, {}, step_s)


def draw_again(
    target: Path,
    source: str,
    settings: Settings,
    size_wh: tuple[int, int],
    results: Sequence[FrameResult],
    stopped: Callable[[], bool],
) -> bool:
    """Read the clip again and draw `results`; False, and no file, if stopped before the end."""
    overlay = Overlay(settings.overlay)
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(open_source(source))
        rate = None if opened.frame_rate is None else opened.frame_rate / settings.clip.every
        frames = prefetch(taken_frames(opened, settings.clip), DECODED_AHEAD)
        stack.enter_context(contextlib.closing(frames))
        quick, sound = settings.clip.quick_video, sound_of(source)
        recorder = Recorder(target, size_wh, rate, audio_from=sound, quick=quick)
        stack.callback(recorder.abort)  # no half-drawn file gets the final name
        again = itertools.takewhile(lambda _: not stopped(), frames)
        drawn = 0
        for result, frame in zip(results, again, strict=False):
            shown = only(replace(result, frame=frame), settings.clip.follow)
            drawing = overlay.layout(shown, result.people.poses)
            recorder.put(rasterise(drawing, frame.image), frame.time_s)
            drawn += 1
        if drawn < len(results):
            return False
        recorder.close()
    return True


def sound_of(source: str) -> Path | None:
    """The file whose sound belongs to the pictures; None for a folder or pattern of pictures."""
    return Path(source) if Path(source).is_file() else None
