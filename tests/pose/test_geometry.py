"""Boxes, regions and grids agree with each other in both conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.geometry import (
    box_area,
    clip_boxes,
    crop_regions,
    grid_to_frame,
    xywh_to_xyxy,
    xyxy_to_xywh,
)

coordinate = st.floats(-500, 500, width=32)
length = st.floats(2, 800, width=32)


@given(coordinate, coordinate, length, length)
def test_a_region_holds_its_box_and_has_the_crop_s_aspect(
    x: float, y: float, width: float, height: float
) -> None:
    box = np.array([[x, y, x + width, y + height]], np.float32)
    cx, cy, w, h = crop_regions(box, (192, 256), padding=1.25)[0]
    assert w / h == pytest.approx(192 / 256, rel=1e-4)
    assert w >= 1.249 * (box[0, 2] - box[0, 0])
    assert h >= 1.249 * (box[0, 3] - box[0, 1])
    assert [cx, cy] == pytest.approx([x + width / 2, y + height / 2], abs=0.1)


def test_unbiased_grids_have_their_corners_on_the_region_s_borders() -> None:
    region = np.array([[100, 50, 60, 80]], np.float32)
    for size_wh in ((192, 256), (48, 64)):
        scale, offset = grid_to_frame(region, size_wh)
        last = np.array(size_wh) - 1
        assert offset[0].tolist() == [70, 10]
        assert (last * scale[0] + offset[0]) == pytest.approx([130, 90])


def test_official_grids_count_whole_pixels() -> None:
    scale, offset = grid_to_frame(
        np.array([[100, 50, 60, 80]], np.float32), (48, 64), unbiased=False
    )
    assert scale[0].tolist() == [1.25, 1.25]
    assert offset[0].tolist() == [70, 10]


def test_a_box_without_size_still_gives_a_region() -> None:
    region = crop_regions(np.array([[5, 5, 5, 5]], np.float32), (192, 256), 1.25)
    assert (region[:, 2:] > 0).all()


def test_box_formats_convert_into_each_other() -> None:
    boxes = np.array([[1, 2, 4, 8]], np.float32)
    assert xyxy_to_xywh(boxes).tolist() == [[1, 2, 3, 6]]
    assert xywh_to_xyxy(xyxy_to_xywh(boxes)).tolist() == boxes.tolist()
    assert box_area(boxes).tolist() == [18]
    assert box_area(np.array([[4, 4, 1, 1]], np.float32)).tolist() == [0]


def test_clipping_ends_at_the_last_pixel_s_centre() -> None:
    clipped = clip_boxes(np.array([[-5, -5, 200, 50]], np.float32), (100, 80))
    assert clipped.tolist() == [[0, 0, 99, 50]]
