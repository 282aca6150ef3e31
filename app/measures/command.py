"""`posse measure`: angles and speeds over time from a tracks file: tables, plots, a report."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from app.config import ConfigError
from app.measures.options import MeasureOptions
from app.measures.series import measure_people
from app.measures.table import write_table
from app.video.framing import Framing
from app.video.source import open_source
from pose.command import share
from pose.people import ImageArray
from tracking.files import ClipInfo, TracksFileError, info_path, read_tracks, tell_notes
from tracking.formats.whole import writing
from tracking.pipeline import FrameResult


def write_measures(
    stem: Path,
    results: Iterable[FrameResult],
    options: MeasureOptions,
    kpt_thr: float,
    thumbnails: Mapping[int, ImageArray],
) -> list[Path]:
    """Write what the options ask for beside `stem`, and return the files.

    `thumbnails` are BGR pictures of people by id, for the report; not everybody needs one.
    """
    people = measure_people(results, options, kpt_thr)
    table = stem.with_name(f"{stem.name}.measures.csv")
    write_table(table, people, options)
    outputs = [table]
    if options.plots:
        from app.measures.plots import plot_person

        for series in people:
            path = stem.with_name(f"{stem.name}_person{series.person}.png")
            plot_person(path, series, options)
            outputs.append(path)
    if options.report:
        from app.measures.report import write_report

        path = stem.with_name(f"{stem.name}.html")
        write_report(path, stem.name, people, options, thumbnails)
        outputs.append(path)
    return outputs


def add_measure_arguments(parser: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add the options that `posse track` and `posse measure` share."""
    parser.add_argument("--angles", action="store_true", help="joint angles in degrees")
    parser.add_argument("--speeds", action="store_true", help="joint speeds in pixels a second")
    parser.add_argument("--scale", type=_scale, metavar="PX=M",
                        help="412=9: 412 pixels are 9 metres; speeds in m/s")  # fmt: skip
    parser.add_argument("--plots", action="store_true", help="a picture of curves per person")
    parser.add_argument("--report", action="store_true", help="a page with all of it, NAME.html")


def measure_options_of(args: argparse.Namespace) -> MeasureOptions:
    """The options from the command line."""
    return MeasureOptions(args.angles, args.speeds, args.plots, args.report, args.scale)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `posse measure`."""
    parser.add_argument("tracks", type=Path, metavar="TRACKS", help="a tracks file with joints")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="default: beside it")
    parser.add_argument(
        "--video", type=Path, metavar="FILE", help="the clip itself, for the report's thumbnails"
    )
    parser.add_argument("--kpt-thr", type=share, default=0.3, metavar="X",
                        help="joints scored below count as not seen (default: 0.3)")  # fmt: skip
    add_measure_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, and say what was written."""
    tracks = read_tracks(args.tracks)
    poses = [result.people.poses for result in tracks.frames if len(result.people)]
    if not poses:
        raise TracksFileError(f"{args.tracks}: nobody is in it; there is nothing to measure")
    if not any(each.keypoint_scores.any() for each in poses):
        raise TracksFileError(f"{args.tracks}: people without joints; there is nothing to measure")
    tell_notes(args.tracks, tracks)
    name = info_path(args.tracks).name.removesuffix(".info.json")
    folder = args.output or args.tracks.parent
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    options = measure_options_of(args)
    thumbnails: dict[int, ImageArray] = {}
    if args.video and options.report:
        from app.measures.report import best_places, take_thumbnails

        framing = _framing_of(tracks.info)
        with open_source(args.video) as source:
            if any(tracks.info.size_wh) and framing.size_of(source.size_wh) != tuple(
                tracks.info.size_wh
            ):
                raise TracksFileError(
                    f"{args.video} is of another size than the video of {args.tracks}"
                )
            frames = (replace(frame, image=framing.apply(frame.image)) for frame in source)
            thumbnails = take_thumbnails(frames, best_places(tracks.frames))
    outputs = write_measures(folder / name, tracks.frames, options, args.kpt_thr, thumbnails)
    print("\n".join(map(str, outputs)))  # noqa: T201
    return 0


def _framing_of(info: ClipInfo) -> Framing:
    """How `posse track` turned the pictures that it found the boxes in."""
    clip = info.settings.get("clip", {})
    crop = clip.get("crop")
    return Framing(tuple(crop) if crop else None, clip.get("rotate", 0), clip.get("mirror", False))


def _scale(text: str) -> float:
    """Metres per pixel from `412=9`."""
    found = re.fullmatch(r"([\d.]+)(?:px)?=([\d.]+)m?", text.replace(" ", ""))
    try:
        pixels, metres = (float(number) for number in found.groups()) if found else (0.0, 0.0)
    except ValueError:
        pixels = metres = 0.0
    if pixels <= 0 or metres <= 0:
        raise ConfigError(f"--scale {text}: expected pixels=metres, as in 412=9")
    return metres / pixels
