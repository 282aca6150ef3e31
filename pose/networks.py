"""A network ready to run: its weights, what pictures it takes, and what its outputs mean.

A network is a torch module, built only when it is needed, or an exported file. A runtime that has
its own copy in the cache never builds the module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pose.skeleton import Skeleton

if TYPE_CHECKING:
    from torch import nn

PADDING = 1.25  # a crop's sides divided by its box's, as HRNet was trained
IMAGENET_MEAN = (123.675, 116.28, 103.53)  # of red, green, blue in 0..255
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a network takes: (pixel - mean) / std, in its own channel order."""

    size_wh: tuple[int, int]  # of a crop, or the largest size of a letterboxed frame
    rgb: bool = True  # False: blue, green, red, as frames are
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


def raw_pictures(size_wh: tuple[int, int]) -> Pictures:
    """What a YOLOX takes: frames as they are, blue, green, red in 0..255."""
    return Pictures(size_wh, rgb=False, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its weights, whatever their source.

    `build` returns the module in evaluation mode, which takes normalised pictures (N, 3, H, W).
    `file`, if set, is an ONNX, OpenVINO or TensorRT file, which takes what `pictures` says or,
    where its input is uint8, the frame's own bytes (N, H, W, 3).
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
    sigma: float | None = 2.0  # of the training heatmaps; None: decode by quarter shift
    padding: float = PADDING  # lower for small crops, whose few pixels then show more of a person


@dataclass(frozen=True, slots=True)
class DetectorNetwork:
    """Letterboxed frames in, YOLOX's predictions (N, anchors, 5 + classes) out.

    Boxes are raw; objectness and classes are probabilities, as in YOLOX's released exports.
    """

    network: Network
    person: int = 0  # index of the class


def padding_for(size_wh: tuple[int, int]) -> float:
    """The padding for networks trained here: in a tighter crop few pixels show more of a person.

    Chosen on held-out people for 96x128, 128x192 and 192x256 (docs/training.md).
    """
    return 1.15 if size_wh[1] < 256 else PADDING
