"""Crop, rotation and mirror of pictures."""

from __future__ import annotations

import numpy as np
import pytest

from app.video.framing import Framing
from app.video.source import MediaError

IMAGE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)  # 6 wide, 4 high


def test_rotation_is_clockwise() -> None:
    turned = Framing(rotate=90).apply(IMAGE)
    assert turned.shape == (6, 4, 3)
    assert (turned[0, -1] == IMAGE[0, 0]).all()  # the upper left corner goes to the upper right
    assert Framing(rotate=90).size_of((6, 4)) == (4, 6)


def test_crop_comes_before_rotation_and_mirror_last() -> None:
    framing = Framing(crop=(1, 0, 4, 2), rotate=180, mirror=True)
    np.testing.assert_array_equal(framing.apply(IMAGE), IMAGE[:2, 1:5][::-1])
    assert framing.size_of((6, 4)) == (4, 2)


def test_a_crop_outside_is_refused() -> None:
    with pytest.raises(MediaError, match="does not fit"):
        Framing(crop=(0, 0, 7, 4)).size_of((6, 4))
