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

    add = parser.add_argument_group("data").add_argument
    text = (
        "labels, a file or a folder of files: COCO's layout with any joints, COCO-WholeBody, "
        "CrowdPose, Human-Art, PoseTrack 2017, 2018 and 2021, BRACE, MPII, AI Challenger"
    )
    add("--data", type=Path, required=True, metavar="FILE", help=text)
    add("--images", type=Path, required=True, metavar="DIR", help="folder of pictures or videos")
    text = "labels to score on (default: a part of --data)"
    add("--val-data", type=Path, metavar="FILE", help=text)
    add("--val-images", type=Path, metavar="DIR", help="pictures of --val-data (default: --images)")
    text = "leave out pictures whose `source` is one of these"
    add("--exclude", default="", metavar="A,B,C", help=text)
    text = "train these joints, matched by name (default: the joints of the data)"
    add("--skeleton", choices=list(SKELETONS), help=text)
    text = "also learn from it: for poses an ONNX file, for boxes a detector by name or file"
    add("--teacher", metavar="NETWORK", help=text)

    add = parser.add_argument_group("course").add_argument
    text = "weights to start from: a name ('posse models') or a file"
    add("--from", dest="start", metavar="WEIGHTS", help=text)
    text = "default: pose- or detector-tune with --from, else -scratch"
    add("--recipe", choices=list(RECIPES), help=text)
    text = (
        "input size (or several, WxH+WxH, of which each batch has one), epochs and batch; give "
        "it again for the next stage"
    )
    add("--stage", type=parse_stage, action="append", metavar="WxH:EPOCHS:BATCH", help=text)
    text = "how long the recipe's last stage runs; drops of the rate keep their share"
    add("--epochs", type=_above_0, metavar="N", help=text)
    text = "people or pictures a step, of all processes together"
    add("--batch", type=positive, metavar="N", help=text)
    add("--lr", type=_above_0, metavar="RATE", help="learning rate at its highest")
    text = "learning rate of all but the head, as a part of --lr; 0 freezes it"
    add("--backbone-rate", type=_from_0, metavar="PART", help=text)
    text = "turn crops by no more than this (default: one in five by any angle)"
    add("--rotation", type=_from_0, metavar="DEG", help=text)
    add("--precision", choices=("bf16", "fp16", "fp32"), help="of arithmetic (default: bf16)")
    text = "stop after so many without a better score; 0: never"
    add("--patience", type=natural, metavar="EPOCHS", help=text)
    text = "the score that chooses the weights to keep (default: oks-ap)"
    add("--best-by", choices=("oks-ap", "oks", "pckh"), help=text)
    add("--seed", type=natural, default=0, metavar="N", help="of every random choice (default: 0)")

    add = parser.add_argument
    add("-o", "--out", type=Path, required=True, metavar="DIR", help="folder for weights and logs")
    add("--device", default="auto", metavar="DEV", help="auto, cpu, cuda or cuda:N (default: auto)")
    text = "processes that make samples (default: 0, the one that trains)"
    add("--workers", type=natural, default=0, metavar="N", help=text)
    text = "epochs between scores (default: 1)"
    add("--score-every", type=positive, default=1, metavar="EPOCHS", help=text)
    add("--check", action="store_true", help="only read the data and draw the first batch")


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
    }
    if args.rotation is not None:  # a random angle is at most twice `rotation_deg`
        changes["augmentation"] = replace(
            recipe.augmentation, rotation_deg=args.rotation / 2, turn_chance=0.0
        )
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(recipe.over(tuple(stages)), seed=args.seed, **given)
