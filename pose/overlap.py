"""How much boxes x1 y1 x2 y2 overlap, as tensors on any device."""

from __future__ import annotations

import torch
from torch import Tensor


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU (M, C) of boxes (M, 4) and (C, 4)."""
    return paired_iou(a[:, None], b[None])


def paired_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU (...) of boxes (..., 4) and (..., 4), one by one; 0 where both are empty."""
    shared = _shared(a, b)
    return shared / (_area(a) + _area(b) - shared).clamp_min(1e-9)


def share_inside(boxes: Tensor, places: Tensor) -> Tensor:
    """The largest share (A,) of each box (A, 4) that lies in one of the places (K, 4)."""
    return (_shared(boxes[:, None], places[None]).amax(1) / _area(boxes)).nan_to_num()


def _shared(a: Tensor, b: Tensor) -> Tensor:
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    return (high - low).clamp(min=0).prod(-1)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)
