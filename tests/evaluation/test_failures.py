"""Lost identities are found; short mistakes are not counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.failures import Failure, failures, main
from evaluation.recordings import Recording

BOX = np.array([[0.0, 0, 10, 20]])


def named(*names: int) -> list[Failure]:
    """The failures for one person to whom a tracker gives these ids; 0 is not found."""
    boxes = [BOX if name else np.zeros((0, 4)) for name in names]
    ids = [np.array([name]) if name else np.zeros(0, np.int64) for name in names]
    truth = Recording("one", [], [BOX] * len(names), [np.array([7])] * len(names), tuned=False)
    return failures(truth, list(zip(boxes, ids, strict=True)))


def test_a_lasting_change_of_the_id_is_a_failure() -> None:
    assert named(*[1] * 6, 0, 0, *[2] * 6) == [Failure(7, was=1, became=2, before=5, after=8)]


def test_a_flicker_and_an_absence_are_no_failures() -> None:
    assert named(*[1] * 6, 2, 2, *[1] * 6) == []
    assert named(*[1] * 6, 0, 0, 0, *[1] * 6) == []


def test_a_name_that_is_no_pictures_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lost.txt"
    assert main(["--data", "none", str(path)]) == 1
    err = capsys.readouterr().err
    assert err == f"error: {path}: no picture can be written by that name; end it in .webp\n"
