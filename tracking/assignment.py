"""Who is who: pair rows with columns of a similarity matrix, greedily or at the best sum."""

from __future__ import annotations

from typing import Literal

import lap
import numpy as np

from pose.people import FloatArray, IntArray

Method = Literal["hungarian", "greedy"]


def assign(
    similarity: FloatArray, minimum: float, method: Method = "hungarian"
) -> tuple[IntArray, IntArray]:
    """Pair rows and columns of `similarity` (T, N), each at most once, none below `minimum`.

    `hungarian` makes the sum of (similarity - minimum) over the pairs as large as it can be
    (Jonker and Volgenant, by `lap`); `greedy` takes the best pair, then the best of what is left.
    Returns row and column indices (M,), rows ascending.
    """
    allowed = similarity >= minimum  # (T, N)
    if not allowed.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    contested = (allowed.sum(0) > 1).any() or (allowed.sum(1) > 1).any()
    if not contested:
        rows, columns = allowed.nonzero()
        return rows, columns
    if method == "greedy":
        return _greedy(np.where(allowed, similarity, -np.inf))
    # lap pays half of `cost_limit` for each row and column left alone; 1 - minimum would make
    # pairs at the minimum free to drop, hence the small margin and the check after it.
    cost = np.where(allowed, 1 - similarity, 1e6).astype(np.float64)
    matched = lap.lapjv(cost, extend_cost=True, cost_limit=1 - minimum + 1e-9)[1]  # (T,)
    rows = np.flatnonzero(matched >= 0)
    columns = matched[rows].astype(np.int64)
    good = allowed[rows, columns]
    return rows[good], columns[good]


def _greedy(similarity: FloatArray) -> tuple[IntArray, IntArray]:
    left = similarity.copy()
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
