"""`python -m pose.training pose|detector`: train a network on a COCO-keypoints file."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

import torch

from pose.errors import UserError
from pose.training.loop import Recipe, Stage, load_matching, train
from pose.training.people_file import read_people
from pose.training.tasks import DetectorTask, PoseTask, Task
from pose.weights import load_weights

# The bundled networks. A stem of one narrow bottleneck leaves two thirds of the work to the
# parallel branches; with HRNet's own (four of width 64) it takes two thirds for itself.
SMALL_STEM: dict[str, Any] = {"blocks": 2, "stem_blocks": 1, "stem_width": 32}
POSE_HRNET: dict[str, Any] = {"width": 16, "stage_modules": [1, 3, 2], **SMALL_STEM}
DETECTOR_HRNET: dict[str, Any] = {"width": 16, "stage_modules": [1, 1, 1], **SMALL_STEM}


def parse_stage(text: str) -> Stage:
    """`96x128:10:64`: width x height, epochs, batch."""
    try:
        size, epochs, batch = text.split(":")
        width, height = size.split("x")
        return Stage((int(width), int(height)), float(epochs), int(batch))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no stage; write WIDTHxHEIGHT:EPOCHS:BATCH, as 96x128:10:64"
        ) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("kind", choices=("pose", "detector"))
    parser.add_argument("--data", type=Path, required=True, help="COCO-keypoints JSON")
    parser.add_argument("--images", type=Path, required=True, help="folder of its pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and logs")
    parser.add_argument(
        "--stage",
        type=parse_stage,
        action="append",
        metavar="WxH:EPOCHS:BATCH",
        help="an input size and how long; several are run in order",
    )
    parser.add_argument("--from", dest="start", type=Path, help="weights to start from")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exclude", default="", help="values of `source` to leave out, a,b,c")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that make samples")


def run(args: argparse.Namespace) -> int:
    """Train as asked; 0 when the recipe was finished."""
    torch.manual_seed(args.seed)
    exclude = frozenset(filter(None, args.exclude.split(",")))
    people = {
        split: read_people(args.data, args.images, split, exclude=exclude)
        for split in ("train", "val")
    }
    task: Task
    if args.kind == "pose":
        task = PoseTask(POSE_HRNET, people["train"], people["val"])
        stages = args.stage or [Stage((96, 128), 10, 64), Stage((192, 256), 3, 48)]
    else:
        task = DetectorTask(DETECTOR_HRNET, people["train"], people["val"])
        stages = args.stage or [Stage((320, 320), 10, 16), Stage((416, 416), 2, 16)]
    if args.start is not None:
        state, _ = load_weights(args.start)
        print(f"{load_matching(task.network, state)} entries of {args.start} taken over")  # noqa: T201
    recipe = Recipe(tuple(stages), learning_rate=args.lr, seed=args.seed, workers=args.workers)
    best = train(task, recipe, args.out, torch.device(args.device))
    print(f"best score {best:.4f}; weights in {args.out / 'best.safetensors'}")  # noqa: T201
    return 0


def main() -> int:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(prog="python -m pose.training", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args())
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main())
