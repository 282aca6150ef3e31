"""Converting tracks from one format to another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import build, make_video

from app.batch.clip import Clip, track_clip
from app.cli import main
from app.config import ClipOptions, Settings
from tracking.files import read_tracks


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    settings = Settings(clip=ClipOptions(video=False, formats=("csv",)))
    source = make_video(tmp_path / "walk.mp4", 8)
    track_clip(Clip(str(source), tmp_path / "walk"), settings, build(settings.pipeline), {})
    return tmp_path / "walk.csv"


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
