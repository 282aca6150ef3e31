"""Overlap by numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np

from tracking.similarity import box_iou


def test_overlap_of_halves_touching_and_apart() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[5, 0, 15, 10], [10, 0, 20, 10], [50, 50, 60, 60], [0, 0, 10, 10]], np.float32)
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 0, 0, 1]], rtol=1e-6)
    empty = np.zeros((1, 4), np.float32)
    assert box_iou(empty, empty) == 0
