"""The training loop: stages of growing input size, one schedule, averaged weights, resumable.

The same seed gives the same order and the same augmentation, even after interruptions: every random
choice depends on (seed, epoch, sample) alone. On a CPU, two runs give equal weights.
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

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pose.command import counted
from pose.training.batches import batches_from, epochs_of
from pose.training.card import CARD
from pose.training.curves import draw_curves
from pose.training.gradients import Gradients
from pose.training.optimisation import AveragedWeights, Optimisation, set_learning
from pose.training.precision import HalfPrecision
from pose.training.processes import Processes
from pose.training.readers import TrainingDataError
from pose.training.recipes import Recipe, Stage, learning_rate
from pose.training.task import Batch, Task
from pose.weights import save_weights
from pose.writing import whole_file

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a run has come; with the weights, all that a resumed run needs."""

    done: int = 0  # steps
    best: float = 0.0
    best_epoch: int = -1
    recent: list[float | Tensor] = field(default_factory=list)  # losses since the last log line


class Run:
    """One training run: the network that learns, and the files of the run's folder."""

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        out: Path,
        processes: Processes,
        save_every_s: float = 120.0,
        workers: int = 0,
        score_every: int = 1,
        score_start: bool = False,
    ) -> None:
        self.task, self.recipe, self.out, self.processes = task, recipe, out, processes
        self._save_every_s, self._workers, self._score_every = save_every_s, workers, score_every
        self._score_start = score_start  # the weights to start from, too
        torch.backends.cudnn.benchmark = True  # batches have one size, so its search pays off
        out.mkdir(parents=True, exist_ok=True)
        network = task.network.to(processes.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
        self._network: nn.Module = network
        set_learning(network, task.head, recipe.backbone_rate == 0)
        self._average = AveragedWeights(network, recipe.average_decay)
        precision = HalfPrecision(recipe.precision, processes.device)
        self._optimisation = Optimisation(network, task.head, recipe, precision)
        self._epochs = epochs_of(task, recipe)
        self.total = sum(epoch.steps for epoch in self._epochs)
        self._identity = _identity(task, recipe, network)
        # Some 200 lines; more in runs of over 20,000 steps
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
        """Train to the end of the recipe, or until nothing improves; returns the best score.

        Writes last.pt (to resume from), best.safetensors (averaged weights of the best epoch),
        log.jsonl and curves.png.
        """
        log.info("%s, %d done", counted(self.total, "step"), self.progress.done)
        if self._score_start and not self.progress.done and self.processes.first:
            scores = self._scores(self.recipe.stages[-1])
            self._write_line({"step": 0, **scores})
            log.info("before training: %s", _as_text(scores))
        shown = tqdm(
            total=self.total,
            initial=self.progress.done,
            unit="step",
            mininterval=5,
            disable=not self.processes.first,
        )
        batches = batches_from(
            self.progress.done, self._epochs, self.task, self.recipe, self.processes, self._workers
        )
        begin = 0
        with shown:
            for stage, epoch, steps in self._epochs:
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
        """Train on the next batches until step `end`."""
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
                mean = float(np.mean(list(map(float, progress.recent))))
                if not math.isfinite(mean):
                    half = self.recipe.precision == "fp16"
                    advice = ", or use --precision bf16 or fp32" if half else ""
                    raise TrainingDataError(
                        f"the loss is {mean} at step {progress.done}; lower --lr{advice}"
                    )
                progress.recent.clear()
                shown.set_postfix(loss=f"{mean:.3f}", refresh=False)
                self._write_line({"step": progress.done, "loss": mean, "rate": rate})
            late = time.monotonic() - self._saved_at > self._save_every_s
            if late and progress.done < end:  # a scored epoch's end is saved with its score
                self._save()

    def _close_epoch(self, stage: Stage, epoch: int) -> None:
        """Score the averaged weights, keep them if they are the best, and save."""
        scores = {"score": 0.0}
        if self.processes.first:
            scores = self._scores(stage)
            self._write_line({"step": self.progress.done, "epoch": epoch, **scores})
            log.info("epoch %d: %s", epoch, _as_text(scores))
        score = self.processes.agree(scores["score"])
        # A later stage sees more pixels: its first weights replace the previous stage's best.
        first = next(each.number for each in self._epochs if each.stage is stage)
        anew = self.progress.best_epoch < first
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

    @torch.inference_mode()
    def _scores(self, stage: Stage) -> dict[str, float]:
        """The averaged weights' scores at the stage's input sizes."""
        scores = self.task.evaluate(self._average.network, stage.size_wh)
        for size_wh in stage.other_sizes_wh:
            others = self.task.evaluate(self._average.network, size_wh)
            at = "{}x{}".format(*size_wh)
            scores |= {f"{name} at {at}": score for name, score in others.items()}
        return scores

    def _stale(self, epoch: int) -> bool:
        waited = epoch - self.progress.best_epoch
        return 0 < self.recipe.patience <= waited and self._scored(epoch)

    def _scored(self, epoch: int) -> bool:
        return (epoch + 1) % self._score_every == 0

    def _write_line(self, content: dict[str, Any]) -> None:
        if self.processes.first:
            with (self.out / "log.jsonl").open("a") as lines:
                lines.write(json.dumps(content) + "\n")

    def _save(self) -> None:
        """Write last.pt."""
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
        path = self.out / "last.pt"
        try:
            with whole_file(path) as partial:
                torch.save(content, partial)
        except (OSError, RuntimeError) as error:  # torch raises the latter for a full disk
            raise TrainingDataError(f"{path}: cannot be written ({error})") from error

    def _resume(self) -> None:
        """Resume from last.pt, if there is one, and drop log lines after it.

        Raises TrainingDataError if it is damaged or of another run, or if the folder holds the
        weights of a finished run.
        """
        path = self.out / "last.pt"
        if not path.is_file():
            if (self.out / CARD).is_file():
                raise TrainingDataError(
                    f"{self.out} holds a finished run without its last.pt; choose another --out"
                )
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
                f"{path} is of a run with another recipe, network, start, teacher or data; give "
                "the options of that run to go on with it, or another --out"
            )
        self._network.load_state_dict(content["network"])
        self._average.network.load_state_dict(content["average"])
        self._optimisation.load_state_dict(content["optimisation"])
        self.progress = Progress(**content["progress"])
        if self.processes.first:
            _cut_log(self.out / "log.jsonl", self.progress.done)


def _cut_log(path: Path, done: int) -> None:
    """Drop the lines of steps after `done`, and a line that a kill cut short."""
    kept = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            if json.loads(line)["step"] <= done:
                kept.append(line)
        except ValueError:
            break
    path.write_text("".join(f"{line}\n" for line in kept))


def _identity(task: Task, recipe: Recipe, network: nn.Module) -> str:
    """What a resumed run must have in common with the saved one, initial weights included."""
    crc = 0
    for value in network.state_dict().values():
        crc = zlib.crc32(value.detach().cpu().contiguous().numpy().tobytes(), crc)
    return json.dumps([asdict(recipe), task.identity(), crc])


def _as_text(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
