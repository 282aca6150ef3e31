"""Deinterlace pictures, one output per input, with FFmpeg's yadif."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import av.filter


def deinterlacer(frame: av.VideoFrame, time_base: Fraction | None) -> av.filter.Graph:
    """A yadif filter graph for pictures like `frame`, with one output per input."""
    graph = av.filter.Graph()
    # Not the stream's pixel format: frames from a CUDA decoder come in another
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=time_base
    )
    filter_ = graph.add("yadif", "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(filter_)
    filter_.link_to(sink)
    graph.configure()
    return graph


def deinterlaced(graph: av.filter.Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    """The pictures ready once `frame` is in; yadif lags by one, and None flushes the last one."""
    graph.push(frame)
    while True:
        try:
            pulled = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(pulled, av.VideoFrame)
        yield pulled
