"""`posse label`: pick frames of a video for correction by hand, and take the corrections back.

posse label dance.mp4 -o labels            -> labels/images/*.jpg, labels/labels.json
posse label dance.mp4 -o labels --corrected FROM_THE_TOOL.json   -> labels/train.json

labels.json may be corrected in place; corrections are compared with labels/as-written.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from app.batch.progress import redrawn_after_s
from app.labelling import (
    LabelsError,
    annotations_of,
    category_of,
    pick_frames,
    take_back,
    worth_correcting,
)
from app.video.source import MediaError, open_source
from pose.command import positive, program_version, say, share, tell
from pose.people import Frame
from pose.reading import read_json, reading
from pose.skeleton import Skeleton
from pose.weight_files import SUFFIX
from pose.writing import writing
from tracking.formats.whole import write_pieces
from tracking.pipeline import PipelineConfig, build_pipeline
from tracking.tracker import TrackerConfig
from tracking.tracks import TrackedPoses

LABELS, AS_WRITTEN = "labels.json", "as-written.json"
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    usual = PipelineConfig()
    add = parser.add_argument
    add("video", type=Path, metavar="VIDEO", help="where frames are picked from")
    text = "folder for the pictures and the labels"
    add("-o", "--output", type=Path, required=True, metavar="DIR", help=text)
    add("--frames", type=positive, default=40, metavar="N", help="how many to pick (default: 40)")
    add("--corrected", type=Path, metavar="FILE", help="take this corrected file back")
    add("--detector", default=usual.detector, metavar="NAME", help="weights: name or file")
    add("--pose", default=usual.pose, metavar="NAME", help="weights: name or file")
    add("--device", default=usual.device, metavar="DEV", help="auto, cpu, cuda or cuda:N")
    text = "joints scoring below X are labelled as hidden"
    add("--kpt-thr", type=share, default=usual.kpt_thr, metavar="X", help=text)


def run(args: argparse.Namespace) -> int:
    """Write frames and labels, or take corrected labels back."""
    if args.corrected is not None:
        return _take_back(args.output, args.corrected)
    labels = args.output / LABELS
    if labels.exists():
        raise LabelsError(
            f"{labels} is there already, and may hold corrections; choose another folder, or "
            "remove it to begin anew"
        )
    frames, skeleton = _followed(args)
    worth = worth_correcting(frames)
    picked = pick_frames(worth, args.frames)
    if not picked:
        raise MediaError(f"{args.video}: nobody was found; there is nothing to correct")
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for place, frame in _frames_at(picked, args.video):
        image = _write_image(frame, args.video, args.output / "images")
        images.append({"id": place, **image, "worth": round(float(worth[place]), 3)})
        annotations += annotations_of(frames[place], place, len(annotations) + 1, args.kpt_thr)
    content = {
        "info": {"description": f"{args.video.name}, labelled by {program_version()}",
                 "pose": args.pose},
        "images": images,
        "annotations": annotations,
        "categories": [category_of(skeleton)],
    }  # fmt: skip
    for name in (AS_WRITTEN, LABELS):
        _write(args.output / name, content)
    say(
        f"{len(images)} of {len(frames)} frames with {len(annotations)} people: "
        f"{args.output / 'images'}, {labels}"
    )
    say("correct them in a tool that reads COCO keypoints, then give its file to --corrected")
    return 0


def _followed(args: argparse.Namespace) -> tuple[list[TrackedPoses], Skeleton]:
    """The people of every frame of the video, and what their joints are."""
    config = PipelineConfig(
        detector=args.detector,
        pose=args.pose,
        device=args.device,
        kpt_thr=args.kpt_thr,
        flip=True,
        tracker=TrackerConfig(coast_s=0.0),  # label only what was seen
    )
    with open_source(args.video) as source:
        with writing(args.output, LabelsError):  # fail before the long work, not after it
            (args.output / "images").mkdir(parents=True, exist_ok=True)
        pipeline, every_s = build_pipeline(config), redrawn_after_s()
        shown = tqdm(source, total=source.frame_count, unit="frame", mininterval=every_s)
        people = []
        try:
            for result in pipeline.follow(shown):
                people.append(result.people)
        except MediaError as error:  # what there is can be labelled
            if not people:
                raise
            tell(str(error))
        return people, pipeline.skeleton


def _frames_at(picked: Sequence[int], video: Path) -> Iterator[tuple[int, Frame]]:
    """The frames at the `picked` places of a video, which are in order."""
    wanted = set(picked)
    with open_source(video) as source:
        for place, frame in enumerate(source):
            if place in wanted:
                yield place, frame
            if place == picked[-1]:
                return


def _write_image(frame: Frame, video: Path, folder: Path) -> dict[str, Any]:
    """Write the picture; returns what the labels say of it."""
    name = f"{video.stem}_{frame.index:06d}.jpg"
    if not cv2.imwrite(str(folder / name), frame.image, _JPEG):
        raise MediaError(f"{folder / name} cannot be written")
    width, height = frame.size_wh
    return {
        "file_name": name,
        "width": width,
        "height": height,
        "video": video.name,
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
    }


def _take_back(output: Path, corrected: Path) -> int:
    original = output / AS_WRITTEN
    if not original.is_file():  # the folder is of a version that did not write it
        original = output / LABELS
    written, returned = _read(original), _read(corrected)
    if corrected.samefile(original):
        raise LabelsError(
            f"{corrected} is what corrections are compared with; give the labels that were "
            "corrected"
        )
    with reading(f"{corrected}: not COCO labels", LabelsError):
        content, changes = take_back(written, returned)
    _write(output / "train.json", content)
    say(", ".join(f"{name}: {count}" for name, count in changes.items()))
    say(
        f"posse train pose --data {output / 'train.json'} --images {output / 'images'} "
        f"--from {_start_for(written)} --out my-pose"
    )
    return 0


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path, LabelsError)
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise LabelsError(f"{path}: not COCO labels (images, annotations, categories)")
    return content


def _start_for(content: dict[str, Any]) -> str:
    """The pose network that made the labels, as the user named it; the usual one if it is unknown.

    Also if it is exported: training cannot start from that.
    """
    info = content.get("info")
    usual = PipelineConfig().pose
    name = str(info.get("pose", usual)) if isinstance(info, dict) else usual
    return usual if name.endswith(tuple(SUFFIX.values())) else name


def _write(path: Path, content: dict[str, Any]) -> None:
    write_pieces(path, [json.dumps(content, indent=1)])
