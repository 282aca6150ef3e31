"""Track one clip from source to files: the unit of work that is resumed, spread and counted."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.batch.blocks import BLOCK_FRAMES, Blocks, BlockWriter
from app.config import ClipOptions, Settings
from app.overlay import Overlay
from app.paint import rasterise
from app.video.conveyor import prefetch
from app.video.join import join_parts
from app.video.recorder import Recorder
from app.video.source import FrameSource, MediaError, open_source
from app.video.view import View
from pose.people import Frame, ImageArray
from tracking.files import FORMATS, ClipInfo, open_writer
from tracking.formats.whole import WholeText
from tracking.pipeline import FrameResult, Pipeline
from tracking.refine import refined

DECODED_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip and where its files go: `stem` with the endings of the formats."""

    source: str  # a video file, or a folder or pattern of pictures
    stem: Path  # the output's path without ending

    @property
    def work(self) -> Path:
        """The folder of its unfinished work."""
        return self.stem.parent / ".posse" / self.stem.name

    def remove_work(self) -> None:
        """Forget what an earlier run began."""
        shutil.rmtree(self.work, ignore_errors=True)

    def output(self, ending: str) -> Path:
        """The path of an output."""
        return self.stem.with_name(self.stem.name + ending)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a clip is."""

    source: str
    frames: int  # finished, those of an earlier run included
    total: int | None  # None where unknown


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What came out of a clip."""

    frames: int
    people: int  # different ids
    seconds: float  # of this run
    tracked: int  # frames of this run
    outputs: tuple[Path, ...]
    interrupted: bool = False


class BrokenClip(MediaError):  # noqa: N818  the report goes with it
    """A clip that broke off; what there was of it is written, and told in `report`."""

    def __init__(self, message: str, report: ClipReport) -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:  # so that it travels between processes
        return BrokenClip, (str(self), self.report)


Tell = Callable[[Progress], None]
Stopped = Callable[[], bool]


def track_clip(
    clip: Clip,
    settings: Settings,
    pipeline: Pipeline,
    weights: dict[str, str],
    tell: Tell = lambda _: None,
    stopped: Stopped = lambda: False,
) -> ClipReport:
    """Track `clip` and write its files; go on where an earlier run of the same settings ended.

    `weights` are the networks' SHA-256, for the files' headers. When `stopped` turns true, what is
    done so far is written, and the next run goes on from there.
    Raises MediaError and TracksFileError; BrokenClip where the source breaks off in the middle.
    """
    began = time.monotonic()
    options = settings.clip
    with open_source(clip.source) as source:
        view = View(options.crop, options.rotate, options.mirror)
        size_wh = view.size_of(source.size_wh)
        rate = None if source.frame_rate is None else source.frame_rate / options.every
        info = ClipInfo(
            clip.stem.name, size_wh, pipeline.skeleton, rate, settings.to_json(), weights
        )
        blocks = Blocks(
            clip.work, {**info.to_json(), **fingerprint(clip.source)}, pipeline.skeleton
        )
        done = blocks.frame_count
        overlay = Overlay(settings.overlay) if options.video and not options.refine else None
        writer = BlockWriter(blocks, overlay, size_wh, rate)
        frames = taken_frames(source, options, view, done)
        broken = _follow(
            frames,
            pipeline,
            blocks,
            writer,
            options,
            lambda count: tell(Progress(clip.source, count, expected(source, options))),
            stopped,
        )
    results = _refined(blocks, settings) if options.refine else None
    outputs = _write_tracks(clip, info, options, results or blocks.results())
    if options.measures.wanted:
        outputs += _write_measures(clip, settings, view, results or list(blocks.results()))
    if options.video and blocks.paths:
        target = clip.output(".mp4")
        if results is not None:
            _redraw(target, clip, settings, view, size_wh, results)
        else:
            audio = Path(clip.source) if Path(clip.source).is_file() else None
            first = next(blocks.results())
            join_parts(blocks.parts(), target, audio, first.frame.time_s)
        outputs.insert(0, target)
    count = blocks.frame_count
    report = ClipReport(
        frames=count,
        people=len({int(i) for result in results or blocks.results() for i in result.people.ids}),
        seconds=time.monotonic() - began,
        tracked=count - done,
        outputs=tuple(outputs),
        interrupted=stopped(),
    )
    if broken is not None:
        raise BrokenClip(str(broken), report) from broken
    if not report.interrupted:
        blocks.remove()
    return report


def expected(source: FrameSource, options: ClipOptions) -> int | None:
    """How many frames will be tracked, as far as the container can tell."""
    if source.frame_count is None:
        return options.max_frames or None
    count = source.frame_count - options.start_frame
    if options.time_range and source.frame_rate:
        length = round((options.time_range[1] - options.time_range[0]) * source.frame_rate)
        count = min(count, length)
    count = max(0, -(-count // options.every))
    return min(count, options.max_frames) if options.max_frames else count


def taken_frames(
    source: FrameSource, options: ClipOptions, view: View, done: int
) -> Iterator[Frame]:
    """The frames that the options choose, from the `done`-th on, as the view shows them."""
    start_s, end_s = options.time_range or (0.0, float("inf"))
    if start_s > 0:
        source.seek(start_s)
    source.skip(options.start_frame + done * options.every)
    left = itertools.count() if not options.max_frames else range(options.max_frames - done)
    for _, frame in zip(left, source, strict=False):
        if frame.time_s >= end_s:
            return
        yield replace(frame, image=view.apply(frame.image))
        if options.every > 1:
            source.skip(options.every - 1)


def _follow(
    frames: Iterator[Frame],
    pipeline: Pipeline,
    blocks: Blocks,
    writer: BlockWriter,
    options: ClipOptions,
    tell: Callable[[int], None],
    stopped: Stopped,
) -> MediaError | None:
    """Track the frames into blocks; return why the source broke off, or None."""
    pipeline.reset()
    if (state := blocks.state()) is not None:
        pipeline.load(state)
    count = blocks.frame_count
    broken = None
    ahead = prefetch(frames, DECODED_AHEAD, "decode")
    with contextlib.closing(writer), contextlib.closing(ahead):
        tell(count)
        try:
            for result in pipeline.follow(itertools.takewhile(lambda _: not stopped(), ahead)):
                # A second pass may give a person another id, and chooses afterwards
                writer.put(only(result, 0 if options.refine else options.follow))
                count += 1
                tell(count)
                if count % BLOCK_FRAMES == 0:
                    writer.end_block(pipeline.save())
        except MediaError as error:
            broken = error
        writer.end_block(pipeline.save())
    return broken


def only(result: FrameResult, person: int) -> FrameResult:
    """`result` with the one person alone; with everybody where `person` is 0."""
    if not person:
        return result
    return replace(result, people=result.people.select(result.people.ids == person))


def _write_tracks(
    clip: Clip, info: ClipInfo, options: ClipOptions, results: Iterable[FrameResult]
) -> list[Path]:
    """Write every format and the clip's NAME.info.json; all of them, or none."""
    writers = []
    outputs = []
    try:
        for name in options.formats:
            path = clip.output(FORMATS[name].suffix)
            writers.append(open_writer(name, path, info))
            outputs.append(path)
        for result in results:
            for writer in writers:
                writer.put(result)
    except BaseException:
        for writer in writers:
            writer.abort()
        raise
    for writer in writers:
        writer.close()
    beside = WholeText(clip.output(".info.json"))
    beside.write(json.dumps(info.to_json(), indent=1) + "\n")
    beside.close()
    return outputs


def _write_measures(
    clip: Clip, settings: Settings, view: View, results: list[FrameResult]
) -> list[Path]:
    """Write angles, speeds, plots and the report; where faces are hidden, without thumbnails."""
    from app.measures.command import write_measures

    pictures: dict[int, ImageArray] = {}
    if settings.clip.measures.report and not settings.overlay.blur_faces:
        from app.measures.report import best_places, take_thumbnails

        with open_source(clip.source) as source:
            frames = taken_frames(source, settings.clip, view, 0)
            pictures = take_thumbnails(frames, best_places(results))
    measures, kpt_thr = settings.clip.measures, settings.pipeline.kpt_thr
    return write_measures(clip.stem, results, measures, kpt_thr, pictures)


def fingerprint(source: str) -> dict[str, Any]:
    """What changes when the source does; times to the nanosecond, so no file is read."""
    path = Path(source)
    if path.is_file():
        status = path.stat()
        return {"source": str(path.resolve()), "size": status.st_size, "mtime": status.st_mtime_ns}
    if path.is_dir():
        newest = max((entry.stat().st_mtime_ns for entry in path.iterdir()), default=0)
        return {"source": str(path.resolve()), "mtime": newest}
    return {"source": source}


def _refined(blocks: Blocks, settings: Settings) -> list[FrameResult]:
    """The whole clip's results after the second pass; needs memory for all its people."""
    results = list(blocks.results())
    people = refined(
        [result.people for result in results],
        [result.frame.time_s for result in results],
        settings.pipeline.tracker,
    )
    return [
        only(replace(result, people=tracked), settings.clip.follow)
        for result, tracked in zip(results, people, strict=True)
    ]


def _redraw(
    target: Path,
    clip: Clip,
    settings: Settings,
    view: View,
    size_wh: tuple[int, int],
    results: list[FrameResult],
) -> None:
    """Read the clip again and draw the results that were changed at its end."""
    audio = Path(clip.source) if Path(clip.source).is_file() else None
    overlay = Overlay(settings.overlay)
    with open_source(clip.source) as source:
        rate = None if source.frame_rate is None else source.frame_rate / settings.clip.every
        frames = prefetch(taken_frames(source, settings.clip, view, 0), DECODED_AHEAD, "decode")
        with (
            contextlib.closing(frames),
            Recorder(target, size_wh, rate, audio_from=audio) as recorder,
        ):
            for frame, result in zip(frames, results, strict=False):
                drawing = overlay.layout(replace(result, frame=frame))
                recorder.put(rasterise(drawing, frame.image), frame.time_s)
