"""The user's corrections of who is who: a list of steps applied on top of the tracker's ids.

The tracker's ids are never rewritten. Each correction is a step that maps ids to ids, and the steps
are applied in order to any (time, id) pairs: to the frame on screen, to every later frame, and to
the spans of the timeline. So undo drops the last step, and a file opened again gets its corrections
by applying the saved steps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pose.errors import UserError
from pose.people import IntArray
from pose.reading import MALFORMED, read_json
from pose.writing import whole_file, writing
from tracking.tracks import TrackedPoses

Kind = Literal["rename", "swap", "merge", "split", "delete", "set id"]
SUFFIX = ".corrections.json"
VERSION = 1


class CorrectionsError(UserError):
    """A corrections file that cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One step; its ids are those on screen when it was made."""

    kind: Kind
    person: int
    other: int = 0  # swap: the second id; merge: the id that goes; split, set id: the new id
    from_s: float = 0.0  # swap and split apply from this time on, the others to the whole video
    name: str = ""  # rename: the new name, empty for none

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind is {self.kind!r}, expected one of {', '.join(get_args(Kind))}")
        two = self.kind in ("swap", "merge", "split", "set id")
        if not (isinstance(self.name, str) and math.isfinite(self.from_s)):
            raise ValueError("a name is not text, or a time is not finite")
        if not (isinstance(self.person, int) and isinstance(self.other, int)):
            raise ValueError("an id is not a whole number")
        if self.person < 1 or (two and self.other < 1):
            raise ValueError(f"{self.kind} needs ids of 1 or more, not {self.person}, {self.other}")
        if two and self.person == self.other:
            raise ValueError(f"{self.kind} needs two different people, not {self.person} twice")


def corrected_ids(
    ids: IntArray, times_s: NDArray[np.float64], corrections: Iterable[Correction]
) -> IntArray:
    """Map the tracker's `ids` (M,) at `times_s` (M,) to corrected ids (M,); 0 where deleted."""
    ids = np.array(ids, np.int64)
    for step in corrections:
        first, second = ids == step.person, ids == step.other  # (M,)
        later = np.asarray(times_s) >= step.from_s - 1e-6  # (M,)
        match step.kind:
            case "swap":
                ids[first & later] = step.other
                ids[second & later] = step.person
            case "merge":
                ids[second] = step.person
            case "split":
                ids[first & later] = step.other
            case "delete":
                ids[first] = 0
            case "set id":
                ids[first] = step.other
                ids[second] = step.person
    return ids


def corrected_people(
    people: TrackedPoses, time_s: float, corrections: Sequence[Correction]
) -> TrackedPoses:
    """The people of one frame under their corrected ids, without those deleted.

    Where a merge gives two of them one id, the one stays that had it already, else the one with the
    better score.
    """
    if not corrections or not len(people):
        return people
    ids = corrected_ids(people.ids, np.full(len(people), time_s), corrections)
    preference = np.lexsort((-people.poses.scores, people.ids != ids))  # best first
    _, first = np.unique(ids[preference], return_index=True)
    keep = np.sort(preference[first])
    keep = keep[ids[keep] > 0]
    return TrackedPoses(people.poses.select(keep), ids[keep])


def names_of(corrections: Iterable[Correction]) -> dict[int, str]:
    """The names given, by corrected id; a name stays with its person."""
    names: dict[int, str] = {}
    for step in corrections:
        match step.kind:
            case "rename":
                names[step.person] = step.name
            case "merge":
                gone = names.pop(step.other, "")
                names[step.person] = names.get(step.person) or gone
            case "set id":
                first, second = names.pop(step.person, ""), names.pop(step.other, "")
                names[step.other], names[step.person] = first, second
            case "delete":
                names.pop(step.person, None)
    return {person: name for person, name in names.items() if name}


def moved(corrections: Iterable[Correction], by_s: float) -> tuple[Correction, ...]:
    """The corrections for a video whose times are `by_s` later; only swaps and splits change."""
    return tuple(
        replace(step, from_s=step.from_s + by_s) if step.kind in ("swap", "split") else step
        for step in corrections
    )


class CorrectionLog:
    """The corrections made so far, with undo and redo. `done` is replaced, never mutated."""

    def __init__(self, done: Iterable[Correction] = ()) -> None:
        self.done: tuple[Correction, ...] = tuple(done)
        self.undone: tuple[Correction, ...] = ()  # the next to redo is the last item

    def add(self, correction: Correction) -> None:
        """Apply one more; undone corrections are discarded."""
        self.done, self.undone = (*self.done, correction), ()

    def undo(self) -> Correction | None:
        """Undo the last one and return it; None where there is none."""
        if not self.done:
            return None
        last = self.done[-1]
        self.done, self.undone = self.done[:-1], (*self.undone, last)
        return last

    def redo(self) -> Correction | None:
        """Apply the one undone last again and return it; None where there is none."""
        if not self.undone:
            return None
        last = self.undone[-1]
        self.done, self.undone = (*self.done, last), self.undone[:-1]
        return last


def sidecar_of(tracks: Path) -> Path:
    """Where the corrections of the tracks file (or video) `tracks` are kept."""
    return tracks.with_name(tracks.stem + SUFFIX)


def save_corrections(path: Path, corrections: Iterable[Correction]) -> None:
    """Write `corrections` to `path`, completely or not at all. Raises CorrectionsError."""
    content = {"version": VERSION, "corrections": [asdict(step) for step in corrections]}
    with writing(path, CorrectionsError), whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def load_corrections(path: Path) -> tuple[Correction, ...]:
    """Read the corrections in `path`; empty if there is no such file. Raises CorrectionsError."""
    try:
        if not path.exists():
            return ()
        content = read_json(path, CorrectionsError)
        return tuple(Correction(**step) for step in content["corrections"])
    except (*MALFORMED, CorrectionsError) as error:
        raise CorrectionsError(
            f"{path}: not a corrections file, or damaged; move it away to start without it"
        ) from error
