"""CLEAR MOT: misses, false positives and identity switches, joint by joint.

Bernardin and Stiefelhagen, EURASIP JIVP 2008, in the reading of motmetrics, which the PoseTrack
reference uses: a truth keeps its last partner, however long ago, while the two may still pair; the
others are paired by smallest distance; a partner other than the last one is a switch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from evaluation.matching import (
    FloatArray,
    FramePairs,
    IntArray,
    cheapest_pairs,
    renumbered,
    sums_by,
)


@dataclass(frozen=True, slots=True, eq=False)
class MotCounts:
    """What a score is computed from, per layer; counts of sequences add with +."""

    truth: FloatArray  # (K,) true appearances
    misses: FloatArray  # (K,)
    false_positives: FloatArray  # (K,)
    switches: FloatArray  # (K,)
    fragments: FloatArray  # (K,) times a truth was lost and found again
    distance: FloatArray  # (K,) sum over the matched pairs
    raw_distance: FloatArray  # (K,) what poseval sums instead, see `_raw_distance`

    def __add__(self, other: MotCounts) -> MotCounts:
        return MotCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def zero(cls, layers: int) -> MotCounts:
        """The counts of nothing."""
        return cls(*(np.zeros(layers) for _ in fields(cls)))

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


@dataclass(frozen=True, slots=True)
class Switch:
    """A truth changed its partner."""

    frame: int  # index in the sequence's FramePairs
    layer: int
    truth_id: int
    old_id: int
    new_id: int


@dataclass(frozen=True, slots=True, eq=False)
class ClearResult:
    """A sequence's counts and where its errors are."""

    counts: MotCounts
    misses: IntArray  # (F, K) of each frame
    false_positives: IntArray  # (F, K)
    switches: tuple[Switch, ...]  # in the order of frames


class _History:
    """Who was matched to whom so far in a sequence, by number."""

    def __init__(self, layers: int, truths: int, predictions: int) -> None:
        self.partner = np.full((layers, truths), -1)  # last prediction of each truth
        self.lost = np.zeros((layers, truths), bool)  # matched once, missed since
        self.owner = np.full((layers, predictions), -1)  # last truth newly paired with it
        self.used = np.zeros((layers, predictions), bool)  # matched before


def clear(frames: Sequence[FramePairs], layers: int) -> ClearResult:
    """Score one sequence of any length, none included.

    `pairs` are distances, NaN where two may not pair.
    """
    truth_numbers, truths = renumbered([frame.truth_ids for frame in frames])
    predicted_numbers, predictions = renumbered([frame.predicted_ids for frame in frames])
    history = _History(layers, len(truths), len(predictions))
    tallies = np.zeros((len(frames), len(fields(MotCounts)), layers))
    switches: list[Switch] = []
    for index, frame in enumerate(frames):
        rows, columns = truth_numbers[index], predicted_numbers[index]
        tallies[index], switched = _score_frame(history, frame, rows, columns)
        switches += [
            Switch(index, layer, int(truths[truth]), int(predictions[old]), int(predictions[new]))
            for layer, truth, old, new in switched.T.tolist()
        ]
    misses, false_positives = tallies[:, 1].astype(int), tallies[:, 2].astype(int)
    return ClearResult(MotCounts(*tallies.sum(0)), misses, false_positives, tuple(switches))


def _score_frame(
    history: _History, frame: FramePairs, rows: IntArray, columns: IntArray
) -> tuple[FloatArray, IntArray]:
    """Tally (7, K) of a frame in MotCounts' order, and its switches (4, S).

    `rows` and `columns` are the numbers of its people; a switch is layer, truth, old and new
    prediction, by number. Brings `history` up to date.
    """
    layers = len(frame.pairs)
    kept, new = _match(history, frame.pairs, rows, columns)
    layer, g, p = np.concatenate([kept, new], axis=1)  # (M,) each, matched people of the frame
    truth, partner = rows[g], columns[p]  # (M,) by number
    distances = frame.pairs[layer, g, p]
    last = history.partner[layer, truth]
    switched = (last >= 0) & (last != partner)
    found = np.zeros(frame.truth_there.shape, bool)  # (K, G)
    found[layer, g] = True
    lost = history.lost[:, rows]  # (K, G)

    again = _extra_events(history, new, rows, columns) * frame.pairs[tuple(new)]
    raw = np.nansum(frame.pairs, axis=(1, 2)) + sums_by(layer, distances, layers)
    tally = np.array([
        frame.truth_there.sum(1),
        (frame.truth_there & ~found).sum(1),
        frame.predicted_there.sum(1) - found.sum(1),
        np.bincount(layer[switched], minlength=layers),
        (lost & found).sum(1),
        sums_by(layer, distances, layers),
        raw + sums_by(new[0], again, layers),
    ])  # fmt: skip

    history.partner[layer, truth] = partner
    history.used[layer, partner] = True
    history.owner[new[0], columns[new[2]]] = rows[new[1]]
    missed = frame.truth_there & ~found & (history.partner[:, rows] >= 0)
    history.lost[:, rows] = (lost & ~found) | missed
    return tally, np.stack([layer, truth, last, partner])[:, switched]


def _match(
    history: _History, pairs: FloatArray, rows: IntArray, columns: IntArray
) -> tuple[IntArray, IntArray]:
    """Kept and new pairs of a frame, each (3, M): layer, truth, prediction."""
    kept = np.isfinite(pairs) & (history.partner[:, rows, None] == columns)  # (K, G, P)
    kept &= np.cumsum(kept, axis=1) == 1  # a prediction that two truths had goes to the first
    taken = kept.any(2, keepdims=True) | kept.any(1, keepdims=True)
    new = cheapest_pairs(np.where(taken, np.nan, pairs))
    return np.stack(kept.nonzero()), np.stack(new)


def _extra_events(history: _History, new: IntArray, rows: IntArray, columns: IntArray) -> IntArray:
    """How many further events motmetrics >= 1.1 writes for each new pair (3, M).

    poseval sums the distances of ALL events for its MOTP: the candidates (RAW), the matches, and
    these: ASCEND, a switch to an unused prediction; TRANSFER, a prediction that changes its truth;
    MIGRATE, the same to a truth never matched. Needed only to print the reference's wrong MOTP.
    """
    layer, truth, prediction = new[0], rows[new[1]], columns[new[2]]
    last, owner = history.partner[layer, truth], history.owner[layer, prediction]
    switched = (last >= 0) & (last != prediction)
    transferred = (owner >= 0) & (owner != truth)
    ascended = switched & ~history.used[layer, prediction]
    return ascended.astype(int) + transferred + (transferred & (last < 0))
