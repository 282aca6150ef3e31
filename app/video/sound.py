"""Copy the sound of one video file into another, in sync with its pictures."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self, TypeAlias

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream

from app.video.file import FileSource
from app.video.source import MediaError

log = logging.getLogger(__name__)

Packet: TypeAlias = "av.Packet[AudioStream]"

COPIED_CODECS = {"aac", "mp3", "ac3", "eac3", "alac", "opus"}  # what MP4 players understand
USUAL_RATE_HZ = 48000
JITTER_S = 0.005  # stamps in whole milliseconds may repeat; a larger step back is another file

# What PyAV and FFmpeg raise if a codec or a container does not accept a stream
_REFUSALS = (OSError, ValueError, av.error.FFmpegError)


class SoundTrack:
    """Copies a sound stream of a file, packet by packet; encodes it to AAC if MP4 needs that.

    Times are seconds since the first picture of the source; `start_at` sets the time that becomes
    0 in the target. Where times step back, as in concatenated files, the sound continues from where
    it was, as the pictures do. Sound that cannot be encoded is left out with a warning; the
    pictures are kept.
    """

    def __init__(
        self,
        source: av.container.InputContainer,
        stream: AudioStream,
        target: av.container.OutputContainer,
        origin_s: float,
    ) -> None:
        self._source, self._from, self._target = source, stream, target
        self._copies = _can_be_copied(self._from)
        if self._copies:
            self._to = target.add_stream_from_template(self._from)
        else:
            rate, layout = _rate_of_aac(self._from), _layout_of_aac(self._from)
            self._to = target.add_stream("aac", rate=rate)
            self._to.codec_context.layout = layout
        self._origin_s = origin_s
        self._packets: Iterator[Packet] = source.demux(self._from)
        self._waiting: Packet | None = None
        # Time of the packet copied last. A seek lands at the key frame before, seconds early: until
        # something is copied, steps back are ignored, or a clip would begin with the sound there.
        self._copied_s = -float("inf")
        self._follows = False  # True: steps back count even before anything is copied
        self._next_s = 0.0  # end of the packet copied last
        self._later_s = 0.0  # what steps back in time have added to the packets' own times
        self._last_dts = -1  # of the packet copied last, in the stream's own time base
        self._encoded_s = 0.0  # end of the sound given to the encoder so far

    @classmethod
    def open(cls, path: Path, target: av.container.OutputContainer) -> Self | None:
        """The sound of `path`, or None if it has none that can be read and encoded."""
        try:
            # Not the stream's own start: if a recording begins between key frames, its first
            # pictures cannot be decoded, and the sound came too late by their length
            with FileSource(path) as pictures:
                origin_s = pictures.origin_s
            source = av.open(str(path), metadata_errors="replace")
        except (MediaError, OSError, av.error.FFmpegError):
            return None
        # The first one of a kind that FFmpeg knows: others have no context
        known = (each for each in source.streams.audio if each.codec_context is not None)
        stream = next(known, None)
        if stream is None:
            source.close()
            return None
        try:
            return cls(source, stream, target, origin_s)
        except _REFUSALS as error:
            source.close()
            log.warning("%s: its sound cannot be coded, and is left out (%s)", path, _reason(error))
            return None

    def start_at(self, time_s: float) -> None:
        """Make `time_s` of the source the target's time 0."""
        length_s = (self._source.duration or 0) / av.time_base
        if 0 < length_s < time_s:  # usually in the second of two concatenated files
            self._follows = True  # the file's clock never gets there: read from the beginning
        self._origin_s += time_s
        if time_s > 1 and not self._follows:
            self._source.seek(int((self._origin_s - 1) * av.time_base))
            self._packets = self._source.demux(self._from)

    def copy_until(self, time_s: float) -> None:
        """Copy the sound before `time_s` of the target."""
        while (packet := self._next()) is not None:
            if packet.pts is None:
                continue
            own_s = float(packet.pts * packet.time_base) - self._origin_s
            if own_s + self._later_s < self._copied_s - JITTER_S:
                self._later_s = self._next_s - own_s
            packet_s = own_s + self._later_s
            if packet_s >= time_s:
                self._waiting = packet
                return
            if packet_s >= 0:
                self._copy(packet, packet_s)
            if packet_s >= 0 or self._follows:
                self._copied_s = packet_s
                self._next_s = packet_s + float(max(packet.duration or 0, 1) * packet.time_base)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if not self._copies and self._to.codec_context.is_open:
            self._encode(None)

    def close(self) -> None:
        """Release the source; safe to call twice."""
        self._source.close()

    def _next(self) -> Packet | None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            return waiting
        try:
            return next(self._packets, None)
        except (OSError, av.error.FFmpegError) as error:
            self._break_off(error)
            return None

    def _break_off(self, error: Exception) -> None:
        """Continue without sound."""
        log.warning("%s: the sound breaks off (%s)", self._source.name, _reason(error))
        self._packets = iter(())

    def _copy(self, packet: Packet, packet_s: float) -> None:
        if self._copies:
            packet.pts = packet.dts = max(round(packet_s / packet.time_base), self._last_dts + 1)
            self._last_dts = packet.dts
            packet.stream = self._to
            self._target.mux(packet)
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            return  # a damaged packet becomes a moment of silence
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            # Not in the stream's time base, whose unit in AVI is a whole packet. And never back:
            # whole-millisecond stamps would step back, which MP4 does not accept
            packet_s = max(packet_s, self._encoded_s)
            frame.time_base = Fraction(1, frame.sample_rate)
            frame.pts = round(packet_s / frame.time_base)
            packet_s = self._encoded_s = packet_s + frame.samples / frame.sample_rate
            self._encode(frame)

    def _encode(self, frame: av.AudioFrame | None) -> None:
        """Encode a piece of sound, or what the encoder still holds."""
        try:
            packets = self._to.encode(frame)
        except _REFUSALS as error:  # e.g. the channel layout or rate changes here
            self._break_off(error)
            return
        self._target.mux(packets)


def _can_be_copied(stream: AudioStream) -> bool:
    """Whether players understand it in MP4 and MP4 accepts it (not MP3 at 11 kHz, for example)."""
    if stream.codec_context.codec.canonical_name not in COPIED_CODECS:  # "mp3", not "mp3float"
        return False
    try:
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except _REFUSALS as error:
        log.info("sound in %s is coded anew (%s)", stream.codec_context.name, error)
        return False
    return True


def _layout_of_aac(stream: AudioStream) -> str:
    """The stream's channel layout, or stereo if AAC lacks it; normalises the stream's own.

    AVI and MXF give only the number of channels, which no encoder accepts: the stream then gets the
    usual layout of that number. So does a stream that lists its channels one by one: with PyAV 18
    every frame of such a stream frees the list, and the program crashed.
    """
    context = stream.codec_context
    own = context.layout  # keep a reference until the context no longer holds its channel list
    name = own.name
    if " channels" in name:  # as "1 channels", or "8 channels (FL+FR+...)"
        try:
            name = av.AudioLayout(f"{own.nb_channels}c").name
        except ValueError:  # e.g. there is no usual layout of nine channels
            name = f"{own.nb_channels} channels"
        context.layout = name
    return name if _aac_takes(name) else "stereo"


def _aac_takes(layout: str) -> bool:
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.layout, context.format = USUAL_RATE_HZ, layout, "fltp"
    try:
        context.open()
    except _REFUSALS:
        return False
    return True


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _rate_of_aac(stream: AudioStream) -> int:
    """The stream's own rate, or the usual one if AAC lacks it (e.g. a studio's 192 kHz)."""
    rate = stream.codec_context.sample_rate
    known = av.codec.Codec("aac", "w").audio_rates
    return rate if not known or rate in known else USUAL_RATE_HZ
