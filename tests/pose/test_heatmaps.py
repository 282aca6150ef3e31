"""Keypoints drawn into heatmaps come back, to the precision each decoding promises."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from pose.heatmaps import average_flipped, decode_expected_oks, decode_quarter, encode
from pose.skeleton import COCO17

SIZE_WH = (48, 64)
DECODINGS = [decode_quarter, partial(decode_expected_oks, sigmas=(0.079,))]


def inner_points(seed: int = 0) -> torch.Tensor:
    """Keypoints (3, 17, 2) at least four pixels inside the map."""
    generator = torch.Generator().manual_seed(seed)
    return 4 + torch.rand(3, 17, 2, generator=generator) * torch.tensor([39.0, 55.0])


@pytest.mark.parametrize("size_wh", [SIZE_WH, (33, 49)])
def test_expected_oks_finds_the_place_between_pixels(size_wh: tuple[int, int]) -> None:
    points = inner_points() * torch.tensor([size_wh[0] / 48, size_wh[1] / 64])
    found, scores = decode_expected_oks(encode(points, size_wh, sigma=2.0), COCO17.sigmas)
    assert (found - points).abs().max() < 0.1
    assert scores.min() > 0.9


def test_of_two_guesses_the_one_with_others_nearby_is_taken() -> None:
    lone = encode(torch.tensor([[[10.0, 30.0]]]), SIZE_WH, sigma=1.0)
    crowd = torch.tensor(
        [[[36.0, 28.0]], [[39.0, 30.0]], [[36.0, 32.0]]]
    )  # each lower than the lone one
    maps = lone + 0.8 * encode(crowd, SIZE_WH, sigma=1.0).sum(0)

    tolerant, _ = decode_expected_oks(maps, (COCO17.sigmas[11],))  # a hip
    strict, _ = decode_expected_oks(maps, (0.004,))

    assert (tolerant[0, 0] - torch.tensor([37.0, 30.0])).abs().max() < 1
    assert (strict[0, 0] - torch.tensor([10.0, 30.0])).abs().max() < 0.1


def test_quarter_shift_is_within_a_quarter_pixel() -> None:
    points = inner_points()
    found, _ = decode_quarter(encode(points, SIZE_WH, sigma=2.0))
    assert (found - points).abs().max() <= 0.25 + 1e-4


@pytest.mark.parametrize("decode", DECODINGS)
def test_a_peak_at_the_border_stays_there(decode) -> None:  # type: ignore[no-untyped-def]
    maps = torch.linspace(0, 1e-6, 64 * 48).view(1, 1, 64, 48)  # no two neighbours are equal
    maps[0, 0, 0, 47] = 1
    found, _ = decode(maps)
    assert found[0, 0].tolist() == pytest.approx([47, 0], abs=1e-3)


@pytest.mark.parametrize("decode", DECODINGS)
def test_an_empty_map_gives_a_finite_place_and_no_confidence(decode) -> None:  # type: ignore[no-untyped-def]
    found, scores = decode(torch.zeros(2, 1, 64, 48))
    assert torch.isfinite(found).all()
    assert scores.tolist() == [[0], [0]]


@pytest.mark.parametrize("decode", DECODINGS)
def test_nobody_gives_nothing(decode) -> None:  # type: ignore[no-untyped-def]
    found, scores = decode(torch.zeros(0, 1, 64, 48))
    assert found.shape == (0, 1, 2)
    assert scores.shape == (0, 1)


@pytest.mark.parametrize("unbiased", [True, False])
def test_averaging_with_perfectly_mirrored_heatmaps_changes_nothing(unbiased: bool) -> None:
    """In the official convention they come back a pixel too far left."""
    points = inner_points()
    maps = encode(points, SIZE_WH, sigma=2.0)
    mirrored = points[:, list(COCO17.mirror)].clone()
    mirrored[..., 0] = SIZE_WH[0] - (1 if unbiased else 0) - mirrored[..., 0]
    flipped = encode(mirrored, SIZE_WH, sigma=2.0)
    difference = average_flipped(maps, flipped, COCO17.mirror, unbiased) - maps
    assert difference[..., 1:].abs().max() < 1e-5
