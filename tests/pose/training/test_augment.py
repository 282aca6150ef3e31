"""Crops of people: cut, hidden, turned, halved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from small_data import PLAIN, SIZE_WH, small_people

from pose.people import FloatArray, ImageArray
from pose.skeleton import Skeleton
from pose.training.augment import AnotherPicture, PoseAugmentation, warp_person
from pose.training.people_file import LabelledPeople
from pose.training.pictures import Pictures


def _warped(
    people: LabelledPeople, change: PoseAugmentation, another: AnotherPicture = lambda: None
) -> list[tuple[ImageArray, FloatArray, FloatArray]]:
    """Crops of the first person with their joints and weights, for 20 seeds."""
    image = Pictures(people.places)[0]
    assert image is not None
    person = (people.boxes[0], people.keypoints[0], people.weights[0], people.skeleton, SIZE_WH)
    seeds = map(np.random.default_rng, range(20))
    return [warp_person(image, *person, seed, change, another) for seed in seeds]


def test_a_picture_cut_off_across_a_person_keeps_the_visible_joints(tmp_path: Path) -> None:
    for crop, points, weights in _warped(small_people(tmp_path, 1), replace(PLAIN, cut_chance=1.0)):
        seen = weights > 0
        assert seen.sum() >= 2
        # The crop is not black at the joints, and it is centred on what is left of the person.
        rows, columns = points[seen].round().astype(int)[:, ::-1].T
        assert (crop[rows, columns].sum(1) > 0).all()
        if not seen.all():
            assert (crop.sum(2) == 0).any()


def test_pieces_of_other_pictures_hide_people(tmp_path: Path) -> None:
    people = small_people(tmp_path, 1)
    other = np.zeros((5, 300, 3), np.uint8)
    other[..., 2] = 251  # a red that occurs nowhere else
    red = []
    for crop, _, weights in _warped(people, replace(PLAIN, occlusion_chance=1.0), lambda: other):
        assert (weights == people.weights[0]).all()  # hidden joints are still to be found
        red.append((crop == other[0, 0]).all(2).mean())
    assert min(red) > 0
    assert max(red) < 0.2


def test_a_person_who_is_turned_stays_inside_the_crop(tmp_path: Path) -> None:
    people = small_people(tmp_path, 1)
    heads_up = 0
    for _, points, weights in _warped(people, replace(PLAIN, turn_chance=1.0)):
        assert (weights == people.weights[0]).all()  # every joint is inside the crop
        heads_up += points[0, 1] < points[-1, 1]
    assert 5 <= heads_up <= 15


def test_feet_belong_to_the_lower_half_of_a_body() -> None:
    upper = ("nose", "left_shoulder", "right_shoulder", "left_elbow")
    lower = ("left_hip", "left_knee", "left_ankle", "left_heel", "left_big_toe")
    names = upper + lower
    alone = tuple(range(len(names)))
    skeleton = Skeleton("feet", names, (), alone, (0.1,) * len(names))
    points = np.array([[40 + 5 * (i % 2), 10 + 20 * i] for i in range(len(names))], np.float32)
    halves = set()
    for seed in range(20):
        _, _, weights = warp_person(
            np.zeros((200, 90, 3), np.uint8),
            np.array([30, 0, 60, 190], np.float32),
            points,
            np.ones(len(names), np.float32),
            skeleton,
            SIZE_WH,
            np.random.default_rng(seed),
            replace(PLAIN, half_body_chance=1.0),
            lambda: None,
        )
        halves.add((bool(weights[0] > 0), bool(weights[-1] > 0)))
    assert halves == {(True, False), (False, True)}  # with the nose or with the toe, never both
