"""Loss and gradients of a batch; on a GPU by one CUDA graph per batch shape.

HRNet's forward and backward pass are some thousand small kernels. On an H100, launching them one by
one takes twice as long as running them; a graph replays them all in one launch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pose.on_cuda import record
from pose.training.precision import HalfPrecision
from pose.training.task import Batch


@dataclass(frozen=True, slots=True)
class _Recorded:
    graph: torch.cuda.CUDAGraph
    given: Batch
    loss: Tensor
    gradients: list[Tensor | None]


class Gradients:
    """Called with a batch, puts the gradients of its loss into the network and returns the loss ().

    record: record the operations of the first batch of each shape and replay them after. Only for
    losses whose operations do not depend on the values and never wait for the device.
    """

    def __init__(
        self,
        network: nn.Module,
        loss_of: Callable[[Batch], Tensor],
        precision: HalfPrecision,
        record: bool,
    ) -> None:
        self._network, self._loss_of, self._precision = network, loss_of, precision
        self._device, self._record = precision.device, record
        self._recorded: dict[tuple[torch.Size, ...], _Recorded] = {}

    def __call__(self, batch: Batch) -> Tensor:
        if not self._record:
            return self._compute(tuple(part.to(self._device, non_blocking=True) for part in batch))
        shape = tuple(part.shape for part in batch)
        if shape not in self._recorded:
            self._recorded[shape] = self._capture(batch)
        recorded = self._recorded[shape]
        for given, part in zip(recorded.given, batch, strict=True):
            given.copy_(part, non_blocking=True)
        recorded.graph.replay()
        for parameter, gradient in zip(self._network.parameters(), recorded.gradients, strict=True):
            parameter.grad = gradient
        return recorded.loss.clone()

    def _compute(self, batch: Batch) -> Tensor:
        for parameter in self._network.parameters():
            parameter.grad = None
        with self._precision.autocast():
            loss = self._loss_of(batch)
        self._precision.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _capture(self, batch: Batch) -> _Recorded:
        given = tuple(part.to(self._device) for part in batch)
        statistics = [(buffer, buffer.clone()) for buffer in self._network.buffers()]
        graph, loss = record(lambda: self._compute(given), self._device)
        for buffer, before in statistics:  # batch norm must not count the recording's passes
            buffer.copy_(before)
        gradients = [parameter.grad for parameter in self._network.parameters()]
        return _Recorded(graph, given, loss, gradients)
