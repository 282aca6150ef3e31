"""CLEAR MOT: misses, false positives and identity switches, joint by joint.

Bernardin and Stiefelhagen, EURASIP JIVP 2008, in the reading of motmetrics, which the PoseTrack
reference uses: a truth keeps its last partner, however long ago, while the two may still pair; the
others are paired by smallest distance; a partner other than the last one is a switch.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from evaluation.matching import (
    BoolArray,
    FloatArray,
    FramePairs,
    IntArray,
    cheapest_mask,
    renumbered,
    sums_by,
)


class MotCounts(NamedTuple):
    """What a score is computed from, per layer; counts of sequences add with +."""

    truth: FloatArray  # (K,) true appearances
    misses: FloatArray  # (K,)
    false_positives: FloatArray  # (K,)
    switches: FloatArray  # (K,)
    fragments: FloatArray  # (K,) times a truth was lost and found again
    distance: FloatArray  # (K,) sum over the matched pairs
    raw_distance: FloatArray  # (K,) what poseval sums instead, see `_raw_distance`

    def __add__(self, other: MotCounts) -> MotCounts:  # type: ignore[override]  # sums, not joins
        return MotCounts(*map(operator.add, self, other))

    @classmethod
    def zero(cls, layers: int) -> MotCounts:
        """The counts of nothing."""
        return cls(*(np.zeros(layers) for _ in cls._fields))

    @property
    def detections(self) -> FloatArray:
        """Matched appearances (K,), switched ones included."""
        return self.truth - self.misses


def mot_scores(counts: MotCounts, *, unmatched_motp: float = np.nan) -> dict[str, FloatArray]:
    """MOTA, MOTP, precision and recall (K,) in percent; NaN where there is nothing to divide by.

    MOTP is 100 (1 - mean distance of the matches); `unmatched_motp` stands where there is no match.
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
    """A truth changed its partner."""

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
    """The matched people of a sequence, (M,) each, in the order of frames."""

    frame: IntArray
    layer: IntArray
    truth: IntArray  # number among the sequence's truths
    prediction: IntArray
    distance: FloatArray


def clear(frames: Sequence[FramePairs], layers: int) -> ClearResult:
    """Score one sequence of any length, none included.

    `pairs` are distances, NaN where two may not pair.
    """
    truth_numbers, truths = renumbered([frame.truth_ids for frame in frames])
    predicted_numbers, predictions = renumbered([frame.predicted_ids for frame in frames])
    matches, raw = _match_all(frames, truth_numbers, predicted_numbers, layers)
    last = _previous(matches.layer, matches.truth, matches.prediction)  # (M,) -1 = first match
    switched = (last >= 0) & (last != matches.prediction)
    there = np.array([frame.truth_there.sum(1) for frame in frames]).reshape(-1, layers)
    given = np.array([frame.predicted_there.sum(1) for frame in frames]).reshape(-1, layers)
    found = np.zeros(there.shape, np.int64)  # (F, K)
    np.add.at(found, (matches.frame, matches.layer), 1)
    distance = sums_by(matches.layer, matches.distance, layers)
    again = _extra_events(matches, last, switched) * matches.distance
    counts = MotCounts(
        there.sum(0).astype(float),
        (there - found).sum(0).astype(float),
        (given - found).sum(0).astype(float),
        sums_by(matches.layer, switched, layers),
        _fragments(frames, truth_numbers, matches, layers),
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


def _match_all(
    frames: Sequence[FramePairs],
    truth_numbers: list[IntArray],
    predicted_numbers: list[IntArray],
    layers: int,
) -> tuple[_Matches, FloatArray]:
    """Pair the people of each frame; returns also the sum of all candidates' distances (K,).

    Two people who can pair with each other alone are paired, whatever came before. Only where
    people compete does it matter who had whom.
    """
    found = [np.nonzero(np.isfinite(frame.pairs)) for frame in frames]  # layer, truth, prediction
    frame = np.repeat(np.arange(len(frames)), [len(k) for k, _, _ in found])  # (C,) candidates
    layer = _joined([k for k, _, _ in found])
    truth = _joined([n[g] for n, (_, g, _) in zip(truth_numbers, found, strict=True)])
    prediction = _joined([n[p] for n, (_, _, p) in zip(predicted_numbers, found, strict=True)])
    distance = np.concatenate(
        [np.zeros(0), *(f.pairs[where] for f, where in zip(frames, found, strict=True))]
    )
    cell = frame * layers + layer
    chosen = _only_one(cell, truth) & _only_one(cell, prediction)
    _settle(cell, layer, truth, prediction, distance, chosen)
    matches = _Matches(
        frame[chosen], layer[chosen], truth[chosen], prediction[chosen], distance[chosen]
    )
    return matches, sums_by(layer, distance, layers)


def _joined(parts: Sequence[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _only_one(cell: IntArray, number: IntArray) -> BoolArray:
    """Which candidates (C,) are the only one of this number in their cell."""
    key = cell * (int(number.max(initial=0)) + 1) + number
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    return np.asarray(count[place] == 1)


def _settle(
    cell: IntArray,
    layer: IntArray,
    truth: IntArray,
    prediction: IntArray,
    distance: FloatArray,
    chosen: BoolArray,
) -> None:
    """Mark in `chosen` who pairs where people compete: old pairs first, then the cheapest.

    Candidates (C,) in the order of cells, a cell being one layer of one frame.
    """
    layers, truths, predictions = layer.tolist(), truth.tolist(), prediction.tolist()
    settled = chosen.tolist()
    latest: dict[tuple[int, int], int] = {}  # of each layer and truth, the last prediction chosen
    done = 0
    for _, group in groupby(np.flatnonzero(~chosen).tolist(), cell.tolist().__getitem__):
        members = list(group)
        for index in range(done, members[0]):
            if settled[index]:
                latest[layers[index], truths[index]] = predictions[index]
        done = members[0]
        for member in _compete(members, layers, truths, predictions, distance, latest):
            settled[member] = chosen[member] = True


def _compete(
    members: list[int],
    layers: list[int],
    truths: list[int],
    predictions: list[int],
    distance: FloatArray,
    latest: dict[tuple[int, int], int],
) -> list[int]:
    """Which of the candidates `members` of one cell are paired."""
    kept: list[int] = []
    rest = members
    for member in members:
        truth, prediction = truths[member], predictions[member]
        # A prediction that two truths had goes to the first.
        if member in rest and latest.get((layers[member], truth)) == prediction:
            kept.append(member)
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
    frames: Sequence[FramePairs], truth_numbers: list[IntArray], matches: _Matches, layers: int
) -> FloatArray:
    """How often a truth is found again that was found before and missed since (K,).

    Frames in which it does not appear do not count.
    """
    if not len(matches.frame):
        return np.zeros(layers)
    seen = [frame.truth_there.nonzero() for frame in frames]  # layers and places, (S_f,) each
    frame = np.repeat(np.arange(len(frames)), [len(k) for k, _ in seen])  # (S,) every appearance
    layer = np.concatenate([k for k, _ in seen])
    truth = np.concatenate([rows[g] for (_, g), rows in zip(seen, truth_numbers, strict=True)])
    shape = (len(frames), layers, int(truth.max()) + 1)
    key = np.ravel_multi_index((frame, layer, truth), shape)
    found_key = np.ravel_multi_index((matches.frame, matches.layer, matches.truth), shape)
    first = _previous(matches.layer, matches.truth, matches.prediction) < 0
    found, found_before = np.isin(key, found_key), ~np.isin(key, found_key[first])
    missed_last = _previous(layer, truth, found.astype(np.int64)) == 0
    return sums_by(layer, found & found_before & missed_last, layers)


def _extra_events(matches: _Matches, last: IntArray, switched: BoolArray) -> IntArray:
    """How many further events motmetrics >= 1.1 writes for each match (M,).

    poseval sums the distances of ALL events for its MOTP: the candidates (RAW), the matches, and
    these: ASCEND, a switch to an unused prediction; TRANSFER, a prediction paired afresh with
    another truth than before; MIGRATE, the same to a truth never matched. Needed only to print the
    reference's wrong MOTP.
    """
    unused = _previous(matches.layer, matches.prediction, matches.truth) < 0
    new = last != matches.prediction
    owner = np.full(len(new), -1)
    owner[new] = _previous(matches.layer[new], matches.prediction[new], matches.truth[new])
    transferred = new & (owner >= 0) & (owner != matches.truth)
    return (switched & unused).astype(np.int64) + transferred + (transferred & (last < 0))
