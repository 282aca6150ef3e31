"""Cut crops and letterboxes out of a frame, in memory or on a CUDA device.

The host uses OpenCV on arrays; the device gets each frame uploaded once, as bytes, and cuts there.
Both give bytes (N, H, W, 3) BGR, equal but for rounding.
"""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pose.crops import PAD_VALUE, crop_people, letterbox, letterbox_shape
from pose.geometry import grid_to_frame
from pose.people import FloatArray, ImageArray

Bytes = ImageArray | Tensor  # (..., H, W, 3) uint8, in memory or on the device


class Cutter(Protocol):
    """What the detector and the estimator need from a frame."""

    def letterbox(self, image: ImageArray, limit_wh: tuple[int, int]) -> tuple[Bytes, float]:
        """As pose.crops.letterbox."""

    def people(
        self, image: ImageArray, regions: FloatArray, size_wh: tuple[int, int], unbiased: bool
    ) -> Bytes:
        """As pose.crops.crop_people."""

    def mirror(self, crops: Bytes) -> Bytes:
        """Crops (N, H, W, 3) with left and right exchanged."""


class HostCutter:
    """OpenCV on the CPU."""

    def letterbox(self, image: ImageArray, limit_wh: tuple[int, int]) -> tuple[Bytes, float]:
        return letterbox(image, limit_wh)

    def people(
        self, image: ImageArray, regions: FloatArray, size_wh: tuple[int, int], unbiased: bool
    ) -> Bytes:
        return crop_people(image, regions, size_wh, unbiased)

    def mirror(self, crops: Bytes) -> Bytes:
        return np.ascontiguousarray(crops[:, :, ::-1])


class DeviceCutter:
    """Torch on a device. The last frame stays there, so that each is uploaded only once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last: tuple[ImageArray, Tensor] | None = None

    def upload(self, image: ImageArray) -> Tensor:
        """The frame on the device: (H, W, 3) uint8."""
        last = self._last
        if last is not None and last[0] is image:
            return last[1]
        tensor = torch.from_numpy(np.ascontiguousarray(image))
        if self._device.type == "cuda":
            tensor = tensor.pin_memory()  # the copy overlaps with the host's work
        tensor = tensor.to(self._device, non_blocking=True)
        self._last = (image, tensor)
        return tensor

    def letterbox(self, image: ImageArray, limit_wh: tuple[int, int]) -> tuple[Bytes, float]:
        frame_wh = (image.shape[1], image.shape[0])
        (width, height), (full_width, full_height), scale = letterbox_shape(frame_wh, limit_wh)
        pixels = self.upload(image).permute(2, 0, 1)[None].float()  # (1, 3, H, W)
        small = F.interpolate(pixels, (height, width), mode="bilinear", align_corners=False)
        padding = (0, full_width - width, 0, full_height - height)
        return _to_bytes(F.pad(small, padding, value=PAD_VALUE))[0], scale

    def people(
        self, image: ImageArray, regions: FloatArray, size_wh: tuple[int, int], unbiased: bool
    ) -> Bytes:
        width, height = size_wh
        pixels = self.upload(image).permute(2, 0, 1)[None].float()  # (1, 3, H, W)
        scale, offset = grid_to_frame(regions, size_wh, unbiased)  # (N, 2), (N, 2)
        affine = torch.from_numpy(np.concatenate([scale, offset], 1)).to(self._device)  # (N, 4)
        column = torch.arange(width, device=self._device)
        row = torch.arange(height, device=self._device)
        x = column * affine[:, 0:1] + affine[:, 2:3]  # (N, W) in frame pixels
        y = row * affine[:, 1:2] + affine[:, 3:4]  # (N, H)
        # grid_sample counts from -1 to 1 between the centres of the outermost pixels.
        x = 2 * x / max(image.shape[1] - 1, 1) - 1
        y = 2 * y / max(image.shape[0] - 1, 1) - 1
        shape = (len(regions), height, width)
        grid = torch.stack(
            [x[:, None, :].expand(shape), y[:, :, None].expand(shape)], dim=-1
        )  # (N, H, W, 2)
        frames = pixels.expand(len(regions), -1, -1, -1)
        return _to_bytes(F.grid_sample(frames, grid, mode="bilinear", align_corners=True))

    def mirror(self, crops: Bytes) -> Bytes:
        assert isinstance(crops, Tensor)
        return crops.flip(2)


def _to_bytes(pixels: Tensor) -> Tensor:
    """(N, 3, H, W) float to (N, H, W, 3) uint8."""
    return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


@functools.cache
def cutter_for(device: torch.device) -> Cutter:
    """The cutter of a device; detector and estimator share it, and so share the uploaded frame."""
    return DeviceCutter(device) if device.type == "cuda" else HostCutter()
