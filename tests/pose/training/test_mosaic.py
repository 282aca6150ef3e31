"""Pictures for the detector: boxes stay on their people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_data import small_people

from pose.training.cutouts import cut_out
from pose.training.mosaic import MosaicAugmentation, MosaicSamples, paste, place_picture, turned
from pose.training.pictures import Pictures


def test_pasted_people_stand_in_front(tmp_path: Path) -> None:
    image = np.full((100, 60, 3), 200, np.uint8)
    joints = np.array([[10.0, 10.0], [50.0, 10.0], [50.0, 90.0], [10.0, 90.0]], np.float32)
    patch, mask = cut_out(image, np.array([5, 5, 55, 95], np.float32), joints, 45.0)
    assert patch.shape == (45, 25, 3)
    canvas = np.zeros((100, 100, 3), np.uint8)
    others = np.array([[12, 12, 30, 50, 1], [80, 10, 95, 60, 0]], np.float32)
    labels = paste(canvas, others, patch, mask, (10, 10))
    # The first person is now mostly hidden; the newcomer comes last.
    assert labels.tolist() == [[12, 12, 30, 50, 0], [80, 10, 95, 60, 0], [10, 10, 35, 55, 1]]
    assert canvas[32, 22].tolist() == [200, 200, 200]
    assert canvas[80, 80].tolist() == [0, 0, 0]


def test_boxes_follow_their_picture_into_the_mosaic() -> None:
    canvas = np.zeros((100, 100, 3), np.uint8)
    image = np.full((40, 80, 3), 255, np.uint8)
    labels = np.array([[0, 0, 20, 40, 1]], np.float32)
    placed = place_picture(canvas, (50, 0, 100, 100), image, labels, 0.5, (0.0, 0.0), flip=True)
    np.testing.assert_allclose(placed, [[80, 0, 90, 20, 1]])
    assert canvas[10, 85].tolist() == [255, 255, 255]
    assert canvas[10, 45].tolist() == [0, 0, 0]


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("flip", [False, True])
def test_boxes_are_where_their_pixels_are_drawn(scale: float, flip: bool) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30, 20:40] = 255
    canvas = np.zeros((200, 200, 3), np.uint8)
    labels = np.array([[20, 10, 40, 30, 1]], np.float32)
    area = (0, 0, 200, 200)
    ((x1, y1, x2, y2, _),) = place_picture(canvas, area, image, labels, scale, (0.3, 0.6), flip)
    rows, columns = np.nonzero(canvas[..., 0] > 127)
    drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert drawn == [x1, y1, x2, y2]


def test_a_person_cut_off_still_counts_if_they_fill_much_of_the_picture() -> None:
    image = np.full((100, 100, 3), 255, np.uint8)
    labels = np.array([[0, 0, 100, 100, 1]], np.float32)
    canvas = np.zeros((100, 100, 3), np.uint8)
    for corner, counts in ((0, 1), (70, 1), (80, 0), (97, 0)):
        area = (corner, corner, 100, 100)
        placed = place_picture(canvas, area, image, labels, 2.0, (0.0, 0.0), flip=False)
        assert placed.tolist() == [[*area, counts]]


def test_a_person_outside_the_picture_has_no_label() -> None:
    canvas, image = np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100, 3), np.uint8)
    far = np.array([[60, 60, 90, 90, 1]], np.float32)
    area = (0, 0, 100, 100)
    assert place_picture(canvas, area, image, far, 2.0, (0.0, 0.0), flip=False).shape == (0, 5)


def test_boxes_turn_with_their_picture() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20, 45:60] = 255
    for quarters in range(5):
        picture, labels = turned(image, np.array([[45, 10, 60, 20, 1]], np.float32), quarters)
        x1, y1, x2, y2, counts = labels[0].astype(int)
        assert counts == 1
        assert (picture[y1:y2, x1:x2] == 255).all()
        assert picture.sum() == image.sum() == picture[y1:y2, x1:x2].sum()


def test_close_ups_are_of_the_tallest_person(tmp_path: Path) -> None:
    people = small_people(tmp_path, 1)
    closer = MosaicAugmentation(mosaic_chance=0, close_up_chance=1.0)
    mosaics = MosaicSamples(people, Pictures(people.places), (128, 96), closer)
    samples = [mosaics[seed, 0, 0] for seed in range(8)]
    for image, boxes in samples:
        assert image.shape == (96, 128, 3)
        assert len(boxes) == 1
        assert boxes[0, 3] - boxes[0, 1] > 40  # the person, less what is out of the picture
    assert len({tuple(boxes[0]) for _, boxes in samples}) > 4


def test_crowds_have_boxes_for_everybody_pasted(tmp_path: Path) -> None:
    people = small_people(tmp_path)
    always = MosaicAugmentation(mosaic_chance=0, close_up_chance=0, paste_chance=1.0, most_pasted=4)
    never = replace(always, paste_chance=0.0)
    pictures = Pictures(people.places)
    counts = []
    for augmentation in (always, never):
        samples = MosaicSamples(people, pictures, (128, 128), augmentation)
        counts.append(sum(len(samples[0, 0, index][1]) for index in range(4)))
    assert counts[0] > counts[1] > 0


def test_a_crowd_is_an_ignore_region(tmp_path: Path) -> None:
    people = small_people(tmp_path, 1)
    people = replace(people, crowd=np.ones(len(people), bool))
    always = MosaicAugmentation(mosaic_chance=0, close_up_chance=1.0, paste_chance=1.0)
    _, labels = MosaicSamples(people, Pictures(people.places), (128, 96), always)[0, 0, 0]
    assert labels[:, 4].tolist() == [0]


def test_people_outside_their_picture_are_not_pasted(tmp_path: Path) -> None:
    people = small_people(tmp_path)
    people = replace(people, boxes=people.boxes + np.float32(500))
    always = MosaicAugmentation(mosaic_chance=0, close_up_chance=0, paste_chance=1.0)
    samples = MosaicSamples(people, Pictures(people.places), (128, 96), always)
    assert len(samples[0, 0, 0][1]) == 0
