"""A file is there whole or not at all, and nothing is left beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pose.errors import UserError
from pose.writing import whole_file, writing


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as partial:
        partial.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.json"):
        pass
    with (
        pytest.raises(FileNotFoundError),
        whole_file(tmp_path / "no folder" / "a.json") as partial,
    ):
        partial.write_text("new")
    assert list(tmp_path.iterdir()) == []


class WriteError(UserError):
    """What a caller may ask for."""


def test_what_cannot_be_written_is_one_line_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "a.json"
    with pytest.raises(WriteError) as caught, writing(path, WriteError):
        path.write_text("new")
    assert str(caught.value) == (
        f"{path}: cannot be written: a part of its name is a file; choose another folder"
    )
