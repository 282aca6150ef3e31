"""Training recipes, how long and how fast to learn: our own, and those behind published scores."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field, replace
from typing import Literal

from pose.command import number
from pose.header import parse_size
from pose.training.augment import PoseAugmentation

Precision = Literal["bf16", "fp16", "fp32"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Epochs at one batch size (of all processes together) and one input size, or several.

    With several sizes, each batch has one of them, chosen at random, so that one network serves
    them all. The score at the first size chooses the best weights.
    """

    size_wh: tuple[int, int]
    epochs: float
    batch: int
    other_sizes_wh: tuple[tuple[int, int], ...] = ()

    @property
    def sizes_wh(self) -> tuple[tuple[int, int], ...]:
        """All input sizes; the first chooses the best weights."""
        return (self.size_wh, *self.other_sizes_wh)

    def __str__(self) -> str:
        """The text that `parse_stage` takes."""
        sizes = "+".join(f"{width}x{height}" for width, height in self.sizes_wh)
        return f"{sizes}:{self.epochs:g}:{self.batch}"


def parse_stage(text: str) -> Stage:
    """`96x128:10:64`: width x height (or several, joined by +), epochs, batch."""
    try:
        sizes, epochs, batch = text.split(":")
        size_wh, *others = [parse_size(size) for size in sizes.split("+")]
        stage = Stage(size_wh, number(epochs), int(batch), tuple(others))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a stage; write WIDTHxHEIGHT:EPOCHS:BATCH, as 96x128:10:64"
        ) from error
    sides = [side for size in stage.sizes_wh for side in size]
    if any(side % 32 for side in sides) or min(*sides, stage.epochs, stage.batch) <= 0:
        raise argparse.ArgumentTypeError(
            f"'{text}': width and height must be multiples of 32, epochs and batch above 0"
        )
    return stage


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is learned, besides the network and the data."""

    stages: tuple[Stage, ...]
    optimiser: Literal["muon", "adamw", "adam"] = "adamw"
    learning_rate: float = 2e-3  # at its highest, after the warm-up
    backbone_rate: float = 1.0  # of all but the head, times the learning rate; 0 freezes them
    drops: tuple[int, ...] = ()  # epochs at which the rate falls to a tenth; none: a cosine
    weight_decay: float = 0.01
    warmup_steps: int = 200  # at most a tenth of all steps
    average_decay: float = 0.999  # of the moving average of the weights; 0: none
    augmentation: PoseAugmentation = field(default_factory=PoseAugmentation)
    precision: Precision = "bf16"
    patience: int = 0  # epochs without a better score after which to stop; 0: never
    seed: int = 0

    def over(self, stages: tuple[Stage, ...]) -> Recipe:
        """The recipe with other stages; the rate drops after the same shares of all epochs."""
        longer = sum(each.epochs for each in stages) / sum(each.epochs for each in self.stages)
        return replace(
            self, stages=stages, drops=tuple(max(1, round(longer * drop)) for drop in self.drops)
        )


def learning_rate(recipe: Recipe, step: int, total: int, epoch: int) -> float:
    """The rate at a step: linear warm-up, then half a cosine down to a hundredth, or drops."""
    warm = min(1.0, (step + 1) / max(1, min(recipe.warmup_steps, total // 10)))
    if recipe.drops:
        falling = 0.1 ** sum(epoch >= drop for drop in recipe.drops)
    else:
        falling = 0.505 + 0.495 * math.cos(math.pi * step / total)
    return recipe.learning_rate * warm * falling


# Sun et al., CVPR 2019, section 4.1 and the released experiments/coco/hrnet/*.yaml.
_HRNET_AUGMENTATION = PoseAugmentation(
    scale=0.35,
    rotation_deg=45.0,
    turn_chance=0.0,
    shift=0.0,
    cut_chance=0.0,
    half_body_chance=0.3,
    occlusion_chance=0.0,
    low_resolution_chance=0.0,
    colour=False,
)
_SIZE = (192, 256)
# HRNet on COCO, section 4.1: Adam, 1e-3, a tenth of it from epoch 170 and a hundredth from epoch
# 200 of 210, 4 x 32 people.
_HRNET_COCO = Recipe(
    (Stage(_SIZE, 210, 128),),
    optimiser="adam",
    learning_rate=1e-3,
    drops=(170, 200),
    weight_decay=0.0,
    warmup_steps=0,
    average_decay=0.0,
    augmentation=_HRNET_AUGMENTATION,
)
# HRNet on PoseTrack, section 4.3: from COCO's weights, 20 epochs at 384 x 288, drops at 10 and 15.
# Boxes are the joints' extent, 15% longer (people_file.BOX_MARGIN).
_HRNET_POSETRACK = replace(
    _HRNET_COCO, stages=(Stage((288, 384), 20, 128),), learning_rate=1e-4, drops=(10, 15)
)

RECIPES: dict[str, Recipe] = {
    # Ours, for the bundled networks: small pictures first, which train four times as fast.
    "pose-scratch": Recipe((Stage((96, 128), 10, 32), Stage(_SIZE, 3, 32)), optimiser="muon"),
    "detector-scratch": Recipe(
        (Stage((320, 320), 10, 8), Stage((416, 416), 2, 8)), optimiser="muon"
    ),
    # Ours, from trained weights: the head learns quickly, the rest is only adjusted.
    "pose-tune": Recipe((Stage(_SIZE, 30, 32),), learning_rate=1e-3, backbone_rate=0.3, patience=8),
    "detector-tune": Recipe(
        (Stage((416, 416), 30, 16),), learning_rate=5e-4, backbone_rate=0.3, patience=8
    ),
    "hrnet-coco": _HRNET_COCO,
    # HRNet on MPII, section 4.2: as on COCO, crops of 256 x 256. The augmentation is weaker than
    # there, as in the released experiments/mpii/hrnet/*.yaml that gave the published weights.
    "hrnet-mpii": replace(
        _HRNET_COCO,
        stages=(Stage((256, 256), 210, 128),),
        augmentation=replace(
            _HRNET_AUGMENTATION, scale=0.25, rotation_deg=30.0, half_body_chance=0.0
        ),
    ),
    "hrnet-posetrack": _HRNET_POSETRACK,
    # BRACE (Moltisanti et al., ECCV 2022) fine-tunes a COCO network on hand-made labels of break
    # dance; we found no schedule of its own, so this is PoseTrack's with turns by any angle.
    "brace": replace(
        _HRNET_POSETRACK,
        stages=(Stage(_SIZE, 20, 64),),
        augmentation=PoseAugmentation(scale=0.35, turn_chance=0.6),
    ),
}
