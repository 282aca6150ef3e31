"""A network ready to be run: its weights, what pictures it takes, and what its outputs mean.

A network comes as a torch module that is built when it is needed, or as an exported file. A
runtime that has its own copy in the cache never builds the module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pose.skeleton import Skeleton

PADDING = 1.25  # a crop's sides over its box's, as HRNet was trained
IMAGENET_MEAN = (123.675, 116.28, 103.53)  # of red, green, blue in 0..255
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a network takes: (pixel - mean) / std, in its own channel order."""

    size_wh: tuple[int, int]  # of a crop, or the most that a letterboxed frame may measure
    rgb: bool = True  # False: blue, green, red, as frames are
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its weights, from wherever they come.

    `build` gives the module in evaluation mode; it takes normalised pictures (N, 3, H, W). Where
    `file` is set, it is an ONNX or OpenVINO file, and takes what `pictures` says or, where its
    input is uint8, frames' own bytes (N, H, W, 3).
    """

    name: str  # for messages
    key: str  # names the weights in caches: equal keys, equal outputs
    pictures: Pictures
    build: Callable[[], nn.Module] | None = None
    file: Path | None = None
    ranges: Mapping[str, tuple[float, float]] | None = None  # of pose.quantise; None: not rounded


@dataclass(frozen=True, slots=True)
class PoseNetwork:
    """Crops in, heatmaps (N, K, H / 4, W / 4) out."""

    network: Network
    skeleton: Skeleton
    unbiased: bool  # the convention of pose.geometry its training used
    sigma: float | None = 2.0  # of the training maps; None: decode by quarter shift
    padding: float = PADDING  # small crops see more of a person where they are tighter


@dataclass(frozen=True, slots=True)
class DetectorNetwork:
    """Letterboxed frames in, YOLOX's predictions (N, anchors, 5 + classes) out.

    Boxes are raw, objectness and classes are probabilities, as YOLOX's released exports have it.
    """

    network: Network
    person: int = 0  # index of the class


def padding_for(size_wh: tuple[int, int]) -> float:
    """The padding of networks trained here: few pixels show more of a person in a tighter crop.

    Chosen on held-out people for 96x128, 128x192 and 192x256 (docs/training.md).
    """
    return 1.15 if size_wh[1] < 256 else PADDING


class Probabilities(nn.Module):
    """A YOLOX whose objectness and classes come out of it as probabilities, not as logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to (N, A, 5 + classes)."""
        raw = self.network(images)
        return torch.cat([raw[..., :4], raw[..., 4:].sigmoid()], dim=-1)
