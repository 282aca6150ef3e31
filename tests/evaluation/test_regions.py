"""Points in polygons."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.regions import strictly_inside

SQUARE = np.array([(0, 0), (10, 0), (10, 10), (0, 10)], float)
ARROW = np.array([(0, 0), (10, 5), (0, 10), (4, 5)], float)  # with a notch at the left


@pytest.mark.parametrize(
    ("polygon", "point", "inside"),
    [
        (SQUARE, (5, 5), True),
        (SQUARE, (9.999, 0.001), True),
        (SQUARE, (10, 5), False),  # on an edge
        (SQUARE, (0, 0), False),  # on a corner
        (SQUARE, (15, 5), False),
        (SQUARE, (-5, 10), False),  # level with an edge
        (SQUARE, (np.nan, np.nan), False),
        (ARROW, (6, 5), True),
        (ARROW, (2, 5), False),  # in the notch
        (ARROW, (1, 1), True),
        (SQUARE[:2], (5, 0), False),  # no area
    ],
)
def test_strictly_inside(polygon: np.ndarray, point: tuple[float, float], inside: bool) -> None:
    assert strictly_inside(np.array(point), polygon) == inside
    assert strictly_inside(np.array(point), polygon[::-1]) == inside
