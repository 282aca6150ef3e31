"""What a training run learns from, and in which order: its epochs, and the batches of each.

Order and augmentation depend on (seed, epoch, sample) alone: a run resumed at any step gets the
batches that it would have got without the break.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from pose.training.processes import Processes
from pose.training.readers import TrainingDataError
from pose.training.recipes import Recipe, Stage
from pose.training.task import Batch, Task


class Epoch(NamedTuple):
    """One pass over all samples, or the part of a pass that is left of a stage."""

    stage: Stage
    number: int  # from 0, over all stages
    steps: int


def epochs_of(task: Task, recipe: Recipe) -> list[Epoch]:
    """All epochs of a run, in order. Raises TrainingDataError if there is nobody to learn from."""
    epochs: list[Epoch] = []
    for stage in recipe.stages:
        people = len(task.samples(stage.size_wh))
        if not people:
            raise TrainingDataError("nobody is left to learn from; see what was left out")
        full = max(1, people // stage.batch)
        left = max(1, round(full * stage.epochs))
        while left > 0:
            epochs.append(Epoch(stage, len(epochs), min(full, left)))
            left -= full
    return epochs


def batches_from(
    done: int,
    epochs: Sequence[Epoch],
    task: Task,
    recipe: Recipe,
    processes: Processes,
    workers: int,
) -> Iterator[Batch]:
    """This process's share of every batch from step `done` on, over all epochs.

    One loader serves the whole run: its `workers` need not restart at each epoch, and they prepare
    samples while an epoch is scored. Nothing is decoded before the first batch is requested.
    """
    if workers:
        cv2.setNumThreads(0)  # its threads do not survive a fork, and the workers replace them
        if processes.device.type == "cuda":
            torch.set_num_threads(1)  # idle threads spin, and take cores from the workers
        task.decode_pictures()
    samples = _Samples(task, recipe)
    yield from DataLoader(
        samples,
        batch_sampler=_order(done, epochs, recipe.seed, len(samples), processes),
        collate_fn=task.collate,
        num_workers=workers,
        pin_memory=workers > 0 and processes.device.type == "cuda",
    )


_Key = tuple[tuple[int, int], int, int]  # width and height, epoch, index


class _Samples(Dataset[Any]):
    """The samples of every epoch and size, by key."""

    def __init__(self, task: Task, recipe: Recipe) -> None:
        self._seed = recipe.seed
        sizes_wh = {size_wh for stage in recipe.stages for size_wh in stage.sizes_wh}
        self._of_size = {size_wh: task.samples(size_wh) for size_wh in sizes_wh}

    def __len__(self) -> int:
        """Samples in an epoch, the same for every input size."""
        return len(next(iter(self._of_size.values())))

    def __getitem__(self, key: _Key) -> Any:
        size_wh, epoch, index = key
        return self._of_size[size_wh][self._seed, epoch, index]


def _order(
    done: int, epochs: Sequence[Epoch], seed: int, people: int, processes: Processes
) -> Iterator[list[_Key]]:
    """The keys of this process's samples in each batch, from step `done` on."""
    skip = done
    for stage, epoch, count in epochs:
        if skip >= count:
            skip -= count
            continue
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(people)
        sizes = random.integers(len(stage.sizes_wh), size=count)  # one per batch
        length = min(stage.batch, people)
        shares = slice(processes.rank, None, processes.count)
        for step in range(skip, count):
            size_wh = stage.sizes_wh[sizes[step]]
            chosen = order[step * length : (step + 1) * length][shares]
            yield [(size_wh, epoch, int(index)) for index in chosen]
        skip = 0
