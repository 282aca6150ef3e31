"""Frames of every kind of footage: upright, 8-bit, at their own times; or refused by name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import SIZE, make_video, picture, turn

from app.video.file import FileSource
from app.video.images import ImagesSource
from app.video.source import FrameSource, MediaError, open_source

CODECS = {"avi": "mpeg4", "mpg": "mpeg2video"}  # others: H.264


def folder_of_pictures(folder: Path, count: int = 12) -> Path:
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f"shot{index}.png"), picture(index))
    return folder


@pytest.fixture(params=["mp4", "mkv", "avi", "ts", "pictures", "pattern"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> FrameSource:
    if request.param == "pictures":
        return open_source(folder_of_pictures(tmp_path / "shots"))
    if request.param == "pattern":
        folder_of_pictures(tmp_path / "shots")
        return open_source(tmp_path / "shots" / "shot%d.png")
    codec = CODECS.get(request.param, "libx264")
    return open_source(make_video(tmp_path / f"walk.{request.param}", 12, codec=codec))


def test_frames_come_in_order_with_their_times(source: FrameSource) -> None:
    with source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time_s for frame in frames] == pytest.approx(
        [i / 25 for i in range(12)], abs=2e-3
    )
    assert all(frame.image.shape == (SIZE[1], SIZE[0], 3) for frame in frames)
    assert source.size_wh == SIZE
    assert source.frame_count == 12
    np.testing.assert_allclose(frames[3].image.astype(int), picture(3).astype(int), atol=60)
    assert np.abs(frames[3].image.astype(int) - picture(3)).mean() < 4


def test_seeking_lands_on_the_first_frame_at_or_after_the_time(source: FrameSource) -> None:
    with source:
        next(iter(source))
        source.seek(0.239)
        frame = next(iter(source))
        assert (frame.index, frame.time_s) == (6, pytest.approx(0.24, abs=2e-3))
        source.seek(0)
        assert next(iter(source)).index == 0


@pytest.mark.parametrize("kind", ["mp4", "ts", "mts", "mpg"])
@pytest.mark.parametrize("gop", [13, 100])
def test_seeking_is_exact_whatever_lies_between_key_frames(
    tmp_path: Path, kind: str, gop: int
) -> None:
    codec = CODECS.get(kind, "libx264")
    path = make_video(tmp_path / f"walk.{kind}", 150, codec=codec, options={"g": str(gop)})
    with open_source(path) as source:
        for index in (0, 1, 50, 100, 125, 149, 26, 0):
            source.seek(index / 25)
            frame = next(iter(source))
            assert (frame.index, frame.time_s) == (index, pytest.approx(index / 25, abs=2e-3))
            assert np.abs(frame.image.astype(int) - picture(index)).mean() < 4


@pytest.mark.parametrize("time_s", [0.47, 1000.0])
def test_past_the_end_there_is_nothing_and_the_way_back_is_open(
    source: FrameSource, time_s: float
) -> None:
    with source:
        source.seek(time_s)
        assert next(iter(source), None) is None
        source.seek(0.2)
        assert next(iter(source)).index == 5


def test_skipping_passes_over_frames_and_says_how_many(source: FrameSource) -> None:
    with source:
        assert source.skip(5) == 5
        assert next(iter(source)).index == 5
        assert source.skip(100) == 6
        assert next(iter(source), None) is None


def test_a_closed_video_is_not_read_further(tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "walk.mp4", 12))
    with source:
        next(iter(source))
    for use in (lambda: next(iter(source)), lambda: source.skip(1), lambda: source.seek(0)):
        with pytest.raises(MediaError, match=r"walk\.mp4: the video has been closed"):
            use()


def test_numbered_pictures_are_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    source = ImagesSource(folder_of_pictures(tmp_path / "shots"))
    assert [path.name for path in source.paths][8:] == [
        "shot8.png", "shot9.png", "shot10.png", "shot11.png",
    ]  # fmt: skip


@pytest.mark.parametrize("spec", ["shots", "shots/*.png", "shots/shot%d.png"])
def test_what_a_mac_writes_beside_pictures_is_passed_over(tmp_path: Path, spec: str) -> None:
    folder = folder_of_pictures(tmp_path / "shots", 2)
    (folder / "._shot0.png").write_bytes(b"Mac OS X")
    assert len(list(open_source(tmp_path / spec))) == 2


def test_pictures_of_another_size_are_refused_by_name(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "shots", 2)
    cv2.imwrite(str(folder / "shot2.png"), picture(0, (64, 48)))
    with pytest.raises(MediaError, match=r"shot2\.png: 64x48, but the first picture is 160x120"):
        list(ImagesSource(folder))


def test_a_damaged_picture_is_refused_by_name(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "shots", 2)
    (folder / "shot1.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match=r"shot1\.png: not a picture"):
        list(ImagesSource(folder))


def test_a_rotation_tag_turns_the_picture_upright(tmp_path: Path) -> None:
    with open_source(turn(make_video(tmp_path / "tall.mp4", 3))) as source:
        frame = next(iter(source))
    assert source.size_wh == (120, 160)
    assert frame.image.shape == (160, 120, 3)
    upright = cv2.rotate(picture(0), cv2.ROTATE_90_CLOCKWISE)
    assert np.abs(frame.image.astype(int) - upright).mean() < 4


@pytest.mark.parametrize(
    ("pixel_ratio", "width"),
    [(Fraction(4, 3), 213), (Fraction(8, 9), 142), (Fraction(1), 160), (Fraction(1, 100), 160)],
)
def test_pixels_that_are_not_square_are_made_so(
    tmp_path: Path, pixel_ratio: Fraction, width: int
) -> None:
    tags = {"sample_aspect_ratio": pixel_ratio}
    with open_source(make_video(tmp_path / "hdv.mp4", 3, tags=tags)) as source:
        frame = next(iter(source))
    assert (source.size_wh, frame.image.shape) == ((width, 120), (120, width, 3))
    wide = cv2.resize(picture(0), (width, 120), interpolation=cv2.INTER_LINEAR)
    assert np.abs(frame.image.astype(int) - wide).mean() < 5
    with open_source(turn(tmp_path / "hdv.mp4")) as source:
        assert next(iter(source)).image.shape == (width, 120, 3)


def test_ten_bits_become_eight(tmp_path: Path) -> None:
    path = make_video(tmp_path / "ten.mp4", 3, codec="libx265", pix_fmt="yuv420p10le",
                      options={"x265-params": "log-level=none"})  # fmt: skip
    with open_source(path) as source:
        frame = next(iter(source))
    assert frame.image.dtype == np.uint8
    assert np.abs(frame.image.astype(int) - picture(0)).mean() < 4


@pytest.mark.parametrize(("name", "transfer"), [("smpte2084", 16), ("arib-std-b67", 18)])
def test_hdr_is_brought_to_the_screens_range(tmp_path: Path, name: str, transfer: int) -> None:
    path = make_video(
        tmp_path / "hdr.mp4", 3, codec="libx265", pix_fmt="yuv420p10le",
        tags={"color_trc": transfer, "color_primaries": 9, "colorspace": 9},
        options={"x265-params": f"log-level=none:transfer={name}:colorprim=bt2020"},
    )  # fmt: skip
    with open_source(path) as source:
        image = next(iter(source)).image
    assert image.dtype == np.uint8
    dark, bright = image[5, 5].astype(int), image[60, 20].astype(int)
    assert (bright > dark + 60).all()
    assert bright.max() > 180


def test_a_raw_stream_can_be_sought_though_it_has_no_index(tmp_path: Path) -> None:
    path = make_video(tmp_path / "raw.h264", 20, format_name="h264")
    with open_source(path) as source:
        assert len(list(source)) == 20
        source.seek(0.4)
        first, *rest = source
        assert (first.index, first.time_s, len(rest)) == (10, pytest.approx(0.4), 9)
        assert np.abs(first.image.astype(int) - picture(10)).mean() < 4
        source.seek(0.0)
        assert next(iter(source)).index == 0


def test_a_broadcast_may_change_its_size(tmp_path: Path) -> None:
    both = b""
    for size_wh in (SIZE, (320, 240)):
        path = make_video(
            tmp_path / "tv.ts", 12, size_wh, codec="mpeg2video",
            options={"flags": "+ildct+ilme", "top": "1", "b": "4M", "bf": "0"},
        )  # fmt: skip
        both += path.read_bytes()
    path.write_bytes(both)
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    assert all(frame.interlaced_frame for frame in decoded)
    with open_source(path) as source:
        frames = list(source)
    assert len(frames) == len(decoded)
    assert {frame.size_wh for frame in frames} == {SIZE}


@pytest.mark.parametrize("count", [1, 3, 12])
def test_interlaced_pictures_are_deinterlaced_one_for_one(tmp_path: Path, count: int) -> None:
    path = make_video(
        tmp_path / "tv.mpg", count, codec="mpeg2video",
        options={"flags": "+ildct+ilme", "top": "1", "b": "4M"}, format_name="mpeg",
    )  # fmt: skip
    with av.open(str(path)) as container:
        assert any(frame.interlaced_frame for frame in container.decode(video=0))
    with open_source(path) as source:
        frames = list(source)
        source.seek((count - 1) / 25)
        assert [frame.index for frame in source] == [count - 1]
    times_s = [frame.time_s for frame in frames]
    assert times_s == pytest.approx([index / 25 for index in range(count)], abs=2e-3)
    for index, frame in enumerate(frames):
        assert np.abs(frame.image.astype(int) - picture(index)).mean() < 6


def test_without_timestamps_the_nominal_rate_counts(tmp_path: Path) -> None:
    path = make_video(tmp_path / "raw.h264", 10, rate=30, format_name="h264")
    with open_source(path) as source:
        times = [frame.time_s for frame in source]
    assert len(times) == 10
    assert np.diff(times).min() > 0
    assert np.diff(times) == pytest.approx(float(1 / source.frame_rate), abs=1e-3)


def test_pictures_that_avi_holds_out_of_order_have_even_times(tmp_path: Path) -> None:
    path = make_video(tmp_path / "b.avi", 40, rate=25, options={"bf": "3", "b_strategy": "0"})
    with open_source(path) as source:
        assert [frame.time_s * 25 for frame in source] == pytest.approx(range(40))


def test_fractional_rates_are_exact(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "ntsc.mp4", 5, rate=Fraction(30000, 1001))) as source:
        assert source.frame_rate == Fraction(30000, 1001)
        assert [frame.time_s for frame in source][4] == pytest.approx(4 * 1001 / 30000, abs=1e-5)


def test_damage_in_the_middle_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_video(tmp_path / "scratch.mkv", 60, codec="ffv1", pix_fmt="yuv420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
    assert 20 < len(frames) <= 60
    assert frames[-1].time_s > 1.5
    assert np.diff([frame.time_s for frame in frames]).min() > 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"this is no video at all" * 50, "not a video"),
        (None, "there is no such file"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=rf"clip\.mp4: .*{said}") as caught:
        FileSource(path)
    assert "\n" not in str(caught.value)


def test_a_file_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "cut.mp4", 40)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(MediaError, match="cut off"):
        FileSource(path)


@pytest.mark.parametrize(
    ("kind", "codec"), [("mkv", "libx264"), ("webm", "libvpx"), ("avi", "mjpeg")]
)
def test_a_file_cut_off_in_its_pictures_is_told_though_there_is_sound(
    tmp_path: Path, kind: str, codec: str
) -> None:
    path = make_video(
        tmp_path / f"cut.{kind}", 100, codec=codec, sound="libopus" if kind == "webm" else "mp3",
        pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p",
    )  # fmt: skip
    with open_source(path) as source:
        assert len(list(source)) == 100
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 4])
    with open_source(path) as source, pytest.raises(MediaError, match=r"breaks off .* of 4\.0 s"):
        list(source)


@pytest.mark.parametrize("ahead", [b"", b"time"])  # of each packet: as broadcast, as in camcorders
def test_a_transport_stream_that_ends_within_a_packet_breaks_off(
    tmp_path: Path, ahead: bytes
) -> None:
    plain = make_video(tmp_path / "plain.ts", 50, sound=True).read_bytes()
    packets = [ahead + plain[at : at + 188] for at in range(0, len(plain), 188)]
    whole, cut = tmp_path / "whole.ts", tmp_path / "cut.ts"
    whole.write_bytes(b"".join(packets))
    cut.write_bytes(b"".join(packets[: len(packets) * 2 // 3])[:-50])
    with open_source(whole) as source:
        assert len(list(source)) == 50
    with open_source(cut) as source, pytest.raises(MediaError, match="in the middle of a packet"):
        list(source)


@pytest.mark.parametrize(
    ("kind", "codec", "size_wh", "pix_fmt", "intact"),
    [("avi", "dvvideo", (720, 576), "yuv420p", 0.0), ("mov", "png", SIZE, "rgb24", 0.5)],
)
def test_a_damaged_picture_is_passed_over_whatever_the_decoder_calls_it(
    tmp_path: Path,
    kind: str,
    codec: str,
    size_wh: tuple[int, int],
    pix_fmt: str,
    intact: float,
) -> None:
    path = make_video(tmp_path / f"tape.{kind}", 6, size_wh, codec=codec, pix_fmt=pix_fmt)
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        begin, end = packet.pos + round(intact * packet.size), packet.pos + packet.size
    content = path.read_bytes()
    path.write_bytes(content[:begin] + b"\xff" * (end - begin) + content[end:])
    with open_source(path) as source:
        assert len(list(source)) == 5


@pytest.mark.parametrize("sound", [False, True])
def test_matroska_whose_clock_begins_late_is_whole(tmp_path: Path, sound: bool) -> None:
    times_s = [100 + index / 25 for index in range(40)]
    path = make_video(tmp_path / "late.mkv", 40, times_s=times_s, sound=sound)
    with open_source(path) as source:
        assert source.frame_count == 40
        assert len(list(source)) == 40


@pytest.mark.parametrize("sound", [False, True])
def test_a_recording_that_begins_between_key_frames_is_whole(tmp_path: Path, sound: bool) -> None:
    path = make_video(tmp_path / "tv.ts", 200, sound=sound, options={"g": "100"})
    with av.open(str(path)) as container:
        second = [packet.pos for packet in container.demux(video=0)][1]
    path.write_bytes(path.read_bytes()[second:])  # as if switched on just after a key frame
    with open_source(path) as source:
        assert source.frame_count == pytest.approx(100, abs=3)  # of 199 packets
        frames = list(source)
        assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(100)])
        assert np.abs(frames[0].image.astype(int) - picture(100)).mean() < 4
        source.seek(0)
        assert next(iter(source)).index == 0


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        chunk = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        chunk.sample_rate, chunk.pts = 48000, 0
        container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="no pictures, only sound"):
        FileSource(path)


def test_a_video_of_no_frames_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "none.mkv", 0)
    with pytest.raises(MediaError, match="none\\.mkv"):
        FileSource(path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no pictures there"):
        open_source(tmp_path)


@pytest.mark.parametrize("kind", ["mp4", "ts"])
def test_a_seek_a_little_ahead_reads_on(tmp_path: Path, kind: str, monkeypatch) -> None:
    path = make_video(tmp_path / f"walk.{kind}", 50, options={"g": "250"})
    with open_source(path) as source:
        with monkeypatch.context() as patch:
            patch.setattr(source, "_land", lambda _: pytest.fail("back to a key frame"))
            for index in (0, 1, 1, 4, 12, 13):
                source.seek(index / 25)
                if index != 1:  # two seeks in a row, the first without reading
                    frame = next(iter(source))
                    assert frame.time_s == pytest.approx(index / 25, abs=2e-3)
                    assert np.abs(frame.image.astype(int) - picture(index)).mean() < 4
        source.seek(13 / 25)  # already given
        assert next(iter(source)).index == 13


def test_a_seek_a_little_back_is_exact_where_frames_are_close(tmp_path: Path) -> None:
    path = make_video(tmp_path / "phone.mkv", 6, times_s=[0.0, 0.5, 0.51, 0.52, 0.53, 1.0])
    with open_source(path) as source:
        for time_s in (0.53, 0.51, 0.52, 0.5):
            source.seek(time_s)
        assert next(iter(source)).time_s == pytest.approx(0.5, abs=2e-3)
