"""`posse train` from the command line to the card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from small_data import SIZE_WH, TINY, person, small_task, write_data

from app.cli import main as posse
from pose.training import command, options
from pose.training.__main__ import main as training
from pose.training.check import draw_first_batch
from pose.training.recipes import Stage
from pose.training.starts import Start

NEEDED = ["pose", "--data", "none.json", "--images", ".", "--out", "out"]


def test_the_check_draws_the_targets_on_the_joints(tmp_path: Path) -> None:
    task = small_task(write_data(tmp_path))
    assert draw_first_batch(task, Stage(SIZE_WH, 1, 4), 0, tmp_path / "check.png") == 4
    sheet = cv2.imread(str(tmp_path / "check.png"))
    assert sheet is not None
    assert sheet.shape == (384, 4 * 192, 3)  # the same for every crop size
    green = (np.abs(sheet.astype(int) - [80, 200, 60]) < 12).all(2)
    assert green.sum() > 20  # left joints; noise has hardly any such pixels


def test_the_command_checks_trains_and_leaves_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "POSE_HRNET", TINY)
    file = write_data(tmp_path)
    content = json.loads(file.read_text())
    content["annotations"].append({**person(0, [5.0, 5.0, 0.0, 9.0]), "id": 77})
    content["images"].append({"id": 99, "file_name": "caf\udce9.png"})  # not UTF-8, and missing
    file.write_text(json.dumps(content))
    out = tmp_path / "out"
    words = ["train", "pose", "--data", str(file), "--images", str(tmp_path), "--out", str(out),
             "--stage", "32x64:1:2", "--stage", "64x96:1:2",
             "--device", "cpu"]  # fmt: skip
    assert posse([*words, "--check"]) == 0
    assert (out / "check.png").is_file()
    assert not (out / "best.safetensors").exists()
    said = capsys.readouterr().out
    assert "train: 6 people in 6 pictures" in said
    assert "joints without a left or right twin: nose\n" in said
    assert "left out, a box without area: 1 (000.png (annotation 77))" in said
    assert r"missing: 1 (caf\udce9.png)" in (out / "left-out.txt").read_text()

    assert posse(words) == 0
    card = (out / "model-card.md").read_text()
    assert "| train |" in card and "oks-ap" in card and "a box without area" in card
    assert "- stages: 32x64:1:2, 64x96:1:2\n" in card and "- drops: none\n" in card
    assert "- augmentation: scale 0.3, " in card
    assert "Epoch 1, with the labelled boxes" in card  # the last stage, whatever scored more
    can = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert f"- precision: {'bf16' if can else 'fp32 (bf16 is no quicker on this cpu)'}\n" in card
    assert (out / "curves.png").is_file()

    again, best = tmp_path / "again", str(out / "best.safetensors")
    assert posse([*words, "--from", best, "--out", str(again)]) == 0
    lines = [json.loads(line) for line in (again / "log.jsonl").read_text().splitlines()]
    start = next(line for line in lines if "score" in line)  # at the last stage's size
    end = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert end.pop("epoch") == 1
    assert start == pytest.approx({**end, "step": 0}, abs=1e-3)
    assert f"| measure | value | {best}, before |" in (again / "model-card.md").read_text()

    assert posse([*words, "--from", "no-such-weights"]) == 1
    assert "no weights are called 'no-such-weights'" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert posse([*words, "--out", str(tmp_path / "file" / "out"), "--check"]) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("detector", ["--rotation", "30"], "--rotation is for pose networks"),
        ("detector", ["--best-by", "oks"], "--best-by is for pose networks"),
        ("detector", ["--recipe", "hrnet-coco"], "hrnet-coco is not for a detector"),
        ("pose", ["--recipe", "detector-tune"], "detector-tune is not for a pose"),
        ("pose", ["--val-images", "v"], "--val-data, which is missing"),
        ("pose", ["--exclude", "ccp"], "no picture has the source ccp"),
        ("pose", ["--best-by", "pckh"], "PCKh needs head boxes"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, options: list[str], said: str
) -> None:
    words = ["--data", str(write_data(tmp_path)), "--images", str(tmp_path)]
    assert posse(["train", kind, *words, "--out", str(tmp_path / "out"), "--check", *options]) == 1
    assert said in capsys.readouterr().err


def test_rotation_says_how_far_crops_are_turned() -> None:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    words = ["pose", "--data", "a", "--images", "b", "--out", "c"]
    usual = options.recipe_of(parser.parse_args(words), Start(TINY)).augmentation
    level = options.recipe_of(parser.parse_args([*words, "--rotation", "0"]), Start(TINY))
    assert usual.turn_chance > 0
    assert (level.augmentation.turn_chance, level.augmentation.rotation_deg) == (0, 0)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (
            ["pose", "--nonsense"],
            "the following arguments are required: --data, --images, -o/--out",
        ),
        ([*NEEDED, "--lr", "quick"], "argument --lr: 'quick' is not a number"),
        ([*NEEDED, "--lr", "0"], "argument --lr: 0 is not above 0"),
        ([*NEEDED, "--epochs", "inf"], "argument --epochs: 'inf' is not a number"),
        ([*NEEDED, "--backbone-rate", "-1"], "argument --backbone-rate: -1 is less than 0"),
        (
            [*NEEDED, "--stage", "100x64:1:1"],
            "argument --stage: '100x64:1:1': width and height must be multiples of 32, epochs and "
            "batch above 0",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for program, name in ((training, "python -m pose.training"), (posse, "posse train")):
        with pytest.raises(SystemExit, match="2"):
            program(argv if program is training else ["train", *argv])
        assert capsys.readouterr().err == f"{name}: {words}; see {name} --help\n"


def test_missing_data_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert training(NEEDED) == 1
    assert capsys.readouterr().err == "error: none.json: no such file; check the name\n"


def test_help_begins_with_what_everybody_types(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        posse(["train", "pose", "--help"])
    told = capsys.readouterr().out
    assert told.startswith("usage: posse train pose|detector --data FILE --images DIR --out DIR ")
    assert "DATA DATA" not in told
