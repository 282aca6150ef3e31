"""What the readers of PoseTrack files collect, and their checks of numbers and ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evaluation.annotations import AnnotationError
from pose.people import DoubleArray
from pose.reading import ContentError, shown

_LARGEST = 1e15  # beyond any pixel or score; as a whole number it fits into 64 bits


class Person(NamedTuple):
    """A person in a file, without the points."""

    frame: int
    place: int  # index in its frame
    track_id: int | None
    has_points: bool  # the file has a list of points, even an empty one
    head: tuple[float, ...] | None  # x1 y1 x2 y2


@dataclass(slots=True)
class Rows:
    """The frames and people of one file, in its order."""

    path: Path
    frames: list[tuple[str, bool, bool]] = field(default_factory=list)  # name, annotated, labelled
    regions: dict[int, list[DoubleArray]] = field(default_factory=dict)  # frame -> (V, 2) each
    people: list[Person] = field(default_factory=list)
    unknown_points: int = 0  # points whose id is none of the 15 joints'

    def place(self, frame: int, person: int | None = None) -> str:
        """Name a frame, and a person in it, for a message; both count from 0."""
        text = f"{self.path}: frame {frame} ({self.frames[frame][0]})"
        return text if person is None else f"{text}, person {person}"

    def error(self, number: int, what: str) -> AnnotationError:
        """Say what is wrong with the person at index `number` of `people`."""
        person = self.people[number]
        return AnnotationError(f"{self.place(person.frame, person.place)}: {what}")

    def not_a_number(self, number: int, what: str, values: Iterable[Any]) -> AnnotationError:
        """Say which of the values of a person's `what` is not a number."""
        wrong = next(value for value in values if not is_number(value))
        expected = f"not a finite number below {_LARGEST:g}"
        return self.error(number, f"a {what} has a value that is {expected}: {shown(wrong)}")


def is_number(value: object) -> bool:
    """Whether a value of a JSON file is a number of a usual size; NaN is not."""
    return type(value) in (int, float) and abs(value) < _LARGEST  # type: ignore[arg-type]


def numbers(values: Sequence[Any]) -> DoubleArray | None:
    """The values (V,) as float64, or None where one of them is not `is_number`."""
    if not set(map(type, values)) <= {int, float}:
        return None
    try:
        array = np.array(values, np.float64)
    except OverflowError:
        return None
    return array if (np.abs(array) < _LARGEST).all() else None


def track_id(value: Any) -> int:
    """The id that a file gives; ContentError where it is not a whole number of 64 bits."""
    whole = type(value) is int or (type(value) is float and value.is_integer())
    if not whole or abs(value) >= 2**63:
        raise ContentError(f"track id {shown(value)} is not a whole number of 64 bits")
    return int(value)


def polygon(corners: Sequence[tuple[Any, Any]]) -> DoubleArray:
    """An ignore region (V, 2); ContentError where a corner is not two numbers."""
    values = numbers([value for corner in corners for value in corner])
    if values is None:
        raise ContentError("a corner of an ignore region is not a finite number")
    return values.reshape(-1, 2)
