"""`posse models`: list weights, fetch published ones, identify a file and keep it."""

from __future__ import annotations

import argparse
import filecmp
import shutil
from pathlib import Path, PurePath

from tqdm import tqdm

from pose.catalogue import CATALOGUE, SHORT_NAMES, Published, by_name
from pose.command import nearest, say
from pose.fetch import fetch
from pose.header import read_header
from pose.weight_files import (
    BUNDLED,
    SUFFIXES,
    WeightsError,
    cache_dir,
    files_of,
    local_weights,
    name_of,
    require_file,
)
from pose.writing import whole_file, writing

_UNIT_MB = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    jobs = parser.add_subparsers(dest="job", metavar="JOB")
    jobs.add_parser("list", help="what is here and what can be fetched (the default)")
    bring = jobs.add_parser(
        "fetch",
        help="download published weights into the cache",
        description="Download published weights into the cache; an interrupted download goes on.",
    )
    bring.add_argument("names", nargs="+", metavar="NAME", help="as 'posse models' lists it")
    add = jobs.add_parser(
        "add",
        help="tell what a file is, and keep it in the cache",
        description="Tell what a weights file is, and copy it into the cache under its name.",
    )
    add.add_argument("file", type=Path, metavar="FILE", help=f"ending in {', '.join(SUFFIXES)}")
    add.add_argument("--name", help="what to call it (default: its own name)")


def run(args: argparse.Namespace) -> int:
    """List, fetch or add; 0."""
    if args.job == "fetch":
        for name in args.names:
            _fetch(name)
    elif args.job == "add":
        say(add_file(args.file, args.name))
    else:
        say(listing())
    return 0


def listing() -> str:
    """A line for every local weights file and every published one."""
    rows: list[tuple[str, ...]] = [
        ("NAME", "KIND", "INPUT WxH", "SKELETON", "SCORE", "SIZE", "WHERE")
    ]
    known = {published.file_name for published in CATALOGUE}
    rows += [_local_row(file) for file in local_weights() if file.name not in known]
    rows += [_published_row(published) for published in CATALOGUE]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    short = ", ".join(f"{name} is {full}" for name, full in SHORT_NAMES.items())
    return "\n".join(
        [*lines, "", f"In short, {short}.", f"The cache is {cache_dir() / 'weights'}."]
    )


def _local_row(file: Path) -> tuple[str, ...]:
    """The row of a bundled file, or of one that the user added."""
    where = "bundled" if file.parent == BUNDLED else "added"
    held_by = file
    try:
        kind, (width, height), skeleton, score = _known(file)
        if file.suffix == ".safetensors":
            *_, held_by = files_of(file)
    except WeightsError:
        return (file.stem, "damaged", "", "", "", _size(file.stat().st_size), where)
    return (
        file.stem,
        kind,
        f"{width}x{height}",
        skeleton,
        score,
        _size(held_by.stat().st_size),
        where if held_by == file else f"{where}, weights of {held_by.stem}",
    )


def _known(file: Path) -> tuple[str, tuple[int, int], str, str]:
    """Kind, input size, skeleton and score of a network. Raises WeightsError."""
    if file.suffix == ".safetensors":  # its header is enough: torch takes seconds to load
        header = read_header(file)
        score = "" if header.score is None else f"{header.score:.2f} at its training"
        skeleton = header.skeleton.name if header.kind == "pose" else ""
        return header.kind, header.input_wh, skeleton, score
    from pose.library import any_network
    from pose.networks import PoseNetwork

    network = any_network(str(file))
    size_wh = network.network.pictures.size_wh
    if isinstance(network, PoseNetwork):
        return "pose", size_wh, network.skeleton.name, ""
    return "detector", size_wh, "", ""


def _published_row(published: Published) -> tuple[str, ...]:
    cached = (cache_dir() / "weights" / published.file_name).is_file()
    width, height = published.input_wh
    return (
        published.name,
        published.kind,
        f"{width}x{height}",
        published.skeleton if published.kind == "pose" else "",
        published.score,
        _size(published.size_mb * _UNIT_MB),
        "cached" if cached else "posse models fetch",
    )


def _size(count: float) -> str:
    return f"{count / _UNIT_MB:.0f} MB" if count >= _UNIT_MB else f"{count / 1e3:.0f} kB"


def _fetch(name: str) -> None:
    published = by_name(name)
    if published is None:
        close = nearest(name, [entry.name for entry in CATALOGUE])
        hint = f"did you mean {close}?" if close else "'posse models' lists them"
        raise WeightsError(f"no published weights are called '{name}'; {hint}")
    with tqdm(unit="B", unit_scale=True, unit_divisor=1000, desc=published.name) as bar:

        def report(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        path = fetch(published, report)
    say(f"{published.name}: {path} (licence: {published.licence})")


def add_file(file: Path, name: str | None = None) -> str:
    """Copy a weights file into the cache; returns a one-line description.

    Raises WeightsError if it is not a weights file, or if another file has the name already: every
    training run writes a `best.safetensors`.
    """
    if name is not None and (not name or PurePath(name).name != name):
        raise WeightsError(f"--name {name!r} is not a plain name; write one without folders")
    about = describe_file(file)
    target = cache_dir() / "weights" / (file.name if name is None else f"{name}{file.suffix}")
    if target.exists():
        if _same(file, target):
            return f"{about}; it is in the cache already"
        raise WeightsError(f"{target} is another network of that name; give --name, or remove it")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _keep(file, target)
    published = by_name(target.name)
    return f"{about}; use it as {published.name if published else name_of(target)}"


def _keep(file: Path, target: Path) -> None:
    """Copy a network to `target`, including weights that it keeps in another file."""
    from pose.weights import load_weights, save_weights

    *others, _ = reversed(files_of(file))
    if others and file.suffix == ".safetensors":
        save_weights(target, *load_weights(file))  # in one file: the other's name may be taken
        return
    for source in (*others, file):  # the named one last, when all the others are there
        with whole_file(target.with_suffix(source.suffix)) as partial:
            shutil.copyfile(source, partial)


def _same(file: Path, kept: Path) -> bool:
    """Whether two files hold the same network; a damaged file equals none."""
    from pose.weights import load_weights

    try:
        if file.suffix == ".safetensors":
            (ours, header), (theirs, its_header) = load_weights(file), load_weights(kept)
            alike = header == its_header and ours.keys() == theirs.keys()
            return alike and all(ours[name].equal(theirs[name]) for name in ours)
        pairs = zip(files_of(file), files_of(kept), strict=True)
        return all(filecmp.cmp(one, other, shallow=False) for one, other in pairs)
    except WeightsError:
        return False


def describe_file(file: Path) -> str:
    """A one-line description of a weights file. Raises WeightsError if it is not one."""
    from pose.library import any_network
    from pose.networks import PoseNetwork

    require_file(file)
    if file.suffix not in SUFFIXES:
        raise WeightsError(f"{file}: weights end in {', '.join(SUFFIXES)}")
    network = any_network(str(file))
    if file.suffix == ".safetensors" and network.network.build:
        network.network.build()  # raises if the weights do not fit the network that it names
    width, height = network.network.pictures.size_wh
    if isinstance(network, PoseNetwork):
        names = f"{len(network.skeleton)} joints ({network.skeleton.name})"
        about = f"a pose network of {names} for {width}x{height}"
    else:
        about = f"a person detector for up to {width}x{height}"
    return f"{file.name} is {about}{_origin(file) if file.suffix in ('.pth', '.pt') else ''}"


def _origin(file: Path) -> str:
    """A checkpoint's network family, its key naming, and its published score if known."""
    from pose.official import recognise
    from pose.weights import load_checkpoint

    found, published = recognise(load_checkpoint(file)), by_name(file.name)
    score = f", as published ({published.score})" if published else ""
    return f": {found.family}, {found.layout} names{score}"
