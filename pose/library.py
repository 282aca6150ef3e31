"""The weights a user can name: find the file, tell what it is, give the network.

Nothing here fetches; what is not on the machine is an error that says how to bring it.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from pose.catalogue import CATALOGUE, Published, by_name
from pose.exported import SUFFIX, describe, pictures_of
from pose.hrnet import HRNet
from pose.networks import (
    PADDING,
    DetectorNetwork,
    Network,
    Pictures,
    PoseNetwork,
    Probabilities,
)
from pose.official import Recognised, compare, recognise
from pose.skeleton import SKELETONS, Skeleton
from pose.weights import (
    WeightsError,
    cache_dir,
    holder,
    load_checkpoint,
    load_weights,
    read_metadata,
    require_file,
    sha256_of,
)
from pose.yolox import YOLOX, HRNetDetector

BUNDLED = Path(__file__).resolve().parents[1] / "assets" / "weights"
SUFFIXES = (".safetensors", ".pth", ".pt", *SUFFIX.values())
_BYTES = Pictures((0, 0), rgb=False, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def find_weights(name_or_file: str) -> Path:
    """The file that a user means: a path, a bundled or cached file's name, or a published name.

    Raises WeightsError with what to do where it is not on this machine. Never fetches anything.
    """
    path = Path(name_or_file).expanduser()
    if path.suffix in SUFFIXES and path.is_file():
        return path
    if path.is_file() and path.parent != Path():
        raise WeightsError(f"{name_or_file}: weights end in {', '.join(SUFFIXES)}")
    entry = by_name(name_or_file)
    names = [name_or_file, *(name_or_file + suffix for suffix in SUFFIXES)]
    for folder in (BUNDLED, cache_dir() / "weights"):
        for name in [entry.file_name] if entry else names:
            if (folder / name).is_file():
                return folder / name
    if entry:
        raise WeightsError(
            f"{entry.name} is not on this machine: 'posse models fetch {entry.name}', or download "
            f"{entry.url} on another and 'posse models add FILE' here"
        )
    if path.suffix in SUFFIXES or path.parent != Path():
        raise WeightsError(f"{name_or_file}: no such weights file")
    known = [entry.name for entry in CATALOGUE] + [file.stem for file in local_weights()]
    close = difflib.get_close_matches(name_or_file, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "'posse models' lists them"
    raise WeightsError(f"no weights are called '{name_or_file}'; {hint}")


def local_weights() -> list[Path]:
    """The bundled and the cached weight files."""
    folders = (BUNDLED, cache_dir() / "weights")
    files = (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir()))
    return [file for file in files if file.suffix in SUFFIXES]


def pose_network(name_or_file: str) -> PoseNetwork:
    """The pose network that a user names. Raises WeightsError, a UserError."""
    file = find_weights(name_or_file)
    if file.suffix in SUFFIX.values():
        return _exported_pose(file)
    if file.suffix == ".safetensors":
        return _our_pose(file)
    published, found = _official(file)
    if found.kind != "pose":
        raise WeightsError(f"{file} is a detector ({found.family}); a pose network is needed")
    size_wh = published.input_wh if published else _size_in(file.name, found.outputs)
    skeleton = _skeleton(published.skeleton if published else _dataset_in(file.name), found.outputs)
    refined = published.dark if published else re.search("dark|udp", file.name) is not None
    return PoseNetwork(
        Network(file.stem, sha256_of(file)[:16], Pictures(size_wh), build=found.build),
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
        raise WeightsError(f"{file} is a pose network ({found.family}); a detector is needed")
    small = found.family in ("yolox-nano", "yolox-tiny")
    size_wh = published.input_wh if published else (416, 416) if small else (640, 640)
    return DetectorNetwork(
        Network(
            file.stem,
            sha256_of(file)[:16],
            replace(_BYTES, size_wh=size_wh),
            build=lambda: Probabilities(found.build()),
        )
    )


def any_network(name_or_file: str) -> PoseNetwork | DetectorNetwork:
    """The network that a user names, of whichever kind it is. Raises WeightsError."""
    try:
        return pose_network(name_or_file)
    except WeightsError as error:
        if "is a detector" not in str(error):
            raise
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


def check_hash(file: Path, published: Published) -> None:
    """Raise WeightsError unless the file is, bit for bit, what was published."""
    found = sha256_of(file)
    if not found.startswith(published.sha256):
        raise WeightsError(
            f"{file} is not {published.file_name} as published (sha256 {found[:12]}..., expected "
            f"{published.sha256[:12]}...); it is damaged or was changed: fetch it again, or rename "
            "it if it is your own"
        )


def _our_pose(file: Path) -> PoseNetwork:
    metadata = _our_metadata(file, "pose")
    size_wh = _wh(metadata["input_wh"])
    return PoseNetwork(
        Network(
            metadata.get("name", file.stem),
            _key(file, metadata),
            Pictures(size_wh),
            build=lambda: _load_ours(file, HRNet(**json.loads(metadata["network"]))),
            ranges=_ranges(metadata),
        ),
        read_skeleton(metadata.get("skeleton", "coco17")),
        unbiased=metadata.get("unbiased", "1") == "1",
        sigma=_sigma(metadata, size_wh),
        padding=float(metadata.get("padding", PADDING)),
    )


def _our_detector(file: Path) -> DetectorNetwork:
    metadata = _our_metadata(file, "detector")
    arguments = json.loads(metadata["network"])
    size_wh = _wh(metadata["input_wh"])
    on_hrnet = "hrnet" in arguments
    return DetectorNetwork(
        Network(
            metadata.get("name", file.stem),
            _key(file, metadata),
            Pictures(size_wh) if on_hrnet else replace(_BYTES, size_wh=size_wh),
            build=lambda: Probabilities(
                _load_ours(file, HRNetDetector(**arguments) if on_hrnet else YOLOX(**arguments))
            ),
            ranges=_ranges(metadata),
        )
    )


def _exported_pose(file: Path) -> PoseNetwork:
    about = _exported(file, "pose")
    skeleton = about.get("skeleton")
    return PoseNetwork(
        Network(file.stem, sha256_of(file)[:16], pictures_of(about), file=file),
        read_skeleton(skeleton) if skeleton else _skeleton(_dataset_in(file.name), about["joints"]),
        unbiased=about.get("unbiased", True),
        sigma=about.get("sigma", 2.0),
        padding=float(about.get("padding", PADDING)),
    )


def _exported_detector(file: Path) -> DetectorNetwork:
    about = _exported(file, "detector")
    return DetectorNetwork(
        Network(file.stem, sha256_of(file)[:16], pictures_of(about), file=file),
        person=about.get("person", 0),
    )


def _exported(file: Path, kind: str) -> dict[str, Any]:
    about = describe(file)
    if about["kind"] != kind:
        raise WeightsError(f"{file} is a {about['kind']} network; a {kind} network is needed")
    return about


def _our_metadata(file: Path, kind: str) -> dict[str, str]:
    metadata = read_metadata(file)
    missing = [key for key in ("kind", "network", "input_wh") if key not in metadata]
    if missing:
        raise WeightsError(
            f"{file} does not say what it is (no {', '.join(missing)} in its header); it was not "
            "written by 'python -m pose.training'"
        )
    if metadata["kind"] != kind:
        raise WeightsError(f"{file} is a {metadata['kind']} network; a {kind} network is needed")
    return metadata


def _key(file: Path, metadata: dict[str, str]) -> str:
    """Of the weights, wherever they are, and of the header."""
    held_by = holder(file, metadata)
    require_file(held_by)
    return "".join(sha256_of(each)[:16] for each in dict.fromkeys((held_by, file)))


def _sigma(metadata: dict[str, str], size_wh: tuple[int, int]) -> float | None:
    """The sigma of the training maps; without an entry that of pose.training, 2 on 64 rows.

    "None" is of official networks, whose joints are read with a quarter shift.
    """
    written = metadata.get("sigma", str(max(1.5, size_wh[1] / 128)))
    return None if written == "None" else float(written)


def _ranges(metadata: dict[str, str]) -> dict[str, tuple[float, float]] | None:
    """What pose.quantise wrote into a header."""
    if "ranges" not in metadata:
        return None
    return {name: (low, high) for name, (low, high) in json.loads(metadata["ranges"]).items()}


def _load_ours(file: Path, network: nn.Module) -> nn.Module:
    state, _ = load_weights(file)
    if complaint := compare(state, network.state_dict()):
        raise WeightsError(f"{file} does not fit the network its header names: {complaint}")
    network.load_state_dict(state)
    return network.eval()


def read_skeleton(text: str) -> Skeleton:
    """A skeleton by its name, or from JSON with the fields of Skeleton."""
    if text in SKELETONS:
        return SKELETONS[text]
    try:
        given = json.loads(text)
        return Skeleton(
            given["name"],
            tuple(given["names"]),
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


def _wh(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _size_in(file_name: str, joints: int) -> tuple[int, int]:
    """Width and height from a name such as ..._384x288.pth, height first as all of them have it."""
    if match := re.search(r"(\d{2,4})x(\d{2,4})", file_name):
        return int(match[2]), int(match[1])
    return (256, 256) if joints == 16 else (192, 256)


def _dataset_in(file_name: str) -> str:
    """The skeleton that a file's name speaks of; empty where it names none."""
    hints = {"crowdpose": "crowdpose14", "aic": "aic14", "posetrack18": "posetrack18"}
    return next((name for hint, name in hints.items() if hint in file_name.lower()), "")


def _skeleton(name: str, joints: int) -> Skeleton:
    """The skeleton `name`, or else the first with so many joints."""
    if name in SKELETONS and len(SKELETONS[name]) == joints:
        return SKELETONS[name]
    for skeleton in SKELETONS.values():
        if len(skeleton) == joints:
            return skeleton
    raise WeightsError(
        f"a pose network of {joints} joints: no skeleton of that many is known; convert it to "
        "safetensors with a skeleton of your own in the header"
    )
