"""Deinterlace pictures, one output per input, with FFmpeg's yadif."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import av.filter


class Deinterlacer:
    """Takes the pictures of a stream in order; yadif gives each back one picture later.

    A filter graph is for one size and format: where a broadcast changes them, a new one follows.
    """

    def __init__(self, time_base: Fraction | None) -> None:
        self._time_base = time_base
        self._graph: av.filter.Graph | None = None
        self._kind: tuple[int, int, str] | None = None  # size and format that the graph takes

    def put(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """The pictures that are ready once `frame` is in."""
        kind = frame.width, frame.height, frame.format.name
        if self._graph is None or kind != self._kind:
            yield from self.flush()
            self._graph, self._kind = _graph_for(frame, self._time_base), kind
        yield from _pushed(self._graph, frame)

    def flush(self) -> Iterator[av.VideoFrame]:
        """The last picture."""
        if self._graph is not None:
            yield from _pushed(self._graph, None)


def _graph_for(frame: av.VideoFrame, time_base: Fraction | None) -> av.filter.Graph:
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


def _pushed(graph: av.filter.Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    """The pictures that `graph` has ready once `frame` is in; None is the end."""
    graph.push(frame)
    while True:
        try:
            pulled = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(pulled, av.VideoFrame)
        yield pulled
