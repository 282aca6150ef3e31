"""The sound of a clip is that of its pictures: a source whose tone tells which second it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import SIZE, make_video, picture

from app.video.join import join_parts
from app.video.recorder import Recorder

RATE_HZ = 48000
SECONDS = 10


def film_of_tones(path: Path, sound: str = "aac", gop: int = 250) -> Path:
    """Ten seconds of pictures at 25 a second, in which second s sounds at 300 (s + 1) Hz.

    With one key frame for all of it, what a seek for the sound finds is far away.
    """
    time = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    wave = (0.5 * np.sin(2 * np.pi * 300 * (np.floor(time) + 1) * time)).astype(np.float32)[None]
    with av.open(str(path), "w") as container:
        codec = "mpeg2video" if path.suffix == ".mpg" else "libx264"
        film = container.add_stream(codec, rate=25, options={"g": str(gop)})
        film.width, film.height, film.pix_fmt = *SIZE, "yuv420p"
        voice = container.add_stream(sound, rate=RATE_HZ)
        voice.codec_context.layout = "mono"
        per_picture = RATE_HZ // 25
        for index in range(SECONDS * 25):
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture(index), "bgr24")))
            part = np.ascontiguousarray(wave[:, index * per_picture : (index + 1) * per_picture])
            chunk = av.AudioFrame.from_ndarray(part, "fltp", "mono")
            chunk.sample_rate, chunk.pts = RATE_HZ, index * per_picture
            container.mux(voice.encode(chunk))
        container.mux([*film.encode(None), *voice.encode(None)])
    return path


def second_heard(path: Path, time_s: float) -> int:
    """Which second of a film of tones sounds in `path` in the tenth of a second at `time_s`."""
    with av.open(str(path)) as container:
        start = container.streams.video[0].start_time or 0
        start_s = float(start * container.streams.video[0].time_base)
        wave = np.zeros(2 * SECONDS * RATE_HZ, np.float32)
        for frame in container.decode(audio=0):
            at = round((frame.time - start_s) * RATE_HZ)
            samples = frame.to_ndarray()[0]
            wave[max(at, 0) : max(at + len(samples), 0)] = samples[max(-at, 0) :]
    tenth = wave[round(time_s * RATE_HZ) :][: RATE_HZ // 10]
    assert np.abs(tenth).max() > 0.1, "silence"
    loudest_hz = 10 * np.argmax(np.abs(np.fft.rfft(tenth)))
    return round(loudest_hz / 300) - 1


def record_of(source: Path, path: Path, start_s: float, pictures: int) -> Path:
    with Recorder(path, SIZE, Fraction(25), audio_from=source) as recorder:
        for index in range(pictures):
            recorder.put(picture(index), start_s + index / 25)
    return path


@pytest.mark.parametrize(
    ("kind", "sound"),
    [
        ("mp4", "aac"),
        ("mov", "aac"),
        ("mkv", "aac"),
        ("mkv", "mp2"),
        ("ts", "aac"),
        ("mpg", "mp2"),
        ("avi", "pcm_s16le"),  # a number of channels and no loudspeakers
        ("avi", "mp3"),
    ],
)
def test_a_clip_out_of_the_middle_has_the_sound_of_its_time(
    tmp_path: Path, kind: str, sound: str
) -> None:
    source = film_of_tones(tmp_path / f"tones.{kind}", sound)
    path = record_of(source, tmp_path / "out.mp4", 7.5, 50)
    heard = [second_heard(path, time_s) for time_s in (0.2, 0.8, 1.2, 1.8)]
    assert heard == [7, 8, 8, 9]  # at 7.7, 8.3, 8.7 and 9.3 s


@pytest.mark.parametrize("start_s", [0.0, 3.5])
def test_a_recording_that_begins_between_key_frames_has_its_sound_in_step(
    tmp_path: Path, start_s: float
) -> None:
    source = film_of_tones(tmp_path / "tones.ts", gop=50)
    with av.open(str(source)) as container:
        second = [packet.pos for packet in container.demux(video=0)][1]
    source.write_bytes(source.read_bytes()[second:])  # the next key frame is at 2 s
    path = record_of(source, tmp_path / "out.mp4", start_s, 50)
    heard = [second_heard(path, time_s) for time_s in (0.2, 0.7, 1.2, 1.7)]
    assert heard == [int(2 + start_s + time_s) for time_s in (0.2, 0.7, 1.2, 1.7)]


@pytest.mark.parametrize("sound", ["aac", "mp2"])
def test_a_clip_out_of_the_second_of_two_files_put_end_to_end_has_its_sound(
    tmp_path: Path, sound: str
) -> None:
    source = film_of_tones(tmp_path / "tones.ts", sound)
    source.write_bytes(source.read_bytes() * 2)
    path = record_of(source, tmp_path / "out.mp4", 13.5, 50)
    heard = [second_heard(path, time_s) for time_s in (0.2, 0.8, 1.2, 1.8)]
    assert heard == [3, 4, 4, 5]  # at 3.7, 4.3, 4.7 and 5.3 s of the second


def test_joined_parts_out_of_the_middle_have_the_sound_of_their_time(tmp_path: Path) -> None:
    source = film_of_tones(tmp_path / "tones.mp4")
    parts = [
        (record_of(source, tmp_path / f"{begins}.mp4", 0.0, 25), float(begins)) for begins in (0, 1)
    ]
    join_parts(parts, tmp_path / "out.mp4", source, 7.5)
    heard = [second_heard(tmp_path / "out.mp4", time_s) for time_s in (0.2, 0.8, 1.2, 1.8)]
    assert heard == [7, 8, 8, 9]


def film_of_channels(
    path: Path, layout: str, sound: str, rate_hz: int = RATE_HZ, packets: int = 1
) -> Path:
    """A second of pictures, with a click at 0.5 s on every channel; `packets` to a picture."""
    channels = av.AudioLayout(layout).nb_channels
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=25)
        film.width, film.height, film.pix_fmt = *SIZE, "yuv420p"
        voice = container.add_stream(sound, rate=rate_hz)
        voice.codec_context.layout = layout
        wave = np.zeros((rate_hz, channels), np.int16)
        wave[rate_hz // 2 :][: rate_hz // 100] = 20000
        for index in range(25):
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture(index), "bgr24")))
            each = rate_hz // 25 // packets
            for start in range(index * rate_hz // 25, (index + 1) * rate_hz // 25, each):
                part = wave[start : start + each].reshape(1, -1)
                chunk = av.AudioFrame.from_ndarray(part, "s16", layout)
                chunk.sample_rate, chunk.pts = rate_hz, start
                container.mux(voice.encode(chunk))
        container.mux([*film.encode(None), *voice.encode(None)])
    return path


def click_s(path: Path) -> float:
    """When the first channel of `path` first sounds."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            wave = np.frombuffer(frame.planes[0], np.float32)[: frame.samples]
            if (loud := np.abs(wave) > 0.2).any():
                return float(frame.time + np.argmax(loud) / frame.sample_rate)
    raise AssertionError("silence")


@pytest.mark.parametrize(
    ("kind", "layout", "sound", "rate_hz", "packets"),
    [
        ("mov", "7.1", "pcm_s16le", RATE_HZ, 1),  # MOV lists the loudspeakers one by one
        ("avi", "5.1", "pcm_s16le", RATE_HZ, 1),
        ("avi", "mono", "mp3", 11025, 1),  # MP4 takes no MP3 of this rate
        ("mkv", "mono", "pcm_s16le", RATE_HZ, 48),  # 0.83 ms each, stamped in whole milliseconds
    ],
)
def test_every_kind_of_sound_stays_in_step(
    tmp_path: Path, kind: str, layout: str, sound: str, rate_hz: int, packets: int
) -> None:
    source = film_of_channels(tmp_path / f"click.{kind}", layout, sound, rate_hz, packets)
    path = record_of(source, tmp_path / "out.mp4", 0.0, 25)
    near_s = 0.03 if rate_hz == RATE_HZ else 0.2  # MP3 of 11 kHz itself comes a tenth late
    assert click_s(path) == pytest.approx(0.5, abs=near_s)


def test_sound_that_cannot_be_coded_costs_nobody_the_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = film_of_channels(tmp_path / "nine.mov", "9 channels", "pcm_s16le")
    path = record_of(source, tmp_path / "out.mp4", 0.0, 25)
    assert "sound" in caplog.text
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 25


def test_sound_of_an_unknown_kind_costs_nobody_the_pictures(tmp_path: Path) -> None:
    source = make_video(tmp_path / "song.mkv", 10, sound="flac")
    source.write_bytes(source.read_bytes().replace(b"A_FLAC", b"A_NEW1"))
    with Recorder(tmp_path / "a.mp4", SIZE, Fraction(25), audio_from=source) as recorder:
        for index in range(10):
            recorder.put(picture(index), index / 25)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert not container.streams.audio
        assert len(list(container.decode(video=0))) == 10
