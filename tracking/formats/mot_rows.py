"""Parse lines of MOT Challenge text; without OpenCV, for the scoring programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pose.errors import UserError
from pose.reading import ContentError, floats, read_text, reading, shown, whole

PEDESTRIAN = 1  # the class that MOT16 and later files score
_WITH_CLASS = (8, 9)  # columns, visibility being the ninth; MOT15 has 10: a place in the world


def mot_rows(path: Path, failure: type[UserError]) -> Iterator[tuple[str, list[float]]]:
    """Each line's place, for messages, and its numbers: frame, id, x, y, width, height, ...

    Numbers are separated by commas or blanks; frame and id are whole. Raises a `failure`.
    """
    for number, line in enumerate(read_text(path, failure).splitlines(), start=1):
        text = line.strip().rstrip(",")  # some programs end lines with a comma
        if not text:
            continue
        place = f"{path}: line {number}"
        with reading(place, failure):
            values = floats(text.split(",") if "," in text else text.split())
            if len(values) < 6:
                raise ContentError(f"expected frame, id, x, y, width, height: {shown(text)}")
            whole(values[0])
            whole(values[1])
        yield place, values


def class_of(values: list[float]) -> float:
    """The class of a line of ground truth; a pedestrian if it has none, or -1."""
    return values[7] if len(values) in _WITH_CLASS and values[7] >= 0 else PEDESTRIAN
