"""Three numberings of the people of a video, and how they are kept in step.

There are the tracker's own ids; ours, unique in the video, stored in History and in recordings; and
those shown, which are ours after corrections. So a correction is visible without the tracker.
`honour` passes it on to the tracker all the same, so that somebody the user ruled out is not found
again. The issuer is told of every id that the tracker exchanges: so our ids stay as they are,
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
    """Makes the ids of trackers unique within a video: across restarts, and distinct from ids that
    were set by hand or come from a file. An id that nobody has yet stays as it is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[int, int] = {}  # the tracker's id -> ours
        self._used: set[int] = {0}

    def restart(self) -> None:
        """Forget the tracker's ids: it starts counting again."""
        with self._lock:
            self._given.clear()

    def new(self) -> int:
        """An id that nobody has, and that nobody else will be given."""
        with self._lock:
            person = max(self._used) + 1
            self._used.add(person)
            return person

    def reserve(self, ids: Iterable[int]) -> None:
        """Never give `ids` to anybody."""
        with self._lock:
            self._used.update(ids)

    def adopt(self, ours: dict[int, int]) -> None:
        """Note that the tracker now knows people who have our ids already: its id -> ours."""
        with self._lock:
            self._given.update(ours)

    def given(self) -> dict[int, int]:
        """Our id for every id that the tracker has returned since it started counting."""
        with self._lock:
            return dict(self._given)

    def exchanged(self, first: int, second: int) -> None:
        """Note that the tracker exchanged two of its ids; ours stay with the people."""
        with self._lock:
            ours = {second: self._given.pop(first, 0), first: self._given.pop(second, 0)}
            self._given.update({theirs: person for theirs, person in ours.items() if person})

    def __call__(self, ids: IntArray) -> IntArray:
        """Map the tracker's ids (N,) to ours (N,)."""
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
    """Make `tracker` use the ids of `corrections` at `time_s`, and forget people they rule out.

    People out of sight are forgotten if they were deleted, or merged into somebody else: the
    tracker matches nobody with them again. Those `in_sight` (our ids) are kept, since the tracker
    would only find them again, under a new id. An undo does not bring back those forgotten.
    """
    given = issuer.given()
    theirs, ours = list(given), np.array(list(given.values()), np.int64)  # (M,)
    shown = corrected_ids(ours, np.full(len(ours), time_s), corrections)  # (M,)
    seen = np.isin(ours, list(in_sight))  # (M,)
    wanted: dict[int, int] = {}  # the tracker's id -> the id shown
    names: set[int] = set()  # its values; no two people have one
    # First people in sight, those who keep their id before others; then those lost, latest first
    for row in np.lexsort((np.where(seen, ours != shown, -ours), ~seen)):
        name = int(shown[row])
        if name and name not in names:
            wanted[theirs[row]] = name
            names.add(name)
        elif not seen[row]:
            tracker.forget(theirs[row])
    for person in list(wanted):
        while (name := wanted.pop(person, person)) != person:  # each round puts one id into place
            tracker.swap(person, name)
            issuer.exchanged(person, name)
            if name in wanted:  # its former holder now has the id `person`, and needs another one
                wanted[person] = wanted.pop(name)


def hold(
    tracker: PoseTracker,
    issuer: IdIssuer,
    corrections: Sequence[Correction],
    time_s: float,
    person: int,
) -> bool:
    """Make `tracker` lock the identity shown as `person` at `time_s`, and no other; 0: none.

    See PoseTracker.lock. Returns False if the tracker does not know `person` (any more).
    """
    given = issuer.given()
    ours = np.array(list(given.values()), np.int64)  # (M,)
    shown = corrected_ids(ours, np.full(len(ours), time_s), corrections)  # (M,)
    for theirs, name in zip(given, shown.tolist(), strict=True):
        tracker.lock(theirs, person > 0 and name == person)
    return person in shown
