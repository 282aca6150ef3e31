"""Cutting on a device gives what OpenCV gives; here the device's code runs on CPU tensors."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from pose.cutting import DeviceCutter, HostCutter
from pose.geometry import crop_regions

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def cutter(device: str) -> DeviceCutter:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return DeviceCutter(torch.device(device))


def smooth_picture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    return cv2.resize(noise, (500, 300), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("unbiased", [True, False])
def test_crops_equal_opencvs_within_its_rounding(device: str, unbiased: bool) -> None:
    image = smooth_picture()
    boxes = np.array([[20, 30, 90, 200], [400, 100, 499, 299], [200, 50, 230, 110]], np.float32)
    regions = crop_regions(boxes, (48, 64), 1.25)
    on_host = HostCutter().people(image, regions, (48, 64), unbiased)
    on_device = cutter(device).people(image, regions, (48, 64), unbiased)
    assert on_device.shape == on_host.shape == (3, 64, 48, 3)
    difference = np.abs(on_device.cpu().numpy().astype(int) - on_host)
    # OpenCV places samples to within 1/32 of a pixel.
    assert difference.max() <= 10
    assert difference.mean() < 0.7


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("limit", [(128, 128), (640, 640)])
def test_letterboxes_equal_opencvs_within_its_rounding(device: str, limit: tuple[int, int]) -> None:
    image = smooth_picture()
    on_host, host_scale = HostCutter().letterbox(image, limit)
    on_device, scale = cutter(device).letterbox(image, limit)
    assert scale == host_scale
    difference = np.abs(on_device.cpu().numpy().astype(int) - on_host)
    assert on_device.shape == on_host.shape
    assert difference.max() <= 2


def test_a_frame_is_uploaded_once() -> None:
    image = smooth_picture()
    device = cutter("cpu")
    assert device.upload(image) is device.upload(image)
    assert device.upload(image.copy()) is not device.upload(image)


def test_mirrors_agree() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    on_device = cutter("cpu").mirror(torch.from_numpy(crops))
    np.testing.assert_array_equal(on_device.numpy(), HostCutter().mirror(crops))
    np.testing.assert_array_equal(HostCutter().mirror(crops)[:, :, 0], crops[:, :, -1])
