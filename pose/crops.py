"""Resample a frame for the networks: crops of people, and the letterboxed whole frame.

Regions, grids and the two conventions that relate them are those of pose.geometry.
"""

from __future__ import annotations

import cv2
import numpy as np

from pose.geometry import grid_to_frame
from pose.people import FloatArray, ImageArray

_REMAP_ROWS = 32_000  # cv2.remap keeps coordinates in 16 bits
PAD_VALUE = 114  # grey around a letterboxed frame, as in YOLOX (data/data_augment.py, preproc)


def crop_people(
    image: ImageArray, regions: FloatArray, size_wh: tuple[int, int], unbiased: bool = True
) -> ImageArray:
    """Resample regions (N, 4) of a frame onto grids: (N, height, width, 3), bilinear.

    cv2.remap gets all crops as one tall picture, so its call overhead does not grow with the number
    of people. Outside the frame is black.
    """
    width, height = size_wh
    scale, offset = grid_to_frame(regions, size_wh, unbiased)  # (N, 2), (N, 2)
    columns = np.arange(width, dtype=np.float32) * scale[:, :1] + offset[:, :1]  # (N, W)
    rows = np.arange(height, dtype=np.float32) * scale[:, 1:] + offset[:, 1:]  # (N, H)
    crops = np.empty((len(regions), height, width, 3), np.uint8)
    at_once = max(1, _REMAP_ROWS // height)
    for start in range(0, len(regions), at_once):
        part = slice(start, start + at_once)
        grid = (len(columns[part]), height, width)
        x = np.broadcast_to(columns[part, None, :], grid).reshape(-1, width)  # (n H, W)
        y = np.broadcast_to(rows[part, :, None], grid).reshape(-1, width)  # (n H, W)
        cv2.remap(image, x, y, cv2.INTER_LINEAR, dst=crops[part].reshape(-1, width, 3))
    return crops


def letterbox_shape(
    frame_wh: tuple[int, int], limit_wh: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], float]:
    """How a frame fits a detector: size of the picture, size of the canvas, scale picture / frame.

    The picture is as large as `limit_wh` allows, and the canvas is padded to multiples of 32 on
    the right and below: a wide frame needs no square canvas.
    """
    scale = min(limit_wh[0] / frame_wh[0], limit_wh[1] / frame_wh[1])
    picture = (max(1, round(frame_wh[0] * scale)), max(1, round(frame_wh[1] * scale)))
    canvas = (-(-picture[0] // 32) * 32, -(-picture[1] // 32) * 32)
    return picture, canvas, scale


def letterbox(image: ImageArray, limit_wh: tuple[int, int]) -> tuple[ImageArray, float]:
    """Resize a frame to fit `limit_wh`: canvas (H, W, 3), and scale picture / frame."""
    frame_wh = (image.shape[1], image.shape[0])
    (width, height), (full_width, full_height), scale = letterbox_shape(frame_wh, limit_wh)
    canvas = np.full((full_height, full_width, 3), PAD_VALUE, np.uint8)
    # Not by `dst`: OpenCV writes into a slice only where its memory layout suits it.
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return canvas, scale
