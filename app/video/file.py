"""Frames of a video file, through PyAV: upright, 8-bit, at the file's own timestamps.

All kinds of footage are normalised here: a rotation tag is applied, non-square pixels are made
square, interlaced pictures are deinterlaced, HDR is mapped to standard range, damaged pictures are
skipped, and where the file has no usable timestamps they are counted from the nominal rate.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from app.video.container import (
    ends_within_a_packet,
    open_pictures,
    square_wh,
    stated_count,
    stated_length_s,
    stated_rate,
)
from app.video.deinterlacing import Deinterlacer
from app.video.hdr import TRANSFERS, to_sdr
from app.video.source import MediaError
from pose.people import Frame, ImageArray
from tracking.clip_info import USUAL_RATE

log = logging.getLogger(__name__)

REORDERED = 16  # most pictures that H.264 and HEVC decode ahead of the one to show
AHEAD_S = 0.5  # a seek no further than this reads on; key frames are usually further apart
MAX_DAMAGED = 500  # give up after more undecodable packets in a row than this


class FileSource:
    """The frames of one video file; see FrameSource."""

    live = False

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.damaged = 0  # packets skipped because they could not be decoded
        self._closed = False
        self._container, self._stream = open_pictures(path)
        # AVI numbers packets in decoding order: a reordered picture carries another's pts, and the
        # dts of the packet that released it is right. It is None for pictures flushed at the end
        self._times_of_packets = self._container.format.name == "avi"
        self.frame_rate: Fraction | None = stated_rate(self._stream)
        self._step_s = float(1 / (self.frame_rate or USUAL_RATE))
        self.frame_count: int | None = stated_count(self._container, self._stream)
        self._reformatter = VideoReformatter()
        self._deinterlacer: Deinterlacer | None = None
        self._decoded = self._decode()
        self._next_index = 0
        self._last_time_s = -self._step_s
        self.origin_s = 0.0  # the file's own timestamp of the first picture
        try:
            self._waiting: av.VideoFrame | None = next(self._decoded)
        except StopIteration:
            self.close()
            raise MediaError(
                f"{path}: the file holds no picture that can be decoded; "
                "check that it plays, or convert it anew"
            ) from None
        except MediaError:
            self.close()
            raise
        first = self._waiting
        if first.time is not None:
            self.origin_s = float(first.time)
        # A count computed from the length includes leading pictures that cannot be decoded
        if self.frame_count and not self._stream.frames:
            self.frame_count = max(1, self.frame_count - round(self._passed_s() / self._step_s))
        self._rotation = first.rotation % 360
        sizes = square_wh(first.width, first.height, self._stream.sample_aspect_ratio)
        self._unturned_wh = sizes
        self.size_wh: tuple[int, int] = sizes[::-1] if self._rotation % 180 else sizes

    def __iter__(self) -> Iterator[Frame]:
        while (decoded := self._take()) is not None:
            time_s = self._time_of(decoded)
            frame = Frame(self._next_index, time_s, self._picture(decoded))
            self._next_index += 1
            self._last_time_s = time_s
            yield frame

    def skip(self, count: int) -> int:
        """Skip up to `count` frames, which are decoded but not converted; return how many."""
        for passed in range(count):
            if (decoded := self._take()) is None:
                return passed
            self._last_time_s = self._time_of(decoded)
            self._next_index += 1
        return count

    def seek(self, time_s: float) -> None:
        """Make the next frame the first one at or after `time_s`; none if the file ends before.

        Its index is computed from the nominal frame rate: exact if the rate is constant.
        """
        self._check_open()
        target_s = max(time_s, 0.0)
        slack_s = self._step_s / 10
        decoded = self._take() if self._is_just_ahead(target_s, slack_s) else None
        if decoded is None:
            decoded = self._land_before(target_s, slack_s)
        while decoded is not None:
            found_s = self._time_of(decoded)
            if found_s >= target_s - slack_s:
                self._waiting = decoded
                self._next_index = round(found_s / self._step_s)
                self._last_time_s = found_s - self._step_s
                return
            self._last_time_s = found_s
            decoded = self._take()

    def close(self) -> None:
        """Release the file; safe to call twice. After it, reading and seeking raise MediaError."""
        self._closed = True
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        """Raise MediaError once the source is closed: PyAV would crash the process."""
        if self._closed:
            raise MediaError(f"{self.name}: the video has been closed; open it again to read on")

    def _is_just_ahead(self, target_s: float, slack_s: float) -> bool:
        """Whether reading on leads to `target_s` sooner than going back to a key frame."""
        if self._waiting is not None:
            return -slack_s <= target_s - self._time_of(self._waiting) <= AHEAD_S
        return slack_s < target_s - self._last_time_s <= AHEAD_S

    def _land_before(self, target_s: float, slack_s: float) -> av.VideoFrame | None:
        """Land at a frame from which reading on leads to `target_s`; None past the end."""
        from_s, back_s = target_s, 1.0
        if self._container.duration:  # stepping back from far beyond the end would take long
            from_s = min(from_s, self._container.duration / av.time_base)
        while True:
            self._land(from_s)
            decoded = self._take()
            in_time = decoded is not None and self._time_of(decoded) <= target_s + slack_s
            if in_time or from_s < 0:
                return decoded
            # In MPEG-TS and MPEG-PS a seek finds packets of that time, often after their key frame:
            # the first decodable picture was up to a group of pictures late
            from_s = max(0.0, from_s - back_s) if from_s > 0 else -REORDERED * self._step_s
            back_s *= 2

    def _land(self, time_s: float) -> None:
        """Continue decoding from about `time_s`, which may be before the first frame."""
        try:
            self._container.seek(int((time_s + self.origin_s) * av.time_base))
        except av.error.FFmpegError:  # a raw stream has no index: read it from its beginning
            self._container.close()
            self._container, self._stream = open_pictures(Path(self.name))
        self._decoded = self._decode()
        self._deinterlacer = None
        self._last_time_s = -np.inf
        self._waiting = None

    def _take(self) -> av.VideoFrame | None:
        self._check_open()
        waiting, self._waiting = self._waiting, None
        return waiting if waiting is not None else next(self._decoded, None)

    def _time_of(self, decoded: av.VideoFrame) -> float:
        """Seconds since the first frame; without an increasing stamp, one step after the last."""
        stamped = None if decoded.time is None else float(decoded.time) - self.origin_s
        if stamped is None or stamped <= self._last_time_s:
            return max(self._last_time_s, -self._step_s) + self._step_s
        return stamped

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Decoded, deinterlaced frames; damaged packets are skipped and counted."""
        in_a_row = 0
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.FFmpegError:  # decoders disagree: DV says EPERM, PNG an external error
                self.damaged += 1
                in_a_row += 1
                if in_a_row > MAX_DAMAGED:
                    raise MediaError(
                        f"{self.name}: {in_a_row} packets in a row cannot be decoded after "
                        f"{self._last_time_s:.2f} s; repair the file or cut it there"
                    ) from None
                continue
            in_a_row = 0
            for frame in frames:
                if self._times_of_packets and self._stream.codec_context.has_b_frames:
                    frame.pts = frame.dts
                if frame.interlaced_frame and self._deinterlacer is None:
                    self._deinterlacer = Deinterlacer(self._stream.time_base)
                if self._deinterlacer is None:
                    yield frame
                else:
                    yield from self._deinterlacer.put(frame)
        if self._deinterlacer is not None:
            yield from self._deinterlacer.flush()
        if self.damaged:
            log.warning("%s: %d damaged pictures passed over", self.name, self.damaged)
        self._check_whole()

    def _check_whole(self) -> None:
        """Raise MediaError if the pictures end long before the file says they do.

        FFmpeg reads a truncated file as if it were a short one.
        """
        length_s = stated_length_s(self._container, self._stream)
        if np.isneginf(self._last_time_s):  # a seek went beyond the last picture; none was read
            return
        ends_s = self._passed_s() + self._last_time_s + self._step_s
        if length_s - ends_s > max(1.0, 0.05 * length_s):
            raise MediaError(
                f"{self.name}: the file breaks off after {ends_s:.1f} s of {length_s:.1f} s; "
                "copy it again, or use what there is"
            )
        if ends_within_a_packet(self._container, Path(self.name)):
            raise MediaError(
                f"{self.name}: the file breaks off after {ends_s:.1f} s, in the middle of a "
                "packet; copy it again, or use what there is"
            )

    def _passed_s(self) -> float:
        """Seconds of undecodable pictures at the start of a recording begun between key frames."""
        if self._stream.duration and self._stream.time_base:
            begins_s = float((self._stream.start_time or 0) * self._stream.time_base)
        else:
            begins_s = (self._container.start_time or 0) / av.time_base
        return max(0.0, self.origin_s - begins_s)

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        """Packets of the stream, then the flushing one; MediaError if the file breaks off."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except (av.error.FFmpegError, OSError) as error:
                raise MediaError(
                    f"{self.name}: the file breaks off after {self._last_time_s:.2f} s "
                    f"({error.strerror}); copy it again, or use what there is"
                ) from None
            yield packet

    def _picture(self, decoded: av.VideoFrame) -> ImageArray:
        """The frame as (H, W, 3) uint8 BGR, upright; the size never changes within a file."""
        width, height = self._unturned_wh
        if decoded.color_trc in TRANSFERS:
            deep = self._reformatter.reformat(decoded, width, height, "bgr48le")
            image = to_sdr(np.asarray(deep.to_ndarray(), np.uint16), decoded.color_trc)
        else:
            flat = self._reformatter.reformat(decoded, width, height, "bgr24")
            image = np.asarray(flat.to_ndarray(), np.uint8)
        if self._rotation:
            image = np.ascontiguousarray(np.rot90(image, self._rotation // 90))
        return image
