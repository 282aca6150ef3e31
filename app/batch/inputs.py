"""From what the user named (files, trees, patterns, lists) to the clips to track."""

from __future__ import annotations

import glob
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.batch.clip import Clip
from app.batch.manifest import NAME as MANIFEST
from app.batch.manifest import read_entries
from app.video.images import SUFFIXES as PICTURE_SUFFIXES
from app.video.source import VIDEO_SUFFIXES, MediaError, is_live
from pose.reading import read_text


def find_clips(inputs: Iterable[str], output: Path) -> list[Clip]:
    """The clips that `inputs` name, each once, with outputs that mirror the trees below `output`.

    A folder with videos anywhere below it is a tree; a folder with pictures is a clip; a pattern is
    expanded; `@list.txt` names one input a line. A file that is named itself is taken whatever its
    ending. Raises MediaError if an input yields no clip or is live.
    """
    found: dict[str, Path] = {}  # source -> output without ending, relative to `output`
    for named in inputs:
        if is_live(named):  # it never ends, and cannot be resumed
            raise MediaError(
                f"{named}: a camera, stream or screen is no clip; follow and record it in the "
                f"window (posse gui {named}), and track the recording"
            )
        as_list = named.startswith("@")
        clips = dict(_listed(Path(named[1:]), output) if as_list else _expand(named, output))
        if not clips:
            raise MediaError(f"{named}: no video and no pictures there; check the name")
        found |= {source: stem for source, stem in clips.items() if source not in found}
    sources = set(map(_real, found))
    result = []
    for source, stem in _apart(found).items():
        target = output / stem
        if _real(target.with_name(f"{target.name}.mp4")) in sources:
            target = target.with_name(f"{target.name}_posse")  # never write over an input
        result.append(Clip(source, target))
    return result


def _real(path: str | Path) -> str:
    """Where `path` leads; unlike Path.resolve, also works for a link that leads to itself."""
    return os.path.realpath(path)


def _expand(named: str, output: Path) -> Iterator[tuple[str, Path]]:
    path = Path(named)
    # os.path, unlike Path before Python 3.14, also answers without permission to look
    if os.path.isdir(named):  # noqa: PTH112
        yield from _tree(path, output)
    elif os.path.exists(named) or not any(sign in named for sign in "*?["):  # noqa: PTH110
        numbered = "%" in path.name and path.suffix.lower() in PICTURE_SUFFIXES
        stem = path.parent.name or "pictures" if numbered else path.stem
        yield named, Path(stem)
    else:
        matches, top = [Path(match) for match in _matches(named)], _fixed_part(path)
        if all(match.suffix.lower() in PICTURE_SUFFIXES for match in matches):
            for folder in dict.fromkeys(match.parent for match in matches):  # each is a clip
                inside = folder.relative_to(top)
                name = inside if inside.name else Path(top.name or "pictures")
                yield str(folder / path.name), name
            return
        for match in matches:
            if match.is_dir() or match.suffix.lower() in VIDEO_SUFFIXES:
                inside = match.parent.relative_to(top)
                yield from ((source, inside / stem) for source, stem in _expand(str(match), output))


def _fixed_part(pattern: Path) -> Path:
    """The folder above the pattern's first wildcard; outputs mirror the tree below it."""
    parts = list(itertools.takewhile(lambda part: not set("*?[") & set(part), pattern.parts))
    return Path(*parts)


def _matches(pattern: str) -> list[str]:
    # Path.glob accepts only relative patterns
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207


def _listed(path: Path, output: Path) -> Iterator[tuple[str, Path]]:
    """The inputs in a list file; relative names are relative to the list."""
    for line in map(str.strip, read_text(path, MediaError).splitlines()):
        if line and not line.startswith("#"):
            yield from _expand(str(path.parent / line), output)


def _tree(top: Path, output: Path) -> Iterator[tuple[str, Path]]:
    """Every video below `top`, and every folder of pictures that holds no video.

    Outputs of earlier runs, as listed in their manifests, are skipped. A folder that may not be
    read is yielded as a clip, so that it is counted as failed.
    """
    aside = _real(output)  # our own outputs are not inputs
    written: set[Path] = set()
    seen: set[str] = set()  # a link to a folder above would be walked for ever
    folders = [top]
    while folders:
        folder = folders.pop(0)
        real = _real(folder)
        if real in seen or (real == aside and folder != top):
            continue
        seen.add(real)
        inside = folder.relative_to(top)
        as_clip = str(folder), inside if inside.name else Path(top.resolve().name)
        try:
            entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        except PermissionError:
            yield as_clip
            continue
        folders += [entry for entry in entries if os.path.isdir(entry)]  # noqa: PTH112
        outputs = (name for run in read_entries(folder / MANIFEST) for name in run.outputs)
        written |= {folder / name for name in outputs}
        entries = [entry for entry in entries if entry not in written]
        videos = [entry for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES]
        for video in videos:
            yield str(video), video.relative_to(top).with_suffix("")
        if not videos and any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in entries):
            yield as_clip


def _apart(found: dict[str, Path]) -> dict[str, Path]:
    """Outputs of the same name get the source's ending, then a number, so none is overwritten."""
    crowded = {stem for stem, count in Counter(found.values()).items() if count > 1}
    taken: set[Path] = set()
    result = {}
    for source, stem in found.items():
        name = stem
        if stem in crowded:
            ending = Path(source).suffix.removeprefix(".")
            name = stem.with_name(f"{stem.name}_{ending}") if ending else stem
        number = 2
        free = name
        while free in taken:
            free = name.with_name(f"{name.name}_{number}")
            number += 1
        taken.add(free)
        result[source] = free
    return result
