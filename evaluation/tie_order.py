"""The order in which the reference ranks joints of equal score.

poseval ranks by `scores.argsort()[::-1]`, whose order among equal scores is whatever numpy's sort
leaves, and AP depends on it. The reference's published digits come from numpy 1.26 on a CPU with
AVX-512: a quicksort that partitions eight numbers at a time, down to blocks of at most 64, which a
bitonic network sorts. This module repeats those moves, so that AP equals the reference to the last
digit on every machine and with every numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pose.people import BoolArray, DoubleArray, IntArray

_LANES = 8  # doubles in a register
_BLOCK = 64  # the largest part that the network sorts


def poseval_argsorts(
    scores: Sequence[DoubleArray], matters: Sequence[BoolArray] | None = None
) -> list[IntArray]:
    """Indices (D,) that sort each of the lists `scores` (D,), all finite, in ascending order.

    Equal scores come out in the reference's order. `matters`, one mask (D,) per list, says for
    which scores that order is needed; all by default. The others are sorted as well, faster. The
    lists, at least one, are processed together, since most of the time goes into starting numpy's
    operations.
    """
    # The lists are concatenated; each is a part that is sorted in its own place. A part holds the
    # values of its ranks at all times, since equal values are never separated.
    values = np.concatenate(scores)
    ends = np.cumsum([len(part) for part in scores])
    starts = ends - [len(part) for part in scores]
    by_rank = np.concatenate(
        [part.argsort() + start for part, start in zip(scores, starts, strict=True)]
    )
    ranked = values[by_rank]
    wanted = np.ones(len(values), bool) if matters is None else np.concatenate(matters)[by_rank]
    reach = [0, *np.cumsum(wanted).tolist()]  # how many of those wanted lie below each rank
    parts = [
        (start, end, 2 * int(math.log2(end - start)))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        if end > start
    ]
    order = np.arange(len(values))
    blocks: list[tuple[int, int]] = []
    while parts:
        start, end, depth = parts.pop()
        part = order[start:end]
        if reach[start] == reach[end]:  # any order will do
            part[:] = by_rank[start:end]
        elif depth <= 0:  # too many equal scores to make progress
            part[:] = part[_introsort(values[part])]
        elif end - start <= _BLOCK:
            blocks.append((start, end))
        else:
            keys = values[part]
            pivot = _pivot(keys)
            large = keys >= pivot
            sources, small = _partition(large)
            part[:] = part[sources]
            middle = start + small
            if middle > start:
                parts.append((start, middle, depth - 1))
            if pivot != ranked[end - 1]:  # otherwise they are all equal
                parts.append((middle, end, depth - 1))
    _sort_blocks(values, order, blocks)
    return [order[start:end] - start for start, end in zip(starts, ends, strict=True)]


def _pivot(values: DoubleArray) -> np.float64:
    """The fifth of eight samples."""
    step = (len(values) - 1) // _LANES
    return np.sort(values[step : _LANES * step + 1 : step])[4]


def _partition(large: BoolArray) -> tuple[IntArray, int]:
    """Where each element comes from when those marked `large` (n,) move behind the others.

    Registers are read from both ends, from the side with less free room; the small elements of each
    are appended to those at the left, the large ones put before those at the right. Also returns
    the number of small ones.
    """
    count = len(large)
    size = _LANES * (4 if count > 8 * 4 * _LANES else 1)  # read together
    odd = count % size
    order = np.arange(count)
    left, right = _partition_odd(large, odd, order)
    groups = order[left:right].reshape(-1, size)  # (R, 8 or 32)
    larger = large[groups]
    sequence = _reading_order(larger.sum(1).tolist(), size)
    read = groups.take(sequence, 0).reshape(-1, _LANES)
    moves = larger.take(sequence, 0).reshape(-1, _LANES)
    small = read[~moves]
    middle = left + len(small)
    order[left:middle], order[middle:right] = small, read[::-1][moves[::-1]]
    return order, middle


def _partition_odd(large: BoolArray, odd: int, order: IntArray) -> tuple[int, int]:
    """Move the elements that fill no whole register; returns where the rest starts and ends.

    `odd` elements are examined, at the left; a large one is swapped with the last one that has not
    been swapped yet. Only the first and the last `odd` of `order` can change.
    """
    first, last = list(range(odd)), list(range(len(large) - odd, len(large)))
    flags = large[:odd].tolist()
    last_flags = large[len(large) - odd :].tolist()
    left, right = 0, odd
    for _ in range(odd):
        if flags[left]:
            right -= 1
            first[left], last[right] = last[right], first[left]
            flags[left] = last_flags[right]
        else:
            left += 1
    order[:odd], order[len(large) - odd :] = first, last
    return left, len(large) - odd + right


def _reading_order(large: list[int], size: int) -> list[int]:
    """The order in which groups of `size` elements are processed; each has `large` large ones."""
    if len(large) == 1:
        return [0]
    # The first and the last group are read first and processed last; that makes room.
    head, tail = 1, len(large) - 1
    room_left = room_right = size
    order = []
    while head < tail:
        if room_right < room_left:
            tail -= 1
            group = tail
            room_right += size
        else:
            group = head
            head += 1
            room_left += size
        order.append(group)
        room_right -= large[group]
        room_left -= size - large[group]
    return [*order, 0, len(large) - 1]


def _introsort(values: DoubleArray) -> IntArray:
    """The order in which std::sort of GCC's library, numpy's fallback, leaves `values`."""
    keys = values.tolist()
    order = list(range(len(keys)))
    parts = [(0, len(keys))]
    while parts:
        start, end = parts.pop()
        if end - start <= 16:
            continue
        first, middle, last = start + 1, start + (end - start) // 2, end - 1
        a, b, c = (keys[order[place]] for place in (first, middle, last))
        if a < b:
            median = middle if b < c else last if a < c else first
        else:
            median = first if a < c else last if b < c else middle
        order[start], order[median] = order[median], order[start]
        pivot, low, high = keys[order[start]], start + 1, end
        while True:
            while keys[order[low]] < pivot:
                low += 1
            high -= 1
            while pivot < keys[order[high]]:
                high -= 1
            if low >= high:
                break
            order[low], order[high] = order[high], order[low]
            low += 1
        parts += [(start, low), (low, end)]
    # What is left is an insertion sort, which keeps equal keys in place.
    left = np.array(order)
    return left[np.argsort(values[left], kind="stable")]


def _sort_blocks(scores: DoubleArray, order: IntArray, blocks: list[tuple[int, int]]) -> None:
    """Sort each block of `order` with a bitonic network, all in parallel."""
    starts, ends = np.array(blocks, np.int64).reshape(-1, 2).T
    places = starts[:, None] + np.arange(_BLOCK)  # (B, 64)
    real = places < ends[:, None]
    index = order[np.where(real, places, 0)]  # (B, 64)
    keys = np.where(real, scores[index], np.inf)
    rising = keys.argsort(axis=1)
    ranked = np.take_along_axis(keys, rising, 1)
    steps = ranked[:, 1:] != ranked[:, :-1]  # (B, 63)
    tied = (~steps & real[:, 1:]).any(1)  # (B,) padding does not count
    easy = np.take_along_axis(index, rising, 1)[~tied]  # any sort will do
    order[places[~tied][real[~tied]]] = easy[real[~tied]]
    if not tied.any():
        return
    # Small integers, rank * 64 + lane, are moved: several times faster than moving the scores.
    ranks = np.zeros((int(tied.sum()), _BLOCK), np.int16)
    np.cumsum(steps[tied], 1, out=ranks[:, 1:])
    lanes = np.empty_like(ranks)
    np.put_along_axis(lanes, rising[tied], ranks * _BLOCK, 1)
    lanes += np.arange(_BLOCK, dtype=np.int16)
    size = 2
    while size <= _BLOCK:
        half = size // 2
        _exchange(lanes, half, mirrored=True)  # each half against the mirrored other
        while half > 1:
            half //= 2
            _exchange(lanes, half, mirrored=False)
        size *= 2
    moved = np.take_along_axis(index[tied], lanes.astype(np.int64) % _BLOCK, 1)
    order[places[tied][real[tied]]] = moved[real[tied]]


def _exchange(lanes: NDArray[np.int16], half: int, *, mirrored: bool) -> None:
    """Compare and exchange neighbouring runs of `half` lanes; equal ranks stay where they are."""
    shape = (len(lanes), _BLOCK // (2 * half), 2, half)
    step = -1 if mirrored else 1
    low, high = lanes.reshape(shape)[:, :, 0], lanes.reshape(shape)[:, :, 1, ::step]
    swap = low >> 6 > high >> 6
    low[:], high[:] = np.where(swap, high, low), np.where(swap, low, high)
