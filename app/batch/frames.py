"""The frames of a clip that the options choose, and a fingerprint that shows whether it changed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.config import ClipOptions
from app.video.framing import Framing
from app.video.images import list_pictures
from app.video.source import FrameSource
from pose.people import Frame


def framing_of(options: ClipOptions) -> Framing:
    """How the options crop, rotate and mirror a picture."""
    return Framing(options.crop, options.rotate, options.mirror)


def expected(source: FrameSource, options: ClipOptions) -> int | None:
    """How many frames will be tracked, as far as the container can tell."""
    if source.frame_count is None:
        return options.max_frames or None
    count = source.frame_count
    if options.time_range and source.frame_rate:
        start_s, end_s = options.time_range  # the end may be infinite
        first = round(start_s * source.frame_rate)
        count = round(min(end_s * float(source.frame_rate), count)) - first
    count = max(0, -(-(count - options.start_frame) // options.every))
    return min(count, options.max_frames) if options.max_frames else count


def taken_frames(source: FrameSource, options: ClipOptions, done: int = 0) -> Iterator[Frame]:
    """The frames that the options choose, cropped and turned, without the first `done` of them."""
    framing = framing_of(options)
    start_s, end_s = options.time_range or (0.0, float("inf"))
    if start_s > 0:
        source.seek(start_s)
    source.skip(options.start_frame + done * options.every)
    left = itertools.count() if not options.max_frames else range(options.max_frames - done)
    for _, frame in zip(left, source, strict=False):
        if frame.time_s >= end_s:
            return
        yield replace(frame, image=framing.apply(frame.image))
        if options.every > 1:
            source.skip(options.every - 1)


def fingerprint(source: str) -> dict[str, Any]:
    """A value that changes when the source does: sizes and times in ns, so no file is read."""
    path = Path(source)
    try:
        parts = [path] if path.is_file() else list_pictures(path)
        states = [part.stat() for part in parts]
    except OSError:  # opening it will say why
        return {"source": source}
    return {
        "source": os.path.realpath(path),  # Path.resolve raises for a link that leads to itself
        "files": len(states),
        "size": sum(state.st_size for state in states),
        "mtime": max((state.st_mtime_ns for state in states), default=0),
    }
