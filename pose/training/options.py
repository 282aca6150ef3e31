"""The options of `posse train`, and the recipe they make."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from pose.command import natural, number, positive
from pose.errors import UserError
from pose.skeleton import SKELETONS
from pose.training.recipes import RECIPES, Recipe, parse_stage
from pose.training.starts import Start


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
    parser.usage = "%(prog)s pose|detector --data FILE --images DIR --out DIR [options]"
    parser.add_argument("kind", choices=("pose", "detector"), help="which network")
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="labels, a file or a folder of files: COCO's layout with any joints, COCO-WholeBody, "
        "CrowdPose, Human-Art, PoseTrack 2017, 2018 and 2021, BRACE, MPII, AI Challenger",
    )
    data.add_argument(
        "--images",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of pictures or videos",
    )
    data.add_argument(
        "--val-data",
        type=Path,
        metavar="FILE",
        help="labels to score on (default: a part of --data)",
    )
    data.add_argument(
        "--val-images",
        type=Path,
        metavar="DIR",
        help="pictures of --val-data (default: --images)",
    )
    data.add_argument(
        "--exclude",
        default="",
        metavar="A,B,C",
        help="leave out pictures whose `source` is one of these",
    )
    data.add_argument(
        "--skeleton",
        choices=list(SKELETONS),
        help="train these joints, matched by name (default: the joints of the data)",
    )
    data.add_argument(
        "--teacher",
        metavar="NETWORK",
        help="also learn from it: for poses an ONNX file, for boxes a detector by name or file",
    )

    course = parser.add_argument_group("course")
    course.add_argument(
        "--from",
        dest="start",
        metavar="WEIGHTS",
        help="weights to start from: a name ('posse models') or a file",
    )
    course.add_argument(
        "--recipe",
        choices=list(RECIPES),
        help="default: pose- or detector-tune with --from, else -scratch",
    )
    course.add_argument(
        "--stage",
        type=parse_stage,
        action="append",
        metavar="WxH:EPOCHS:BATCH",
        help="input size (or several, WxH+WxH, of which each batch has one), epochs and batch; "
        "give it again for the next stage",
    )
    course.add_argument(
        "--epochs",
        type=_above_0,
        metavar="N",
        help="how long the recipe's last stage runs; drops of the rate keep their share",
    )
    course.add_argument(
        "--batch",
        type=positive,
        metavar="N",
        help="people or pictures a step, of all processes together",
    )
    course.add_argument("--lr", type=_above_0, metavar="RATE", help="learning rate at its highest")
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
        help="turn crops by no more than this (default: one in five by any angle)",
    )
    course.add_argument(
        "--precision", choices=("bf16", "fp16", "fp32"), help="of arithmetic (default: bf16)"
    )
    course.add_argument(
        "--patience",
        type=natural,
        metavar="EPOCHS",
        help="stop after so many without a better score; 0: never",
    )
    course.add_argument(
        "--best-by",
        choices=("oks-ap", "oks", "pckh"),
        help="the score that chooses the weights to keep (default: oks-ap)",
    )
    course.add_argument("--seed", type=natural, default=0, metavar="N",
                        help="of every random choice (default: 0)")  # fmt: skip

    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for weights and logs",
    )
    parser.add_argument(
        "--device", default="auto", metavar="DEV", help="auto, cpu, cuda or cuda:N (default: auto)"
    )
    parser.add_argument(
        "--workers",
        type=natural,
        default=0,
        metavar="N",
        help="processes that make samples (default: 0, the one that trains)",
    )
    parser.add_argument(
        "--score-every",
        type=positive,
        default=1,
        metavar="EPOCHS",
        help="epochs between scores (default: 1)",
    )
    parser.add_argument(
        "--check", action="store_true", help="only read the data and draw the first batch"
    )


def refuse_what_does_not_fit(args: argparse.Namespace) -> None:
    """Raise UserError for options that would be silently ignored."""
    if args.val_images and not args.val_data:
        raise UserError("--val-images are the pictures of --val-data, which is missing")
    if args.recipe and args.recipe.startswith("detector") != (args.kind == "detector"):
        raise UserError(f"--recipe {args.recipe} is not for a {args.kind} network")
    if args.kind == "detector":
        for name in ("skeleton", "rotation", "best_by"):
            if getattr(args, name) is not None:
                raise UserError(f"--{name.replace('_', '-')} is for pose networks")


def recipe_of(args: argparse.Namespace, start: Start) -> Recipe:
    """The named or default recipe, with the changes that the options make."""
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
