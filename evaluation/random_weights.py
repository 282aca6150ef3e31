"""Random weights for a published network: as fast as the real ones, where those are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pose.catalogue import by_name
from pose.hrnet import HRNet
from pose.official import HRNET_SIZES
from pose.skeleton import SKELETONS
from pose.weight_files import WeightsError
from pose.yolox import YOLOX, YOLOX_SIZES


def write_random_weights(name: str, folder: Path) -> Path:
    """Write a checkpoint of the published network `name`, with official keys, into `folder`.

    It is the same each time, so that the network converted from it stays in the cache. Raises
    WeightsError where no network has that name.
    """
    published = by_name(name)
    if published is None:
        raise WeightsError(f"no published weights are called '{name}'; 'posse models' lists them")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: HRNet | YOLOX
        if published.kind == "pose":
            joints = len(SKELETONS[published.skeleton])
            size: dict[str, Any] = HRNET_SIZES[published.family]
            network = HRNet(**size, joints=joints)
        else:
            size = YOLOX_SIZES[published.family.removeprefix("yolox-")]
            network = YOLOX(**size)
    file = folder / f"random-{published.name}.pth"
    torch.save(network.state_dict(), file)
    return file
