"""Where training starts: a new network, or existing weights with the head adapted to the joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from pose.header import parse_header
from pose.hrnet import HRNet
from pose.library import detector_network, pose_network
from pose.official import recognise, recognise_backbone
from pose.skeleton import COCO17, Skeleton, common_joints, same_joint
from pose.weight_files import WeightsError, find_weights
from pose.weights import State, load_checkpoint, load_weights
from pose.yolox import YOLOX, HRNetDetector

# The bundled networks. A stem of one narrow bottleneck leaves two thirds of the work to the
# parallel branches; HRNet's own stem (four bottlenecks of width 64) takes two thirds for itself.
SMALL_STEM: dict[str, Any] = {"blocks": 2, "stem_blocks": 1, "stem_width": 32}
POSE_HRNET: dict[str, Any] = {"width": 16, "stage_modules": [1, 3, 2], **SMALL_STEM}
DETECTOR: dict[str, Any] = {
    "hrnet": {"width": 16, "stage_modules": [1, 1, 1], **SMALL_STEM},
    "head_width": 48,
}
_NO_JOINTS = Skeleton("none", (), (), (), ())


@dataclass(frozen=True, slots=True)
class Start:
    """A network to train: its arguments, its initial weights, and what those were trained for."""

    network: dict[str, Any]  # arguments of HRNet, YOLOX, or HRNetDetector (with `hrnet`)
    state: State | None = None  # None: from scratch
    size_wh: tuple[int, int] | None = None  # of its input
    skeleton: Skeleton = COCO17  # of a pose network's weights
    name: str = "scratch"


def pose_start(name_or_file: str) -> Start:
    """The weights of a pose network, or of an HRNet that was trained on ImageNet's classes.

    Raises WeightsError if they are missing or of another kind.
    """
    file = find_weights(name_or_file)
    _refuse_exported(file)
    backbone = file.suffix != ".safetensors" and recognise_backbone(load_checkpoint(file))
    if backbone:
        return Start(*backbone, skeleton=_NO_JOINTS, name=name_or_file)
    known = pose_network(str(file))
    arguments, state = _arguments_and_state(file)
    return Start(arguments, state, known.network.pictures.size_wh, known.skeleton, name_or_file)


def detector_start(name_or_file: str) -> Start:
    """The weights of a detector, or of a pose network whose HRNet becomes the backbone.

    Raises WeightsError if they are missing or of another kind.
    """
    file = find_weights(name_or_file)
    _refuse_exported(file)
    if file.suffix == ".safetensors":
        state, metadata = load_weights(file)
        header = parse_header(metadata, file)
        if header.kind == "pose":
            backbone = {f"backbone.{name}": value for name, value in state.items()}
            hrnet = _without_joints(header.network)
            return Start({**DETECTOR, "hrnet": hrnet}, backbone, None, name=name_or_file)
    known = detector_network(str(file))
    arguments, state = _arguments_and_state(file)
    return Start(arguments, state, known.network.pictures.size_wh, name=name_or_file)


def _refuse_exported(file: Path) -> None:
    if file.suffix not in (".safetensors", ".pth", ".pt"):
        raise WeightsError(f"{file} is exported; training needs the weights that it was made from")


def _arguments_and_state(file: Path) -> tuple[dict[str, Any], State]:
    if file.suffix == ".safetensors":
        state, metadata = load_weights(file)
        return _without_joints(parse_header(metadata, file).network), state
    found = recognise(load_checkpoint(file))
    return _without_joints(dict(found.arguments)), found.state


def _without_joints(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name != "joints"}


def build_pose(start: Start, skeleton: Skeleton) -> HRNet:
    """The network for `skeleton`; joints of the same name keep their rows of the head."""
    network = HRNet(**start.network, joints=len(skeleton))
    if start.state is None:
        return network
    head = {f"final_layer.{part}": network.state_dict()[f"final_layer.{part}"].clone()
            for part in ("weight", "bias")}  # fmt: skip
    own, place = common_joints(start.skeleton, skeleton)
    for part, rows in head.items() if own else ():
        rows[place] = start.state[part][own]
    network.load_state_dict({**start.state, **head})
    return network


def build_detector(start: Start) -> nn.Module:
    """The detector; what `start` has no weights for (a head, after a pose network) is new."""
    network = HRNetDetector(**start.network) if "hrnet" in start.network else YOLOX(**start.network)
    if start.state is None:
        return network
    own = network.state_dict()
    fitting = {
        name: value
        for name, value in start.state.items()
        if name in own and own[name].shape == value.shape
    }
    network.load_state_dict({**own, **fitting})
    return network


def new_joints(start: Start, skeleton: Skeleton) -> list[str]:
    """The joints of `skeleton` that `start` does not know."""
    if start.state is None:
        return list(skeleton.names)
    return [name for name in skeleton.names if same_joint(name, start.skeleton.names) is None]
