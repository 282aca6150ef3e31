"""CLEAR MOT: misses, false positives and identity switches, joint by joint.

Bernardin and Stiefelhagen, EURASIP JIVP 2008, as implemented by motmetrics, which the PoseTrack
reference uses: a true person keeps their last partner, however long ago, while the two may still
pair; the others are paired by smallest distance; a partner other than the last one is a switch.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from evaluation.matching import FramePairs, JoinedFrames, cheapest_mask, joined, sums_by
from pose.people import BoolArray, DoubleArray, IntArray


class MotCounts(NamedTuple):
    """What a score is computed from, per layer; counts of sequences add with +."""

    truth: DoubleArray  # (K,) true appearances
    misses: DoubleArray  # (K,)
    false_positives: DoubleArray  # (K,)
    switches: DoubleArray  # (K,)
    fragments: DoubleArray  # (K,) times a true person was lost and found again
    mostly_tracked: DoubleArray  # (K,) people matched in at least four fifths of their appearances
    mostly_lost: DoubleArray  # (K,) people matched in less than a fifth of them
    distance: DoubleArray  # (K,) sum over the matched pairs
    raw_distance: DoubleArray  # (K,) what poseval sums instead, see `_extra_events`

    def __add__(self, other: MotCounts) -> MotCounts:  # type: ignore[override]  # sums, not joins
        return MotCounts(*map(operator.add, self, other))

    @classmethod
    def zero(cls, layers: int) -> MotCounts:
        """The counts of nothing."""
        return cls(*(np.zeros(layers) for _ in cls._fields))

    @property
    def detections(self) -> DoubleArray:
        """Matched appearances (K,), switched ones included."""
        return self.truth - self.misses


def mot_scores(counts: MotCounts, *, unmatched_motp: float = np.nan) -> dict[str, DoubleArray]:
    """MOTA, MOTP, precision and recall (K,) in percent; NaN where there is nothing to divide by.

    MOTP is 100 (1 - mean distance of the matches), or `unmatched_motp` where there is no match.
    """
    found = counts.detections
    errors = counts.misses + counts.switches + counts.false_positives
    with np.errstate(divide="ignore", invalid="ignore"):
        truth = np.where(counts.truth > 0, counts.truth, np.nan)
        motp = 100 * (1 - counts.distance / found)
        return {
            "mota": 100 * (1 - errors / truth),
            "motp": np.where(found > 0, motp, unmatched_motp),
            "pre": 100 * found / (found + counts.false_positives),
            "rec": 100 * found / truth,
        }


class Switch(NamedTuple):
    """A true person changed partner."""

    frame: int  # index in the sequence's FramePairs
    layer: int
    truth_id: int
    old_id: int
    new_id: int


class ClearResult(NamedTuple):
    """A sequence's counts and where its errors are."""

    counts: MotCounts
    misses: IntArray  # (F, K) of each frame
    false_positives: IntArray  # (F, K)
    switches: tuple[Switch, ...]  # in the order of frames


class _Matches(NamedTuple):
    """Matched people of a sequence, or candidates, (M,) each, in the order of frames and layers."""

    frame: IntArray
    layer: IntArray
    person: IntArray  # index of the true person
    predicted: IntArray  # index of the predicted person
    truth: IntArray  # index of the true person's id among the sequence's ids
    prediction: IntArray  # the same of the predicted person
    distance: DoubleArray

    def select(self, rows: BoolArray) -> _Matches:
        return _Matches(*(values[rows] for values in self))  # type: ignore[arg-type]  # one by one


def clear(frames: Sequence[FramePairs], layers: int) -> ClearResult:
    """Score one sequence of any length, even of no frames.

    `pairs` are distances, NaN where two may not pair.
    """
    return clear_joined(joined(frames, layers))


def clear_joined(sequence: JoinedFrames) -> ClearResult:
    """Score one sequence whose frames are concatenated; otherwise as `clear`."""
    layers = sequence.pairs.shape[1]
    truths, truth_numbers = np.unique(sequence.truth_ids, return_inverse=True)
    predictions, predicted_numbers = np.unique(sequence.predicted_ids, return_inverse=True)
    matches, raw = _match_all(sequence, truth_numbers, predicted_numbers)
    last = _previous(matches.layer, matches.truth, matches.prediction)  # (M,) -1 = first match
    switched = (last >= 0) & (last != matches.prediction)
    there = _by_frame(sequence.truth_frame, sequence.truth_there, sequence.frames)
    given = _by_frame(sequence.predicted_frame, sequence.predicted_there, sequence.frames)
    cells = matches.frame * layers + matches.layer
    found = np.bincount(cells, minlength=there.size).reshape(there.shape)  # (F, K)
    distance = sums_by(matches.layer, matches.distance, layers)
    again = _extra_events(matches, last, switched) * matches.distance
    counts = MotCounts(
        there.sum(0).astype(float),
        (there - found).sum(0).astype(float),
        (given - found).sum(0).astype(float),
        sums_by(matches.layer, switched, layers),
        _fragments(sequence, truth_numbers, matches, last),
        *_mostly(sequence, truth_numbers, len(truths), matches),
        distance,
        raw + distance + sums_by(matches.layer, again, layers),
    )
    switches = tuple(
        Switch(
            int(matches.frame[m]),
            int(matches.layer[m]),
            int(truths[matches.truth[m]]),
            int(predictions[last[m]]),
            int(predictions[matches.prediction[m]]),
        )
        for m in np.flatnonzero(switched)
    )
    return ClearResult(counts, there - found, given - found, switches)


def _by_frame(frame: IntArray, there: BoolArray, frames: int) -> IntArray:
    """How many of the people (N,) have each joint, by frame: (F, K)."""
    person, layer = np.nonzero(there)
    layers = there.shape[1]
    counts = np.bincount(frame[person] * layers + layer, minlength=frames * layers)
    return counts.reshape(frames, layers)


def _match_all(
    sequence: JoinedFrames, truth_numbers: IntArray, predicted_numbers: IntArray
) -> tuple[_Matches, DoubleArray]:
    """Pair the people of each frame; also returns the sum (K,) of all candidates' distances.

    Two people who can pair only with each other are paired, whatever came before. Earlier partners
    matter only where people compete.
    """
    layers = sequence.pairs.shape[1]
    pair, layer = np.nonzero(np.isfinite(sequence.pairs))  # (C,) candidates
    cell = sequence.truth_frame[sequence.truth[pair]] * layers + layer
    order = np.argsort(cell, kind="stable")
    pair, layer, cell = pair[order], layer[order], cell[order]
    truth, predicted = sequence.truth[pair], sequence.predicted[pair]
    candidates = _Matches(
        cell // layers,
        layer,
        truth,
        predicted,
        truth_numbers[truth],
        predicted_numbers[predicted],
        sequence.pairs[pair, layer],
    )
    chosen = _only_one(truth * layers + layer) & _only_one(predicted * layers + layer)
    _settle(cell, candidates, chosen)
    return candidates.select(chosen), sums_by(layer, candidates.distance, layers)


def _only_one(key: IntArray) -> BoolArray:
    """Which of the keys (C,), small integers, occur once."""
    return np.asarray(np.bincount(key)[key] == 1)


def _settle(cell: IntArray, candidates: _Matches, chosen: BoolArray) -> None:
    """Mark in `chosen` who is paired where people compete: old pairs first, then the cheapest.

    The candidates (C,) come in the order of cells, a cell being one layer of one frame.
    """
    layers = candidates.layer.tolist()
    truths, predictions = candidates.truth.tolist(), candidates.prediction.tolist()
    people = candidates.person.tolist(), candidates.predicted.tolist()
    settled = chosen.tolist()
    latest: dict[tuple[int, int], int] = {}  # of each layer and truth, the last prediction chosen
    done = 0
    for _, group in groupby(np.flatnonzero(~chosen).tolist(), cell.tolist().__getitem__):
        members = list(group)
        for index in range(done, members[0]):
            if settled[index]:
                latest[layers[index], truths[index]] = predictions[index]
        done = members[0]
        before = [m for m in members if latest.get((layers[m], truths[m])) == predictions[m]]
        for member in _compete(members, before, *people, candidates.distance):
            settled[member] = chosen[member] = True


def _compete(
    members: list[int],
    before: list[int],
    truths: list[int],
    predictions: list[int],
    distance: DoubleArray,
) -> list[int]:
    """Which of the candidates `members` of one cell are paired; those in `before` take precedence.

    People are in the order of their files, by index: ids do not decide between equal pairs.
    """
    kept: list[int] = []
    rest = members
    for member in before:
        if member in rest:  # a prediction that two people had goes to the first
            kept.append(member)
            truth, prediction = truths[member], predictions[member]
            rest = [m for m in rest if truths[m] != truth and predictions[m] != prediction]
    if not rest:
        return kept
    rows, row = np.unique([truths[m] for m in rest], return_inverse=True)
    columns, column = np.unique([predictions[m] for m in rest], return_inverse=True)
    costs = np.full((len(rows), len(columns)), np.nan)
    costs[row, column] = distance[rest]
    paired = cheapest_mask(costs)[row, column]
    return kept + [member for member, one in zip(rest, paired.tolist(), strict=True) if one]


def _previous(layer: IntArray, key: IntArray, value: IntArray) -> IntArray:
    """For each entry the value of the one before it with the same layer and key; -1 for none."""
    order = np.lexsort((key, layer))  # stable: the order of frames stays
    same = np.diff(layer[order], prepend=-1) == 0
    same &= np.diff(key[order], prepend=-1) == 0
    result = np.full(len(value), -1)
    result[order[same]] = value[order[np.flatnonzero(same) - 1]]
    return result


def _fragments(
    sequence: JoinedFrames, truth_numbers: IntArray, matches: _Matches, last: IntArray
) -> DoubleArray:
    """How often (K,) a true person is found again after being found before and missed since.

    Frames in which they do not appear do not count. `last` (M,) is -1 at a person's first match.
    """
    found, found_before = np.zeros((2, *sequence.truth_there.shape), bool)  # (G, K) each
    found[matches.person, matches.layer] = True
    found_before[matches.person, matches.layer] = last >= 0
    order = np.argsort(sequence.truth_frame, kind="stable")
    there = sequence.truth_there[order]
    person, layer = np.nonzero(there)  # (S,) every appearance, in the order of frames
    truth = truth_numbers[order][person]
    found_now, before = found[order][there], found_before[order][there]
    missed_last = _previous(layer, truth, found_now.astype(np.int64)) == 0
    return sums_by(layer, found_now & before & missed_last, sequence.pairs.shape[1])


def _mostly(
    sequence: JoinedFrames, truth_numbers: IntArray, truths: int, matches: _Matches
) -> tuple[DoubleArray, DoubleArray]:
    """How many true people (K,) are mostly tracked and how many mostly lost, whatever their ids."""
    layers = sequence.pairs.shape[1]
    person, layer = np.nonzero(sequence.truth_there)  # (S,) every appearance
    cells = truth_numbers[person] * layers + layer, matches.truth * layers + matches.layer
    there, found = (np.bincount(each, minlength=truths * layers) for each in cells)
    # In integers: 0.8 and 0.2 are not exact in binary
    tracked, lost = (there > 0) & (5 * found >= 4 * there), 5 * found < there
    return tuple(each.reshape(truths, layers).sum(0).astype(float) for each in (tracked, lost))


def _extra_events(matches: _Matches, last: IntArray, switched: BoolArray) -> IntArray:
    """How many further events motmetrics >= 1.1 records for each match (M,).

    poseval sums the distances of ALL events for its MOTP: the candidates (RAW), the matches, and
    these: ASCEND, a switch to an unused prediction; TRANSFER, a prediction newly paired with
    another true person than before; MIGRATE, the same with a person never matched. Needed only to
    print the reference's wrong MOTP.
    """
    unused = _previous(matches.layer, matches.prediction, matches.truth) < 0
    new = last != matches.prediction
    owner = np.full(len(new), -1)
    owner[new] = _previous(matches.layer[new], matches.prediction[new], matches.truth[new])
    transferred = new & (owner >= 0) & (owner != matches.truth)
    return (switched & unused).astype(np.int64) + transferred + (transferred & (last < 0))
