"""Pair the rows and columns of a similarity matrix, greedily or for the largest sum."""

from __future__ import annotations

from typing import Literal

import lap
import numpy as np
from numpy.typing import NDArray

from pose.people import IntArray

Likeness = NDArray[np.floating]
Method = Literal["hungarian", "greedy"]


def assign(
    similarity: Likeness, minimum: float, method: Method = "hungarian"
) -> tuple[IntArray, IntArray]:
    """Pair rows and columns of `similarity` (T, N), each at most once, none below `minimum`.

    `hungarian` makes the sum of (similarity - minimum) over the pairs as large as it can be
    (Jonker and Volgenant, by `lap`); `greedy` takes the best pair, then the best of what is left.
    Returns row and column indices (M,), rows ascending.
    """
    allowed = similarity >= minimum  # (T, N)
    rows, columns = allowed.nonzero()
    alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    if alone.all():
        return rows, columns
    # Only contested pairs need a search: a row and column that fit only each other are a pair.
    contested = ~alone
    some_rows = np.bincount(rows[contested]).nonzero()[0]  # as np.unique, in a quarter of the time
    some_columns = np.bincount(columns[contested]).nonzero()[0]
    solve = _greedy if method == "greedy" else _best
    r, c = solve(similarity[some_rows[:, None], some_columns], minimum)
    rows = np.concatenate([rows[alone], some_rows[r]])
    columns = np.concatenate([columns[alone], some_columns[c]])
    order = rows.argsort()
    return rows[order], columns[order]


def _best(similarity: Likeness, minimum: float) -> tuple[IntArray, IntArray]:
    # lap charges half of `cost_limit` for each unmatched row and column. At 1 - minimum, dropping
    # a pair at the minimum would cost no more than keeping it: hence the margin and the check.
    allowed = similarity >= minimum
    cost = np.where(allowed, 1 - similarity, 1e6)
    matched = lap.lapjv(cost, extend_cost=True, cost_limit=1 - minimum + 1e-9)[1]  # (T,)
    rows = (matched >= 0).nonzero()[0]
    columns = matched[rows].astype(np.int64)
    good = allowed[rows, columns]
    return rows[good], columns[good]


def _greedy(similarity: Likeness, minimum: float) -> tuple[IntArray, IntArray]:
    left = np.where(similarity >= minimum, similarity, -np.inf)
    pairs = []
    while True:
        row, column = divmod(int(left.argmax()), left.shape[1])
        if left[row, column] == -np.inf:
            break
        pairs.append((row, column))
        left[row] = -np.inf
        left[:, column] = -np.inf
    rows, columns = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    return rows, columns
