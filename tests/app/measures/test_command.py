"""Angles and speeds from tracks to tables, plots and the report."""

from __future__ import annotations

import base64
import csv
import dataclasses
import math
import re
from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import build, make_video
from matplotlib.lines import Line2D

from app.batch.clip import Clip, track_clip
from app.batch.manifest import Entry, Manifest
from app.cli import main
from app.config import ClipOptions, ConfigError, Settings
from app.corrections import Correction, save_corrections
from app.measures.angles import Measurer
from app.measures.options import MeasureOptions
from app.measures.outputs import write_measures
from app.measures.plots import draw_person
from app.measures.report import best_places, how_many, stretches, take_thumbnails, write_report
from app.measures.series import Series, SeriesLog
from app.results import save_result
from pose.people import Frame, Poses
from pose.skeleton import COCO17
from tracking.files import ClipInfo, frame_without_picture
from tracking.pipeline import FrameResult
from tracking.tracks import KnownFrame, TrackedPoses


def bending(index: int, knee_deg: float, shift: float = 0.0) -> FrameResult:
    """A person whose left knee is bent to `knee_deg`, 100 pixels from hip to knee to ankle."""
    keypoints = np.zeros((1, 17, 2), np.float32)
    scores = np.zeros((1, 17), np.float32)
    turn = math.radians(180 - knee_deg)
    for name, place in {
        "left_hip": (200.0, 100.0),
        "right_hip": (180.0, 100.0),
        "left_knee": (200.0, 200.0),
        "left_ankle": (200 + 100 * math.sin(turn), 200 + 100 * math.cos(turn)),
    }.items():
        keypoints[0, COCO17.index(name)] = np.add(place, (shift, 0))
        scores[0, COCO17.index(name)] = 0.9
    poses = Poses([[150, 50, 300, 350]], [0.9], keypoints, scores, COCO17)
    return frame_without_picture(index, index * 0.04, TrackedPoses(poses, np.array([3])))


def measured(results: Iterable[FrameResult], options: MeasureOptions) -> list[Series]:
    measurer, gathered = Measurer(options.measures, options.unit_per_pixel), SeriesLog()
    for result in results:
        gathered.put(result, measurer(result, kpt_thr=0.3))
    return gathered.series({})


def column(options: MeasureOptions, name: str) -> int:
    return [measure.name for measure in options.measures].index(name)


@pytest.mark.parametrize("angle", [20.0, 90.0, 135.0, 180.0])
def test_a_knee_bent_by_hand_is_measured(angle: float) -> None:
    options = MeasureOptions(angles=True)
    (series,) = measured([bending(0, angle)], options)
    assert series.values[0, column(options, "knee left")] == pytest.approx(angle, abs=0.01)
    assert np.isnan(series.values[0, column(options, "elbow left")])


@pytest.mark.parametrize(("scale", "speed", "unit"), [(None, 250, "px/s"), (0.01, 2.5, "m/s")])
def test_ten_pixels_a_frame_are_250_a_second(scale: float | None, speed: float, unit: str) -> None:
    options = MeasureOptions(speeds=True, metres_per_pixel=scale)
    assert {options.unit_of(measure) for measure in options.measures} == {unit}
    walk = [bending(index, 90, shift=10 * index) for index in range(10)]
    (series,) = measured(walk, options)
    assert series.values[-1, column(options, "body speed")] == pytest.approx(speed, rel=1e-3)


def test_an_absence_parts_the_timeline() -> None:
    assert stretches(np.array([0, 0.1, 0.2, 2.0, 2.1])) == [(0.0, 0.2), (2.0, 2.1)]


def test_people_are_counted_frame_by_frame() -> None:
    def seen(person: int, *frames: int) -> Series:
        times_s = np.array(frames) * 0.04
        return Series(person, np.array(frames), times_s, np.zeros((0, 0)), np.ones(len(frames)))

    times_s, counts = how_many([seen(1, 0, 1, 2), seen(2, 1, 2, 5)])
    np.testing.assert_allclose(times_s, [0, 0.04, 0.08, 0.2])
    assert counts.tolist() == [1, 2, 2, 1]


def test_thumbnails_come_from_the_best_frame() -> None:
    results = [bending(index, 90) for index in range(3)]
    best = FrameResult(
        results[1].frame,
        TrackedPoses(
            Poses([[150, 50, 300, 450]], [0.99], *[results[1].people.poses.keypoints,
                  results[1].people.poses.keypoint_scores], COCO17), np.array([3])
        ), {},
    )  # fmt: skip
    places = best_places([results[0], best, results[2]])
    assert places[3][0] == 0.04
    frames = [
        Frame(index, index * 0.04, np.full((500, 400, 3), 50 + 50 * index, np.uint8))
        for index in range(3)
    ]
    assert (take_thumbnails(frames, places)[3] == 100).all()


def test_track_and_measure_write_tables_plots_and_a_page(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 12)
    measures = MeasureOptions(angles=True, plots=True, report=True)
    settings = Settings(clip=ClipOptions(video=False, formats=("csv",), measures=measures))
    stem = tmp_path / "out" / "walk"
    report = track_clip(Clip(str(source), stem), settings, build(settings.pipeline), {})
    assert [path.name for path in report.outputs] == [
        "walk.csv", "walk.measures.csv", "walk_person1.png", "walk_person2.png", "walk.html",
    ]  # fmt: skip
    page = (tmp_path / "out" / "walk.html").read_text()
    assert page.count("data:image/jpeg") == 2
    assert page.count('class="plot"') == 2
    assert "http" not in page.replace("http://www.w3.org", "")  # nothing is fetched
    with (tmp_path / "out" / "walk.measures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows} == {"1", "2"}
    assert all(0 <= float(row["knee left (°)"]) <= 180 for row in rows)
    words = ["measure", str(report.outputs[0]), "-o", str(tmp_path / "again"), "--speeds"]
    assert main([*words, "--scale", "50=1"]) == 0
    first = (tmp_path / "again" / "walk.measures.csv").read_text().splitlines()[0]
    assert "body speed (m/s)" in first
    assert "knee" not in first


def test_who_stands_has_no_speed_where_the_camera_pans_now_and_when_measured_later(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(0).integers(0, 110, (20, 100), np.uint8)
    wall = cv2.cvtColor(cv2.resize(noise, (1000, 240)), cv2.COLOR_GRAY2BGR)
    wall[60:180, 500:540] = 230  # somebody who stands before it
    (tmp_path / "pan").mkdir()
    for index in range(20):
        start = 100 + 10 * max(index - 8, 0)  # from a still camera: 250 pixels a second
        cv2.imwrite(str(tmp_path / f"pan/{index:03}.png"), wall[:, start : start + 480])
    measures = MeasureOptions(speeds=True)
    formats = ("csv", "posetrack18")
    settings = Settings(clip=ClipOptions(video=False, formats=formats, measures=measures))
    clip = Clip(str(tmp_path / "pan"), tmp_path / "out" / "pan")
    track_clip(clip, settings, build(settings.pipeline), {})

    def fastest(folder: Path) -> float:
        with (folder / "pan.measures.csv").open() as file:
            speeds = [row["body speed (px/s)"] for row in csv.DictReader(file)]
        assert sum(map(bool, speeds)) == 17  # all but the first 0.12 s
        return max(float(speed) for speed in speeds if speed)

    assert fastest(tmp_path / "out") < 10
    for name, expected in (("pan.json", 0), ("pan.csv", 250)):  # a table lacks the camera
        words = ["measure", str(tmp_path / "out" / name), "-o", str(tmp_path / name[4:])]
        assert main([*words, "--speeds"]) == 0
        assert fastest(tmp_path / name[4:]) == pytest.approx(expected, abs=10)


def test_tracks_of_nobody_give_one_line_and_no_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_video(tmp_path / "empty.mp4", 3, people=0)
    settings = Settings(clip=ClipOptions(video=False, formats=("csv", "posetrack18")))
    track_clip(Clip(str(source), tmp_path / "empty"), settings, build(settings.pipeline), {})
    for tracks in (tmp_path / "empty.csv", tmp_path / "empty.json"):
        words = ["measure", str(tracks), "-o", str(tmp_path / "new"), "--plots", "--report"]
        assert main(words) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err == f"posse: {tracks}: nobody is in it; there is nothing to measure\n"
    assert not (tmp_path / "new").exists()


def test_a_joint_that_was_never_seen_has_no_axes_but_says_so() -> None:
    options = MeasureOptions(angles=True, speeds=True)
    (series,) = measured([bending(index, 90) for index in range(10)], options)
    figure = draw_person(series, options, titled=False)
    panels = {axis.get_title(loc="left"): axis for axis in figure.axes if axis.get_visible()}
    said = {title for title, axis in panels.items() if [t.get_text() for t in axis.texts]}
    assert said == {"Hip", "Elbow", "Shoulder", "Wrist speed"}
    assert not any(panels[title].axison for title in said)
    for title in panels.keys() - said:
        assert panels[title].get_xlabel() == "time (s)"
        assert panels[title].xaxis.get_tick_params()["labelbottom"]
    (knee,) = panels["Knee"].lines  # the right one was not seen
    assert knee.get_label() == "left"


def test_the_page_says_from_when_to_when_people_were_seen(tmp_path: Path) -> None:
    options = MeasureOptions(angles=True)
    people = measured([bending(index, 90) for index in range(25, 51)], options)
    write_report(tmp_path / "walk.html", "walk", people, options, {}, (1.0, 2.0))
    assert "1 person from 1.0 to 2.0 s, up to 1 at a time" in (tmp_path / "walk.html").read_text()


def test_who_was_seen_too_briefly_has_no_picture_of_empty_axes(tmp_path: Path) -> None:
    options = MeasureOptions(speeds=True, plots=True, report=True)
    walk = [bending(index, 90, shift=10 * index) for index in range(10)]
    brief = TrackedPoses(bending(0, 90).people.poses, np.array([8]))
    results = [dataclasses.replace(bending(0, 90), people=brief), *walk[1:]]
    outputs = write_measures(tmp_path / "walk", results, options, 0.3, {}, {}, 0.04)
    names = [path.name for path in outputs]
    assert names == ["walk.measures.csv", "walk_person3.png", "walk.html"]
    page = (tmp_path / "walk.html").read_text()
    assert page.count('class="plot"') == page.count("<table>") == 1
    assert page.count("no joint was seen clearly for long enough") == 1
    assert page.count('href="#person8"') == page.count('id="person8"') == 1


def test_the_page_begins_with_the_clip_and_tells_one_frame_from_several(tmp_path: Path) -> None:
    options, page = MeasureOptions(angles=True), tmp_path / "walk.html"
    (person,) = measured([bending(0, 90)], options)
    late = dataclasses.replace(person, times_s=person.times_s + 3605)
    write_report(page, "walk", [late], options, {}, (3600.0, 3610.0))
    ticks = re.findall(r">(\d+) s</text>", page.read_text())
    assert ticks[:6] == ["3600", "3602", "3604", "3606", "3608", "3610"]
    assert 'x="518.0"' in page.read_text()  # the bar, halfway
    assert "seen for 0.0 s in 1 frame, mean" in page.read_text()


def test_frames_that_are_far_apart_are_joined_and_one_alone_is_a_dot() -> None:
    options = MeasureOptions(angles=True)
    slow = [bending(25 * index, 90) for index in range(4)]  # a second apart
    measurer = Measurer(options.measures)
    gathered = SeriesLog(step_s=1.0)
    for result in slow:
        gathered.put(result, measurer(result, kpt_thr=0.3))
    (series,) = gathered.series({})
    assert stretches(series.times_s, series.gap_s) == [(0.0, 3.0)]
    (line,) = knee_lines(series, options)
    assert np.isfinite(np.asarray(line.get_ydata())).sum() == 4
    assert gathered.span_s == (0.0, 3.0)
    series.values[2] = np.nan
    line, dot = knee_lines(series, options)
    assert (dot.get_marker(), list(dot.get_xdata())) == (".", [3.0])


def test_one_frame_of_thirty_is_measured_like_any_other(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 91)
    measures = MeasureOptions(speeds=True, report=True)
    clip = ClipOptions(every=30, video=False, formats=("csv",), measures=measures)
    settings = Settings(clip=clip)
    track_clip(Clip(str(source), tmp_path / "walk"), settings, build(settings.pipeline), {})
    words = ["measure", str(tmp_path / "walk.csv"), "-o", str(tmp_path / "again"), "--speeds"]
    assert main([*words, "--report"]) == 0
    for folder in (tmp_path, tmp_path / "again"):
        assert "seen for 3.6 s in 4 frames" in (folder / "walk.html").read_text()
        with (folder / "walk.measures.csv").open() as file:
            last = list(csv.DictReader(file))[-1]
        assert (last["frame"], last["body speed (px/s)"] != "") == ("90", True)


def knee_lines(series: Series, options: MeasureOptions) -> list[Line2D]:
    axes = draw_person(series, options, titled=False).axes
    return next(list(axis.lines) for axis in axes if axis.get_title(loc="left") == "Knee")


def test_boxes_alone_are_not_measured_over_what_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes, measures = tmp_path / "game.txt", tmp_path / "game.measures.csv"
    boxes.write_text("1,1,10,10,20,40,0.9,-1,-1,-1\n")
    measures.write_text("of the joints\n")
    assert main(["measure", str(boxes), "--angles"]) == 1
    assert "people without joints" in capsys.readouterr().err
    assert measures.read_text() == "of the joints\n"


def test_a_folder_of_results_is_measured_clip_by_clip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_video(tmp_path / "walk.mp4", 3)
    settings = Settings(clip=ClipOptions(video=False, formats=("coco", "posetrack18")))
    for stem in ("may/one", "june/one", "two"):
        clip = Clip(str(source), tmp_path / "out" / stem)
        track_clip(clip, settings, build(settings.pipeline), {})
    (tmp_path / "out" / "june" / "one.json").write_text("{}")
    assert main(["measure", str(tmp_path / "out"), "-o", str(tmp_path / "new")]) == 2
    said = capsys.readouterr()
    tables = [str(tmp_path / "new" / stem) + ".measures.csv" for stem in ("may/one", "two")]
    assert said.out.splitlines() == tables
    assert "june/one.json" in said.err and len(said.err.splitlines()) == 1
    assert all(Path(table).is_file() for table in tables)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["a/x.json", "b/x.json", "-o", "new"], "2 of these files would be measured into new"),
        (["a/x.json", "b/y.json", "--report", "--video", "x.mp4"], "--video belongs to one clip"),
        (["a"], "a: no clip's NAME.json with its NAME.info.json in it"),
    ],
)  # fmt: skip
def test_what_several_files_cannot_share_is_refused(
    given: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    assert main(["measure", *given]) == 1
    assert said in capsys.readouterr().err


def test_a_video_of_another_size_is_not_that_of_the_tracks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, other = make_video(tmp_path / "walk.mp4", 3), tmp_path / "other.mp4"
    with av.open(str(other), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "bgr24")
        container.mux([*stream.encode(black), *stream.encode()])
    settings = Settings(clip=ClipOptions(video=False, formats=("csv",)))
    track_clip(Clip(str(source), tmp_path / "walk"), settings, build(settings.pipeline), {})
    words = ["measure", str(tmp_path / "walk.csv"), "--speeds", "--report", "--video"]
    assert main([*words, str(other)]) == 1
    assert "of another size" in capsys.readouterr().err
    assert main([*words, str(source)]) == 0


def test_thumbnails_are_cut_from_the_pictures_as_they_were_turned(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 12)
    measures = MeasureOptions(speeds=True, report=True)
    options = ClipOptions(
        crop=(4, 0, 150, 120), rotate=90, video=False, formats=("csv",), measures=measures
    )
    settings = Settings(clip=options)
    track_clip(Clip(str(source), tmp_path / "walk"), settings, build(settings.pipeline), {})
    page = (tmp_path / "walk.html").read_text()
    words = ["measure", str(tmp_path / "walk.csv"), "-o", str(tmp_path / "again"), "--speeds"]
    assert main([*words, "--report", "--video", str(source)]) == 0
    again = (tmp_path / "again" / "walk.html").read_text()
    pictures = [re.findall(r"data:image/jpeg[^\"']*", text) for text in (page, again)]
    assert pictures[0] == pictures[1]
    assert pictures[0]


@pytest.mark.parametrize("crop", [None, (4, 0, 151, 117)])
def test_thumbnails_are_cut_from_a_video_with_people_drawn_in_too(
    tmp_path: Path, crop: tuple[int, int, int, int] | None
) -> None:
    source = make_video(tmp_path / "walk.mp4", 30)
    clip = ClipOptions(crop=crop, time_range=(0.4, 0.8), formats=("posetrack18",))
    settings = Settings(clip=clip)
    out = tmp_path / "out" / "walk"
    track_clip(Clip(str(source), out), settings, build(settings.pipeline), {})
    if crop is None:  # nothing but the manifest tells them apart
        entry = Entry(str(source), "done", "key", outputs=("walk.mp4", "walk.json"))
        Manifest(out.parent).add(entry)
    words = ["measure", f"{out}.json", "-o", str(tmp_path / "again"), "--speeds", "--report"]
    faces = []
    for video in (source, out.with_suffix(".mp4")):
        assert main([*words, "--video", str(video)]) == 0
        page = (tmp_path / "again" / "walk.html").read_text()
        jpegs = re.findall(r"data:image/jpeg;base64,([^\"']*)", page)
        faces.append([decoded(jpeg) for jpeg in jpegs])
    assert len(faces[0]) == 2
    for clean, drawn in zip(*faces, strict=True):  # the same moment, but for what is drawn
        assert np.median(np.abs(clean.astype(int) - drawn)) < 10


def decoded(jpeg: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(jpeg), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def test_uneven_frame_times_do_not_move_thumbnails_to_another_frame() -> None:
    """After a seek into such a clip the numbers of frames are estimated, the times are not."""
    best = frame_without_picture(7, 0.5, bending(0, 90).people)
    frames = [
        Frame(index, time_s, np.full((500, 400, 3), 10 * index, np.uint8))
        for index, time_s in enumerate([0.0, 0.1, 0.5004, 0.9, 1.0, 1.1, 1.2, 1.3])
    ]
    assert (take_thumbnails(frames, best_places([best]))[3] == 20).all()
    late = frame_without_picture(7, 0.45, bending(0, 90).people)
    assert take_thumbnails(frames, best_places([late])) == {}


def test_what_the_window_corrected_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [KnownFrame(index / 25, with_double(bending(index, 90).people)) for index in range(5)]
    steps = [
        Correction("delete", 4),
        Correction("rename", 3, name="<安娜> $1"),
        Correction("set id", 3, 8),
    ]
    info = ClipInfo("walk", (400, 400), COCO17)
    save_result(tmp_path / "walk.json", info, frames, steps, lambda share: None)
    words = ["measure", str(tmp_path / "walk.json"), "--angles", "--report", "--plots"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "the corrections of walk.corrections.json are applied" in told.err
    assert told.out.split() == [
        str(tmp_path / name) for name in ("walk.measures.csv", "walk_person8.png", "walk.html")
    ]
    with (tmp_path / "walk.measures.csv").open() as file:
        assert {(row["id"], row["name"]) for row in csv.DictReader(file)} == {("8", "<安娜> $1")}
    page = (tmp_path / "walk.html").read_text()
    assert "&lt;安娜&gt; $1</span> number 8, seen for" in page
    assert "<安娜" not in page


def with_double(people: TrackedPoses) -> TrackedPoses:
    """The one person, and once more as number 4."""
    return TrackedPoses(people.poses.select([0, 0]), np.array([3, 4]))


def test_corrections_are_of_the_tracks_that_the_window_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of that name may be another program's."""
    source = make_video(tmp_path / "walk.mp4", 3)
    settings = Settings(clip=ClipOptions(video=False, formats=("csv",)))
    track_clip(Clip(str(source), tmp_path / "walk"), settings, build(settings.pipeline), {})
    save_corrections(tmp_path / "walk.corrections.json", [Correction("delete", 1)])
    assert main(["measure", str(tmp_path / "walk.csv"), "--angles"]) == 0
    assert "walk.corrections.json is of walk.json; name that" in capsys.readouterr().err
    with (tmp_path / "walk.measures.csv").open() as file:
        assert {row["id"] for row in csv.DictReader(file)} == {"1", "2"}


def test_a_scale_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    from app.measures.command import _scale

    with pytest.raises(ConfigError, match="expected pixels=metres"):
        _scale("9m")
    assert _scale("412=9") == pytest.approx(9 / 412)
