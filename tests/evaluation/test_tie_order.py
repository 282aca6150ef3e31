"""The order of equal scores is the one that numpy 1.26 leaves on a CPU with AVX-512."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest

from evaluation.tie_order import poseval_argsorts

# zlib.crc32 of the order as little-endian int64, from numpy 1.26.4's argsort on such a CPU.
RECORDED = (
    (0, 2074168845), (1, 1475449027), (2, 4254003083), (3, 427241512), (4, 3898570470),
    (5, 665658090), (6, 3359221229), (7, 1831788306), (8, 1297072957), (9, 3336085018),
    (10, 438862517), (11, 217900763),
)  # fmt: skip


def scores(seed: int) -> np.ndarray:
    """5 to 3,000 scores with few different values."""
    rng = random.Random(seed)
    count, values = rng.choice([5, 40, 130, 700, 3000]), rng.choice([2, 7, 50])
    return np.array([rng.randrange(values) / values for _ in range(count)])


@pytest.mark.parametrize(("seed", "checksum"), RECORDED)
def test_ties_are_ordered_as_by_the_references_sort(seed: int, checksum: int) -> None:
    order = poseval_argsorts([scores(seed)])[0]
    assert zlib.crc32(order.astype("<i8").tobytes()) == checksum


def test_lists_sorted_together_are_sorted_as_each_alone() -> None:
    lists = [scores(seed) for seed in range(6)] + [np.zeros(0), np.ones(1)]
    together = poseval_argsorts(lists)
    for values, order in zip(lists, together, strict=True):
        assert order.tolist() == poseval_argsorts([values])[0].tolist()
        assert (np.diff(values[order]) >= 0).all()
        assert sorted(order.tolist()) == list(range(len(values)))
