"""Join recorded parts into one file, without re-encoding, with the original's sound."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import av
import av.error

from app.video.recorder import TICK, write_error
from app.video.sound import SoundTrack
from pose.writing import whole_file


def join_parts(
    parts: Sequence[tuple[Path, float]], target: Path, audio_from: Path | None, start_s: float
) -> None:
    """Write `target` from recordings in order, each with its start in seconds.

    Time 0 of the target is `start_s` of the original, `audio_from`, whose sound is copied. Raises
    MediaError if the file cannot be written.
    """
    options = {"movflags": "+faststart"}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            whole_file(target) as partial,
            av.open(str(partial), "w", format="mp4", options=options) as output,
        ):
            _copy_all(parts, output, audio_from, start_s)
    except (OSError, av.error.FFmpegError) as error:
        raise write_error(target, error) from None


def _copy_all(
    parts: Sequence[tuple[Path, float]],
    output: av.container.OutputContainer,
    audio_from: Path | None,
    start_s: float,
) -> None:
    with av.open(str(parts[0][0])) as first:
        video = output.add_stream_from_template(first.streams.video[0])
    video.time_base = TICK
    sound = SoundTrack.open(audio_from, output) if audio_from else None
    if sound:
        sound.start_at(start_s)
    last_dts = -sys.maxsize
    try:
        for path, begins_s in parts:
            with av.open(str(path)) as part:
                for packet in part.demux(part.streams.video[0]):
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue  # the flushing packet at the end
                    shift = round(begins_s / packet.time_base)
                    packet.pts += shift
                    # A part begins to decode a few frames early, by its own first steps: where
                    # these are long, as after a gap, before the last packet of the part before it
                    packet.dts = last_dts = max(packet.dts + shift, last_dts + 1)
                    packet.stream = video
                    ends_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    output.mux(packet)
                    if sound:
                        sound.copy_until(ends_s)
        if sound:
            sound.finish()
    finally:
        if sound:
            sound.close()
