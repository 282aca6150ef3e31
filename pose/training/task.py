"""What the loop trains: a network with its samples, its loss and its scores."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pose.header import Header
from pose.networks import IMAGENET_MEAN, IMAGENET_STD

Batch = tuple[Tensor, ...]
SampleKey = tuple[int, int, int]  # seed, epoch, index


class Samples(Protocol):
    """Training samples; every random choice in one depends on its key alone."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: SampleKey) -> Any: ...


class Task(Protocol):
    """What the loop needs to know about the pose network or the detector."""

    network: nn.Module
    head: str  # the child of the network that is new or learns quickest
    recordable: bool  # whether the loss runs the same operations for all batches of one shape

    def samples(self, size_wh: tuple[int, int]) -> Samples: ...

    def decode_pictures(self) -> None:
        """Decode what fits into memory, before the worker processes that share it start."""

    @staticmethod
    def collate(samples: list[Any]) -> Batch:
        """Samples as a batch; static, since it is sent to the worker processes."""

    def loss(self, network: nn.Module, batch: Batch) -> Tensor: ...

    def evaluate(self, network: nn.Module, size_wh: tuple[int, int]) -> dict[str, float]:
        """Scores on the validation people; a higher `score` is better."""

    def identity(self) -> str:
        """What distinguishes runs of the same recipe: data, measure, teacher."""

    def header(self, size_wh: tuple[int, int]) -> Header:
        """The header of the weights file."""


@functools.cache
def _mean_and_std(device: torch.device) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):
        return torch.tensor(IMAGENET_MEAN, device=device), torch.tensor(IMAGENET_STD, device=device)


def detector_input(images: Tensor, network: Mapping[str, Any]) -> Tensor:
    """Pictures (N, H, W, 3) BGR 0..255 for the detector with these arguments (N, 3, H, W)."""
    if "hrnet" in network:
        return normalise(images)
    return images.permute(0, 3, 1, 2).float()  # a YOLOX takes them as they are


def normalise(images: Tensor) -> Tensor:
    """Pictures (N, H, W, 3) BGR 0..255 to our networks' input: (N, 3, H, W) RGB, normalised."""
    mean, std = _mean_and_std(images.device)
    normal = (images.flip(-1).float() - mean) / std  # (N, H, W, 3)
    return normal.permute(0, 3, 1, 2)  # (N, 3, H, W) in channels-last order
