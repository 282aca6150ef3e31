"""PoseTrack files made by hand, small enough to check with a pencil."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

Person = dict[str, Any]
Frames = list[list[Person]]


def person(
    track_id: int | None = 1,
    x: float = 100,
    y: float = 100,
    joints: Iterable[int] = range(15),
    score: float | None = 0.9,
    head: tuple[float, float, float, float] | None = (0, 0, 30, 40),
) -> Person:
    """One person of a PoseTrack 2017 file, all joints in a row 100 pixels apart.

    The head box 30 x 40 has a diagonal of 50: the head size is 30, a joint matches within 15.
    """
    points = [
        {"id": [j], "x": [x + 100 * j], "y": [y]} | ({} if score is None else {"score": [score]})
        for j in joints
    ]
    result: Person = {"annopoints": [{"point": points}]}
    if track_id is not None:
        result["track_id"] = [track_id]
    if head is not None:
        result |= dict(zip(("x1", "y1", "x2", "y2"), ([value] for value in head), strict=True))
    return result


def file_2017(frames: Frames, **extra: Any) -> dict[str, Any]:
    """A PoseTrack 2017 file; `extra` goes into its first frame."""
    entries = [
        {"image": [{"name": f"images/{index:05d}.jpg"}], "annorect": people}
        for index, people in enumerate(frames)
    ]
    entries[0] |= extra
    return {"annolist": entries}


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Write truth and prediction of one sequence; returns the two folders."""

    def write(truth: Any, predicted: Any, name: str = "seq") -> tuple[Path, Path]:
        folders = tmp_path / "gt", tmp_path / "pred"
        for folder, content in zip(folders, (truth, predicted), strict=True):
            folder.mkdir(exist_ok=True)
            content = file_2017(content) if isinstance(content, list) else content
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / f"{name}.json").write_text(text)
        return folders

    return write


@pytest.fixture
def make_person() -> Callable[..., Person]:
    """Make a person of a PoseTrack 2017 file."""
    return person


@pytest.fixture
def make_file() -> Callable[..., dict[str, Any]]:
    """Make a PoseTrack 2017 file."""
    return file_2017
