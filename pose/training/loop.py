"""The training loop: stages of growing input size, one schedule, averaged weights, resumable.

The same seed gives the same order and the same augmentation, whatever was interrupted between:
every random choice depends on (seed, epoch, sample) alone. On a CPU, two runs give equal weights.
"""

from __future__ import annotations

import json
import logging
import math
import pickle
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from pose.training.curves import draw_curves
from pose.training.gradients import Gradients
from pose.training.optimisation import AveragedWeights, Optimisation, set_learning
from pose.training.precision import HalfPrecision
from pose.training.processes import Processes
from pose.training.readers import TrainingDataError
from pose.training.recipes import Recipe, Stage, learning_rate
from pose.training.task import Batch, Task
from pose.weights import save_weights

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a run is; with the weights, all that a resumed run needs."""

    done: int = 0  # steps
    best: float = 0.0
    best_epoch: int = -1
    recent: list[float | Tensor] = field(default_factory=list)  # losses since the last log line


_Key = tuple[tuple[int, int], int, int]  # width and height, epoch, index


class _Samples(Dataset[Any]):
    """The samples of every epoch and size, by key."""

    def __init__(self, task: Task, recipe: Recipe) -> None:
        self._seed = recipe.seed
        sizes_wh = {size_wh for stage in recipe.stages for size_wh in stage.sizes_wh}
        self._of_size = {size_wh: task.samples(size_wh, 0, recipe.seed) for size_wh in sizes_wh}

    def __len__(self) -> int:
        """Of an epoch, whatever its size."""
        return len(next(iter(self._of_size.values())))

    def __getitem__(self, key: _Key) -> Any:
        size_wh, epoch, index = key
        samples = self._of_size[size_wh]
        samples.seed = (self._seed, epoch)
        return samples[index]


class Run:
    """One training run: what learns, and the files of its folder."""

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        out: Path,
        processes: Processes,
        save_every_s: float = 120.0,
        workers: int = 0,
        score_every: int = 1,
    ) -> None:
        self.task, self.recipe, self.out, self.processes = task, recipe, out, processes
        self._save_every_s, self._workers, self._score_every = save_every_s, workers, score_every
        torch.backends.cudnn.benchmark = True  # batches of one size: its search pays
        out.mkdir(parents=True, exist_ok=True)
        network = task.network.to(processes.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
        self._network: nn.Module = network
        set_learning(network, task.head, recipe.backbone_rate == 0)
        self._average = AveragedWeights(network, recipe.average_decay)
        precision = HalfPrecision(recipe.precision, processes.device)
        self._optimisation = Optimisation(network, task.head, recipe, precision)
        self._plan = list(_plan(task, recipe))
        self.total = sum(steps for *_, steps in self._plan)
        self._identity = _identity(task, recipe, network)
        # A few hundred lines for a run of any length.
        self._log_every = min(100, max(1, self.total // 200))
        self.progress = Progress()
        self._resume()
        parallel = processes.wrap(network)
        self._gradients = Gradients(
            network,
            lambda batch: task.loss(parallel, batch),
            precision,
            record=processes.device.type == "cuda" and processes.count == 1 and task.recordable,
        )
        self._saved_at = time.monotonic()

    def train(self) -> float:
        """Go on to the end of the recipe, or until nothing improves; the best score.

        Writes last.pt (to resume from), best.safetensors (averaged weights of the best epoch),
        log.jsonl and curves.png.
        """
        log.info("%d steps, %d of them done", self.total, self.progress.done)
        shown = tqdm(
            total=self.total,
            initial=self.progress.done,
            unit="step",
            mininterval=5,
            disable=not self.processes.first,
        )
        batches = iter(self._batches() if self.progress.done < self.total else ())
        begin = 0
        with shown:
            for stage, epoch, steps in self._plan:
                begin += steps
                if self.progress.done >= begin:
                    if self._stale(epoch):
                        break
                    continue
                self._epoch(batches, epoch, begin, shown)
                if self._scored(epoch) or begin == self.total:
                    self._close_epoch(stage, epoch)
                if self._stale(epoch):
                    log.info("no better score for %d epochs; stopping", self.recipe.patience)
                    break
        return self.progress.best

    def _epoch(self, batches: Iterator[Batch], epoch: int, end: int, shown: Any) -> None:
        """Learn from the next batches until step `end`."""
        progress = self.progress
        while progress.done < end:
            batch = next(batches)
            loss = self._gradients(batch)
            rate = learning_rate(self.recipe, progress.done, self.total, epoch)
            self._optimisation.step(rate)
            progress.done += 1
            self._average.update(progress.done)
            progress.recent.append(loss)
            shown.update()
            if progress.done % self._log_every == 0:
                mean = _mean(progress.recent)
                if not math.isfinite(mean):
                    raise TrainingDataError(
                        f"the loss is {mean} at step {progress.done}; lower --lr, "
                        "or use --precision bf16 or fp32"
                    )
                progress.recent.clear()
                shown.set_postfix(loss=f"{mean:.3f}", refresh=False)
                self._write_line({"step": progress.done, "loss": mean, "rate": rate})
            late = time.monotonic() - self._saved_at > self._save_every_s
            if late and progress.done < end:  # the epoch's end is saved with its score
                self._save()

    def _close_epoch(self, stage: Stage, epoch: int) -> None:
        """Score the averaged weights, keep them if they are the best, and save."""
        scores = {"score": 0.0}
        if self.processes.first:
            with torch.inference_mode():
                scores = self.task.evaluate(self._average.network, stage.size_wh)
                for size_wh in stage.other_sizes_wh:
                    others = self.task.evaluate(self._average.network, size_wh)
                    at = "{}x{}".format(*size_wh)
                    scores |= {f"{name} at {at}": score for name, score in others.items()}
            self._write_line({"step": self.progress.done, "epoch": epoch, **scores})
            log.info("epoch %d: %s", epoch, _as_text(scores))
        score = self.processes.agree(scores["score"])
        # A later stage sees more pixels: its first weights replace those of the one before.
        anew = self.progress.best_epoch < _first_epoch(self._plan, stage)
        if score > self.progress.best or anew:
            self.progress.best, self.progress.best_epoch = score, epoch
            if self.processes.first:
                header = self.task.header(stage.size_wh)
                header = replace(header, score=score, steps=self.progress.done)
                best = self.out / "best.safetensors"
                save_weights(best, self._average.network.state_dict(), header.text())
        self._save()
        if self.processes.first:
            draw_curves(self.out / "log.jsonl", self.out / "curves.png")

    def _stale(self, epoch: int) -> bool:
        waited = epoch - self.progress.best_epoch
        return 0 < self.recipe.patience <= waited and self._scored(epoch)

    def _scored(self, epoch: int) -> bool:
        return (epoch + 1) % self._score_every == 0

    def _batches(self) -> DataLoader[Batch]:
        """This process's share of every batch from the next step on, over all epochs.

        One loader for the whole run: its processes need not begin anew with each epoch, and make
        samples ahead while one is scored.
        """
        if self._workers:
            cv2.setNumThreads(0)  # its threads do not survive a fork, and there are processes
            if self.processes.device.type == "cuda":
                torch.set_num_threads(1)  # idle ones spin, and take cores from the processes
            self.task.decode_pictures()
        samples = _Samples(self.task, self.recipe)
        return DataLoader(
            samples,
            batch_sampler=self._order(len(samples)),
            collate_fn=self.task.collate,
            num_workers=self._workers,
            pin_memory=self._workers > 0 and self.processes.device.type == "cuda",
        )

    def _order(self, people: int) -> Iterator[list[_Key]]:
        """Which of an epoch's samples are in each batch, from the next step on."""
        skip = self.progress.done
        for stage, epoch, count in self._plan:
            if skip >= count:
                skip -= count
                continue
            random = np.random.default_rng([self.recipe.seed, epoch])
            order = random.permutation(people)
            sizes = random.integers(len(stage.sizes_wh), size=count)  # of a batch's crops
            length = min(stage.batch, people)
            shares = slice(self.processes.rank, None, self.processes.count)
            for step in range(skip, count):
                size_wh = stage.sizes_wh[sizes[step]]
                chosen = order[step * length : (step + 1) * length][shares]
                yield [(size_wh, epoch, int(index)) for index in chosen]
            skip = 0

    def _write_line(self, content: dict[str, Any]) -> None:
        if self.processes.first:
            with (self.out / "log.jsonl").open("a") as lines:
                lines.write(json.dumps(content) + "\n")

    def _save(self) -> None:
        """Write last.pt; it appears whole or not."""
        self._saved_at = time.monotonic()
        if not self.processes.first:
            return
        progress = asdict(self.progress)
        progress["recent"] = [float(loss) for loss in self.progress.recent]
        content = {
            "identity": self._identity,
            "network": self._network.state_dict(),
            "average": self._average.network.state_dict(),
            "optimisation": self._optimisation.state_dict(),
            "progress": progress,
        }
        temporary = self.out / "last.part"
        try:
            torch.save(content, temporary)
            temporary.replace(self.out / "last.pt")
        except (OSError, RuntimeError) as error:  # the latter is torch's for a full disk
            temporary.unlink(missing_ok=True)
            raise TrainingDataError(f"{temporary}: cannot be written ({error})") from error

    def _resume(self) -> None:
        """Go on from last.pt, if there is one of this recipe; forget what was logged after it."""
        path = self.out / "last.pt"
        if not path.is_file():
            (self.out / "log.jsonl").unlink(missing_ok=True)
            return
        try:
            content: dict[str, Any] = torch.load(
                path, map_location=self.processes.device, weights_only=True
            )
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingDataError(f"{path} is damaged; delete it to start anew") from error
        if content.get("identity") != self._identity:
            raise TrainingDataError(
                f"{path} is of a run with another recipe, network, start or data; give the options "
                "of that run to go on with it, or another --out"
            )
        self._network.load_state_dict(content["network"])
        self._average.network.load_state_dict(content["average"])
        self._optimisation.load_state_dict(content["optimisation"])
        self.progress = Progress(**content["progress"])
        if self.processes.first:
            _cut_log(self.out / "log.jsonl", self.progress.done)


def _cut_log(path: Path, done: int) -> None:
    """Drop the lines of steps after `done`, and one that a kill cut off."""
    kept = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            if json.loads(line)["step"] <= done:
                kept.append(line)
        except ValueError:
            break
    path.write_text("".join(f"{line}\n" for line in kept))


def _identity(task: Task, recipe: Recipe, network: nn.Module) -> str:
    """What a resumed run must share with the one it goes on with, its first weights among it."""
    crc = 0
    for value in network.state_dict().values():
        crc = zlib.crc32(value.detach().cpu().contiguous().numpy().tobytes(), crc)
    return json.dumps([asdict(recipe), task.identity(), crc])


def _mean(losses: list[float | Tensor]) -> float:
    return float(np.mean([float(loss) for loss in losses]))


def _as_text(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def _first_epoch(plan: list[tuple[Stage, int, int]], stage: Stage) -> int:
    return next(epoch for other, epoch, _ in plan if other is stage)


def _plan(task: Task, recipe: Recipe) -> Iterator[tuple[Stage, int, int]]:
    """Stage, epoch and its number of steps, one after the other."""
    epoch = 0
    for stage in recipe.stages:
        people = len(task.samples(stage.size_wh, 0, 0))
        if not people:
            raise TrainingDataError("nobody is left to learn from; see what was left out")
        full = max(1, people // stage.batch)
        left = max(1, round(full * stage.epochs))
        while left > 0:
            yield stage, epoch, min(full, left)
            left -= full
            epoch += 1
