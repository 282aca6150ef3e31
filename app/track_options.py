"""The options of `posse track`, and the settings that they set."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.config import ConfigError, Settings, preset_names, put_over, read_preset
from app.measures.command import add_measure_arguments, measure_options_of
from pose.command import number
from tracking.files import FORMATS

# argument -> (table of the settings, name in that table)
SETTINGS = {
    "bbox_thr": ("pipeline", "bbox_thr"),
    "nms_thr": ("pipeline", "nms_thr"),
    "kpt_thr": ("pipeline", "kpt_thr"),
    "flip": ("pipeline", "flip"),
    "det_frequency": ("pipeline", "detect_every"),
    "det_size": ("pipeline", "detector_size"),
    "detector": ("pipeline", "detector"),
    "pose": ("pipeline", "pose"),
    "device": ("pipeline", "device"),
    "max_people": ("pipeline", "max_people"),
    "max_latency": ("pipeline", "max_latency_ms"),
    "camera_motion": ("pipeline", "camera_motion"),
    "shot_cuts": ("pipeline", "shot_cuts"),
    "appearance": ("pipeline", "appearance"),
    "start_frame": ("clip", "start_frame"),
    "max_frames": ("clip", "max_frames"),
    "time_range": ("clip", "time_range"),
    "every": ("clip", "every"),
    "crop": ("clip", "crop"),
    "rotate": ("clip", "rotate"),
    "mirror": ("clip", "mirror"),
    "video": ("clip", "video"),
    "follow": ("clip", "follow"),
    "refine": ("clip", "refine"),
    "format": ("clip", "formats"),
    "thickness": ("overlay", "thickness"),
    "radius": ("overlay", "radius"),
    "black_background": ("overlay", "black_background"),
    "blur_faces": ("overlay", "blur_faces"),
    "draw_bbox": ("overlay", "boxes"),
    "draw_angles": ("overlay", "angles"),
    "trails": ("overlay", "trails_s"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `posse track`."""
    # An option that is not given stays None, so that it does not override a preset
    parser.set_defaults(**dict.fromkeys(SETTINGS))
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="video, folder (with all below it), pattern, folder of pictures, or @list.txt",
    )
    parser.add_argument("-o", "--output", default="out", metavar="DIR",
                        help="folder, or URL as s3://bucket/season (default: out)")  # fmt: skip
    _add_how(
        parser.add_argument_group(
            "networks and thresholds",
            "Defaults hold, here and below, unless --mode sets another value.",
        )
    )
    _add_which_frames(parser.add_argument_group("which frames"))
    _add_what_is_written(parser.add_argument_group("what is written"))
    add_measure_arguments(
        parser.add_argument_group("measures", "--plots and --report alone show angles and speeds.")
    )
    _add_many_clips(parser.add_argument_group("many clips"))


def _add_how(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    text = f"{', '.join(preset_names()) or 'a preset'}, or a TOML file"
    add("--mode", "--preset", dest="preset", metavar="NAME", help=text)
    text = f"weights of the detector: name or file{_default('detector')}"
    add("--detector", metavar="NAME", help=text)
    text = f"weights of the pose network: name or file{_default('pose')}"
    add("--pose", metavar="NAME", help=text)
    add("--device", metavar="DEV", help=f"auto, cpu, cuda or cuda:N{_default('device')}")
    text = f"drop people scoring below X{_default('bbox_thr')}"
    add("--bbox-thr", type=float, metavar="X", help=text)
    text = f"hide joints scoring below X{_default('kpt_thr')}"
    add("--kpt-thr", type=float, metavar="X", help=text)
    text = f"overlap (IoU) from which two boxes are of one person{_default('nms_thr')}"
    add("--nms-thr", type=float, metavar="X", help=text)
    add("--flip", action="store_const", const=True, help="flip test: better, slower")
    text = f"detect on every Nth frame, predict between{_default('det_frequency')}"
    add("--det-frequency", type=int, metavar="N", help=text)
    text = (
        "longer side of the picture the detector sees: larger for people far away, and "
        "slower (default: 0, the network's own)"
    )
    add("--det-size", type=int, metavar="PX", help=text)
    text = "keep the N most certain people (default: 0, all)"
    add("--max-people", type=int, metavar="N", help=text)
    text = "let the detector do less while a frame takes longer than this (default: 0, never)"
    add("--max-latency", type=float, metavar="MS", help=text)
    text = "measure how the camera moves, so that people are not lost (default: yes)"
    add("--camera-motion", action=argparse.BooleanOptionalAction, help=text)
    text = "the video is one shot: whatever flashes or jumps, people stay who they are"
    add("--no-shot-cuts", dest="shot_cuts", action="store_const", const=False, help=text)
    add("--appearance", action="store_const", const=True, help="compare what people look like, too")
    text = "second pass: link, fill and smooth the tracks"
    add("--refine", action="store_const", const=True, help=text)


def _add_which_frames(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--start-frame", type=int, metavar="N", help="skip the first N frames")
    add("--max-frames", type=int, metavar="N", help="track N frames at most (default: 0, all)")
    text = "from A to B, in seconds or as 1:30 or 1:02:30"
    add("--time-range", type=_seconds, nargs=2, metavar=("A", "B"), help=text)
    add("--every", type=int, metavar="N", help="take every Nth frame (default: 1)")
    text = "a part of the picture, before --rotate and --mirror"
    add("--crop", type=_crop, metavar="X,Y,W,H", help=text)
    add("--rotate", type=int, choices=(0, 90, 180, 270), help="degrees clockwise")
    add("--mirror", action="store_const", const=True, help="swap left and right")


def _add_what_is_written(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    text = f"of {', '.join(FORMATS)} (default: posetrack18,csv)"
    add("--format", type=_formats, metavar="A,B", help=text)
    text = "write no overlay video"
    add("--no-video", dest="video", action="store_const", const=False, help=text)
    text = "draw and write this person alone (default: 0, everybody)"
    add("--follow", type=int, metavar="ID", help=text)
    add("--black-background", action="store_const", const=True, help="skeletons on black")
    add("--blur-faces", action="store_const", const=True, help="hide faces")
    add("--radius", type=float, metavar="PX", help="of a joint's dot (default: by the limb)")
    add("--thickness", type=float, metavar="PX", help="of a limb (default: by the person's height)")
    text = f"seconds of the trail behind a person{_default('trails')}"
    add("--trails", type=float, metavar="S", help=text)
    add("--draw-bbox", action=argparse.BooleanOptionalAction, help="draw boxes (default: yes)")
    text = "draw the angles at joints (default: no)"
    add("--draw-angles", action=argparse.BooleanOptionalAction, help=text)


def _add_many_clips(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    text = "skip finished clips, go on with begun ones (default: yes)"
    add("--resume", action=argparse.BooleanOptionalAction, default=True, help=text)
    add("--jobs", type=_jobs, default=1, metavar="N", help="clips at the same time (default: 1)")
    add("--gpus", type=_gpus, metavar="0,1", help="one job on each of these GPUs")
    add("--cluster", metavar="ADDRESS", help="a Ray cluster: auto, or host:port")
    add("--quiet", action="store_true", help="say nothing but errors")
    add("--json-progress", action="store_true", help="progress as JSON lines")
    add("--log-file", type=Path, metavar="FILE", help="write a log there")


def _default(argument: str) -> str:
    """What the help of an option says of its default."""
    table, name = SETTINGS[argument]
    return f" (default: {getattr(getattr(Settings(), table), name)})"


def settings_of(args: argparse.Namespace) -> Settings:
    """Defaults, overridden by the preset, then by the command line. Raises ConfigError."""
    settings = read_preset(args.preset, device=args.device or "auto") if args.preset else Settings()
    tables: dict[str, dict[str, Any]] = {"pipeline": {}, "overlay": {}, "clip": {}}
    for argument, (table, name) in SETTINGS.items():
        value = getattr(args, argument)
        if value is not None:
            tables[table][name] = value
    measures = measure_options_of(args)
    if measures.wanted:
        settings = replace(settings, clip=replace(settings.clip, measures=measures))
    elif args.scale is not None:
        raise ConfigError("--scale is for speeds; add --speeds, --plots or --report")
    try:
        settings = put_over(settings, tables, "command line")
    except ConfigError as error:
        raise ConfigError(_in_options(str(error), args)) from error
    # One threshold decides which joints are seen, in the data and on the picture
    overlay = replace(settings.overlay, kpt_thr=settings.pipeline.kpt_thr)
    return _as_refined(replace(settings, overlay=overlay))


def _as_refined(settings: Settings) -> Settings:
    """Settings that give a second pass only what was seen: it fills the gaps itself."""
    if not settings.clip.refine:
        return settings
    tracker = replace(settings.pipeline.tracker, coast_s=0.0)
    return replace(settings, pipeline=replace(settings.pipeline, tracker=tracker))


def _in_options(complaint: str, args: argparse.Namespace) -> str:
    """The complaint with the names of options in place of those of settings."""
    complaint = re.sub(r"^command line(, \[\w+\])?: ", "", complaint)
    for argument, (_, name) in SETTINGS.items():
        if getattr(args, argument) is not None:
            option = f"--{argument.replace('_', '-')}"
            complaint = re.sub(rf"^{name}(?= (is|names) )", option, complaint)
    return complaint


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise ConfigError(f"no format {unknown[0]!r}; choose from {', '.join(FORMATS)}")
    return names


def _seconds(text: str) -> float:
    """Seconds from `90`, `1:30` or `0:01:30.5`, as players show times."""
    *larger, seconds = text.split(":")
    if len(larger) > 2 or not all(part.isdecimal() for part in larger):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write seconds, 1:30 or 1:02:30")
    minutes = sum(int(part) * 60**power for power, part in enumerate(reversed(larger)))
    return 60 * minutes + number(seconds)


def _crop(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(number) for number in text.replace("x", ",").split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4:
        raise ConfigError(f"--crop {text}: expected X,Y,W,H, as in 100,0,800,600")
    return numbers


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"--jobs {text}: expected a number of clips, 1 or more")
    return int(text)


def _gpus(text: str) -> tuple[int, ...]:
    numbers = text.replace(" ", "").split(",")
    if not all(number.isdecimal() for number in numbers):
        raise ConfigError(f"--gpus {text}: expected the GPUs' numbers, as in 0,1")
    return tuple(map(int, numbers))
