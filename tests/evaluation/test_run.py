"""A data set goes through a pipeline, one that needs no networks, to the table of scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from evaluation import run
from pose.people import Detections, Frame, Poses
from pose.skeleton import POSETRACK15, Skeleton
from tracking.pipeline import Pipeline, PipelineConfig

CONFIG = """
truth = "gt"
frames = "frames"
output = "out"
kpt_thr = 0.5
compat = "strict"
"""


def _detect(frame: Frame) -> Detections:
    return Detections(np.array([[90, 50, 1510, 150]], np.float32), np.ones(1, np.float32))


class _Row:
    """Finds the joints of conftest's `person`, the last one with a low score."""

    skeleton: Skeleton = POSETRACK15

    def __call__(self, frame: Frame, detections: Detections) -> Poses:
        keypoints = np.stack([100 + 100 * np.arange(15), np.full(15, 100)], axis=1)[None]
        scores = np.full((1, 15), 0.9, np.float32)
        scores[0, 14] = 0.1
        boxes, score = detections.boxes, detections.scores
        return Poses(boxes, score, keypoints.astype(np.float32), scores, POSETRACK15)


@pytest.fixture
def data_set(
    pair: Callable[..., tuple[Path, Path]],
    make_person: Any,
    make_file: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Two frames as pictures, their truth, and a CONFIG; returns CONFIG's path."""
    truth = make_file([[make_person()]] * 8)
    for index, frame in enumerate(truth["annolist"]):
        frame["image"][0]["name"] = f"images/seq/{index:05d}.jpg"
    pair(truth, truth)
    (tmp_path / "frames" / "seq").mkdir(parents=True)
    for index in range(8):
        picture = np.zeros((200, 1600, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "frames" / "seq" / f"{index:05d}.jpg"), picture)
    monkeypatch.setattr(
        run, "build_pipeline", lambda config: Pipeline(_detect, _Row(), PipelineConfig())
    )
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path / "config.toml"


def test_pictures_become_two_sets_of_predictions_and_scores(data_set: Path) -> None:
    assert run.main([str(data_set)]) == 0
    out = data_set.parent / "out"
    joints = {}
    for name in ("unfiltered", "filtered"):
        last = json.loads((out / name / "seq.json").read_text())["annolist"][-1]
        assert last["image"] == [{"name": "images/seq/00007.jpg"}]  # the truth's
        joints[name] = len(last["annorect"][0]["annopoints"][0]["point"])
    assert joints == {"unfiltered": 15, "filtered": 14}
    summary = json.loads((out / "summary.json").read_text())
    assert not summary["warnings"]
    scores = summary["total"]
    assert scores["AP"]["pre"][:14] == [100] * 14
    assert scores["CLEAR"]["rec"][14] == 0
    assert (out / "report.html").is_file()


def test_existing_predictions_are_not_made_again(
    data_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.main([str(data_set)]) == 0

    def refuse(config: PipelineConfig) -> Pipeline:
        raise AssertionError("the pipeline was built again")

    monkeypatch.setattr(run, "build_pipeline", refuse)
    assert run.main([str(data_set)]) == 0


@pytest.mark.parametrize("change", ["flip = true", "pose = 'posse-pose-small'"])
def test_predictions_made_with_other_settings_are_made_again(
    data_set: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([str(data_set)]) == 0
    predictions = data_set.parent / "out" / "unfiltered" / "seq.json"
    predictions.write_text("those of other settings")
    data_set.write_text(f"{CONFIG}[pipeline]\n{change}")
    assert run.main([str(data_set)]) == 0
    assert "made with other settings, run again: 1 sequence\n" in capsys.readouterr().err
    assert json.loads(predictions.read_text())["annolist"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "zz.json: not a whole JSON file"), (None, "frames: no frames of zz.json there")],
)
def test_what_is_wrong_with_the_last_sequence_is_said_before_the_first_is_run(
    data_set: Path, text: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data_set.parent
    truth = (folder / "gt" / "seq.json").read_text().replace("images/seq", "images/zz")
    (folder / "gt" / "zz.json").write_text(truth if text is None else text)
    assert run.main([str(data_set)]) == 1
    assert message in capsys.readouterr().err
    assert not (folder / "out" / "unfiltered" / "seq.json").exists()


def test_truth_may_be_one_file(data_set: Path) -> None:
    data_set.write_text(CONFIG.replace('"gt"', '"gt/seq.json"'))
    assert run.main([str(data_set)]) == 0
    assert (data_set.parent / "out" / "filtered" / "seq.json").is_file()


def test_a_missing_picture_is_named_and_leaves_no_predictions(
    data_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_set.parent / "frames" / "seq" / "00003.jpg").unlink()
    assert run.main([str(data_set)]) == 1
    assert "no picture images/seq/00003.jpg, frame 3 of" in capsys.readouterr().err
    assert list((data_set.parent / "out" / "unfiltered").iterdir()) == []


def test_a_missing_config_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([str(tmp_path / "none.toml")]) == 1
    line = f"error: {tmp_path / 'none.toml'}: no such file; check the name\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("truth = 3", "truth is missing"),
        ("truth = [", "cannot be read as TOML"),
        (CONFIG + "threshold = 1", "no setting 'threshold'"),
        (CONFIG.replace("0.5", "2.0"), "kpt_thr is 2.0, expected 0 to 1"),
        (CONFIG.replace('"strict"', '"lax"'), "compat is 'lax'"),
        (CONFIG.replace("0.5", "'high'"), 'kpt_thr is "high", expected 0 to 1'),
        (CONFIG + "pipeline = 3", "pipeline is a table, [pipeline]"),
        (CONFIG + "[pipeline]\ndetectr = 'x'", "there is no setting detectr"),
    ],
)
def test_a_bad_config_is_reported_in_one_line(
    data_set: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    data_set.write_text(text)
    assert run.main([str(data_set)]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
