"""`posse train pose|detector`: train a network, or fine-tune one on data of your own."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import torch

from pose.command import natural, number, positive
from pose.errors import UserError
from pose.runtime import choose_device
from pose.skeleton import SKELETONS
from pose.training.card import write_card
from pose.training.check import draw_first_batch
from pose.training.detector_task import DetectorTask
from pose.training.loop import Run
from pose.training.people_file import DataReport, LabelledPeople, choose_people
from pose.training.pose_task import PoseTask, map_sigma
from pose.training.processes import Processes, join
from pose.training.readers import TrainingDataError, read_content
from pose.training.recipes import RECIPES, Recipe, parse_stage
from pose.training.starts import (
    DETECTOR,
    POSE_HRNET,
    Start,
    adapted,
    build_detector,
    build_pose,
    detector_start,
    pose_start,
)
from pose.training.task import Task
from pose.training.teacher import Teacher

log = logging.getLogger(__name__)


def _above_0(text: str) -> float:
    if not (value := number(text)) > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _from_0(text: str) -> float:
    if not (value := number(text)) >= 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    # argparse would put the kind, which everybody types first, behind thirty options
    parser.usage = "%(prog)s pose|detector --data FILE --images FOLDER --out FOLDER [options]"
    parser.add_argument("kind", choices=("pose", "detector"))
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="labels: COCO's layout with any joints, COCO-WholeBody, CrowdPose, Human-Art, "
        "PoseTrack 2017, 2018 and 2021, BRACE (a file or a folder of them), MPII, AI Challenger",
    )
    data.add_argument(
        "--images",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of pictures or videos",
    )
    data.add_argument(
        "--val-data",
        type=Path,
        metavar="FILE",
        help="labels to score on; else a part of --data",
    )
    data.add_argument(
        "--val-images",
        type=Path,
        metavar="FOLDER",
        help="their pictures; else those of --images",
    )
    data.add_argument(
        "--exclude", default="", metavar="A,B,C", help="values of `source` to leave out"
    )
    data.add_argument(
        "--skeleton",
        choices=list(SKELETONS),
        help="train these joints, matched by name; else those of the data",
    )
    data.add_argument(
        "--teacher", type=Path, metavar="FILE", help="ONNX pose network to learn from as well"
    )

    course = parser.add_argument_group("course")
    course.add_argument(
        "--from",
        dest="start",
        metavar="WEIGHTS",
        help="weights to start from: a name ('posse models') or a file",
    )
    course.add_argument(
        "--recipe", choices=list(RECIPES), help="default: scratch, or tune with --from"
    )
    course.add_argument(
        "--stage",
        type=parse_stage,
        action="append",
        metavar="WxH:EPOCHS:BATCH",
        help="an input size (or several: WxH+WxH, each batch of one) and how long; run in order",
    )
    course.add_argument(
        "--epochs",
        type=_above_0,
        help="instead of the recipe's (of its last stage); drops of the rate keep their share",
    )
    course.add_argument("--batch", type=positive, help="instead of the recipe's, of all processes")
    course.add_argument("--lr", type=_above_0, help="learning rate at its highest")
    course.add_argument(
        "--backbone-rate",
        type=_from_0,
        metavar="PART",
        help="learning rate of all but the head, as a part of --lr; 0 freezes it",
    )
    course.add_argument(
        "--rotation",
        type=_from_0,
        metavar="DEG",
        help="turn crops so far and no further; else one in five is turned by any angle",
    )
    course.add_argument("--precision", choices=("bf16", "fp16", "fp32"))
    course.add_argument("--patience", type=natural, metavar="EPOCHS", help="stop without progress")
    course.add_argument("--best-by", choices=("oks-ap", "oks", "pckh"), help="default: oks-ap")
    course.add_argument("--seed", type=natural, default=0)

    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for weights and logs"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--workers", type=natural, default=0, help="processes that make samples")
    parser.add_argument(
        "--score-every", type=positive, default=1, metavar="EPOCHS", help="default: every epoch"
    )
    parser.add_argument(
        "--check", action="store_true", help="only read the data and draw the first batch"
    )


def run(args: argparse.Namespace) -> int:
    """Train as asked; 0 when the recipe was finished."""
    _refuse_what_does_not_fit(args)
    logging.getLogger("pose.training").setLevel(logging.INFO)
    processes = join(choose_device(args.device))
    if not processes.first:
        logging.getLogger("pose.training").setLevel(logging.ERROR)
    torch.manual_seed(args.seed)
    report = DataReport()
    train, val = _read(args, report)
    start = _start(args)
    recipe = _recipe(args, start)
    task = _task(args, start, train, val, recipe)
    if processes.first:
        _tell(args, task, start, report)
    if args.check:
        shown = draw_first_batch(task, recipe.stages[0], args.seed, args.out / "check.png")
        _say(f"{shown} samples drawn in {args.out / 'check.png'}; look whether the targets sit")
        return 0
    return _train(args, task, recipe, processes, start, report)


def _refuse_what_does_not_fit(args: argparse.Namespace) -> None:
    """Options that would be passed over in silence are a mistake."""
    if args.val_images and not args.val_data:
        raise UserError("--val-images are the pictures of --val-data, which is missing")
    if args.recipe and args.recipe.startswith("detector") != (args.kind == "detector"):
        raise UserError(f"--recipe {args.recipe} is not for a {args.kind} network")
    if args.kind == "detector":
        for name in ("skeleton", "teacher", "rotation", "best_by"):
            if getattr(args, name) is not None:
                raise UserError(f"--{name.replace('_', '-')} is for pose networks")


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
    )
    try:
        best = training.train()
    except KeyboardInterrupt:
        _say("\nstopped; the same command goes on from the last save")
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
        _say(f"best score {best:.4f}; weights in {args.out / 'best.safetensors'}, {card}")
    return 0


def _command(processes: Processes) -> str:
    """What was typed."""
    given = sys.argv[1 + (sys.argv[1:2] == ["train"]) :]
    if processes.count == 1:
        return shlex.join(["posse", "train", *given])
    # Of one machine; torchrun keeps what it was told of several to itself.
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


def _recipe(args: argparse.Namespace, start: Start) -> Recipe:
    """The recipe named, or the usual one, with what the options change."""
    usual = f"{args.kind}-{'scratch' if start.state is None else 'tune'}"
    recipe = RECIPES[args.recipe or usual]
    stages = list(args.stage or recipe.stages)
    if start.size_wh and not args.stage and not args.recipe:
        stages[-1] = replace(stages[-1], size_wh=start.size_wh)
    stages[-1] = replace(stages[-1], epochs=args.epochs or stages[-1].epochs)
    if args.batch:
        stages = [replace(stage, batch=args.batch) for stage in stages]
    changes = {
        "learning_rate": args.lr,
        "backbone_rate": args.backbone_rate,
        "precision": args.precision,
        "patience": args.patience,
        "augmentation": None
        if args.rotation is None
        else replace(recipe.augmentation, rotation_deg=args.rotation / 2, turn_chance=0.0),
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(recipe.over(tuple(stages)), seed=args.seed, **given)


def _task(
    args: argparse.Namespace,
    start: Start,
    train: LabelledPeople,
    val: LabelledPeople,
    recipe: Recipe,
) -> PoseTask | DetectorTask:
    if args.kind == "detector":
        return DetectorTask(build_detector(start), start.network, train, val)
    return PoseTask(
        build_pose(start, train.skeleton),
        start.network,
        train,
        val,
        augmentation=recipe.augmentation,
        best_by=args.best_by or "oks-ap",
        teacher=Teacher(args.teacher, train.skeleton) if args.teacher else None,
        sigma=_shared_sigma(recipe),
    )


def _shared_sigma(recipe: Recipe) -> float | None:
    """One for all, where crops of several sizes teach one network: it cannot tell their size."""
    last = recipe.stages[-1]
    return map_sigma(last.size_wh[1] // 4) if last.other_sizes_wh else None


def _tell(args: argparse.Namespace, task: Task, start: Start, report: DataReport) -> None:
    """What was read and what was left out; the whole list goes to a file."""
    assert isinstance(task, PoseTask | DetectorTask)
    for name, people in (("train", task.train), ("val", task.val)):
        _say(f"{name}: {(~people.crowd).sum()} people in {len(people.places)} pictures")
    for line in report.lines():
        _say(line)
    never = [
        name
        for name, weights in zip(task.train.skeleton.names, task.train.weights.T, strict=True)
        if not weights.any()
    ]
    if args.kind == "pose" and never:
        _say(f"joints that nobody has: {', '.join(never)}")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        left_out = "\n".join([*report.lines(every_name=True), ""])
        (args.out / "left-out.txt").write_text(left_out, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{args.out}: cannot be written: {error.strerror}") from error
    if args.kind == "pose" and start.state is not None:
        new = adapted(start, task.train.skeleton)
        _say(f"from {start.name}; joints new to it: {', '.join(new) or 'none'}")


def _say(text: str) -> None:
    print(text)  # noqa: T201  what a command line is for
