"""One clip from source to files: whole, resumed, stopped, broken."""

from __future__ import annotations

import errno
import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import SIZE, BrightBoxes, Upright, build, make_video, turn

from app.batch import blocks, clip, outputs
from app.batch.clip import BrokenClip, Clip, track_clip
from app.batch.outputs import check_formats
from app.config import ClipOptions, Settings
from app.overlay import OverlayStyle
from app.video.source import MediaError
from pose.people import Detections, Frame
from pose.skeleton import COCO17, MPII16
from tracking.files import ClipInfo, TracksFileError, frame_without_picture, read_tracks
from tracking.pipeline import Pipeline, PipelineConfig
from tracking.tracker import TrackerConfig
from tracking.tracks import TrackedPoses


def settings(**options: object) -> Settings:
    return Settings(PipelineConfig(), OverlayStyle(), ClipOptions(**options))


def track(source: Path, stem: Path, chosen: Settings | None = None, **more: object):
    chosen = chosen or settings()
    return track_clip(Clip(str(source), stem), chosen, build(chosen.pipeline), {}, **more)


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def video_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def test_two_people_keep_their_ids_and_every_file_is_written(tmp_path: Path) -> None:
    report = track(make_video(tmp_path / "walk.mp4"), tmp_path / "out" / "walk")
    assert (report.frames, report.people) == (30, 2)
    names = [path.name for path in report.outputs]
    assert names == ["walk.mp4", "walk.json", "walk.csv"]
    tracks = read_tracks(tmp_path / "out" / "walk.csv")
    assert {tuple(sorted(result.people.ids)) for result in tracks.frames[5:15]} == {(1, 2)}
    assert len(video_times(tmp_path / "out" / "walk.mp4")) == 30


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"time_range": (0.4, 0.8)}, 10),
        ({"time_range": (0.8, 100.0)}, 10),  # of 30 frames, at 25 a second
        ({"time_range": (0.8, math.inf)}, 10),  # in a preset: to the end
        ({"time_range": (0.4, 0.8), "start_frame": 4}, 6),
        ({"time_range": (0.4, 0.8), "every": 4, "max_frames": 2}, 2),
        ({"start_frame": 3, "every": 4}, 7),
    ],
)
def test_as_many_frames_are_expected_as_are_followed(
    tmp_path: Path, options: dict[str, object], count: int
) -> None:
    told: list[clip.Progress] = []
    chosen = settings(video=False, **options)
    report = track(make_video(tmp_path / "walk.mp4"), tmp_path / "walk", chosen, tell=told.append)
    assert (report.frames, told[0].total) == (count, count)


def test_sound_is_kept_and_in_step(tmp_path: Path) -> None:
    track(make_video(tmp_path / "song.mp4", sound=True), tmp_path / "out" / "song")
    with av.open(str(tmp_path / "out" / "song.mp4")) as result:
        heard = sum(frame.samples for frame in result.decode(audio=0)) / 48000
    assert heard == pytest.approx(30 / 25, abs=0.06)


def test_uneven_frame_times_are_kept(tmp_path: Path) -> None:
    times = [0, 0.04, 0.08, 0.2, 0.24, 0.5, 0.54, 0.58, 0.62, 1.0]
    source = make_video(tmp_path / "phone.mp4", 10, times_s=times)
    track(source, tmp_path / "out" / "phone")
    assert video_times(tmp_path / "out" / "phone.mp4") == pytest.approx(times, abs=1e-3)
    frames = read_tracks(tmp_path / "out" / "phone.json").frames
    assert [result.frame.time_s for result in frames] == pytest.approx(times, abs=1e-3)


def test_a_rotation_tag_is_applied(tmp_path: Path) -> None:
    track(turn(make_video(tmp_path / "tall.mp4")), tmp_path / "out" / "tall")
    with av.open(str(tmp_path / "out" / "tall.mp4")) as result:
        frame = next(result.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (120, 160, 0)


def test_odd_sizes_gain_a_line_in_the_video_only(tmp_path: Path) -> None:
    source = make_video(tmp_path / "odd.mkv", 5, (161, 121), codec="ffv1", pix_fmt="bgr0")
    track(source, tmp_path / "out" / "odd")
    with av.open(str(tmp_path / "out" / "odd.mp4")) as result:
        assert (result.streams.video[0].width, result.streams.video[0].height) == (162, 122)
    assert read_tracks(tmp_path / "out" / "odd.json").info.size_wh == (161, 121)


def test_a_run_killed_after_any_block_continues_with_the_same_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip, "BLOCK_FRAMES", 8)
    source = make_video(tmp_path / "long.mp4", 30, sound=True)
    track(source, tmp_path / "whole" / "long")

    class Killed(BaseException):
        pass

    def kill_at_20(progress: clip.Progress) -> None:
        if progress.frames == 20:
            raise Killed

    with pytest.raises(Killed):
        track(source, tmp_path / "again" / "long", tell=kill_at_20)
    assert not (tmp_path / "again" / "long.json").exists()
    seen: list[int] = []
    report = track(
        source, tmp_path / "again" / "long", tell=lambda progress: seen.append(progress.frames)
    )
    assert (seen[0], report.frames, report.tracked) == (16, 30, 14)
    for name in ("long.csv", "long.json"):
        whole, again = (tmp_path / folder / name for folder in ("whole", "again"))
        assert whole.read_bytes() == again.read_bytes(), name
    # The encoder's bits may differ from run to run, the pictures may not
    for whole, again in zip(
        pictures(tmp_path / "whole/long.mp4"), pictures(tmp_path / "again/long.mp4"), strict=True
    ):
        np.testing.assert_array_equal(whole, again)


def test_a_disk_that_is_full_in_the_middle_leaves_what_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip, "BLOCK_FRAMES", 8)
    source = make_video(tmp_path / "long.mp4", 30)
    track(source, tmp_path / "long")
    before = (tmp_path / "long.csv").read_bytes()
    put_aside = blocks.whole_file

    def full_after_a_block(path: Path):
        if path.name == "000001.npz":
            raise OSError(errno.ENOSPC, "No space left on device")
        return put_aside(path)

    monkeypatch.setattr(blocks, "whole_file", full_after_a_block)
    with pytest.raises(MediaError, match="disk is full"):
        track(source, tmp_path / "long", settings(video=False))
    assert (tmp_path / "long.csv").read_bytes() == before
    monkeypatch.setattr(blocks, "whole_file", put_aside)
    assert track(source, tmp_path / "long", settings(video=False)).tracked == 22


@pytest.mark.parametrize("damage", ["empty", "one byte", "cut off", "zeros", "overwritten"])
def test_a_damaged_block_and_those_after_it_are_made_again(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clip, "BLOCK_FRAMES", 8)
    source = make_video(tmp_path / "long.mp4", 30)
    stem = tmp_path / "out" / "long"
    track(source, stem)
    expected = stem.with_suffix(".csv").read_bytes()
    block = Clip(str(source), stem).work / "000001.npz"
    content = block.read_bytes()
    half = len(content) // 2
    version = content.index(b"PK\1\2") + 6  # of ZIP, in the list of the file's arrays
    block.write_bytes(
        {"empty": b"", "cut off": content[:half], "zeros": bytes(len(content)),
         "overwritten": content[:half] + bytes(64) + content[half + 64 :],
         "one byte": content[:version] + b"\x99" + content[version + 1 :]}[damage]
    )  # fmt: skip
    report = track(source, stem)
    assert (report.frames, report.tracked) == (30, 22)
    assert "000001.npz is damaged" in caplog.text
    assert stem.with_suffix(".csv").read_bytes() == expected
    assert len(video_times(stem.with_suffix(".mp4"))) == 30


def test_a_damaged_key_begins_the_work_anew(tmp_path: Path) -> None:
    source = make_video(tmp_path / "long.mp4", 8)
    track(source, tmp_path / "long")
    key = Clip(str(source), tmp_path / "long").work / "key.json"
    key.write_bytes(b"\xff" + key.read_bytes()[1:])
    assert track(source, tmp_path / "long").tracked == 8


def test_stopping_leaves_whole_files_and_going_on_completes_them(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4")
    stem = tmp_path / "out" / "walk"
    reached: list[int] = []
    report = track(
        source,
        stem,
        tell=lambda progress: reached.append(progress.frames),
        stopped=lambda: bool(reached) and reached[-1] >= 12,
    )
    assert report.interrupted
    kept = len(read_tracks(stem.with_suffix(".json")).frames)
    assert 12 <= kept < 30
    assert len(video_times(stem.with_suffix(".mp4"))) == kept
    report = track(source, stem)
    assert (report.frames, report.tracked, report.interrupted) == (30, 30 - kept, False)
    assert len(video_times(stem.with_suffix(".mp4"))) == 30
    track(source, tmp_path / "whole" / "walk")
    assert stem.with_suffix(".csv").read_bytes() == (tmp_path / "whole/walk.csv").read_bytes()


def test_a_file_that_breaks_off_keeps_what_there_is(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "cut.mp4", 120, (320, 240), options={"g": "10"},
    )  # fmt: skip
    data = source.read_bytes()
    moov = data.index(b"moov") - 4
    # The index first and then only part of the pictures: what a broken download of a file
    # made for streaming looks like
    with (
        av.open(str(source)) as whole,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "+faststart"}) as fast,
    ):
        stream = fast.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                fast.mux(packet)
    data = (tmp_path / "fast.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat") < moov + len(data)
    source.write_bytes(data[: data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2])
    with pytest.raises(BrokenClip, match="breaks off") as caught:
        track(source, tmp_path / "out" / "cut")
    kept = caught.value.report.frames
    assert 20 < kept < 110
    assert len(read_tracks(tmp_path / "out" / "cut.json").frames) == kept
    assert len(video_times(tmp_path / "out" / "cut.mp4")) == kept


def test_options_choose_frames_by_number_time_and_step(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 50)

    def indices(name: str, **options: object) -> list[int]:
        track(source, tmp_path / name, settings(video=False, formats=("posetrack18",), **options))
        return [result.frame.index for result in read_tracks(tmp_path / f"{name}.json").frames]

    assert indices("a", start_frame=10, max_frames=3) == [10, 11, 12]
    assert indices("b", every=20) == [0, 20, 40]
    assert indices("c", time_range=(0.4, 0.52)) == [10, 11, 12]
    assert indices("d", start_frame=5, every=10, max_frames=2) == [5, 15]


def test_results_are_in_the_pixels_of_the_view(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 10, people=1)
    # The person stands at x 10 to 30, y 30 to 90 in the first frame of 160 x 120
    track(source, tmp_path / "crop", settings(crop=(4, 20, 100, 80), formats=("csv",)))
    first = read_tracks(tmp_path / "crop.csv").frames[0]
    np.testing.assert_allclose(first.people.poses.boxes[0], [6 + 2, 10, 26 + 2, 70], atol=3)
    track(source, tmp_path / "turned", settings(rotate=90, formats=("csv",)))
    info = read_tracks(tmp_path / "turned.csv").info
    assert (info.size_wh, info.frame_rate) == ((120, 160), Fraction(25))


def test_follow_keeps_one_person_in_files(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4")
    track(source, tmp_path / "one", settings(follow=2, formats=("csv",), video=False))
    frames = read_tracks(tmp_path / "one.csv").frames
    assert {int(i) for result in frames for i in result.people.ids} == {2}


def test_who_is_followed_and_not_there_is_told_with_those_who_are(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4")
    chosen = settings(follow=99, formats=("csv",), video=False)
    report = track(source, tmp_path / "none", chosen)
    assert report.note == "nobody in it has the number 99; there are 1, 2"


@pytest.mark.parametrize(
    ("scale", "advice"),
    [
        (0.25, "people are small: 15 pixels high in the 40 that the detector sees; with "
               "--det-size 64 it may find more of them"),
        (1.0, ""),  # 60 pixels high
    ],
)  # fmt: skip
def test_a_larger_size_is_advised_where_people_are_small(
    tmp_path: Path, scale: float, advice: str
) -> None:
    class FarAway(BrightBoxes):
        def scale_of(self, size_wh: tuple[int, int]) -> float:
            return scale

    source, chosen = make_video(tmp_path / "walk.mp4"), settings(video=False)
    pipeline = Pipeline(FarAway(), Upright(), chosen.pipeline)
    for _ in range(2):  # the second time, as after a kill, every frame is finished already
        report = track_clip(Clip(str(source), tmp_path / "walk"), chosen, pipeline, {})
        assert report.note == advice


@pytest.mark.parametrize("refine", [False, True])
def test_following_one_person_hides_the_faces_of_all(tmp_path: Path, refine: bool) -> None:
    source = make_video(tmp_path / "walk.mp4")
    options = ClipOptions(follow=2, refine=refine, formats=("csv",))
    for blur in (False, True):
        style = OverlayStyle(blur_faces=blur, boxes=False, labels=False, trails_s=0)
        track(source, tmp_path / f"one{blur}", Settings(PipelineConfig(), style, options))
    track(source, tmp_path / "all", settings(formats=("csv",), video=False))
    people = read_tracks(tmp_path / "all.csv").frames[15].people
    plain, hidden = (pictures(tmp_path / f"one{blur}.mp4")[15] for blur in (False, True))
    assert sorted(people.ids) == [1, 2]
    for x1, y1, x2, y2 in people.poses.boxes.astype(int):
        head = slice(max(y1 - 4, 0), y1 + (y2 - y1) // 4), slice(max(x1 - 4, 0), x2 + 4)
        assert np.abs(plain[head].astype(int) - hidden[head]).max() > 40


@pytest.mark.parametrize("refine", [False, True])
def test_the_face_of_somebody_not_yet_known_is_hidden(tmp_path: Path, refine: bool) -> None:
    source = make_video(tmp_path / "walk.mp4", people=1)
    nobody_is_sure = PipelineConfig(tracker=TrackerConfig(birth_thr=0.95))
    options = ClipOptions(refine=refine, formats=("csv",))
    for blur in (False, True):
        style = OverlayStyle(blur_faces=blur)
        report = track(source, tmp_path / f"walk{blur}", Settings(nobody_is_sure, style, options))
        assert report.people == 0
    plain, hidden = (pictures(tmp_path / f"walk{blur}.mp4")[15] for blur in (False, True))
    assert np.abs(plain.astype(int) - hidden).max() > 40


def test_the_header_says_how_it_was_made(tmp_path: Path) -> None:
    chosen = settings(video=False)
    source = make_video(tmp_path / "walk.mp4", 5)
    track_clip(
        Clip(str(source), tmp_path / "walk"), chosen, build(chosen.pipeline), {"pose": "ab12"}
    )
    info = json.loads((tmp_path / "walk.info.json").read_text())
    assert info["weights_sha256"] == {"pose": "ab12"}
    assert info["settings"]["pipeline"]["bbox_thr"] == chosen.pipeline.bbox_thr
    assert info["program"].startswith("posse ")
    assert json.loads((tmp_path / "walk.json").read_text())["info"] == info


def test_other_settings_do_not_continue_old_work(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4")
    stem = tmp_path / "walk_out"
    count: list[int] = []
    track(source, stem, tell=lambda p: count.append(p.frames), stopped=lambda: len(count) > 9)
    chosen = settings(mirror=True)
    assert track(source, stem, chosen).tracked == 30


def test_a_crop_outside_the_picture_is_named(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 3)
    with pytest.raises(MediaError, match=r"does not fit in pictures of 160x120"):
        track(source, tmp_path / "x", settings(crop=(100, 0, 100, 100)))


def test_blocks_hold_results_exactly(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 12)
    chosen = settings(video=False, formats=("csv",))
    count: list[int] = []
    track(
        source, tmp_path / "w", chosen,
        tell=lambda p: count.append(p.frames), stopped=lambda: len(count) > 6,
    )  # fmt: skip
    folder = Clip(str(source), tmp_path / "w").work
    pipeline = build(chosen.pipeline)
    kept = blocks.Blocks(folder, json.loads((folder / "key.json").read_text()), pipeline.skeleton)
    results = list(kept.results())
    assert [result.frame.index for result in results] == list(range(kept.frame_count))
    assert results[-1].people.poses.keypoints.dtype == np.float32


def test_blocks_hold_the_cameras_motion(tmp_path: Path) -> None:
    kept = blocks.Blocks(tmp_path / "work", {}, COCO17)
    writer = blocks.BlockWriter(kept, None, SIZE, None)
    motions = [None, np.array([[1, 0, -5.5], [0, 1, 1 / 3], [0, 0, 1]]), None]
    for index, camera in enumerate(motions):
        bare = frame_without_picture(index, index / 25, TrackedPoses.empty(COCO17))
        writer.put(replace(bare, camera=camera))
    writer.end_block(b"")
    writer.close()
    again = [result.camera for result in kept.results()]
    assert again[0] is None and again[2] is None
    np.testing.assert_array_equal(again[1], motions[1])


def test_the_second_pass_fills_a_short_gap(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 40, people=1)

    class Blinking(BrightBoxes):
        def __call__(self, frame: Frame) -> Detections:
            found = super().__call__(frame)
            return Detections.empty() if 15 <= frame.index < 20 else found

    def seen(stem: str, refine: bool) -> list[int]:
        chosen = settings(refine=refine, formats=("csv",))
        config = replace(chosen.pipeline, tracker=TrackerConfig(coast_s=0.0))
        pipeline = Pipeline(Blinking(), Upright(), config)
        track_clip(Clip(str(source), tmp_path / stem), chosen, pipeline, {})
        assert len(video_times(tmp_path / f"{stem}.mp4")) == 40
        return [result.frame.index for result in read_tracks(tmp_path / f"{stem}.csv").frames]

    assert not {16, 17, 18} & set(seen("online", refine=False))
    assert {16, 17, 18} <= set(seen("refined", refine=True))


@pytest.mark.parametrize("stop_at", [12, 30])
def test_a_second_pass_that_is_stopped_leaves_no_file_and_goes_on(
    tmp_path: Path, stop_at: int
) -> None:
    source = make_video(tmp_path / "walk.mp4")
    chosen = settings(refine=True, formats=("csv",))
    reached: list[int] = []
    report = track(
        source,
        tmp_path / "out" / "walk",
        chosen,
        tell=lambda progress: reached.append(progress.frames),
        stopped=lambda: bool(reached) and reached[-1] >= stop_at,
    )
    assert report.interrupted
    assert report.outputs == ()
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".posse"]
    report = track(source, tmp_path / "out" / "walk", chosen)
    assert (report.frames, report.interrupted) == (30, False)
    assert report.tracked < 30
    track(source, tmp_path / "whole" / "walk", chosen)
    assert (tmp_path / "out/walk.csv").read_bytes() == (tmp_path / "whole/walk.csv").read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_file()) == [
        "walk.csv", "walk.info.json", "walk.mp4",
    ]  # fmt: skip


def test_a_drawing_that_is_stopped_half_way_leaves_no_file(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4")
    chosen = settings(refine=True, video=False)
    track(source, tmp_path / "walk", chosen)
    results = read_tracks(tmp_path / "walk.csv").frames
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) > 10

    target = tmp_path / "out" / "walk.mp4"
    size_wh = (160, 120)
    assert not outputs.draw_again(target, str(source), chosen, size_wh, results, stopped)
    assert list(target.parent.iterdir()) == []


def test_a_format_without_place_for_the_skeleton_is_refused_before_the_first_frame() -> None:
    with pytest.raises(TracksFileError, match="mpii16"):
        check_formats(ClipInfo("a", SIZE, MPII16), ["csv", "openpose"])
    check_formats(ClipInfo("a", SIZE, MPII16), ["csv", "posetrack18"])
