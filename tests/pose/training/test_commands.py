"""Training's programs report mistakes in one line, as every other program does."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import main as posse
from pose.training.__main__ import main as training
from pose.training.posetrack15 import main as posetrack15

NEEDED = ["pose", "--data", "none.json", "--images", ".", "--out", "out"]


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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a whole JSON file"),
        ('{"images": []}', "'annotations' is missing"),
        (
            '{"images": [{"id": 1}], "annotations": [{"image_id": 1, "keypoints": [1, 2, 2]}]}',
            "annotation ? has not 17 joints",
        ),
    ],
)
def test_converting_a_malformed_file_says_what_is_wrong(
    content: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "people.json"
    data.write_text(content)
    assert posetrack15([str(data), str(tmp_path / "out.json")]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"error: {data}: ")
    assert words in told
    assert not (tmp_path / "out.json").exists()
