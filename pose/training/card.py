"""The model card that lies beside trained weights: what they are, and how they were made."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import torch

from pose.training.augment import PoseAugmentation
from pose.training.mosaic import MosaicAugmentation
from pose.training.people_file import DataReport, LabelledPeople
from pose.training.precision import half_precision
from pose.training.recipes import Recipe
from pose.writing import UNCODED

CARD = "model-card.md"  # written at the end of a run


def write_card(
    out: Path,
    *,
    kind: str,
    start: str,
    command: str,
    device: torch.device,
    data: dict[str, tuple[Path, LabelledPeople]],
    report: DataReport,
    recipe: Recipe,
    augmentation: PoseAugmentation | MosaicAugmentation,
    best_epoch: int,
) -> Path:
    """Write the card into `out` after a run; `data` are the splits by name.

    `best_epoch` is the one whose weights were kept; scores of stages at other input sizes are not
    comparable with its own.
    """
    skeleton = next(iter(data.values()))[1].skeleton
    splits = [
        f"| {name} | {file} | {len(people.places)} | {(~people.crowd).sum()} |"
        for name, (file, people) in data.items()
    ]
    text = [
        f"# {out.name}: a {kind} network",
        "",
        f"Trained {datetime.now(UTC):%Y-%m-%d} with Posse, torch {torch.__version__}, "
        f"from {start}.",
        f"Use it: `posse track VIDEO --{kind} {out / 'best.safetensors'}`",
        "",
        "## Data",
        "",
        "| split | file | pictures | people |",
        "|---|---|---|---|",
        *splits,
        "",
    ]
    if kind == "pose":
        text += [f"Joints ({skeleton.name}): {', '.join(skeleton.names)}.", ""]
    text += [
        *(f"- {line}" for line in report.lines()),
        "",
        "The terms of the data hold for the weights too; state them here before passing them on.",
        "",
        "## Scores on the validation people",
        "",
        *_scores(out / "log.jsonl", kind, start, recipe, best_epoch),
        "",
        "![curves](curves.png)",
        "",
        "## How",
        "",
        f"    {command}",
        "",
        *_settings(recipe, augmentation, device),
        "",
    ]
    path = out / CARD
    path.write_text("\n".join(text), encoding="utf-8", errors=UNCODED)
    return path


def _scores(log: Path, kind: str, start: str, recipe: Recipe, best_epoch: int) -> list[str]:
    """How the best epoch was scored and its scores, beside those before training if comparable."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    scored = [line for line in lines if "score" in line]
    best: dict[str, float] = next((line for line in scored if line.get("epoch") == best_epoch), {})
    # The start was scored at the last stage's size
    whole = best_epoch >= sum(stage.epochs for stage in recipe.stages[:-1])
    before: dict[str, float] = next((x for x in scored if whole and "epoch" not in x), {})
    how = ", with the labelled boxes, without flip test." if kind == "pose" else ": AP at IoU 0.5."
    return [
        f"Epoch {best.get('epoch', '?')}{how}",
        "",
        "| measure | value |" + (f" {start}, before |" if before else ""),
        "|---|---|" + "---|" * bool(before),
        *(
            f"| {name} | {value:.4f} |" + (f" {before[name]:.4f} |" if before else "")
            for name, value in best.items()
            if name not in ("step", "epoch", "score")
        ),
    ]


def _settings(
    recipe: Recipe, augmentation: PoseAugmentation | MosaicAugmentation, device: torch.device
) -> list[str]:
    """Everything that decided what was learned, a line each."""
    settings = asdict(recipe)
    settings["stages"] = ", ".join(map(str, recipe.stages))
    settings["drops"] = ", ".join(map(str, recipe.drops)) or "none"
    if recipe.precision != "fp32" and half_precision(recipe.precision, device) is None:
        settings["precision"] = f"fp32 ({recipe.precision} is no quicker on this {device.type})"
    del settings["augmentation"]  # the task's, which for a detector is another
    changes = ", ".join(f"{name} {value}" for name, value in asdict(augmentation).items())
    return [*(f"- {name}: {value}" for name, value in settings.items()),
            f"- augmentation: {changes}"]  # fmt: skip
