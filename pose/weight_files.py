"""The weight files on this machine: how they are found and named, and what is known without torch.

Nothing here fetches; a file that is not on the machine is an error that says how to get it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from pose.catalogue import CATALOGUE, Published, by_name
from pose.command import nearest
from pose.errors import UserError

SUFFIX = {"onnx": ".onnx", "openvino": ".xml", "tensorrt": ".engine"}  # of exported networks
BUNDLED = Path(__file__).resolve().parents[1] / "assets" / "weights"
SUFFIXES = (".safetensors", ".pth", ".pt", *SUFFIX.values())


class WeightsError(UserError):
    """A weights file that is missing, damaged, or of another network than expected."""


def find_weights(name_or_file: str) -> Path:
    """The file that a user means: a path, a bundled or cached file's name, or a published name.

    Raises WeightsError, which says what to do, where it is not on this machine. Never fetches.
    """
    path = Path(name_or_file).expanduser()
    if path.suffix in SUFFIXES and path.is_file():
        return path
    if path.is_file() and path.parent != Path():
        raise WeightsError(f"{name_or_file}: weights end in {', '.join(SUFFIXES)}")
    entry = by_name(name_or_file)
    names = [name_or_file, *(name_or_file + suffix for suffix in SUFFIXES)]
    if entry:
        names.insert(0, entry.file_name)
    for folder in (BUNDLED, cache_dir() / "weights"):
        for name in names:
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
    close = nearest(name_or_file, known)
    hint = f"did you mean {close}?" if close else "'posse models' lists them"
    raise WeightsError(f"no weights are called '{name_or_file}'; {hint}")


def to_fetch(*names: str) -> tuple[Published, ...]:
    """Those of the named networks that are published but not on this machine."""
    absent = []
    for name in names:
        entry = by_name(name)
        try:
            find_weights(name)
        except WeightsError:
            if entry is not None:
                absent.append(entry)
    return tuple(absent)


def files_of(file: Path) -> tuple[Path, ...]:
    """A weights file and, where it holds no weights itself, the one beside it that does.

    Raises WeightsError where either is missing.
    """
    held_by = file
    if file.suffix == SUFFIX["openvino"]:
        held_by = file.with_suffix(".bin")
    elif file.suffix == ".safetensors":
        held_by = holder(file, read_metadata(file).get("weights"))
    require_file(held_by)
    return (file,) if held_by == file else (file, held_by)


def local_weights() -> list[Path]:
    """The bundled and the cached weight files."""
    folders = (BUNDLED, cache_dir() / "weights")
    files = (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir()))
    return [file for file in files if file.suffix in SUFFIXES]


def name_of(file: Path) -> str:
    """What to call one of `local_weights`: its name without the ending, where that finds it."""
    # A bundled file, or one with another ending, may have the same name and be found first
    return file.stem if find_weights(file.stem) == file else file.name


def read_metadata(path: Path) -> dict[str, str]:
    """Only the metadata of a file of ours. Raises WeightsError as `load_weights` does."""
    with opened(path) as file:
        return file.metadata() or {}


def holder(path: Path, named: str | None) -> Path:
    """The file that holds the weights of a file of ours: itself, or the one its header names."""
    return path.with_name(Path(named).name) if named else path


@contextlib.contextmanager
def opened(path: Path, framework: str = "np") -> Iterator[Any]:
    """A safetensors file, whose tensors are of `framework`; WeightsError where it is none."""
    require_file(path)
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is damaged or not a safetensors file ({error}); fetch or copy it again"
        ) from error


def check_hash(file: Path, published: Published) -> None:
    """Raise WeightsError unless the file is, bit for bit, what was published."""
    found = sha256_of(file)
    if not found.startswith(published.sha256):
        raise WeightsError(
            f"{file} is not {published.file_name} as published (sha256 {found[:12]}..., expected "
            f"{published.sha256[:12]}...); it is damaged or was changed: fetch it again, or rename "
            "it if it is your own"
        )


def cache_dir() -> Path:
    """The user's folder for fetched weights and converted networks; POSSE_CACHE overrides it."""
    if named := os.environ.get("POSSE_CACHE"):
        return Path(named)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or _home()) / "posse" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "posse"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container's user without an entry in passwd; home is / then
        return Path("/")


def require_file(path: Path) -> None:
    """Raise WeightsError unless `path` is a file with something in it."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    if path.stat().st_size == 0:
        raise WeightsError(f"{path} is empty; fetch or copy it again")


def sha256_of(*paths: Path) -> str:
    """The SHA-256 of the files, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
