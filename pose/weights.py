"""Read and write weights: ours in safetensors with a header, official ones as .pth.

Numbers are stored as float16, where they fit, and returned as float32. The header's metadata maps
keys to text, which pose.header reads. A header with `weights`, the name of a file beside it, uses
that file's weights: one network trained for several input sizes has a name for each.
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from pose.reading import MALFORMED
from pose.weight_files import WeightsError, holder, opened, read_metadata, require_file
from pose.writing import whole_file

State = dict[str, Tensor]

# What torch raises for a damaged checkpoint, besides MALFORMED
_DAMAGED = (
    RuntimeError,
    OSError,
    EOFError,
    pickle.UnpicklingError,
    AssertionError,
    struct.error,
)


def save_weights(path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write `state` as float16 with `metadata` in the header; the file appears whole or not at all.

    A tensor with a value beyond float16's range stays float32, such as the variances of raw bytes.
    Equal weights and metadata give equal files.

    Raises WeightsError where it cannot be written: no permission for the folder, a full disk.
    """
    halved = {name: _halved(tensor.detach()).cpu().contiguous() for name, tensor in state.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_bytes(_in_order(save(halved, dict(metadata))))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written: {error.strerror or error}") from error
    except SafetensorError as error:
        raise WeightsError(f"{path}: cannot be written: {error}") from error


def _in_order(content: bytes) -> bytes:
    """A safetensors file, its metadata sorted: safetensors writes them in an order of chance."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text = text.ljust(-(-len(text) // 8) * 8)  # the tensors begin at a multiple of 8
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def load_weights(path: Path) -> tuple[State, dict[str, str]]:
    """State (float32, on the CPU) and metadata of a file of ours.

    Raises WeightsError where the file is missing, damaged, or no safetensors file.
    """
    metadata = read_metadata(path)
    with opened(holder(path, metadata.get("weights")), "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no dict
    metadata.pop("weights", None)  # they are in the state
    return _float32(state), metadata


def load_checkpoint(path: Path) -> State:
    """State (float32, on the CPU) of a torch checkpoint, found under `state_dict` or the like.

    Never runs code from the file. Raises WeightsError where it is missing, damaged, or holds no
    tensors by name.
    """
    require_file(path)
    try:
        with safe_globals(_stand_ins(path)):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (*_DAMAGED, *MALFORMED) as error:
        # A truncated .pth is a zip file without a directory: torch says so in many lines.
        raise WeightsError(
            f"{path} is damaged or not a torch checkpoint of tensors alone; fetch or copy it again"
        ) from error
    state = _find_state(content)
    if not state:
        raise WeightsError(f"{path} holds no network weights (no tensors by name)")
    return _float32(state)


class _StandIn:
    """Takes the place of a class that a checkpoint names beside its weights; does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _stand_ins(path: Path) -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Stand-ins for what `weights_only` refuses, so that the weights beside it can be read.

    OpenMMLab's files carry their training log as objects of mmengine, and YOLOX's their best score
    as a numpy scalar. The old format from before 2020 cannot be searched and needs no stand-ins.
    """
    if not zipfile.is_zipfile(path):
        return []
    return [(_StandIn, name) for name in get_unsafe_globals_in_checkpoint(path)]


def _find_state(content: Any) -> State:
    """The tensors of a checkpoint: at its top level, or under the usual names.

    mmengine's `ema_state_dict` is not one of them: when mmengine saves, it puts the averaged
    weights under `state_dict` and the others there.
    """
    for _ in range(3):  # deep enough for all known files; a dict may hold itself
        if not isinstance(content, dict):
            return {}
        found = (content[key] for key in ("state_dict", "model", "ema") if key in content)
        inner = next((each for each in found if isinstance(each, dict)), None)
        if inner is None:
            break
        content = inner
    return {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }


def _halved(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return tensor if torch.any(half.isinf() & tensor.isfinite()) else half


def _float32(state: Mapping[str, Tensor]) -> State:
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
