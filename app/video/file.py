"""Frames of a video file, by PyAV: upright, 8-bit, at the times that the file itself gives.

Footage comes in many kinds, and each is met here: a rotation tag is applied, pixels that are not
square are made so, interlaced pictures are deinterlaced, HDR is brought to the screen's range,
damaged pictures are passed over, and where the file has no usable timestamps they are counted from
the nominal rate.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import av.error
import av.filter
import numpy as np
from av.video.reformatter import VideoReformatter

from app.video.coding import coding_threads, open_input
from app.video.deinterlacing import deinterlaced, deinterlacer
from app.video.hdr import TRANSFERS, to_sdr
from app.video.source import MediaError
from pose.people import Frame, ImageArray

log = logging.getLogger(__name__)

FALLBACK_RATE = Fraction(25)  # where the file states none
REORDERED = 16  # pictures that H.264 and HEVC decode ahead of the one to show, at most
MAX_DAMAGED = 500  # undecodable packets in a row after which the rest is given up


class FileSource:
    """The frames of one video file; see FrameSource."""

    live = False

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.damaged = 0  # packets passed over because they could not be decoded
        self._path = path
        self._container, self._stream = _open(path)
        # AVI numbers its packets: a picture decoded out of turn carries the number of another, and
        # its packet's is the one that counts. None at the end, where no packets come any more
        self._times_of_packets = self._container.format.name == "avi"
        self.frame_rate: Fraction | None = _frame_rate(self._stream)
        self._step_s = float(1 / (self.frame_rate or FALLBACK_RATE))
        self.frame_count: int | None = _frame_count(self._container, self._stream)
        self._reformatter = VideoReformatter()
        self._deinterlacer: av.filter.Graph | None = None
        self._decoded = self._decode()
        self._next_index = 0
        self._last_time_s = -self._step_s
        self.origin_s = 0.0  # what the file's own clock says at the first picture
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
        if self.frame_count and not self._stream.frames:  # a length, with what cannot be decoded
            self.frame_count = max(1, self.frame_count - round(self._passed_s() / self._step_s))
        self._rotation = first.rotation % 360
        sizes = _square_wh(first.width, first.height, self._stream.sample_aspect_ratio)
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
        """Pass over up to `count` frames, decoding them only; return how many."""
        for passed in range(count):
            if (decoded := self._take()) is None:
                return passed
            self._last_time_s = self._time_of(decoded)
            self._next_index += 1
        return count

    def seek(self, time_s: float) -> None:
        """Make the next frame the first one at or after `time_s`; none where the file ends before.

        Its index is counted from the nominal frame rate, exact where the rate is constant.
        """
        target_s = max(time_s, 0.0)
        slack_s = self._step_s / 10
        from_s, back_s = target_s, 1.0
        if self._container.duration:  # from far behind the end it is a long way back
            from_s = min(from_s, self._container.duration / av.time_base)
        while True:
            self._land(from_s)
            decoded = self._take()
            in_time = decoded is not None and self._time_of(decoded) <= target_s + slack_s
            if in_time or from_s < 0:
                break
            # In MPEG-TS and MPEG-PS a seek finds the packets of that time, often behind their key
            # frame: the first picture that can be decoded was up to a group of pictures late
            from_s = max(0.0, from_s - back_s) if from_s > 0 else -REORDERED * self._step_s
            back_s *= 2
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
        """Release the file; safe to call twice."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _land(self, time_s: float) -> None:
        """Decode on from about `time_s`, which may be before the first frame."""
        try:
            self._container.seek(int((time_s + self.origin_s) * av.time_base))
        except av.error.FFmpegError as error:
            raise MediaError(
                f"{self.name}: cannot go to {max(time_s, 0.0):.2f} s ({error.strerror})"
            ) from None
        self._decoded = self._decode()
        self._deinterlacer = None
        self._last_time_s = -np.inf
        self._waiting = None

    def _take(self) -> av.VideoFrame | None:
        waiting, self._waiting = self._waiting, None
        return waiting if waiting is not None else next(self._decoded, None)

    def _time_of(self, decoded: av.VideoFrame) -> float:
        """Seconds since the first frame; a missing or repeated stamp is one nominal step on."""
        stamped = None if decoded.time is None else float(decoded.time) - self.origin_s
        if stamped is None or stamped <= self._last_time_s:
            return max(self._last_time_s, -self._step_s) + self._step_s
        return stamped

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Decoded, deinterlaced frames; damaged packets are passed over and counted."""
        in_a_row = 0
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
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
                    self._deinterlacer = deinterlacer(frame, self._stream.time_base)
                if self._deinterlacer is None:
                    yield frame
                else:
                    yield from deinterlaced(self._deinterlacer, frame)
        if self._deinterlacer is not None:
            yield from deinterlaced(self._deinterlacer, None)
        if self.damaged:
            log.warning("%s: %d damaged pictures passed over", self.name, self.damaged)
        self._check_whole()

    def _check_whole(self) -> None:
        """Raise MediaError where the pictures end long before the file says they do.

        FFmpeg reads a file that was cut off as a short one.
        """
        length_s = _length_s(self._container, self._stream)
        if np.isneginf(self._last_time_s):  # sent to behind the last picture, and none was read
            return
        ends_s = self._passed_s() + self._last_time_s + self._step_s
        if length_s - ends_s > max(1.0, 0.05 * length_s):
            raise MediaError(
                f"{self.name}: the file breaks off after {ends_s:.1f} s of {length_s:.1f} s; "
                "copy it again, or use what there is"
            )

    def _passed_s(self) -> float:
        """How long a recording that begins between key frames has pictures that none can decode."""
        if self._stream.duration and self._stream.time_base:
            begins_s = float((self._stream.start_time or 0) * self._stream.time_base)
        else:
            begins_s = (self._container.start_time or 0) / av.time_base
        return max(0.0, self.origin_s - begins_s)

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        """Packets of the stream, then the flushing one; MediaError where the file breaks off."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.EOFError:
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


def _open(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
    """The container and its first video stream; MediaError with one line of advice."""
    try:
        if path.stat().st_size == 0:
            raise MediaError(f"{path}: the file is empty; copy it again from where it was recorded")
        container = open_input(path)
    except FileNotFoundError:
        raise MediaError(f"{path}: there is no such file; check the name") from None
    except PermissionError:
        raise MediaError(f"{path}: no permission to read it; change the file's access") from None
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(
            f"{path}: not a video, or cut off before it was finished ({error.strerror}); "
            "check that it plays, or copy it again"
        ) from None
    if not container.streams.video:
        container.close()
        raise MediaError(f"{path}: the file has no pictures, only sound or data")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        container.close()
        raise MediaError(f"{path}: its kind of compression is unknown here; convert it to H.264")
    stream.thread_type = "AUTO"
    stream.thread_count = coding_threads()
    return container, stream


def _length_s(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """How long the pictures are by what the file says, in seconds; 0 where it does not tell.

    Sound may rightly be longer, so the length of the whole counts only where there is none.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # its duration is that of what is there
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", ""))
    if tag:
        ends_s = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    else:
        ends_s = 0.0 if container.streams.audio else (container.duration or 0) / av.time_base
    if "matroska" in container.format.name:  # there, both are when they end, not how long they are
        ends_s -= (container.start_time or 0) / av.time_base
    return ends_s


def _square_wh(width: int, height: int, pixel_ratio: Fraction | None) -> tuple[int, int]:
    """The size with square pixels; those of HDV, DV and DVDs are wider or narrower.

    In pixels as they are stored people would be thin, and every angle of theirs wrong.
    """
    if pixel_ratio is None or not 1 / 3 < pixel_ratio < 3 or abs(pixel_ratio - 1) < 0.01:
        return width, height  # square, not told, rounded, or nonsense
    return round(width * pixel_ratio), height


def _frame_rate(stream: av.VideoStream) -> Fraction | None:
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate) if rate and 0 < rate <= 1000 else None


def _frame_count(container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    """What the container says, or its length times the rate; None where it says neither."""
    if stream.frames:
        return int(stream.frames)
    rate = _frame_rate(stream)
    if stream.duration and stream.time_base and rate:
        return round(stream.duration * stream.time_base * rate)
    if container.duration and rate:
        return round(container.duration / av.time_base * rate)
    return None
