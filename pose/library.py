"""The networks a user can name: find the file, recognise it, return the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pose.catalogue import Published, by_name
from pose.exported import describe, pictures_of
from pose.header import Header, read_header, read_skeleton
from pose.hrnet import HRNet
from pose.networks import (
    PADDING,
    DetectorNetwork,
    Network,
    Pictures,
    PoseNetwork,
    raw_pictures,
)
from pose.official import Recognised, compare, recognise
from pose.reading import reading
from pose.skeleton import SKELETONS, Skeleton
from pose.weight_files import (
    SUFFIX,
    WeightsError,
    check_hash,
    files_of,
    find_weights,
    sha256_of,
)
from pose.weights import load_checkpoint, load_weights
from pose.yolox import YOLOX, HRNetDetector, Probabilities


class OtherKindError(WeightsError):
    """A detector where a pose network is needed, or the other way round."""


def pose_network(name_or_file: str) -> PoseNetwork:
    """The pose network that a user names. Raises WeightsError, a UserError."""
    file = find_weights(name_or_file)
    if file.suffix in SUFFIX.values():
        return _exported_pose(file)
    if file.suffix == ".safetensors":
        return _our_pose(file)
    published, found = _official(file)
    if found.kind != "pose":
        raise OtherKindError(f"{file} is a detector ({found.family}); a pose network is needed")
    size_wh = published.input_wh if published else _size_in(file.name, found.outputs)
    skeleton = _skeleton(published.skeleton if published else _dataset_in(file.name), found.outputs)
    refined = published.dark if published else re.search("dark|udp", file.name) is not None
    return PoseNetwork(
        Network(file.stem, _key(file), Pictures(size_wh), build=found.build),
        skeleton,
        unbiased=published.unbiased if published else "udp" in file.name,
        sigma=size_wh[1] / 128 if refined else None,  # 2 at 256x192, 3 at 384x288
    )


def detector_network(name_or_file: str) -> DetectorNetwork:
    """The person detector that a user names. Raises WeightsError, a UserError."""
    file = find_weights(name_or_file)
    if file.suffix in SUFFIX.values():
        return _exported_detector(file)
    if file.suffix == ".safetensors":
        return _our_detector(file)
    published, found = _official(file)
    if found.kind != "detector":
        raise OtherKindError(f"{file} is a pose network ({found.family}); a detector is needed")
    small = found.family in ("yolox-nano", "yolox-tiny")
    size_wh = published.input_wh if published else (416, 416) if small else (640, 640)
    return DetectorNetwork(
        Network(file.stem, _key(file), raw_pictures(size_wh), lambda: Probabilities(found.build()))
    )


def any_network(name_or_file: str) -> PoseNetwork | DetectorNetwork:
    """The network that a user names, of whichever kind it is. Raises WeightsError."""
    try:
        return pose_network(name_or_file)
    except OtherKindError:
        return detector_network(name_or_file)


def _official(file: Path) -> tuple[Published | None, Recognised]:
    """A torch checkpoint: its entry in the catalogue, if it has one, and what it is."""
    published = by_name(file.name)
    if published:
        check_hash(file, published)
    state = load_checkpoint(file)
    try:
        return published, recognise(state)
    except WeightsError as error:
        raise WeightsError(f"{file}: {error}") from error


def _our_pose(file: Path) -> PoseNetwork:
    header = _our_header(file, "pose")
    return PoseNetwork(
        _ours(file, header, Pictures(header.input_wh), lambda: HRNet(**header.network)),
        header.skeleton,
        unbiased=header.unbiased,
        sigma=header.sigma,
        padding=header.padding,
    )


def _our_detector(file: Path) -> DetectorNetwork:
    header = _our_header(file, "detector")
    on_hrnet = "hrnet" in header.network
    pictures = Pictures(header.input_wh) if on_hrnet else raw_pictures(header.input_wh)
    architecture = HRNetDetector if on_hrnet else YOLOX
    return DetectorNetwork(_ours(file, header, pictures, lambda: architecture(**header.network)))


def _our_header(file: Path, kind: str) -> Header:
    header = read_header(file)
    _require_kind(file, header.kind, kind)
    return header


def _ours(
    file: Path, header: Header, pictures: Pictures, architecture: Callable[[], nn.Module]
) -> Network:
    def build() -> nn.Module:
        where = f"{file}: 'network' in its header"
        try:
            with reading(where, WeightsError), torch.device("meta"):  # values come from the file
                network = architecture()
        except RuntimeError as error:  # a width below 0
            raise WeightsError(f"{where}: no network can be built from it") from error
        state, _ = load_weights(file)
        if complaint := compare(state, network.state_dict()):
            raise WeightsError(f"{file} does not fit the network its header names: {complaint}")
        network.load_state_dict(state, assign=True)
        return (Probabilities(network) if header.kind == "detector" else network).eval()

    return Network(header.name or file.stem, _key(file), pictures, build, ranges=header.ranges)


def _exported_pose(file: Path) -> PoseNetwork:
    about = _exported(file, "pose")
    with reading(f"{file}: what it says of itself", WeightsError):
        skeleton, joints = about.get("skeleton"), about.get("joints", 0)
        if not all(about["input_wh"]):  # any size will do
            about["input_wh"] = _size_in(file.name, joints)
        return PoseNetwork(
            _from_file(file, about),
            read_skeleton(skeleton) if skeleton else _skeleton(_dataset_in(file.name), joints),
            unbiased=about.get("unbiased", True),
            sigma=about.get("sigma", 2.0),
            padding=float(about.get("padding", PADDING)),
        )


def _exported_detector(file: Path) -> DetectorNetwork:
    about = _exported(file, "detector")
    with reading(f"{file}: what it says of itself", WeightsError):
        if not all(about["input_wh"]):
            about["input_wh"] = (640, 640)
        return DetectorNetwork(_from_file(file, about), person=about.get("person", 0))


def _from_file(file: Path, about: dict[str, Any]) -> Network:
    return Network(file.stem, _key(file), pictures_of(about), file=file)


def _exported(file: Path, kind: str) -> dict[str, Any]:
    about = describe(file)
    if about.get("kind") not in ("pose", "detector"):
        raise WeightsError(f"{file}: what it says of itself is neither pose nor detector")
    _require_kind(file, about["kind"], kind)
    return about


def _require_kind(file: Path, found: str, wanted: str) -> None:
    if found != wanted:
        raise OtherKindError(f"{file} is a {found} network; a {wanted} network is needed")


def _key(file: Path) -> str:
    return sha256_of(*files_of(file))[:16]


def _size_in(file_name: str, joints: int) -> tuple[int, int]:
    """Width and height from a name such as ..._384x288.pth; all such names put the height first."""
    if match := re.search(r"(\d{2,4})x(\d{2,4})", file_name):
        return int(match[2]), int(match[1])
    return (256, 256) if joints == 16 else (192, 256)


def _dataset_in(file_name: str) -> str:
    """The skeleton that a file's name hints at; empty where it gives no hint."""
    hints = {"crowdpose": "crowdpose14", "aic": "aic14", "posetrack18": "posetrack18"}
    return next((name for hint, name in hints.items() if hint in file_name.lower()), "")


def _skeleton(name: str, joints: int) -> Skeleton:
    """The skeleton `name`, or else the first with this number of joints."""
    if name in SKELETONS and len(SKELETONS[name]) == joints:
        return SKELETONS[name]
    for skeleton in SKELETONS.values():
        if len(skeleton) == joints:
            return skeleton
    raise WeightsError(
        f"a pose network of {joints} joints: no known skeleton has that many; convert it to "
        "safetensors with a skeleton of your own in the header"
    )
