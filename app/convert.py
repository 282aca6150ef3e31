"""`posse convert A B`: convert tracks from one format to another."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.results import with_corrections
from pose.command import counted, say, tell
from pose.skeleton import COCO17, Skeleton
from tracking.files import (
    FORMATS,
    Tracks,
    TracksFileError,
    info_path,
    open_writer,
    read_info,
    read_tracks,
    recognise_name,
    tell_notes,
)
from tracking.formats.whole import completing, write_pieces

JOINTS_ALONE = ("openpose", "trc")  # formats without boxes
NAMELESS = ("coco", "alphapose")  # formats without joint names, which are in NAME.info.json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `posse convert`."""
    add = parser.add_argument
    add("source", type=Path, metavar="A", help="the tracks to read")
    add("target", type=Path, metavar="B", help="the file or folder to write")
    text = "of A (default: by its name and content)"
    add("--from", dest="source_format", choices=FORMATS, metavar="FORMAT", help=text)
    text = "of B (default: by its ending)"
    add("--to", dest="target_format", choices=FORMATS, metavar="FORMAT", help=text)
    parser.epilog = "\n".join(["formats, their endings, and what they are:", *_format_lines()])


def _format_lines() -> Iterator[str]:
    for name, kind in FORMATS.items():
        only = "" if kind.readable else "; written only"
        yield f"  {name:11} {kind.suffix:17} {kind.summary}{only}"


def run(args: argparse.Namespace) -> int:
    """Convert, and print how much was converted."""
    if args.target.exists() and args.source.exists() and args.target.samefile(args.source):
        raise TracksFileError(f"{args.target} is what is read; choose another name to write to")
    target_format = args.target_format or recognise_name(args.target)
    tracks, _ = with_corrections(args.source, read_tracks(args.source, args.source_format))
    if not tracks.frames:
        raise TracksFileError(f"{args.source}: nobody is in it; there is nothing to convert")
    poses = [result.people.poses for result in tracks.frames if len(result.people)]
    jointless = poses and not any(each.keypoint_scores.any() for each in poses)
    if jointless and target_format in JOINTS_ALONE:
        raise TracksFileError(f"{args.source}: people without joints; {target_format} needs them")
    tell_notes(args.source, tracks)
    skeleton = write_tracks(tracks, args.target, target_format)
    if target_format in NAMELESS and skeleton != COCO17:  # readers of these files expect COCO's
        first = ", ".join(skeleton.names[:3])
        tell(f"{args.target}: the joints are those of {skeleton.name} ({first}, ...), not COCO's")
    people = {int(person) for result in tracks.frames for person in result.people.ids}
    frames, who = counted(len(tracks.frames), "frame"), counted(len(people), "person", "people")
    say(f"{frames}, {who} -> {args.target}")
    return 0


def write_tracks(tracks: Tracks, target: Path, format_name: str) -> Skeleton:
    """Write `tracks` and NAME.info.json, which some formats need; return the tracks' skeleton.

    An existing NAME.info.json keeps its skeleton: files of other formats may need it.
    """
    if target.exists() and target.is_dir() != FORMATS[format_name].is_folder:
        kind = "folder" if FORMATS[format_name].is_folder else "file"
        raise TracksFileError(f"{target}: {format_name} is a {kind}; choose another name")
    first = next((result for result in tracks.frames if len(result.people)), None)
    skeleton = first.people.poses.skeleton if first else tracks.info.skeleton
    beside = info_path(target)
    kept = read_info(target).skeleton if beside.is_file() else skeleton
    if kept != skeleton and format_name in NAMELESS:
        raise TracksFileError(
            f"{target}: {beside.name} says that the joints are those of {kept.name}, and these are "
            f"of {skeleton.name}; choose another name"
        )
    name = beside.name.removesuffix(".info.json")
    info = replace(tracks.info, name=tracks.info.name or name, skeleton=skeleton)
    writer = open_writer(format_name, target, info)
    with completing([writer]):
        for result in tracks.frames:
            writer.put(result)
    described = replace(info, skeleton=kept).to_json()
    write_pieces(beside, [json.dumps(described, indent=1) + "\n"])
    return skeleton
