"""Converting tracks from one format to another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import build, make_video

from app.batch.clip import Clip, track_clip
from app.cli import main
from app.config import ClipOptions, Settings
from app.corrections import Correction, save_corrections
from pose.skeleton import COCO17, POSETRACK18
from tracking.files import FORMATS, read_tracks


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    settings = Settings(clip=ClipOptions(video=False, formats=("csv",)))
    source = make_video(tmp_path / "walk.mp4", 8)
    track_clip(Clip(str(source), tmp_path / "walk"), settings, build(settings.pipeline), {})
    return tmp_path / "walk.csv"


def test_the_help_tells_what_every_format_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    lines = capsys.readouterr().out.splitlines()
    for name, kind in FORMATS.items():
        (line,) = [line for line in lines if line.split()[:2] == [name, kind.suffix]]
        assert kind.summary in line
        assert line.endswith("written only") != kind.readable


@pytest.mark.parametrize("name", ["x.coco.json", "x.alphapose.json", "x_openpose", "x.csv"])
def test_there_and_back_gives_the_same_poses(csv: Path, name: str) -> None:
    assert main(["convert", str(csv), str(csv.with_name(name))]) == 0
    assert main(["convert", str(csv.with_name(name)), str(csv.with_name("back.csv"))]) == 0
    before, after = read_tracks(csv), read_tracks(csv.with_name("back.csv"))
    assert len(before.frames) == len(after.frames) > 5
    for one, other in zip(before.frames, after.frames, strict=True):
        np.testing.assert_allclose(
            one.people.poses.keypoints, other.people.poses.keypoints, atol=0.01
        )
        assert one.people.ids.tolist() == other.people.ids.tolist()
        assert one.frame.time_s == other.frame.time_s
    assert after.info.weights == before.info.weights
    assert after.info.frame_rate == 25


def test_an_unknown_ending_lists_the_known(csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(csv), str(csv.with_suffix(".xyz"))]) == 1
    assert ".coco.json" in capsys.readouterr().err


def test_a_file_with_nobody_in_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none.json").write_text("[]")
    assert main(["convert", str(tmp_path / "none.json"), str(tmp_path / "b.csv")]) == 1
    assert "none.json: nobody is in it; there is nothing to convert\n" in capsys.readouterr().err
    assert not (tmp_path / "b.csv").exists()


def test_what_is_read_is_not_written_over(csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = csv.read_bytes()
    assert main(["convert", str(csv), str(csv.parent / "." / csv.name)]) == 1
    assert "choose another name" in capsys.readouterr().err
    assert csv.read_bytes() == before


def test_a_folder_is_not_written_over_by_a_file(
    csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (csv.parent / "taken.csv").mkdir()
    assert main(["convert", str(csv), str(csv.parent / "taken.csv")]) == 1
    assert "is a file; choose another name" in capsys.readouterr().err


def test_times_that_are_taken_are_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("1,1,0,0,9,9\n2,1,0,0,9,9\n")
    assert main(["convert", str(boxes), str(tmp_path / "b.csv")]) == 0
    said = capsys.readouterr()
    assert said.err == f"posse: {boxes}: it has no times; 25 frames a second are taken\n"
    assert said.out == f"2 frames, 1 person -> {tmp_path / 'b.csv'}\n"
    assert read_tracks(tmp_path / "b.csv").info.frame_rate == 25


@pytest.mark.parametrize("name", ["b_trc", "b_openpose"])
def test_people_without_joints_are_refused_where_there_is_nothing_else(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("1,1,0,0,9,9\n")
    assert main(["convert", str(boxes), str(tmp_path / name)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"posse: {boxes}: people without joints; ")
    assert said.count("\n") == 1
    assert not (tmp_path / name).exists()


def test_a_table_alone_gives_markers_at_its_own_rate(csv: Path) -> None:
    csv.with_name("walk.info.json").unlink()
    rows = csv.read_text().splitlines()
    slow = [",".join([a, str(2 * float(b)), *c]) for a, b, *c in (r.split(",") for r in rows[1:])]
    csv.write_text("\n".join([rows[0], *slow]) + "\n")  # 12.5 frames a second
    assert main(["convert", str(csv), str(csv.with_name("walk_trc"))]) == 0
    values = (csv.parent / "walk_trc" / "walk_person1.trc").read_text().split("\n")[2]
    assert values.startswith("12.5\t12.5\t")


def test_what_the_window_corrected_is_converted(
    csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(csv), str(csv.with_suffix(".json"))]) == 0
    steps = [Correction("delete", 2), Correction("set id", 1, 7)]
    save_corrections(csv.with_suffix(".corrections.json"), steps)
    capsys.readouterr()
    assert main(["convert", str(csv.with_suffix(".json")), str(csv.with_name("b.txt"))]) == 0
    assert "the corrections of walk.corrections.json are applied" in capsys.readouterr().err
    people = {i for result in read_tracks(csv.with_name("b.txt")).frames for i in result.people.ids}
    assert people == {7}


def test_files_beside_what_is_written_keep_their_joints(csv: Path) -> None:
    coco, tracks = csv.with_name("walk.coco.json"), csv.with_name("walk.json")
    assert main(["convert", str(csv), str(coco)]) == 0
    assert main(["convert", str(csv), str(tracks)]) == 0
    assert main(["convert", str(tracks), str(csv.with_name("walk.txt"))]) == 0
    assert read_tracks(coco).info.skeleton == COCO17  # as many joints as PoseTrack's
    assert read_tracks(tracks).info.skeleton == POSETRACK18


def test_joints_that_are_not_those_told_beside_them_are_refused(
    csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(csv), str(csv.with_name("walk.json"))]) == 0
    coco = csv.with_name("walk.coco.json")
    assert main(["convert", str(csv.with_name("walk.json")), str(coco)]) == 1
    assert "walk.info.json says that the joints are those of coco17" in capsys.readouterr().err
    assert not coco.exists()


def test_results_in_other_joints_than_cocos_say_so(
    csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(csv), str(csv.with_name("walk.json"))]) == 0
    assert main(["convert", str(csv), str(csv.with_name("a.coco.json"))]) == 0
    assert capsys.readouterr().err == ""
    other = csv.with_name("b.coco.json")
    assert main(["convert", str(csv.with_name("walk.json")), str(other)]) == 0
    said = f"{other}: the joints are those of posetrack18 (nose, head_bottom, head_top, ...)"
    assert said in capsys.readouterr().err
    assert read_tracks(other).info.skeleton == POSETRACK18
