"""How alike two people are: overlap of boxes, agreement of joints. Pure, vectorised over pairs."""

from __future__ import annotations

import numpy as np

from pose.geometry import box_area
from pose.people import FloatArray


def grown(boxes: FloatArray, ratio: float) -> FloatArray:
    """Boxes (N, 4) grown on each side by `ratio` of their width and height."""
    margin = ratio * (boxes[:, 2:] - boxes[:, :2])  # (N, 2)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def box_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union (T, N) of boxes (T, 4) and (N, 4); 0 where both are empty."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:])  # (T, N, 2)
    sides -= np.maximum(a[:, None, :2], b[None, :, :2])
    np.maximum(sides, 0, out=sides)
    inter = sides[..., 0] * sides[..., 1]  # (T, N)
    union = box_area(a)[:, None] + box_area(b)[None, :] - inter
    return inter / np.maximum(union, 1e-9)


def oks(
    a: FloatArray, b: FloatArray, weights_a: FloatArray, weights_b: FloatArray, var: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Object keypoint similarity (T, N), and the joints it rests on (T, N).

    Mean over the K joints of exp(-d^2 / (2 var)), each weighted by how sure both people are of it.
    a (T, K, 2), b (N, K, 2); weights (T, K) and (N, K) in 0..1; var (T, K) in square pixels, for
    COCO's OKS (2 sigma)^2 times the person's area. 0 where no joint is common.
    """
    offset = a[:, None] - b[None]  # (T, N, K, 2)
    squared = np.einsum("tnkc,tnkc->tnk", offset, offset)
    squared *= (-0.5 / var)[:, None]
    near = np.exp(squared, out=squared)  # (T, N, K)
    common = weights_a @ weights_b.T  # (T, N)
    total = np.einsum("tnk,tk,nk->tn", near, weights_a, weights_b)
    return total / np.maximum(common, 1e-9), common
