"""The header of our weights files: which network the weights are for, and how it is used.

A safetensors header maps keys to text. Our keys are the fields of `Header`; older files lack the
newer ones. A header with `weights` names a file beside it that holds the weights.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose.networks import PADDING
from pose.reading import ContentError, reading
from pose.skeleton import COCO17, SKELETONS, Skeleton
from pose.weight_files import WeightsError, read_metadata

Ranges = Mapping[str, tuple[float, float]]  # by module name: lowest and highest input


@dataclass(frozen=True, slots=True)
class Header:
    """Of a pose network or a detector; `skeleton` to `padding` are of pose networks only."""

    kind: str  # pose or detector
    network: dict[str, Any]  # keyword arguments of HRNet, YOLOX, or HRNetDetector (with `hrnet`)
    input_wh: tuple[int, int]
    name: str | None = None  # None: the file's name
    skeleton: Skeleton = COCO17
    unbiased: bool = True  # the convention of pose.geometry
    sigma: float | None = None  # of the training heatmaps, in their pixels; None: official networks
    padding: float = PADDING  # a crop's sides divided by its box's
    score: float | None = None  # as the trainer measured it
    steps: int | None = None  # of training
    ranges: Ranges | None = None  # from pose.quantise
    weights: str | None = None  # name of a file beside this one that holds the weights

    def text(self) -> dict[str, str]:
        """The fields as text, which `parse_header` reads."""
        fields: dict[str, str | None] = {
            "kind": self.kind,
            "network": json.dumps(self.network),
            "input_wh": "{}x{}".format(*self.input_wh),
            "name": self.name,
            "score": None if self.score is None else str(self.score),
            "steps": None if self.steps is None else str(self.steps),
            "ranges": None if self.ranges is None else json.dumps(self.ranges),
            "weights": self.weights,
        }
        if self.kind == "pose":
            fields |= {
                "skeleton": write_skeleton(self.skeleton),
                "unbiased": str(int(self.unbiased)),
                "sigma": str(self.sigma),
                "padding": str(self.padding),
            }
        return {key: value for key, value in fields.items() if value is not None}


def read_header(file: Path) -> Header:
    """The header of a file of ours. Raises WeightsError where it has none that makes sense."""
    header = parse_header(read_metadata(file), file)
    joints, named = header.network.get("joints", 17), len(header.skeleton)
    if header.kind == "pose" and joints != named:
        raise WeightsError(f"{file}: its network has {joints} joints, its skeleton {named}")
    return header


def parse_header(metadata: Mapping[str, str], file: Path) -> Header:
    """Parse a header's text. Raises WeightsError, naming `file`, where it makes no sense."""
    missing = [key for key in ("kind", "network", "input_wh") if key not in metadata]
    if missing:
        raise WeightsError(
            f"{file} does not say what it is (no {', '.join(missing)} in its header); it was not "
            "written by 'python -m pose.training'"
        )
    given: dict[str, Any] = {}
    for key, parse in _PARSERS.items():
        if key in metadata:
            with reading(f"{file}: '{key}' in its header", WeightsError):
                given[key] = parse(metadata[key])
    if "sigma" not in given:  # as in pose.training: 2 on maps of 64 rows
        given["sigma"] = max(1.5, given["input_wh"][1] / 128)
    return Header(**given)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of `192x256`. Raises ValueError."""
    width, height = text.split("x")
    if min(int(width), int(height)) < 1:
        raise ContentError(f"{text} is not a size")
    return int(width), int(height)


def read_skeleton(text: str) -> Skeleton:
    """A skeleton by its name, or from JSON with the fields of Skeleton."""
    if text in SKELETONS:
        return SKELETONS[text]
    try:
        given = json.loads(text)
        return Skeleton(
            str(given["name"]),
            tuple(str(name) for name in given["names"]),
            tuple((int(a), int(b)) for a, b in given["limbs"]),
            tuple(given["mirror"]),
            tuple(given["sigmas"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"skeleton '{text[:60]}': expected one of {', '.join(SKELETONS)}, or JSON with "
            f"name, names, limbs, mirror and sigmas ({error})"
        ) from error


def write_skeleton(skeleton: Skeleton) -> str:
    """What `read_skeleton` reads: the name of a known skeleton, else JSON."""
    if SKELETONS.get(skeleton.name) == skeleton:
        return skeleton.name
    fields = ("name", "names", "limbs", "mirror", "sigmas")
    return json.dumps({field: getattr(skeleton, field) for field in fields})


def _ranges(text: str) -> dict[str, tuple[float, float]]:
    return {name: (float(low), float(high)) for name, (low, high) in json.loads(text).items()}


def _above_0(text: str) -> float:
    if not 0 < (value := float(text)) < math.inf:
        raise ContentError(f"{text} is not above 0")
    return value


def _kind(text: str) -> str:
    if text not in ("pose", "detector"):
        raise ContentError(f"{text} is neither pose nor detector")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "kind": _kind,
    "network": lambda text: dict(json.loads(text)),
    "input_wh": parse_size,
    "name": str,
    "skeleton": read_skeleton,
    "unbiased": lambda text: text == "1",
    "sigma": lambda text: None if text == "None" else _above_0(text),
    "padding": _above_0,
    "score": float,
    "steps": int,
    "ranges": _ranges,
    "weights": str,
}
