"""Recipes: the course that a command line asks for, and the published ones."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import pytest

from pose.training.recipes import RECIPES, Recipe, Stage, learning_rate, parse_stage


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("32x64", "'32x64' is not a stage"),
        ("32x64+:1:2", "'32x64+:1:2' is not a stage"),
        ("32x64+64:1:2", "'32x64+64:1:2' is not a stage"),
        ("32x64+48x64:1:2", "must be multiples of 32"),
        ("64x96:nan:8", "'nan' is not a number"),
        ("64x96:inf:8", "'inf' is not a number"),
        ("64x96:ten:8", "'ten' is not a number"),
    ],
)
def test_a_malformed_stage_is_refused(text: str, words: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        parse_stage(text)
    assert words in str(refused.value)


def test_a_shorter_course_drops_the_rate_at_the_same_shares() -> None:
    recipe = RECIPES["hrnet-coco"]
    (stage,) = recipe.stages
    assert recipe.over((replace(stage, epochs=105),)).drops == (85, 100)
    assert recipe.over((replace(stage, epochs=0.5),)).drops == (1, 1)
    assert recipe.over(recipe.stages) == recipe


@pytest.mark.parametrize(
    ("name", "rate_from"),
    [
        ("hrnet-coco", {0: 1e-3, 169: 1e-3, 170: 1e-4, 199: 1e-4, 200: 1e-5, 209: 1e-5}),
        ("hrnet-posetrack", {0: 1e-4, 9: 1e-4, 10: 1e-5, 14: 1e-5, 15: 1e-6, 19: 1e-6}),
    ],
)
def test_a_published_schedule_falls_where_its_paper_says(
    name: str, rate_from: dict[int, float]
) -> None:
    recipe = RECIPES[name]
    total = 10 * (max(rate_from) + 1)
    assert recipe.stages[0].epochs == max(rate_from) + 1
    rates = [learning_rate(recipe, epoch * 10, total, epoch) for epoch in rate_from]
    np.testing.assert_allclose(rates, list(rate_from.values()))


def test_the_augmentation_for_mpii_is_that_of_the_released_configuration() -> None:
    augmentation = RECIPES["hrnet-mpii"].augmentation  # w32_256x256_adam_lr1e-3.yaml
    assert (augmentation.rotation_deg, augmentation.scale) == (30.0, 0.25)
    assert augmentation.half_body_chance == 0.0
    coco = RECIPES["hrnet-coco"].augmentation  # w32_256x192_adam_lr1e-3.yaml
    assert (coco.rotation_deg, coco.scale, coco.half_body_chance) == (45.0, 0.35, 0.3)


def test_a_cosine_warms_up_and_ends_at_a_hundredth() -> None:
    recipe = Recipe((Stage((32, 64), 1, 1),), learning_rate=1.0, warmup_steps=10)
    np.testing.assert_allclose(learning_rate(recipe, 0, 1000, 0), 0.1, atol=1e-3)
    np.testing.assert_allclose(learning_rate(recipe, 1000, 1000, 0), 0.01, atol=1e-6)
