"""Track one clip from source to files: the unit that is resumed, distributed and counted."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.batch.blocks import BLOCK_FRAMES, Blocks, BlockWriter
from app.batch.frames import expected, fingerprint, framing_of, taken_frames
from app.batch.lock import held
from app.batch.outputs import (
    DECODED_AHEAD,
    after_second_pass,
    beside,
    check_formats,
    draw_again,
    measure_clip,
    only,
    sound_of,
    write_tracks,
)
from app.config import ClipOptions, Settings
from app.overlay import Overlay
from app.small_people import Heights, LargerInput
from app.video.coding import choose_encoder
from app.video.conveyor import prefetch
from app.video.join import join_parts
from app.video.recorder import WriteError
from app.video.source import MediaError, open_source
from pose.people import Frame
from tracking.files import ClipInfo
from tracking.pipeline import FrameResult, Pipeline

NOBODY = "nobody was found; try a lower --bbox-thr, or look at the clip"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip and where its files go: `stem` plus the ending of each format."""

    source: str  # a video file, or a folder or pattern of pictures
    stem: Path  # the output's path without ending

    @property
    def work(self) -> Path:
        """The folder of its unfinished work."""
        return self.stem.parent / ".posse" / self.stem.name

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Lock the clip against other runs. Raises MediaError if another run holds it."""
        return held(self.work.with_name(f"{self.work.name}.lock"), self.source)

    def remove_work(self) -> None:
        """Delete the unfinished work of earlier runs."""
        shutil.rmtree(self.work, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work on a clip has come."""

    source: str
    frames: int  # finished, including those of an earlier run
    total: int | None  # None where unknown
    doing: str = ""  # the step in progress once every frame is tracked


@dataclass(frozen=True, slots=True)
class ClipReport:
    """The result of tracking a clip."""

    frames: int
    people: int  # distinct ids
    seconds: float  # of this run
    tracked: int  # frames of this run
    outputs: tuple[Path, ...]
    interrupted: bool = False
    note: str = ""  # why the files hold nobody, if they do; else advice, if there is any


class BrokenClip(MediaError):  # noqa: N818  it carries the report
    """A clip that broke off; the part before the break is written and described in `report`."""

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
    """Track `clip` and write its files; continue where an earlier run with the same settings ended.

    The work stays in `clip.work`; the caller removes it once the files are where they belong.

    `weights` are the networks' SHA-256, for the files' headers. When `stopped` turns true, what is
    done so far is written, and the next run continues from there; a second pass needs the whole
    clip, so with `refine` nothing is written before its end. If there is no frame at all, existing
    files are not overwritten.
    Raises MediaError and TracksFileError; BrokenClip if the source breaks off in the middle.
    """
    began = time.monotonic()
    options = settings.clip
    with open_source(clip.source) as source:
        size_wh = framing_of(options).size_of(source.size_wh)
        rate = None if source.frame_rate is None else source.frame_rate / options.every
        info = ClipInfo(
            clip.stem.name, size_wh, pipeline.skeleton, rate, settings.to_json(), weights
        )
        check_formats(info, options.formats)
        # In the key, because parts made by two encoders cannot be joined
        encoder = choose_encoder(size_wh, options.quick_video)
        key = {**info.to_json(), **fingerprint(clip.source), "encoder": encoder and encoder.name}
        blocks = Blocks(clip.work, key, pipeline.skeleton)
        done, total = blocks.frame_count, expected(source, options)
        overlay = Overlay(settings.overlay) if options.video and not options.refine else None
        broken = _follow(
            taken_frames(source, options, done),
            pipeline,
            blocks,
            BlockWriter(
                blocks, overlay, size_wh, rate, follow=options.follow, quick=options.quick_video
            ),
            lambda count: tell(Progress(clip.source, count, total)),
            stopped,
        )

    def doing(what: str) -> None:
        tell(Progress(clip.source, blocks.frame_count, total, what))

    interrupted = stopped()
    if not blocks.frame_count:
        clip.remove_work()
        if not interrupted:
            raise broken or MediaError(f"{clip.source}: {_why_no_frame(options)}")
        return ClipReport(0, 0, time.monotonic() - began, 0, (), interrupted)
    outputs: list[Path] = []
    everybody: Iterable[FrameResult] = ()
    if not options.refine:
        outputs, everybody = _write(clip, info, settings, blocks, doing), blocks.results()
    elif not interrupted:
        outputs, everybody, interrupted = _write_refined(
            clip, info, settings, blocks, doing, stopped
        )
    ids, heights = _people_of(everybody)
    people = len(ids) if not options.follow else int(options.follow in ids)
    note = _advice(heights.larger_input(pipeline, size_wh))
    if not (people or interrupted):
        note = _why_nobody(ids, options.follow)
    count = blocks.frame_count
    seconds = time.monotonic() - began
    report = ClipReport(count, people, seconds, count - done, tuple(outputs), interrupted, note)
    if broken is not None:
        raise BrokenClip(str(broken), report) from broken
    return report


def _follow(
    frames: Iterator[Frame],
    pipeline: Pipeline,
    blocks: Blocks,
    writer: BlockWriter,
    tell: Callable[[int], None],
    stopped: Stopped,
) -> MediaError | None:
    """Track the frames into blocks; return why the source broke off, or None."""
    pipeline.reset()
    if (state := blocks.state()) is not None:
        pipeline.load(state)
    count = blocks.frame_count
    broken = None
    ahead = prefetch(frames, DECODED_AHEAD)
    with contextlib.closing(writer), contextlib.closing(ahead):
        tell(count)
        try:
            for result in pipeline.follow(itertools.takewhile(lambda _: not stopped(), ahead)):
                writer.put(result)
                count += 1
                tell(count)
                if count % BLOCK_FRAMES == 0:
                    writer.end_block(pipeline.save())
        except WriteError:  # e.g. a full disk: do not overwrite earlier files with a part
            raise
        except MediaError as error:
            broken = error
        writer.end_block(pipeline.save())
    return broken


def _write(
    clip: Clip, info: ClipInfo, settings: Settings, blocks: Blocks, doing: Callable[[str], None]
) -> list[Path]:
    """Write what the options ask for, from the blocks; return the files."""
    options = settings.clip

    def results() -> Iterator[FrameResult]:
        return (only(result, options.follow) for result in blocks.results())

    outputs = _write_data(clip, info, settings, results, doing)
    if options.video:
        video = beside(clip.stem, ".mp4")
        doing("joining the video")
        first = next(blocks.results())
        join_parts(blocks.parts(), video, sound_of(clip.source), first.frame.time_s)
        outputs.insert(0, video)
    return outputs


def _write_refined(
    clip: Clip,
    info: ClipInfo,
    settings: Settings,
    blocks: Blocks,
    doing: Callable[[str], None],
    stopped: Stopped,
) -> tuple[list[Path], list[FrameResult], bool]:
    """As `_write`, after an in-memory second pass, with its results.

    Also returns whether it was stopped while drawing.
    """
    options = settings.clip
    doing("second pass")
    everybody = after_second_pass(list(blocks.results()), settings)
    outputs: list[Path] = []
    if options.video:
        doing("drawing the video")
        video = beside(clip.stem, ".mp4")
        if not draw_again(video, clip.source, settings, info.size_wh, everybody, stopped):
            return [], [], True
        outputs.append(video)
    results = [only(result, options.follow) for result in everybody]
    outputs += _write_data(clip, info, settings, lambda: results, doing)
    return outputs, everybody, False


def _write_data(
    clip: Clip,
    info: ClipInfo,
    settings: Settings,
    results: Callable[[], Iterable[FrameResult]],  # from the first frame on, at each call
    doing: Callable[[str], None],
) -> list[Path]:
    """Write tracks and measures; return the files."""
    options = settings.clip
    doing("writing tracks")
    outputs = write_tracks(clip.stem, info, options.formats, results())
    if options.measures.wanted:
        doing("drawing plots" if options.measures.by_person else "measuring")
        outputs += measure_clip(clip.stem, clip.source, settings, results(), info.frame_s)
    return outputs


def _advice(larger: LargerInput | None) -> str:
    """Advice to let the detector see a larger picture; empty if that would not help."""
    if larger is None:
        return ""
    return (
        f"people are small: {larger.people_px} pixels high in the {larger.side_px} "
        f"that the detector sees; with --det-size {larger.better_px} it may find more of them"
    )


def _why_no_frame(options: ClipOptions) -> str:
    if options.start_frame or options.time_range:
        return "no frame was chosen; the clip ends before they begin"
    return "there is no picture in it that can be read"


def _why_nobody(ids: set[int], wanted: int) -> str:
    """Why nobody is in the files; `wanted` is the id of the only person to write, 0 for all."""
    if not (wanted and ids):
        return NOBODY
    numbers = sorted(ids)
    known = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
    return f"nobody in it has the number {wanted}; there are {known}"


def _people_of(results: Iterable[FrameResult]) -> tuple[set[int], Heights]:
    """Everybody's ids and heights."""
    ids: set[int] = set()
    heights = Heights()
    for result in results:
        ids.update(result.people.ids.tolist())
        heights.add(result.people.poses.boxes)
    return ids, heights
