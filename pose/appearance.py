"""Appearance descriptors for the tracker, one per person, from features HRNet computes anyway.

The stem's features (64 channels of colour and texture, before they encode any pose) are averaged
where each joint's heatmap is high, then over the joints of each part of the body. Whitened by the
training statistics, they distinguish people better than the last features, which are trained to
ignore clothes; docs/tracking.md says what they gain.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from torch import Tensor, nn

from pose.hrnet import HRNet
from pose.people import FloatArray
from pose.skeleton import Skeleton

PARTS = (
    ("nose", "eye", "ear", "head", "neck"),
    ("shoulder", "hip", "pelvis", "thorax"),
    ("elbow", "wrist"),
    ("knee", "ankle"),
)


class WithAppearance(nn.Module):
    """An HRNet that also gives the stem's features at its joints."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: HRNet) -> None:
        super().__init__()
        self.network = network
        norm = cast(nn.BatchNorm2d, network.bn2)
        # Undoing the norm's own shift and stretch leaves mean 0 and variance 1; a channel that it
        # all but switches off stays small.
        stretch = norm.weight.detach().abs().clamp_min(0.1)
        self.register_buffer("mean", norm.bias.detach().view(1, -1, 1, 1).clone())
        self.register_buffer("scale", (1 / stretch).view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) to heatmaps (N, K, h, w) and features at the joints (N, K, 64)."""
        network = self.network
        heatmaps = network(images)
        stem = network.relu(network.bn1(network.conv1(images)))
        features = (network.bn2(network.conv2(stem)) - self.mean) * self.scale  # (N, 64, h, w)
        attention = heatmaps.clamp_min(0).square().flatten(2)  # (N, K, h w)
        attention = attention / attention.sum(-1, keepdim=True).clamp_min(1e-6)
        return heatmaps, attention @ features.flatten(2).transpose(1, 2)


def descriptors(features: FloatArray, scores: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Features (N, K, C) and joint scores (N, K) to descriptors (N, parts * C) of unit length.

    A part of which no joint was seen is 0.
    """
    weights = np.array(
        [[any(word in name for word in part) for name in skeleton.names] for part in PARTS],
        np.float32,
    )  # (P, K)
    weighted = weights[None] * scores[:, None]  # (N, P, K)
    parts = weighted @ features  # (N, P, C)
    lengths = np.linalg.norm(parts, axis=2, keepdims=True)  # (N, P, 1)
    parts = np.divide(parts, lengths, out=np.zeros_like(parts), where=lengths > 1e-6)
    whole = parts.reshape(len(parts), -1)  # (N, P C)
    length = np.linalg.norm(whole, axis=1, keepdims=True)
    return (whole / np.maximum(length, 1e-6)).astype(np.float32)
