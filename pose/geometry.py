"""Boxes to padded crops and back: the one place that knows the pixel convention.

An integer coordinate is the centre of a pixel. A crop is an axis-parallel region of the frame,
given by its centre and size, resampled onto a grid of W x H pixels. Two conventions relate the
region to the grid:

* unbiased (UDP; Huang et al., CVPR 2020, section 3.1): the region's borders fall on the centres of
  the first and last pixel, so lengths are measured in intervals, W - 1 of them. Crop and heatmap
  then describe the same region exactly, and flipping a crop is exact. Our own networks use it.
* official (HRNet's and SimpleBaseline's released code): the region's left border falls on
  coordinate 0 and its right border on W. A heatmap of a quarter the size is then offset from the
  crop by up to 1.5 crop pixels; published weights were trained with it and need it.
"""

from __future__ import annotations

import numpy as np

from pose.people import FloatArray


def xywh_to_xyxy(boxes: FloatArray) -> FloatArray:
    """Turn (..., 4) x y width height into x1 y1 x2 y2."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes: FloatArray) -> FloatArray:
    """Turn (..., 4) x1 y1 x2 y2 into x y width height."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def clip_boxes(boxes: FloatArray, size_wh: tuple[int, int]) -> FloatArray:
    """Clip (N, 4) boxes to a frame of `size_wh` pixels."""
    limit = np.array([*size_wh, *size_wh], np.float32) - 1
    return np.clip(boxes, 0, limit).astype(np.float32)


def box_area(boxes: FloatArray) -> FloatArray:
    """Area of (..., 4) boxes, 0 where a box is inside out."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def crop_regions(boxes: FloatArray, size_wh: tuple[int, int], padding: float) -> FloatArray:
    """Regions (N, 4) centre_x centre_y width height around boxes (N, 4), padded.

    Each region has the aspect ratio of `size_wh`, holds its box, and is `padding` times as large
    (1.25 in HRNet). Sides below a pixel count as one pixel, so that regions are never empty.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2  # (N, 2)
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)  # (N, 2)
    aspect = size_wh[0] / size_wh[1]
    heights = np.maximum(sizes[:, 1], sizes[:, 0] / aspect) * padding  # (N,)
    regions = np.stack([centres[:, 0], centres[:, 1], heights * aspect, heights], axis=1)
    return regions.astype(np.float32)  # (N, 4)


def grid_to_frame(
    regions: FloatArray, size_wh: tuple[int, int], unbiased: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Scale (N, 2) and offset (N, 2) that take grid coordinates to the frame: p * scale + offset.

    `size_wh` is the grid's: the crop's own size, or its heatmap's for decoding.
    """
    lengths = np.array(size_wh, np.float32) - (1 if unbiased else 0)  # (2,)
    scale = regions[:, 2:] / lengths  # (N, 2)
    offset = regions[:, :2] - regions[:, 2:] / 2  # (N, 2)
    return scale.astype(np.float32), offset.astype(np.float32)
