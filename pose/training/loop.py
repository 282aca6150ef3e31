"""The training loop: stages of growing input size, one cosine, averaged weights, resumable.

The same seed gives the same order and the same augmentation, whatever was interrupted between:
every random choice depends on (seed, epoch, sample) alone.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from pose.training.tasks import Batch, Task
from pose.weights import save_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """So many epochs at one input size and batch size."""

    size_wh: tuple[int, int]
    epochs: float
    batch: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast to learn."""

    stages: tuple[Stage, ...]
    learning_rate: float = 2e-3  # at the top of the cosine, after the warm-up
    weight_decay: float = 0.01
    warmup_steps: int = 200
    average_decay: float = 0.999  # of the exponential moving average of the weights
    seed: int = 0
    save_every_s: float = 120.0
    workers: int = 0  # processes that make samples; 0 makes them in the training process


class AveragedWeights:
    """Exponential moving average of a network's weights and batch-norm statistics."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights of `network` after `step` steps; early ones count less."""
        decay = min(self._decay, (1 + step) / (10 + step))
        average, current = self.network.state_dict(), network.state_dict()
        floating = [name for name, value in average.items() if value.is_floating_point()]
        torch._foreach_lerp_(
            [average[name] for name in floating], [current[name] for name in floating], 1 - decay
        )


def train(task: Task, recipe: Recipe, out: Path, device: torch.device) -> float:
    """Train until the recipe ends; resumes from `out`/last.pt. Returns the best score.

    Writes into `out`: last.pt (to resume from), best.safetensors (averaged weights of the best
    epoch), log.jsonl (a line per epoch and per hundred steps).
    """
    out.mkdir(parents=True, exist_ok=True)
    network = task.network.to(device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    average = AveragedWeights(network, recipe.average_decay)
    optimiser = torch.optim.AdamW(_groups(network, recipe.weight_decay), lr=recipe.learning_rate)
    parts: dict[str, Any] = {
        "network": network,
        "average": average.network,
        "optimiser": optimiser,
    }
    plan = list(_plan(task, recipe))
    total = sum(steps for *_, steps in plan)
    done, best = _resume(out / "last.pt", parts, device)
    log.info("%d steps, %d of them done", total, done)

    saved_at = time.monotonic()
    begin = 0
    progress = tqdm(total=total, initial=done, unit="step", mininterval=5)
    with (out / "log.jsonl").open("a", buffering=1) as lines, progress:
        for stage, epoch, steps in plan:
            first, begin = begin, begin + steps
            if done >= begin:
                continue
            losses = []
            for batch in _batches(task, recipe, stage, epoch, skip=done - first, count=steps):
                rate = _learning_rate(done, total, recipe)
                loss = _step(task, network, optimiser, _to(batch, device), rate)
                done += 1
                average.update(network, done)
                losses.append(loss)
                progress.update()
                if done % 100 == 0:
                    mean = float(np.mean(losses[-100:]))
                    progress.set_postfix(loss=f"{mean:.3f}", refresh=False)
                    lines.write(json.dumps({"step": done, "loss": mean, "rate": rate}) + "\n")
                if time.monotonic() - saved_at > recipe.save_every_s:
                    _save(out / "last.pt", parts, done, best)
                    saved_at = time.monotonic()
            with torch.inference_mode():
                scores = task.evaluate(average.network, stage.size_wh)
            lines.write(json.dumps({"step": done, "epoch": epoch, **scores}) + "\n")
            log.info("epoch %d: %s", epoch, scores)
            # A later stage sees more pixels: its first weights replace those of the one before.
            if scores["score"] >= best or epoch == stage_start(plan, stage):
                best = scores["score"]
                metadata = task.metadata(stage.size_wh) | {"score": best, "steps": done}
                save_weights(
                    out / "best.safetensors",
                    average.network.state_dict(),
                    header(metadata, stage.size_wh),
                )
            _save(out / "last.pt", parts, done, best)
    return best


def header(metadata: dict[str, Any], size_wh: tuple[int, int]) -> dict[str, str]:
    """The metadata as pose.weights wants them: text, structures as JSON."""
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in metadata.items()
    }
    return texts | {"input_wh": f"{size_wh[0]}x{size_wh[1]}", "unbiased": "1"}


def stage_start(plan: list[tuple[Stage, int, int]], stage: Stage) -> int:
    """The first epoch of a stage."""
    return next(epoch for other, epoch, _ in plan if other is stage)


def _plan(task: Task, recipe: Recipe) -> Iterator[tuple[Stage, int, int]]:
    """Stage, epoch and its number of steps, one after the other."""
    epoch = 0
    for stage in recipe.stages:
        people = len(task.samples(stage.size_wh, 0, 0))  # type: ignore[arg-type]
        full = max(1, people // stage.batch)
        left = max(1, round(full * stage.epochs))
        while left > 0:
            yield stage, epoch, min(full, left)
            left -= full
            epoch += 1


def _batches(
    task: Task, recipe: Recipe, stage: Stage, epoch: int, skip: int, count: int
) -> DataLoader[Batch]:
    """The batches of an epoch from the `skip`-th on, `count` in all."""
    samples = task.samples(stage.size_wh, epoch, recipe.seed)
    order = np.random.default_rng([recipe.seed, epoch]).permutation(len(samples))  # type: ignore[arg-type]
    size = min(stage.batch, len(order))
    batches = [
        [int(index) for index in order[step * size : (step + 1) * size]]
        for step in range(max(skip, 0), count)
    ]
    return DataLoader(
        samples,
        batch_sampler=batches,
        collate_fn=task.collate,
        num_workers=recipe.workers,
        persistent_workers=False,
    )


def _step(
    task: Task, network: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch, rate: float
) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    with _precision(batch[0].device):
        loss = task.loss(network, batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 10.0)
    optimiser.step()
    return float(loss.detach())


def _precision(device: torch.device) -> torch.autocast:
    """bf16 where it pays: matrix products and convolutions; losses stay float32."""
    return torch.autocast(device.type, torch.bfloat16)


def _learning_rate(step: int, total: int, recipe: Recipe) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    falling = 0.505 + 0.495 * math.cos(math.pi * step / total)
    return recipe.learning_rate * warm * falling


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Batch norm and biases are not decayed."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": kernels, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _to(batch: Batch, device: torch.device) -> Batch:
    return tuple(part.to(device, non_blocking=True) for part in batch)


def _save(path: Path, parts: dict[str, Any], done: int, best: float) -> None:
    states: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    temporary = path.with_suffix(".part")
    torch.save({**states, "done": done, "best": best}, temporary)
    temporary.replace(path)


def _resume(path: Path, parts: dict[str, Any], device: torch.device) -> tuple[int, float]:
    """Steps done and best score of an earlier run; 0 and 0 without one."""
    if not path.is_file():
        return 0, 0.0
    states: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(states[name])
    return int(states["done"]), float(states["best"])


def load_matching(network: nn.Module, state: dict[str, Tensor]) -> int:
    """Copy the entries whose name and shape agree; how many did. Keys may lack `backbone.`."""
    own = network.state_dict()
    renamed = {f"backbone.{name}": value for name, value in state.items()} | state
    fitting = {
        name: value
        for name, value in renamed.items()
        if name in own and own[name].shape == value.shape
    }
    network.load_state_dict(fitting, strict=False)
    return len(fitting)
