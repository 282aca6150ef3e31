"""Recordings: whole or not there, at the frames' own times, with the sound in step."""

from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import SIZE, make_video, picture

from app.video.join import join_parts
from app.video.recorder import Recorder, write_error
from app.video.source import MediaError, open_source


def record(path: Path, times_s: list[float], **options: object) -> Path:
    with Recorder(path, SIZE, Fraction(25), **options) as recorder:
        for index, time_s in enumerate(times_s):
            recorder.put(picture(index), time_s)
    return path


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        chunks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(chunks)


def test_times_survive_and_start_at_zero(tmp_path: Path) -> None:
    times = [5.0, 5.04, 5.1, 5.5, 5.517]
    path = record(tmp_path / "a.mp4", times)
    assert times_of(path) == pytest.approx([time - 5 for time in times], abs=1e-4)


def test_the_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    recorder = Recorder(path, SIZE, None)
    recorder.put(picture(0), 0.0)
    assert not path.exists()
    recorder.close()
    assert path.exists()
    recorder.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_aborting_leaves_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", SIZE, None)
    recorder.put(picture(0), 0.0)
    recorder.abort()
    assert list(tmp_path.iterdir()) == []


def test_sound_is_cut_to_the_pictures_time(tmp_path: Path) -> None:
    source = make_video(tmp_path / "song.mp4", 75, sound=True)
    part = [1.0 + index / 25 for index in range(25)]
    path = record(tmp_path / "part.mp4", part, audio_from=source)
    assert len(sound_of(path)) / 48000 == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("codec", ["aac", "mp2"])  # one is copied, the other encoded anew
def test_sound_of_files_put_end_to_end_goes_on(tmp_path: Path, codec: str) -> None:
    part = make_video(tmp_path / "part.ts", 50, sound=codec)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    path = record(tmp_path / "out.mp4", [i / 25 for i in range(100)], audio_from=joined)
    assert len(sound_of(path)) / 48000 == pytest.approx(4.0, abs=0.1)


def test_sound_of_a_rate_that_aac_has_not_stays_in_step(tmp_path: Path) -> None:
    source, rate = tmp_path / "studio.mov", 192000
    wave = np.zeros((1, 2 * rate), np.int16)
    wave[0, rate : rate + rate // 10] = 20000 * np.sin(np.arange(rate // 10) / 40)  # after 1 s
    with av.open(str(source), "w") as container:
        film, voice = container.add_stream("libx264", rate=25), container.add_stream("pcm_s16le")
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        voice.codec_context.sample_rate, voice.codec_context.layout = rate, "mono"
        for index in range(50):
            image = np.full((48, 64, 3), index, np.uint8)
            container.mux(film.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
            part = np.ascontiguousarray(wave[:, index * rate // 25 : (index + 1) * rate // 25])
            sound = av.AudioFrame.from_ndarray(part, "s16", "mono")
            sound.sample_rate, sound.pts = rate, index * rate // 25
            container.mux(voice.encode(sound))
        container.mux([*film.encode(None), *voice.encode(None)])
    path = record(tmp_path / "out.mp4", [i / 25 for i in range(50)], audio_from=source)
    heard = np.flatnonzero(np.abs(sound_of(path)) > 0.2)
    assert heard[0] / 48000 == pytest.approx(1.0, abs=0.05)
    assert heard[-1] / 48000 == pytest.approx(1.1, abs=0.05)


def test_without_an_encoder_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.video.recorder.choose_encoder", lambda *_: None)
    with pytest.raises(MediaError, match="no video encoder"):
        record(tmp_path / "a.mp4", [0.0])
    assert not list(tmp_path.iterdir())


def test_a_source_without_sound_gives_none(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", [0, 0.04], audio_from=make_video(tmp_path / "mute.mp4", 5))
    with av.open(str(path)) as container:
        assert not container.streams.audio


def test_parts_are_joined_in_step(tmp_path: Path) -> None:
    source = make_video(tmp_path / "song.mp4", 20, sound=True)
    first = record(tmp_path / "1.mp4", [index / 25 for index in range(10)])
    second = record(tmp_path / "2.mp4", [index / 25 for index in range(10, 20)])
    join_parts([(first, 0.0), (second, 0.4)], tmp_path / "all.mp4", source, 0.0)
    assert times_of(tmp_path / "all.mp4") == pytest.approx([i / 25 for i in range(20)], abs=1e-4)
    assert len(sound_of(tmp_path / "all.mp4")) / 48000 == pytest.approx(0.8, abs=0.05)


def test_parts_are_joined_where_the_pictures_become_rarer(tmp_path: Path) -> None:
    """Of variable rate: the second part's first packets are due before the first one's last."""
    times = [index / 50 for index in range(20)] + [0.4 + index / 5 for index in range(20)]
    first, second = record(tmp_path / "1.mp4", times[:20]), record(tmp_path / "2.mp4", times[20:])
    join_parts([(first, 0.0), (second, 0.4)], tmp_path / "all.mp4", None, 0.0)
    assert times_of(tmp_path / "all.mp4") == pytest.approx(times, abs=1e-4)


def test_a_live_recording_has_its_own_name_while_it_is_written(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.mp4", SIZE, None, live=True) as recorder:
        for index in range(60):
            recorder.put(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), index / 25)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert len(times_of(tmp_path / "a.mp4")) == 60


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(MediaError, match="cannot be written") as caught:
        Recorder(tmp_path / "out" / "a.mp4", SIZE, None)
    assert "choose another folder" in str(caught.value)


def test_a_full_disk_is_told_with_advice() -> None:
    error = write_error(Path("a.mp4"), OSError(errno.ENOSPC, "No space left on device"))
    assert str(error) == (
        "a.mp4: cannot be written: the disk is full; free some space or choose another folder"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("coded_anew", [False, True])  # PyAV crashes if the rest is written, too
def test_no_space_reaches_the_caller(tmp_path: Path, coded_anew: bool) -> None:
    (tmp_path / ".a.mp4.part").symlink_to("/dev/full")
    song = make_video(tmp_path / "song.mkv", 50, sound="pcm_s16le") if coded_anew else None
    recorder = Recorder(tmp_path / "a.mp4", SIZE, None, audio_from=song)
    with pytest.raises(MediaError, match="disk is full"):
        for index in range(2000):
            recorder.put(np.random.default_rng(index).integers(0, 255, (120, 160, 3), np.uint8),
                         index / 25)  # fmt: skip
        recorder.close()
    recorder.abort()
    assert {path.name for path in tmp_path.iterdir()} <= {"song.mkv"}


@pytest.mark.parametrize("size_wh", [(320, 240), (322, 242), (65, 33)])  # rows padded, odd sides
def test_colours_survive(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    colours = [(0, 0, 0), (255, 255, 255), (30, 200, 250), (250, 40, 20), (60, 160, 60)]
    with Recorder(tmp_path / "a.mp4", size_wh, Fraction(25)) as recorder:
        for index, bgr in enumerate(colours):
            image = np.full((height, width, 3), bgr, np.uint8)
            image[:, : width // 2] = 128
            recorder.put(image, index / 25)
    with open_source(tmp_path / "a.mp4") as video:
        seen = [frame.image for frame in video]
    for image, bgr in zip(seen, colours, strict=True):
        assert np.abs(image[5:-5, -10:-5].mean((0, 1)) - bgr).max() < 6
        assert np.abs(image[5:-5, 5:10].mean((0, 1)) - 128).max() < 6
