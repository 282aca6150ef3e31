"""Heatmaps to keypoints and back, batched, on whatever device the tensors are.

Heatmap coordinates count pixels of the map, centres at integers; pose.geometry.grid_to_frame takes
them to the frame.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

_PERSON = 1 / 3  # square root of a person's area, as OKS measures it, in heights of the map


def encode(keypoints: Tensor, size_wh: tuple[int, int], sigma: float) -> Tensor:
    """Draw keypoints (..., 2), in heatmap pixels, as Gaussians of peak 1: (..., H, W).

    The centre is not rounded to a pixel (UDP; Huang et al., CVPR 2020), so that
    `decode_expected_oks` gives it back exactly.
    """
    width, height = size_wh
    x = torch.arange(width, dtype=torch.float32, device=keypoints.device)
    y = torch.arange(height, dtype=torch.float32, device=keypoints.device)
    along_x = torch.exp(-((x - keypoints[..., 0:1]) ** 2) / (2 * sigma**2))  # (..., W)
    along_y = torch.exp(-((y - keypoints[..., 1:2]) ** 2) / (2 * sigma**2))  # (..., H)
    return along_y[..., :, None] * along_x[..., None, :]  # (..., H, W)


def average_flipped(
    heatmaps: Tensor, flipped: Tensor, mirror: Sequence[int], unbiased: bool = True
) -> Tensor:
    """The mean of heatmaps (N, K, H, W) and those of the mirrored crops, mirrored back.

    Exact for crops cut in the unbiased convention of pose.geometry. From official crops the maps
    come back a pixel too far left: as in HRNet's released code (TEST.SHIFT_HEATMAP), they are moved
    to the right, and the first column is repeated.
    """
    back = flipped[:, list(mirror)].flip(-1)
    if not unbiased:
        back = torch.cat([back[..., :1], back[..., :-1]], dim=-1)
    return (heatmaps + back) / 2


def find_peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """The highest pixel of each map: coordinates (N, K, 2) int64 x y, and values (N, K)."""
    width = heatmaps.shape[-1]
    values, places = heatmaps.flatten(2).max(-1)  # (N, K)
    return torch.stack([places % width, places // width], dim=-1), values


def decode_quarter(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Keypoints (N, K, 2) and scores (N, K) of maps (N, K, H, W): peak and quarter shift.

    The peak moves a quarter pixel towards the higher neighbour along x and y (HRNet, section 4.1);
    at the border of the map it stays.
    """
    height, width = heatmaps.shape[-2:]
    peaks, scores = find_peaks(heatmaps)
    x, y = peaks[..., 0], peaks[..., 1]  # (N, K)
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    place = torch.where(inside, y * width + x, width + 1)
    by_place = heatmaps.flatten(2)
    step_x, step_y = (
        by_place.gather(2, (place + step)[..., None])[..., 0]
        - by_place.gather(2, (place - step)[..., None])[..., 0]
        for step in (1, width)
    )
    shift = 0.25 * torch.sign(torch.stack([step_x, step_y], dim=-1)) * inside[..., None]
    return peaks + shift, scores.clamp(0, 1)


def decode_expected_oks(heatmaps: Tensor, sigmas: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Keypoints (N, K, 2) and scores (N, K) of maps (N, K, H, W): where expected OKS is highest.

    A map is taken as the likelihood of each place. The expected OKS of a place is then the sum of
    the map's values, each weighted by its OKS to that place, with the tolerances of `sigmas` (K,)
    (pose.skeleton). Of two guesses, this takes the one with others nearby (ProbPose: Purkrabek and
    Matas, CVPR 2025). The best is searched on every second pixel; from there one Newton step on the
    logarithm gives the place between pixels (as DARK: Zhang et al., CVPR 2020, section 3.1). The
    score is the highest value of the map.
    """
    height, width = heatmaps.shape[-2:]
    tolerances = tuple(2 * sigma * _PERSON * height for sigma in sigmas)
    rows = _oks_along(height, tolerances, heatmaps.device)  # (K, 2 + H + 2, H)
    columns = _oks_along(width, tolerances, heatmaps.device)  # (K, 2 + W + 2, W)
    coarse = rows[:, 2:-2:2] @ heatmaps @ columns[:, 2:-2:2].mT  # every second place
    start = 2 * find_peaks(coarse)[0]  # (N, K, 2)

    joint = torch.arange(len(sigmas), device=heatmaps.device)[:, None]  # (K, 1)
    around = start[..., None] + torch.arange(5, device=heatmaps.device)  # (N, K, 2, 5), +-2 pixels
    expected = rows[joint, around[..., 1, :]] @ heatmaps @ columns[joint, around[..., 0, :]].mT
    logs = expected.clamp_min(1e-10).log()  # (N, K, 5, 5)

    centre = logs[..., 2, 2]
    dx = (logs[..., 2, 3] - logs[..., 2, 1]) / 2
    dy = (logs[..., 3, 2] - logs[..., 1, 2]) / 2
    dxx = (logs[..., 2, 4] - 2 * centre + logs[..., 2, 0]) / 4
    dyy = (logs[..., 4, 2] - 2 * centre + logs[..., 0, 2]) / 4
    dxy = (logs[..., 3, 3] - logs[..., 3, 1] - logs[..., 1, 3] + logs[..., 1, 1]) / 4
    determinant = dxx * dyy - dxy**2
    is_peak = (determinant > 1e-9) & (dxx < 0)
    safe = torch.where(is_peak, determinant, torch.ones_like(determinant))
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1) / safe[..., None]
    # A flat top gives a long step; the true peak is never further than a pixel or two.
    step = torch.where(is_peak[..., None], step.clamp(-2, 2), torch.zeros_like(step))
    x, y = (start + step).unbind(-1)
    found = torch.stack([x.clamp(0, width - 1), y.clamp(0, height - 1)], dim=-1)
    return found, heatmaps.flatten(2).amax(-1).clamp(0, 1)


@functools.lru_cache(maxsize=8)
def _oks_along(side: int, tolerances: tuple[float, ...], device: torch.device) -> Tensor:
    """OKS (K, 2 + side + 2, side) between places, -2 to side + 1, and each pixel of a line.

    `tolerances` (K,): the distance, in pixels, at which a joint's OKS has fallen to exp(-1/2).
    """
    places = torch.arange(-2, side + 2, dtype=torch.float32, device=device)
    apart = places[:, None] - places[2:-2]  # (2 + side + 2, side)
    return torch.exp(-((apart / torch.tensor(tolerances, device=device)[:, None, None]) ** 2) / 2)
