"""Ignore regions: polygons of a picture in which nobody is scored."""

from __future__ import annotations

import numpy as np

from evaluation.annotations import Sequence
from pose.people import BoolArray, DoubleArray


def strictly_inside(points: DoubleArray, polygon: DoubleArray) -> BoolArray:
    """Which points (..., 2) lie inside the polygon (V, 2), its border excluded.

    Even-odd rule, any shape; NaN points and polygons of less than three corners give False.
    """
    if len(polygon) < 3:
        return np.zeros(points.shape[:-1], bool)
    a, b = polygon, np.roll(polygon, -1, axis=0)  # (V, 2) ends of the edges
    x, y = points[..., 0, None], points[..., 1, None]  # (..., 1)
    cross = (b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])  # (..., V)
    low, high = np.minimum(a, b), np.maximum(a, b)  # (V, 2)
    within = (low[:, 0] <= x) & (x <= high[:, 0]) & (low[:, 1] <= y) & (y <= high[:, 1])
    on_border = ((cross == 0) & within).any(-1)
    # A ray to the right crosses an edge that the point's height cuts and that lies to its right.
    cut = (a[:, 1] > y) != (b[:, 1] > y)
    crossings = (cut & ((cross > 0) == (b[:, 1] > a[:, 1]))).sum(-1)
    return (crossings % 2 == 1) & ~on_border


def without_ignored(sequence: Sequence, regions: dict[int, list[DoubleArray]]) -> Sequence:
    """Remove the joints inside a frame's polygons, and people of that frame left without joints.

    regions: index of the frame -> its polygons, (V, 2) corners in pixels each.
    """
    gone = np.zeros(sequence.there.shape, bool)  # (N, 15)
    here = np.zeros(len(sequence.frame), bool)  # (N,) in a frame with regions
    for frame, polygons in regions.items():
        start, end = np.searchsorted(sequence.frame, [frame, frame + 1])
        here[start:end] = True
        for polygon in polygons:
            gone[start:end] |= strictly_inside(sequence.keypoints[start:end], polygon)
    rest = sequence.without_points(gone)
    return rest.select(~here | rest.there.any(1))
