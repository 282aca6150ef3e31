"""What a video file states about its pictures: their stream, rate, number, length and shape."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import av.error

from app.video.coding import coding_threads, open_input
from app.video.source import MediaError

# Of an MPEG transport stream
_SYNC = 0x47  # a packet's first byte
_PACKET_STEPS = (188, 192, 204)  # bytes from one to the next: plain, of camcorders, with correction
_TAIL_PACKETS = 8  # so many do not have the byte at equal steps by chance


def open_pictures(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
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


def stated_length_s(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """The length of the video stream that the file states, in seconds; 0 if it states none.

    Sound may legitimately be longer, so the whole file's length counts only without sound.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # its duration covers only what is there
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", ""))
    if tag:
        ends_s = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    else:
        ends_s = 0.0 if container.streams.audio else (container.duration or 0) / av.time_base
    if "matroska" in container.format.name:  # there, both are end times, not lengths
        ends_s -= (container.start_time or 0) / av.time_base
    return ends_s


def ends_within_a_packet(container: av.container.InputContainer, path: Path) -> bool:
    """Whether an MPEG transport stream was cut off: it states no length that would tell.

    Its packets have a byte 47 (hexadecimal) and 187 more; 4 may precede them, or 16 follow.
    """
    if container.format.name != "mpegts":
        return False
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_PACKETS * max(_PACKET_STEPS)))
            tail = file.read()[::-1]
    except OSError:  # it was deleted while it was read
        return False
    for step in _PACKET_STEPS:
        for left in range(1, step + 1):  # bytes from the last packet's first to the end
            first_bytes = tail[left - 1 :: step][: _TAIL_PACKETS - 1]
            if len(first_bytes) == first_bytes.count(_SYNC) == _TAIL_PACKETS - 1:
                return left < min(_PACKET_STEPS)
    return False  # other bytes at its end: no packets to judge by


def square_wh(width: int, height: int, pixel_ratio: Fraction | None) -> tuple[int, int]:
    """The size with square pixels; those of HDV, DV and DVDs are wider or narrower.

    In stored pixels people would look too thin or too wide, and every joint angle would be wrong.
    """
    if pixel_ratio is None or not 1 / 3 < pixel_ratio < 3 or abs(pixel_ratio - 1) < 0.01:
        return width, height  # square, not stated, rounded, or nonsense
    return round(width * pixel_ratio), height


def stated_rate(stream: av.VideoStream) -> Fraction | None:
    """Frames a second, nominal; None where it states none, or nonsense."""
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate) if rate and 0 < rate <= 1000 else None


def stated_count(container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    """What the container says, or its length times the rate; None if it says neither."""
    if stream.frames:
        return int(stream.frames)
    rate = stated_rate(stream)
    length_s = stated_length_s(container, stream)
    if length_s <= 0:
        length_s = (container.duration or 0) / av.time_base
    return round(length_s * rate) if rate and length_s > 0 else None
