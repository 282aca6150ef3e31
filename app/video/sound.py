"""The sound of one video file, carried into another in step with its pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeAlias

import av
import av.error
from av.audio.stream import AudioStream

from app.video.file import FileSource
from app.video.source import MediaError

log = logging.getLogger(__name__)

Packet: TypeAlias = "av.Packet[AudioStream]"

COPIED_CODECS = {"aac", "mp3", "ac3", "eac3", "alac", "opus"}  # what MP4 players understand
USUAL_RATE_HZ = 48000


class SoundTrack:
    """Copies the first sound stream of a file, packet by packet; encodes to AAC where MP4 needs it.

    Times are seconds since the first picture of the source; `start_at` gives the time that becomes
    0 in the target. Where times step back, as in files put end to end, the sound goes on from where
    it was, as the pictures do.
    """

    def __init__(
        self,
        source: av.container.InputContainer,
        target: av.container.OutputContainer,
        origin_s: float,
    ) -> None:
        self._source, self._target = source, target
        self._from = source.streams.audio[0]
        self._copies = self._from.codec_context.name in COPIED_CODECS
        if self._copies:
            self._to = target.add_stream_from_template(self._from)
        else:
            self._to = target.add_stream("aac", rate=_rate_of_aac(self._from))
            self._to.codec_context.layout = self._from.codec_context.layout
        self._origin_s = origin_s
        self._packets: Iterator[Packet] = source.demux(self._from)
        self._waiting: Packet | None = None
        # Time of the packet copied last. A seek lands at the key frame before, seconds early: while
        # nothing is copied no time steps back, or a clip would begin with the sound from there.
        self._copied_s = -float("inf")
        self._follows = False  # steps back before anything is copied count too
        self._next_s = 0.0  # when that one ends
        self._closed = False

    @classmethod
    def open(cls, path: Path, target: av.container.OutputContainer) -> Self | None:
        """The sound of `path`, or None where it has none that can be read."""
        try:
            # Not the stream's own start: where a recording begins between key frames its first
            # pictures cannot be decoded, and the sound came as much too late
            with FileSource(path) as pictures:
                origin_s = pictures.origin_s
            source = av.open(str(path), metadata_errors="replace")
        except (MediaError, OSError, av.error.FFmpegError):
            return None
        if not source.streams.audio:
            source.close()
            return None
        try:
            return cls(source, target, origin_s)
        except BaseException:
            source.close()
            raise

    def start_at(self, time_s: float) -> None:
        """Make `time_s` of the source the target's time 0."""
        length_s = (self._source.duration or 0) / av.time_base
        if 0 < length_s < time_s:  # in the second of files put end to end, as a rule
            self._follows = True  # the file's clock never comes there: read from the beginning
        self._origin_s += time_s
        if time_s > 1 and not self._follows:
            self._source.seek(int((self._origin_s - 1) * av.time_base))
            self._packets = self._source.demux(self._from)

    def copy_until(self, time_s: float) -> None:
        """Copy what sounds before `time_s` of the target."""
        while (packet := self._next()) is not None:
            if packet.pts is None:
                continue
            packet_s = float(packet.pts * packet.time_base) - self._origin_s
            if packet_s <= self._copied_s:
                packet_s = self._next_s
            if packet_s >= time_s:
                self._waiting = packet
                return
            if packet_s >= 0:
                self._copy(packet, packet_s)
            if packet_s >= 0 or self._follows:
                self._copied_s = packet_s
                self._next_s = packet_s + float(max(packet.duration or 0, 1) * packet.time_base)

    def close(self) -> None:
        """Write what the encoder still holds and release the source; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self._copies and self._to.codec_context.is_open:
                self._target.mux(self._to.encode(None))
        finally:
            self._source.close()

    def _next(self) -> Packet | None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            return waiting
        try:
            return next(self._packets, None)
        except (OSError, av.error.FFmpegError) as error:
            log.warning("%s: the sound breaks off (%s)", self._source.name, error.strerror)
            self._packets = iter(())
            return None

    def _copy(self, packet: Packet, packet_s: float) -> None:
        if self._copies:
            packet.pts = packet.dts = round(packet_s / packet.time_base)
            packet.stream = self._to
            self._target.mux(packet)
            return
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            return  # a damaged packet is a moment of silence
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            frame.pts = round(packet_s / frame.time_base) if frame.time_base else None
            self._target.mux(self._to.encode(frame))


def _rate_of_aac(stream: AudioStream) -> int:
    """The stream's own rate, or the usual one where AAC has none such: 192 kHz of a studio, say."""
    rate = stream.codec_context.sample_rate
    known = av.codec.Codec("aac", "w").audio_rates
    return rate if not known or rate in known else USUAL_RATE_HZ
