"""The CUDA runtime: half precision and CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from pose.cutting import Bytes
from pose.networks import Network
from pose.runtime import DeviceError, FromBytes, Outputs, as_list, as_tensor, in_parts

T = TypeVar("T")


class CudaRuntime:
    """A torch module on CUDA: half precision, channels last, one CUDA graph per batch size.

    A graph replays all kernels in one launch; launching HRNet's thousand small layers one by one
    takes longer than the layers themselves. Batches are filled up to the next size in `BATCHES`, so
    that few graphs are captured, each when its size first occurs.
    """

    BATCHES = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)

    def __init__(self, network: Network, device: torch.device) -> None:
        if network.build is None:
            raise DeviceError(f"{network.name}: an exported file cannot run in torch")
        torch.backends.cudnn.benchmark = True
        self.device = device
        module = FromBytes(network.build().half(), network.pictures, torch.float16)
        self.module = module.eval().to(device)
        self.module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._graphs: dict[tuple[int, ...], tuple[torch.cuda.CUDAGraph, Tensor, Outputs]] = {}

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        tensor = as_tensor(images, self.device)
        outputs = in_parts(tensor, self.BATCHES[-1], self._replay)
        return lambda: outputs

    def _replay(self, images: Tensor) -> Outputs:
        count = len(images)
        size = next(size for size in self.BATCHES if size >= count)
        shape = (size, *images.shape[1:])
        if shape not in self._graphs:
            self._graphs[shape] = self._capture(shape)
        graph, given, results = self._graphs[shape]
        given[:count].copy_(images)
        graph.replay()
        # Copies, since the next replay overwrites the results.
        return [result[:count].to(torch.float32, copy=True) for result in results]

    @torch.no_grad()  # a tensor made in inference mode could not be written to in `_replay`
    def _capture(self, shape: tuple[int, ...]) -> tuple[torch.cuda.CUDAGraph, Tensor, Outputs]:
        given = torch.zeros(shape, dtype=torch.uint8, device=self.device)
        graph, results = record(lambda: as_list(self.module(given)), self.device)
        return graph, given, results


def record(work: Callable[[], T], device: torch.device) -> tuple[torch.cuda.CUDAGraph, T]:
    """Record `work` as a graph; returns it and what `work` returns, tensors that each replay fills.

    `work` runs three times first, so that cuDNN has chosen its algorithms. Recording computes
    nothing.
    """
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # On a stream of this device: the default one is the first device's. What other threads do
    # meanwhile (decoding, loading a network, fetching batches) must not make this capture fail.
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        result = work()
    return graph, result
