"""Crops hold what the region of the frame held; letterboxes keep the aspect."""

from __future__ import annotations

import numpy as np
import pytest

from pose.crops import PAD_VALUE, crop_people, letterbox, letterbox_shape
from pose.geometry import crop_regions


def ramp(width: int = 200, height: int = 120) -> np.ndarray:
    """A picture whose first channel is x, second y, so that a pixel shows where it came from."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 7)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("unbiased", [True, False])
def test_a_region_of_the_grids_own_size_is_copied(unbiased: bool) -> None:
    length = (23, 31) if unbiased else (24, 32)
    region = np.array([[50 + length[0] / 2, 40 + length[1] / 2, *length]], np.float32)
    crop = crop_people(ramp(), region, (24, 32), unbiased)
    assert crop.shape == (1, 32, 24, 3)
    np.testing.assert_array_equal(crop[0], ramp()[40:72, 50:74])


def test_unbiased_borders_fall_on_the_regions_borders() -> None:
    crop = crop_people(ramp(), np.array([[60, 50, 80, 40]], np.float32), (5, 3))
    assert crop[0, 0, 0].tolist() == [20, 30, 7]
    assert crop[0, 2, 4].tolist() == [100, 70, 7]
    assert crop[0, 1, 2].tolist() == [60, 50, 7]


def test_outside_the_frame_is_black() -> None:
    crop = crop_people(ramp(), np.array([[-500, 20, 10, 10]], np.float32), (4, 4))
    assert crop.max() == 0


def test_nobody_gives_no_crops() -> None:
    assert crop_people(ramp(), np.zeros((0, 4), np.float32), (24, 32)).shape == (0, 32, 24, 3)


def test_a_crowd_beyond_opencvs_row_limit_is_cropped_like_one_person() -> None:
    boxes = np.random.default_rng(0).uniform(10, 50, (300, 4)).astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    regions = crop_regions(boxes, (96, 128), 1.25)
    crops = crop_people(ramp(), regions, (96, 128))
    for person in (0, 249, 250, 299):
        alone = crop_people(ramp(), regions[person : person + 1], (96, 128))
        np.testing.assert_array_equal(crops[person], alone[0])


def test_a_letterboxed_frame_keeps_its_aspect_and_wastes_less_than_a_stride() -> None:
    assert letterbox_shape((1280, 720), (416, 416)) == ((416, 234), (416, 256), 0.325)
    assert letterbox_shape((720, 1280), (416, 416)) == ((234, 416), (256, 416), 0.325)


def test_a_letterbox_is_the_frame_top_left_on_grey() -> None:
    canvas, scale = letterbox(np.full((50, 100, 3), 9, np.uint8), (64, 64))
    assert canvas.shape == (32, 64, 3)
    assert scale == 0.64
    canvas, _ = letterbox(np.full((60, 100, 3), 9, np.uint8), (64, 64))
    assert canvas.shape == (64, 64, 3)
    assert (canvas[:38] == 9).all()
    assert (canvas[38:] == PAD_VALUE).all()
