"""How much boxes overlap. Pure, vectorised over pairs."""

from __future__ import annotations

import numpy as np

from pose.geometry import box_area
from pose.people import DoubleArray, FloatArray


def box_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union (T, N) of boxes (T, 4) and (N, 4); 0 where both are empty."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:])  # (T, N, 2)
    sides -= np.maximum(a[:, None, :2], b[None, :, :2])
    np.maximum(sides, 0, out=sides)
    inter = sides[..., 0] * sides[..., 1]  # (T, N)
    union = box_area(a)[:, None] + box_area(b)[None, :] - inter
    return inter / np.maximum(union, 1e-9)


def overlaps(
    a: DoubleArray,
    half_a: DoubleArray,
    b: DoubleArray,
    half_b: DoubleArray,
) -> tuple[DoubleArray, DoubleArray]:
    """Width and height (T, N) by which boxes overlap; negative: how far they are apart.

    Boxes have centres `a` (T, 2), `b` (N, 2) and half sizes (T, 2), (N, 2). One array for each,
    because numpy takes three times as long over a last axis of length 2.
    """
    widths = half_a[:, :1] + half_b[:, 0] - np.abs(a[:, :1] - b[:, 0])
    heights = half_a[:, 1:] + half_b[:, 1] - np.abs(a[:, 1:] - b[:, 1])
    return widths, heights


def iou_of_sides(sides: DoubleArray, half_a: DoubleArray, half_b: DoubleArray) -> DoubleArray:
    """IoU (P,) of boxes of half sizes (P, 2) that overlap by `sides` (P, 2)."""
    sides = np.minimum(sides, 2 * np.minimum(half_a, half_b))  # one may lie within the other
    np.maximum(sides, 0, out=sides)
    both = sides[:, 0] * sides[:, 1]
    return both / (4 * (half_a[:, 0] * half_a[:, 1] + half_b[:, 0] * half_b[:, 1]) - both)
