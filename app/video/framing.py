"""Crop, rotate and mirror a picture before anything else sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.video.source import MediaError
from pose.people import ImageArray


@dataclass(frozen=True, slots=True)
class Framing:
    """Crop, rotate, then mirror the upright picture. Results are in the framed picture's pixels."""

    crop: tuple[int, int, int, int] | None = None  # x y width height
    rotate: int = 0  # degrees clockwise, a multiple of 90
    mirror: bool = False

    def size_of(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """The size that pictures of `size_wh` get; MediaError if the crop does not fit in them."""
        if self.crop is not None:
            x, y, width, height = self.crop
            if x + width > size_wh[0] or y + height > size_wh[1]:
                raise MediaError(
                    f"the crop {x},{y},{width},{height} does not fit in pictures of "
                    f"{size_wh[0]}x{size_wh[1]} pixels; choose a smaller one"
                )
            size_wh = width, height
        return size_wh[::-1] if self.rotate % 180 else size_wh

    def apply(self, image: ImageArray) -> ImageArray:
        """(H, W, 3) `image`, framed; contiguous."""
        if self.crop is not None:
            x, y, width, height = self.crop
            image = image[y : y + height, x : x + width]
        if self.rotate:
            image = np.rot90(image, -self.rotate // 90)
        if self.mirror:
            image = image[:, ::-1]
        return np.ascontiguousarray(image)
