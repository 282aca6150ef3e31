"""Pairs are one to one, good enough, and the best in total."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from tracking.assignment import Method, assign

TRAP = np.array([[0.9, 0.8], [0.8, 0.1]], np.float32)  # taking the best pair spoils the best sum


def pairs(similarity: np.ndarray, minimum: float, method: Method) -> list[tuple[int, int]]:
    rows, columns = assign(similarity, minimum, method)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_hungarian_takes_the_best_sum_and_greedy_the_best_pair() -> None:
    assert pairs(TRAP, 0.05, "hungarian") == [(0, 1), (1, 0)]
    assert pairs(TRAP, 0.05, "greedy") == [(0, 0), (1, 1)]


@pytest.mark.parametrize("method", ["hungarian", "greedy"])
def test_nothing_below_the_minimum_is_paired(method: Method) -> None:
    assert pairs(TRAP, 0.85, method) == [(0, 0)]
    assert pairs(TRAP, 0.95, method) == []
    assert pairs(np.full((2, 2), -np.inf, np.float32), 0.0, method) == []
    assert pairs(np.array([[np.nan, 0.5]], np.float32), 0.1, method) == [(0, 1)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
@pytest.mark.parametrize("method", ["hungarian", "greedy"])
def test_nobody_pairs_with_nobody(shape: tuple[int, int], method: Method) -> None:
    assert pairs(np.zeros(shape, np.float32), 0.1, method) == []


@pytest.mark.parametrize("seed", range(5))
def test_hungarian_reaches_scipys_optimum(seed: int) -> None:
    """If every pair is allowed and worth more than none, the sums must be equal."""
    similarity = np.random.default_rng(seed).uniform(0.1, 1, (6, 9)).astype(np.float32)
    best = similarity[linear_sum_assignment(-similarity)].sum()
    rows, columns = assign(similarity, 0.0, "hungarian")
    assert similarity[rows, columns].sum() == pytest.approx(best)
