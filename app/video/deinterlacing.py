"""Full pictures from interlaced ones, one for one, by FFmpeg's yadif."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import av.filter


def deinterlacer(frame: av.VideoFrame, time_base: Fraction | None) -> av.filter.Graph:
    """FFmpeg's yadif for pictures like `frame`: full ones from interlaced ones, one for one."""
    graph = av.filter.Graph()
    # Not the stream's format: frames from a CUDA decoder come back in another
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
    """What is done once `frame` is in: yadif is a picture late, and None ends it with the last."""
    graph.push(frame)
    while True:
        try:
            pulled = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(pulled, av.VideoFrame)
        yield pulled
