"""Fit, zoom, pan and mirror are plain numbers that can be checked by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage, QPainter

from app.drawing import Drawing, Label
from app.figure import no_rows
from app.gui.painting import paint_texts, resized, shown_image
from app.gui.viewport import Viewport

FITTED = Viewport((400, 200), (100, 100))  # scale 2, borders of 100 left and right


def test_fitting_centres_the_frame() -> None:
    assert FITTED.scale == 2
    assert FITTED.to_canvas(-0.5, -0.5) == (100, 0)
    assert FITTED.to_canvas(99.5, 99.5) == (300, 200)
    assert FITTED.visible() == (0, 0, 100, 100)


@pytest.mark.parametrize("mirror", [False, True])
def test_there_and_back_is_the_same_point(mirror: bool) -> None:
    view = Viewport((400, 200), (100, 80), mirror=mirror).zoomed(3, 120, 60).panned(-30, 11)
    assert view.to_frame(*view.to_canvas(12, 34)) == pytest.approx((12, 34))


def test_zooming_keeps_the_point_under_the_pointer() -> None:
    before = FITTED.to_frame(180, 90)
    assert FITTED.zoomed(2.5, 180, 90).to_frame(180, 90) == pytest.approx(before)


def test_zooming_out_ends_at_the_fit_and_in_at_a_limit() -> None:
    assert FITTED.zoomed(1.5, 0, 0).zoomed(0.1, 0, 0).zoom is None
    assert FITTED.zoomed(1e6, 200, 100).scale == 32


def test_the_picture_cannot_be_lost_by_panning() -> None:
    view = FITTED.zoomed(4, 200, 100).panned(1e6, -1e6)
    assert view.centre == (0.0, 1.0)


@pytest.mark.parametrize("mirror", [False, True])
def test_only_the_visible_part_is_resampled_at_the_screen_s_resolution(qapp, mirror) -> None:
    image = np.zeros((2160, 3840, 3), np.uint8)
    image[:, :1920] = (255, 0, 0)  # the left half is blue
    view = Viewport((960, 540), (3840, 2160), mirror=mirror)
    picture, target = shown_image(image, view, pixel_ratio=1.0)
    assert (picture.width(), picture.height()) == (960, 540) == (target.width(), target.height())
    assert (picture.pixelColor(10, 10).blue() == 255) is not mirror
    close = view.zoomed(40, 480, 270)
    picture, target = shown_image(image, close, pixel_ratio=1.0)
    assert picture.width() < 1100


@pytest.mark.parametrize("mirror", [False, True])
def test_a_label_stays_within_a_picture_that_is_shown_small(qapp, mirror: bool) -> None:
    canvas = QImage(400, 200, QImage.Format.Format_RGB32)
    canvas.fill(Qt.GlobalColor.black)
    viewport = Viewport((400, 200), (1600, 1600), mirror=mirror)  # 200 pixels wide, centred
    label = Label("Bartholomew", 1500.0, 800.0, 30.0, (255, 0, 0), (0, 0, 0))
    painter = QPainter(canvas)
    empty, none = no_rows(3), np.zeros((0, 4), np.uint8)
    shapes = (empty, (), no_rows(6), none, empty, none)
    paint_texts(painter, Drawing((1600, 1600), False, *shapes, (label,)), viewport)
    painter.end()
    red = [x for x in range(400) if canvas.pixelColor(x, 98).red() > 100]
    assert len(red) > 40
    assert red[0] >= 100 and red[-1] < 300


@pytest.mark.parametrize("size_wh", [(461, 259), (160, 90), (321, 181)])
def test_a_shrunk_picture_is_the_average_of_what_it_shows(size_wh: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (721, 1281, 3), np.uint8)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), 8), np.uint8) // 8 * 4
    striped = smooth.copy()
    striped[:, ::2] *= 2  # stripes of a pixel, which would flicker if pixels were left out
    shown = resized(striped, size_wh)
    exact = cv2.resize(smooth, size_wh, interpolation=cv2.INTER_AREA) * 1.5
    assert shown.shape == exact.shape
    assert np.abs(shown - exact).mean() < 2
