"""Keypoints drawn into heatmaps come back, to the precision each decoding promises."""

from __future__ import annotations

import pytest
import torch

from pose.heatmaps import average_flipped, decode_dark, decode_quarter, encode
from pose.skeleton import COCO17

SIZE_WH = (48, 64)


def inner_points(seed: int = 0) -> torch.Tensor:
    """Keypoints (3, 17, 2) at least four pixels inside the map."""
    generator = torch.Generator().manual_seed(seed)
    return 4 + torch.rand(3, 17, 2, generator=generator) * torch.tensor([39.0, 55.0])


def test_dark_finds_the_place_between_pixels() -> None:
    points = inner_points()
    found, scores = decode_dark(encode(points, SIZE_WH, sigma=2.0))
    assert (found - points).abs().max() < 0.05
    assert scores.min() > 0.9


def test_quarter_shift_is_within_a_quarter_pixel() -> None:
    points = inner_points()
    found, _ = decode_quarter(encode(points, SIZE_WH, sigma=2.0))
    assert (found - points).abs().max() <= 0.25 + 1e-4


@pytest.mark.parametrize("decode", [decode_quarter, decode_dark])
def test_a_peak_at_the_border_stays_there(decode) -> None:  # type: ignore[no-untyped-def]
    maps = torch.zeros(1, 1, 64, 48)
    maps[0, 0, 0, 47] = 1
    found, _ = decode(maps)
    assert found[0, 0].tolist() == [47, 0]


@pytest.mark.parametrize("decode", [decode_quarter, decode_dark])
def test_an_empty_map_gives_a_finite_place_and_no_confidence(decode) -> None:  # type: ignore[no-untyped-def]
    found, scores = decode(torch.zeros(2, 3, 64, 48))
    assert torch.isfinite(found).all()
    assert scores.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("decode", [decode_quarter, decode_dark])
def test_nobody_gives_nothing(decode) -> None:  # type: ignore[no-untyped-def]
    found, scores = decode(torch.zeros(0, 17, 64, 48))
    assert found.shape == (0, 17, 2)
    assert scores.shape == (0, 17)


def test_the_flip_test_of_a_mirrored_truth_changes_nothing() -> None:
    points = inner_points()
    maps = encode(points, SIZE_WH, sigma=2.0)
    mirrored = points[:, list(COCO17.mirror)].clone()
    mirrored[..., 0] = SIZE_WH[0] - 1 - mirrored[..., 0]
    flipped = encode(mirrored, SIZE_WH, sigma=2.0)
    assert (average_flipped(maps, flipped, COCO17.mirror) - maps).abs().max() < 1e-5
