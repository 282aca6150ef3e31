"""`posse measure`: a table, plots and a report of angles and speeds from tracks files."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.config import ConfigError
from app.measures.options import MeasureOptions
from app.measures.outputs import write_measures
from app.results import is_drawn, is_result, with_corrections
from app.taken import Taken, taken_of
from app.video.framing import Framing
from app.video.source import FrameSource, MediaError, open_source
from pose.command import share, tell
from pose.errors import UserError
from pose.people import Frame, ImageArray
from pose.writing import writing
from tracking.files import (
    NO_TIMES,
    Tracks,
    TracksFileError,
    info_path,
    read_tracks,
    recognise_name,
    tell_notes,
)


def add_measure_arguments(parser: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add the options that `posse track` and `posse measure` share."""
    add = parser.add_argument
    add("--angles", action="store_true", help="joint angles in degrees")
    add("--speeds", action="store_true", help="joint speeds in pixels a second")
    text = "412=9 means that 412 pixels are 9 metres: speeds in m/s"
    add("--scale", type=_scale, metavar="PX=M", help=text)
    add("--plots", action="store_true", help="a picture of the curves of each person")
    add("--report", action="store_true", help="a page with all of it, NAME.html")


def measure_options_of(args: argparse.Namespace) -> MeasureOptions:
    """The options from the command line. Raises ConfigError if one of them changes nothing."""
    if args.scale is not None and args.angles and not args.speeds:
        raise ConfigError("--scale is for speeds, and --angles leaves them out; add --speeds")
    return MeasureOptions(args.angles, args.speeds, args.plots, args.report, args.scale)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `posse measure`."""
    add = parser.add_argument
    text = "a tracks file with joints, or a folder of results"
    add("tracks", type=Path, nargs="+", metavar="TRACKS", help=text)
    add("-o", "--output", type=Path, metavar="DIR", help="default: beside it")
    text = "the clip, or its overlay video, for the report's thumbnails"
    add("--video", type=Path, metavar="FILE", help=text)
    text = "joints scoring below X count as not seen (default: 0.3)"
    add("--kpt-thr", type=share, default=0.3, metavar="X", help=text)
    add_measure_arguments(parser)
    parser.epilog = "Without --angles and --speeds, both are measured."


def run(args: argparse.Namespace) -> int:
    """Measure, and print what was written; returns 0, or 2 if some of several files failed."""
    options = measure_options_of(args)
    files = [each for given in args.tracks for each in _files_of(given, args.output)]
    if args.video and len(files) > 1:
        raise ConfigError("--video belongs to one clip; measure its tracks alone")
    written = Counter(folder / info_path(path).name for path, folder in files)
    for path, times in written.items():
        if times > 1:
            raise ConfigError(f"{times} of these files would be measured into {path.parent} as one")
    failed = False
    for path, folder in files:
        try:
            outputs = _measure(path, folder, options, args.kpt_thr, args.video)
        except UserError as error:
            if len(files) == 1:
                raise
            tell(str(error))
            failed = True
        else:
            print("\n".join(map(str, outputs)), flush=True)  # noqa: T201
    return 2 if failed else 0


def _files_of(given: Path, output: Path | None) -> list[tuple[Path, Path]]:
    """The tracks files that `given` stands for, each with the folder for what is measured.

    Of a folder of results, the NAME.json of each clip; below `output` its tree is kept.
    Raises TracksFileError if there is none.
    """
    if not given.is_dir() or any(given.glob("*.trc")) or any(given.glob("*_keypoints.json")):
        return [(given, output or given.parent)]
    by_clip: dict[Path, Path] = {}
    for path in sorted(given.rglob("*.json"), key=lambda path: (len(path.name), path)):
        if is_result(path) and info_path(path).is_file():
            by_clip.setdefault(info_path(path), path)  # NAME.json is shorter than NAME.coco.json
    if not by_clip:
        raise TracksFileError(f"{given}: no clip's NAME.json with its NAME.info.json in it")
    found = sorted(by_clip.values())
    return [(each, (output or given) / each.parent.relative_to(given)) for each in found]


def _measure(
    path: Path, folder: Path, options: MeasureOptions, kpt_thr: float, video: Path | None
) -> list[Path]:
    """Measure the tracks of `path` into `folder`; returns the files."""
    tracks, names = with_corrections(path, read_tracks(path))
    poses = [result.people.poses for result in tracks.frames if len(result.people)]
    if not poses:
        raise TracksFileError(f"{path}: nobody is in it; there is nothing to measure")
    if not any(each.keypoint_scores.any() for each in poses):
        raise TracksFileError(f"{path}: people without joints; there is nothing to measure")
    tell_notes(path, tracks)
    name = info_path(path).name.removesuffix(".info.json")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    thumbnails: dict[int, ImageArray] = {}
    if video and options.report:
        from app.measures.report import best_places, take_thumbnails

        with open_source(video) as source:
            pictures = _as_tracked(source, video, path, tracks)
            thumbnails = take_thumbnails(pictures, best_places(tracks.frames))
    stem, step_s = folder / name, tracks.info.frame_s
    return write_measures(stem, tracks.frames, options, kpt_thr, thumbnails, names, step_s)


def _as_tracked(source: FrameSource, video: Path, path: Path, tracks: Tracks) -> Iterator[Frame]:
    """The frames of `video`, framed and with times as in the tracks of `path`.

    It may be the clip that was tracked or its overlay video, which is framed already and begins at
    0. Raises TracksFileError if it is neither.
    """
    taken, size_wh = taken_of(tracks.info, path), tracks.info.size_wh
    drawn = is_drawn(video, path, tracks.info)
    if any(size_wh) and _framed_wh(taken.framing, source.size_wh) != tuple(size_wh):
        # Recorder makes sizes even, as H.264 has no odd ones
        if source.size_wh != tuple(side + side % 2 for side in size_wh):
            raise TracksFileError(f"{video} is of another size than the video of {path}")
        drawn = True
    framing = Framing() if drawn else taken.framing
    later_s = _begins_s(taken, path, tracks) if drawn and taken.begins_later else 0.0
    untimed = NO_TIMES in tracks.notes  # their times are computed from the frame numbers
    for frame in source:
        time_s = frame.index * tracks.info.step_s if untimed else frame.time_s + later_s
        yield replace(frame, time_s=time_s, image=framing.apply(frame.image))


def _framed_wh(framing: Framing, size_wh: tuple[int, int]) -> tuple[int, int] | None:
    with contextlib.suppress(MediaError):  # it is too small for the crop
        return framing.size_of(size_wh)
    return None


def _begins_s(taken: Taken, path: Path, tracks: Tracks) -> float:
    """The time in the clip of the first frame that was taken."""
    first_s, step_s = tracks.frames[0].frame.time_s, tracks.info.step_s
    if path.suffix == ".json" and recognise_name(path).startswith("posetrack"):
        return first_s
    # The other formats omit frames without people, which may include the first
    about_s = taken.begins_s + taken.start_frame * step_s
    return first_s if first_s < about_s + step_s * taken.every else about_s


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
