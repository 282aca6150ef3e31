"""The shared arrays of people refuse shapes that do not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pose.people import Detections, Frame, Poses
from pose.skeleton import COCO17


def two_poses() -> Poses:
    return Poses(
        np.array([[0, 0, 10, 20], [5, 5, 15, 25]]),
        np.array([0.9, 0.8]),
        np.arange(2 * 17 * 2).reshape(2, 17, 2),
        np.ones((2, 17)),
        COCO17,
    )


def test_arrays_become_float32() -> None:
    detections = Detections(np.array([[1, 2, 3, 4]]), np.array([1]))
    assert detections.boxes.dtype == detections.scores.dtype == np.float32


def test_a_wrong_shape_is_named_with_the_expected_one() -> None:
    with pytest.raises(ValueError, match=r"scores has shape \(2,\), expected \(1,\)"):
        Detections(np.zeros((1, 4)), np.zeros(2))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6, 3), np.uint16),
    ],
    ids=["grey", "with alpha", "of numbers from 0 to 1", "of 16 bits"],
)
def test_a_picture_that_is_not_bytes_in_three_channels_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"image has shape .*, expected \(any, any, 3\) of uint8"):
        Frame(0, 0.0, image)


def test_a_picture_that_is_no_array_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image is of <class 'str'>, expected a numpy array"):
        Frame(0, 0.0, "dance.jpg")  # type: ignore[arg-type]


def test_nobody_has_the_shapes_of_somebody() -> None:
    nobody = Poses.empty(COCO17)
    assert len(nobody) == 0
    assert nobody.keypoints.shape == (0, 17, 2)
    assert nobody.appearance.shape == (0, 0)


def test_nobody_stacks_with_people_whose_looks_are_known() -> None:
    known = replace(two_poses(), appearance=np.eye(2, 8))
    for parts in ([Poses.empty(COCO17), known], [known, Poses.empty(COCO17)]):
        stacked = Poses.stacked(parts)
        assert stacked.scores.tolist() == known.scores.tolist()
        assert stacked.appearance.tolist() == known.appearance.tolist()
    assert len(Poses.stacked([Poses.empty(COCO17)] * 2)) == 0


def test_select_takes_people_in_the_order_asked() -> None:
    swapped = two_poses().select([1, 0])
    assert swapped.scores.tolist() == pytest.approx([0.8, 0.9])
    assert swapped.keypoints[0, 0].tolist() == [34, 35]
    assert len(two_poses().select(np.array([False, False]))) == 0
