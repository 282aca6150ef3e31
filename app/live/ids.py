"""Three numberings of the people of a video, and how they are kept in step.

The tracker's own ids; ours, unique in the video, which History keeps and recordings hold; and those
shown, which are ours under the corrections. A correction therefore needs nothing of the tracker to
be seen. `honour` lets the tracker take it over all the same, so that whom a person ruled out is not
found again; the issuer is told of every id that the tracker exchanges, so ours stay as they are,
nothing is applied twice, and undo is right for every frame.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from app.corrections import Correction, corrected_ids
from pose.people import IntArray
from tracking.tracker import PoseTracker


class IdIssuer:
    """Makes the ids of trackers unique within a video: across their restarts, and beside ids
    that were given by hand or come from a file. An id nobody has yet stays as it is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[int, int] = {}  # the tracker's id -> ours
        self._used: set[int] = {0}

    def restart(self) -> None:
        """The tracker begins to count anew."""
        with self._lock:
            self._given.clear()

    def new(self) -> int:
        """An id that nobody has and nobody will be given."""
        with self._lock:
            person = max(self._used) + 1
            self._used.add(person)
            return person

    def reserve(self, ids: Iterable[int]) -> None:
        """Keep `ids` from being given to anybody."""
        with self._lock:
            self._used.update(ids)

    def adopt(self, ours: dict[int, int]) -> None:
        """The tracker has learnt, under ids of its own, of people who have one of `ours`."""
        with self._lock:
            self._given.update(ours)

    def given(self) -> dict[int, int]:
        """Our id for every one that the tracker has shown since it began to count."""
        with self._lock:
            return dict(self._given)

    def exchanged(self, first: int, second: int) -> None:
        """The tracker exchanged two of its ids; ours stay with the people."""
        with self._lock:
            ours = {second: self._given.pop(first, 0), first: self._given.pop(second, 0)}
            self._given.update({theirs: person for theirs, person in ours.items() if person})

    def __call__(self, ids: IntArray) -> IntArray:
        """Our ids (N,) for the tracker's (N,)."""
        with self._lock:
            for person in ids.tolist():
                if person not in self._given:
                    ours = max(self._used) + 1 if person in self._used else person
                    self._given[person] = ours
                    self._used.add(ours)
            return np.array([self._given[person] for person in ids.tolist()], np.int64)


def honour(
    tracker: PoseTracker,
    issuer: IdIssuer,
    corrections: Sequence[Correction],
    time_s: float,
    in_sight: Collection[int],
) -> None:
    """Let `tracker` call people at `time_s` as `corrections` do, and forget who was ruled out.

    Forgotten are people out of sight who were deleted, or of whom a merge says that they are
    somebody else: nobody will be taken for them. Those `in_sight` (our ids) stay, since the tracker
    would only find them again, under a new id. What was forgotten does not come back with an undo.
    """
    given = issuer.given()
    theirs, ours = list(given), np.array(list(given.values()), np.int64)  # (M,)
    shown = corrected_ids(ours, np.full(len(ours), time_s), corrections)  # (M,)
    seen = np.isin(ours, list(in_sight))  # (M,)
    wanted: dict[int, int] = {}  # the tracker's id -> the one shown, each once
    # Who is in sight comes first, under an id that is theirs already; of those lost, the latest
    for row in np.lexsort((np.where(seen, ours != shown, -ours), ~seen)):
        if shown[row] and shown[row] not in wanted.values():
            wanted[theirs[row]] = int(shown[row])
        elif not seen[row]:
            tracker.forget(theirs[row])
    for person in list(wanted):
        while (name := wanted.pop(person, person)) != person:  # each turn puts one into place
            tracker.swap(person, name)
            issuer.exchanged(person, name)
            if name in wanted:  # whoever had that name is `person` now, and on the way to another
                wanted[person] = wanted.pop(name)


def hold(
    tracker: PoseTracker,
    issuer: IdIssuer,
    corrections: Sequence[Correction],
    time_s: float,
    person: int,
) -> bool:
    """Let `tracker` lock the identity that is shown as `person` at `time_s`, and no other; 0: none.

    See PoseTracker.lock. False where the tracker does not know `person` (any more).
    """
    given = issuer.given()
    ours = np.array(list(given.values()), np.int64)  # (M,)
    shown = corrected_ids(ours, np.full(len(ours), time_s), corrections)  # (M,)
    for theirs, name in zip(given, shown.tolist(), strict=True):
        tracker.lock(theirs, person > 0 and name == person)
    return person in shown
