"""Recorded steps: what a CUDA graph replays must be what torch computes step by step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from small_data import TINY
from torch import Tensor, nn

from pose.hrnet import HRNet
from pose.training.gradients import Gradients
from pose.training.losses import heatmap_loss
from pose.training.pose_task import target_maps
from pose.training.precision import HalfPrecision
from pose.training.task import Batch, normalise


def small_batch(seed: int, size_wh: tuple[int, int]) -> Batch:
    random = torch.Generator().manual_seed(seed)
    width, height = size_wh
    crops = torch.randint(0, 256, (4, height, width, 3), dtype=torch.uint8, generator=random)
    points = torch.rand((4, 17, 2), generator=random) * torch.tensor([width, height])
    return crops, points, torch.rand((4, 17), generator=random)


def loss_of(network: nn.Module) -> Callable[[Batch], Tensor]:
    def loss(batch: Batch) -> Tensor:
        crops, points, weights = batch
        heatmaps = network(normalise(crops)).float()
        return heatmap_loss(heatmaps, target_maps(points, crops.shape[1:3]), weights)

    return loss


def pair(device: str) -> tuple[tuple[nn.Module, Gradients], tuple[nn.Module, Gradients]]:
    """A network with recorded gradients and its twin with gradients computed anew."""
    torch.manual_seed(0)
    network = HRNet(**TINY, joints=17).to(device)
    nn.init.normal_(network.final_layer.weight, std=0.1)  # type: ignore[union-attr]
    twin = copy.deepcopy(network)
    precision = HalfPrecision("fp32", torch.device(device))
    return (
        (network, Gradients(network, loss_of(network), precision, record=True)),
        (twin, Gradients(twin, loss_of(twin), precision, record=False)),
    )


def assert_alike(device: str, tolerance: float) -> None:
    (network, recorded), (twin, computed) = pair(device)
    batches = [(64, 96), (32, 64), (64, 96), (32, 64)]
    for seed, size_wh in enumerate(batches):
        batch = small_batch(seed, size_wh)
        torch.testing.assert_close(recorded(batch), computed(batch), rtol=tolerance, atol=0)
        for own, other in zip(network.parameters(), twin.parameters(), strict=True):
            assert own.grad is not None
            assert other.grad is not None
            largest = float(other.grad.abs().max())
            assert (own.grad - other.grad).abs().max() <= tolerance * largest + 1e-6
            with torch.no_grad():
                own -= 1e-3 * own.grad
                other -= 1e-3 * other.grad
    for own, other in zip(network.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(own, other, rtol=10 * tolerance, atol=1e-5)


@pytest.fixture
def graphs_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's graphs on the CPU: a replay runs again what ran while it was captured."""
    stream = SimpleNamespace(wait_stream=lambda other: None)
    captured: list[Batch] = []
    compute = Gradients._compute

    class Graph:
        owner: Gradients  # the last to record
        given: Batch

        def replay(self) -> None:
            (recorded,) = (each for each in self.owner._recorded.values() if each.graph is self)
            kept = recorded.gradients
            loss = compute(self.owner, self.given)
            recorded.loss.copy_(loss)
            for mine, parameter in zip(kept, self.owner._network.parameters(), strict=True):
                assert mine is not None
                assert parameter.grad is not None
                mine.copy_(parameter.grad)

    def note(self: Gradients, batch: Batch) -> Tensor:
        if self._record:
            captured.append(batch)
            Graph.owner = self
        return compute(self, batch)

    def capture(graph: Graph, stream: object, capture_error_mode: str) -> nullcontext[None]:
        assert capture_error_mode == "thread_local"
        graph.given = captured[-1]
        # Nothing runs while CUDA captures; here it does, and batch norm must not count it.
        network = Graph.owner._network
        before = [buffer.clone() for buffer in network.buffers()]

        class Restore(nullcontext[None]):
            def __exit__(self, *_: object) -> None:
                for buffer, value in zip(network.buffers(), before, strict=True):
                    buffer.copy_(value)

        return Restore()

    monkeypatch.setattr(Gradients, "_compute", note)
    fakes = {
        "Stream": lambda device: stream,
        "current_stream": lambda device: stream,
        "stream": nullcontext,
        "CUDAGraph": Graph,
        "graph": capture,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)


@pytest.mark.usefixtures("graphs_on_cpu")
def test_recorded_gradients_equal_computed_ones() -> None:
    assert_alike("cpu", 1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_recorded_gradients_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    assert_alike("cuda", 1e-3)
