"""Recognise published checkpoints: find the network of a state dict by its keys and shapes.

Three layouts of names are known: that of the released HRNet and YOLOX code, the same with the
prefix `module.` (saved from DataParallel), and OpenMMLab's, `backbone.*` with the head under
`keypoint_head.` or `head.`. All are converted to the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pose.hrnet import HRNet
from pose.weight_files import WeightsError
from pose.weights import State
from pose.yolox import YOLOX, YOLOX_SIZES

HRNET_SIZES = {
    "hrnet-w32": {"width": 32, "stage_modules": (1, 4, 3), "blocks": 4},
    "hrnet-w48": {"width": 48, "stage_modules": (1, 4, 3), "blocks": 4},
}


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a checkpoint is."""

    kind: str  # "pose" or "detector"
    family: str  # "hrnet-w32", "yolox-s", or "hrnet" for a size that was not published
    layout: str  # "official", "module." or "openmmlab"
    arguments: Mapping[str, Any]  # of HRNet or YOLOX
    state: State  # under the official names

    @property
    def outputs(self) -> int:
        """Joints of a pose network, classes of a detector."""
        return int(self.arguments["joints" if self.kind == "pose" else "classes"])

    def build(self) -> nn.Module:
        """The network with these weights, in evaluation mode."""
        network = _construct(self.kind, self.arguments)
        network.load_state_dict(self.state)
        return network.eval()


def recognise(state: Mapping[str, Tensor]) -> Recognised:
    """Recognise what a checkpoint is.

    Raises WeightsError, which says what is wrong (missing or extra keys, shapes that differ) and
    which network is nearest.
    """
    layout, plain = _official_names(state)
    if "conv1.weight" in plain and any(key.startswith("stage2.") for key in plain):
        kind, arguments = "pose", {**_hrnet_arguments(plain), "joints": _joints(plain)}
    elif "head.stems.0.conv.weight" in plain:
        kind, arguments = "detector", _yolox_arguments(plain)
    else:
        raise WeightsError(
            f"neither HRNet nor YOLOX: its first keys are {_some(plain)}; expected conv1.weight "
            "and stage2.* of HRNet, or head.stems.* of YOLOX"
        )
    family = _family(kind, arguments)
    with torch.device("meta"):
        expected = _construct(kind, arguments).state_dict()
    plain = _without_counters(plain, expected)
    if complaint := compare(plain, expected):
        raise WeightsError(f"nearest network is {family}, but {complaint}")
    return Recognised(kind, family, layout, arguments, plain)


def recognise_backbone(state: Mapping[str, Tensor]) -> tuple[dict[str, Any], State] | None:
    """An HRNet without a pose head, one of ImageNet's classes: its arguments and its weights.

    The released pose networks began with such. What serves only to classify (`head.*`,
    `incre_modules.*`, ...) is left away. None where the checkpoint is something else.
    """
    _, plain = _official_names(state)
    if "final_layer.weight" in plain or "stage2.0.branches.0.0.conv1.weight" not in plain:
        return None
    arguments = _hrnet_arguments(plain)
    with torch.device("meta"):
        whole = HRNet(**arguments, joints=1).state_dict()
    expected = {key: value for key, value in whole.items() if not key.startswith("final_layer.")}
    plain = _without_counters(plain, expected)
    kept = {key: value for key, value in plain.items() if key in expected}
    if complaint := compare(kept, expected):
        raise WeightsError(f"an HRNet without a pose head, but {complaint}")
    return arguments, kept


def compare(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """Why `state` cannot be loaded as `expected`; empty where it can."""
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    differing = [
        f"{key} is {_shape(state[key])}, expected {_shape(tensor)}"
        for key, tensor in expected.items()
        if key in state and state[key].shape != tensor.shape
    ]
    complaints = []
    if missing:
        complaints.append(f"{_count_of(missing, 'key')} missing ({_some(missing)})")
    if extra:
        complaints.append(f"{_count_of(extra, 'key')} too many ({_some(extra)})")
    if differing:
        complaints.append(f"{_count_of(differing, 'shape')} different ({_some(differing)})")
    return "; ".join(complaints)


def _construct(kind: str, arguments: Mapping[str, Any]) -> nn.Module:
    return HRNet(**arguments) if kind == "pose" else YOLOX(**arguments)


def _official_names(state: Mapping[str, Tensor]) -> tuple[str, State]:
    """The layout's name, and the state under official names."""
    layout = "official"
    if all(key.startswith("module.") for key in state):
        layout = "module."
        state = {key.removeprefix("module."): value for key, value in state.items()}
    if "backbone.conv1.weight" not in state:
        return layout, dict(state)
    renamed = {re.sub(r"^(backbone|keypoint_head|head)\.", "", k): v for k, v in state.items()}
    # data_preprocessor.mean and the like are settings, not weights.
    return "openmmlab", {k: v for k, v in renamed.items() if not k.startswith("data_preprocessor.")}


def _without_counters(state: State, expected: Mapping[str, Tensor]) -> State:
    """Add the batch counters that files of torch before 0.4.1 lack; inference does not use them."""
    counters = [key for key in expected if key.endswith(".num_batches_tracked")]
    if any(key in state for key in counters):
        return state
    return {**state, **{key: torch.tensor(0) for key in counters}}


def _joints(state: State) -> int:
    head = state.get("final_layer.weight")
    if head is None:
        raise WeightsError(
            "an HRNet without its head (final_layer.*), such as an ImageNet backbone, which "
            "'posse train pose --from' can start from; here a pose network is needed"
        )
    return _outputs(head)


def _hrnet_arguments(state: State) -> dict[str, Any]:
    """HRNet's arguments but for the joints, read off the keys and shapes."""
    width = _outputs(state.get("stage2.0.branches.0.0.conv1.weight"))
    return {
        "width": width,
        "stage_modules": tuple(_count(state, f"stage{stage}.") for stage in (2, 3, 4)),
        "blocks": _count(state, "stage2.0.branches.0."),
        "stem_blocks": _count(state, "layer1."),
        "stem_width": _outputs(state.get("layer1.0.conv1.weight"), 64),
    }


def _yolox_arguments(state: State) -> dict[str, Any]:
    """YOLOX's arguments, read off the keys and shapes."""
    stem = state.get("backbone.backbone.stem.conv.conv.weight")
    classes = state.get("head.cls_preds.0.weight")
    if stem is None or classes is None:
        raise WeightsError("a YOLOX of another kind: only the nano to x of the release are known")
    layers = _count(state, "backbone.backbone.dark2.1.m.")
    return {
        "depth": {1: 0.33, 2: 0.67, 3: 1.0, 4: 1.33}.get(layers, layers / 3),
        "width": _outputs(stem) / 64,
        "depthwise": any(".dconv." in key for key in state),
        "classes": _outputs(classes),
    }


def _outputs(weights: Tensor | None, usual: int = 1) -> int:
    """The output channels of a convolution; `usual` where its weights are missing or scalar."""
    return weights.shape[0] or usual if weights is not None and weights.ndim else usual


def _family(kind: str, arguments: Mapping[str, Any]) -> str:
    sizes = HRNET_SIZES if kind == "pose" else YOLOX_SIZES
    for name, size in sizes.items():
        if all(arguments.get(key) == value for key, value in size.items()):
            return name if kind == "pose" else f"yolox-{name}"
    return f"hrnet-w{arguments['width']} (of no published size)" if kind == "pose" else "yolox"


def _count(state: State, prefix: str) -> int:
    """How many children 0, 1, ... a Sequential or ModuleList named `prefix` has."""
    children = {key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)}
    return len(children)


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "a number"


def _count_of(things: list[str], noun: str) -> str:
    """Count and verb: 1 key is, 3 keys are."""
    return f"{len(things)} {noun} is" if len(things) == 1 else f"{len(things)} {noun}s are"


def _some(names: Iterable[str]) -> str:
    """The first three names."""
    names = list(names)
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") or "none"
