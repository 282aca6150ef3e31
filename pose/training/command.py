"""`posse train pose|detector`: train a network, or fine-tune one on data of your own."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from pathlib import Path

import torch

from pose.command import counted, say
from pose.errors import UserError
from pose.runtime import choose_device
from pose.skeleton import SKELETONS, Skeleton
from pose.training.card import write_card
from pose.training.check import draw_first_batch
from pose.training.detector_task import DetectorTask
from pose.training.loop import Run
from pose.training.options import add_arguments, recipe_of, refuse_what_does_not_fit
from pose.training.people_file import DataReport, LabelledPeople, choose_people
from pose.training.pose_task import PoseTask, map_sigma
from pose.training.processes import Processes, join
from pose.training.readers import TrainingDataError, read_content
from pose.training.recipes import Recipe
from pose.training.starts import (
    DETECTOR,
    POSE_HRNET,
    Start,
    build_detector,
    build_pose,
    detector_start,
    new_joints,
    pose_start,
)
from pose.training.teacher import DetectorTeacher, PoseTeacher
from pose.writing import UNCODED, writing

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Train as asked; 0 when finished, 130 when interrupted."""
    refuse_what_does_not_fit(args)
    logging.getLogger("pose.training").setLevel(logging.INFO)
    processes = join(choose_device(args.device))
    if not processes.first:
        logging.getLogger("pose.training").setLevel(logging.ERROR)
    torch.manual_seed(args.seed)
    report = DataReport()
    train, val = _read(args, report)
    start = _start(args)
    recipe = recipe_of(args, start)
    task = _task(args, start, train, val, recipe)
    if processes.first:
        _tell(args.out, task, start, report)
    if args.check:
        shown = draw_first_batch(task, recipe.stages[0], args.seed, args.out / "check.png")
        say(f"{shown} samples drawn in {args.out / 'check.png'}; look at them before you train")
        return 0
    return _train(args, task, recipe, processes, start, report)


def _train(
    args: argparse.Namespace,
    task: PoseTask | DetectorTask,
    recipe: Recipe,
    processes: Processes,
    start: Start,
    report: DataReport,
) -> int:
    training = Run(
        task,
        recipe,
        args.out,
        processes,
        workers=args.workers,
        score_every=args.score_every,
        score_start=_knows_all(start, task),
    )
    try:
        best = training.train()
    except KeyboardInterrupt:
        say("\nstopped; the same command goes on from the last save")
        return 130
    finally:
        processes.leave()
    if processes.first:
        card = write_card(
            args.out,
            kind=args.kind,
            start=start.name,
            command=_command(processes),
            device=processes.device,
            data={
                "train": (args.data, task.train),
                "val": (args.val_data or args.data, task.val),
            },
            report=report,
            recipe=recipe,
            augmentation=task.augmentation,
            best_epoch=training.progress.best_epoch,
        )
        weights = args.out / "best.safetensors"
        say(f"best score {best:.4f}; the weights are {weights}, described in {card}")
    return 0


def _command(processes: Processes) -> str:
    """The command line that started this run."""
    given = sys.argv[1 + (sys.argv[1:2] == ["train"]) :]
    if processes.count == 1:
        return shlex.join(["posse", "train", *given])
    # For one machine: torchrun does not pass on what it was told about several.
    each = os.environ.get("LOCAL_WORLD_SIZE", str(processes.count))
    return shlex.join(["torchrun", "--nproc-per-node", each, "-m", "pose.training", *given])


def _read(args: argparse.Namespace, report: DataReport) -> tuple[LabelledPeople, LabelledPeople]:
    """The people to learn from and those to score on."""
    exclude = frozenset(filter(None, args.exclude.split(",")))
    content = read_content(args.data)
    if unknown := exclude - {str(picture.get("source")) for picture in content.images}:
        raise UserError(f"--exclude: no picture has the source {', '.join(sorted(unknown))}")
    if args.val_data is None:
        train = choose_people(content, args.images, "train", report, exclude)
        val = choose_people(content, args.images, "val", report, exclude)
    else:
        train = choose_people(content, args.images, None, report, exclude)
        val_images = args.val_images or args.images
        val = choose_people(read_content(args.val_data), val_images, None, report, exclude)
    if args.skeleton:
        wanted = SKELETONS[args.skeleton]
        train, val = train.as_skeleton(wanted), val.as_skeleton(wanted)
    elif val.skeleton != train.skeleton:
        raise TrainingDataError(
            f"{args.val_data} has the joints of {val.skeleton.name}, {args.data} those of "
            f"{train.skeleton.name}; choose with --skeleton"
        )
    return train, val


def _start(args: argparse.Namespace) -> Start:
    if args.start is None:
        return Start(POSE_HRNET if args.kind == "pose" else DETECTOR)
    return pose_start(args.start) if args.kind == "pose" else detector_start(args.start)


def _task(
    args: argparse.Namespace,
    start: Start,
    train: LabelledPeople,
    val: LabelledPeople,
    recipe: Recipe,
) -> PoseTask | DetectorTask:
    if args.kind == "detector":
        taught = DetectorTeacher(args.teacher) if args.teacher else None
        return DetectorTask(build_detector(start), start.network, train, val, teacher=taught)
    return PoseTask(
        build_pose(start, train.skeleton),
        start.network,
        train,
        val,
        augmentation=recipe.augmentation,
        best_by=args.best_by or "oks-ap",
        teacher=PoseTeacher(Path(args.teacher), train.skeleton) if args.teacher else None,
        sigma=_shared_sigma(recipe),
    )


def _knows_all(start: Start, task: PoseTask | DetectorTask) -> bool:
    """Whether the weights to start from find already what is trained; no layer of them is new."""
    if isinstance(task, PoseTask):
        return not new_joints(start, task.train.skeleton)
    return start.size_wh is not None


def _shared_sigma(recipe: Recipe) -> float | None:
    """One sigma for all crops if a stage mixes sizes: the network cannot tell a crop's size."""
    last = recipe.stages[-1]
    return map_sigma(last.size_wh[1] // 4) if last.other_sizes_wh else None


def _tell(out: Path, task: PoseTask | DetectorTask, start: Start, report: DataReport) -> None:
    """Print what was read and what was left out; the full list goes to left-out.txt."""
    for name, people in (("train", task.train), ("val", task.val)):
        persons = counted(int((~people.crowd).sum()), "person", "people")
        say(f"{name}: {persons} in {counted(len(people.places), 'picture')}")
    for line in report.lines():
        say(line)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        left_out = "\n".join([*report.lines(every_name=True), ""])
        (out / "left-out.txt").write_text(left_out, encoding="utf-8", errors=UNCODED)
    if isinstance(task, PoseTask):
        _tell_joints(task.train, start)


def _tell_joints(train: LabelledPeople, start: Start) -> None:
    labelled = zip(train.skeleton.names, train.weights.T, strict=True)
    if never := [name for name, weights in labelled if not weights.any()]:
        say(f"joints that nobody has a label for: {', '.join(never)}")
    say(_unpaired(train.skeleton))
    if start.state is not None:
        new = new_joints(start, train.skeleton)
        say(f"from {start.name}; joints new to it: {', '.join(new) or 'none'}")


def _unpaired(skeleton: Skeleton) -> str:
    """Say which joints do not swap in a mirrored crop: a pair among them would be taught wrong."""
    alone = [
        name
        for joint, (name, twin) in enumerate(zip(skeleton.names, skeleton.mirror, strict=True))
        if joint == twin
    ]
    if len(alone) < len(skeleton):
        return f"joints without a left or right twin: {', '.join(alone) or 'none'}"
    return (
        "no joint has a left or right twin; where some have, pair them under `mirror` in the "
        "file's categories"
    )
