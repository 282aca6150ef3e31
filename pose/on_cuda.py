"""The CUDA runtime: half precision and CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pose.cutting import Bytes
from pose.networks import Network
from pose.runtime import DeviceError, FromBytes, Outputs, as_list, as_tensor, in_parts


class CudaRuntime:
    """A torch module on CUDA: half precision, channels last, one CUDA graph per batch size.

    A graph replays all kernels in one launch; the launches of HRNet's thousand small layers
    otherwise take longer than the layers. Batches are filled up to the next size in `BATCHES`, so
    that few graphs are captured, each when its size first comes.
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
        # The next replay writes over the results.
        return [result[:count].float().clone() for result in results]

    @torch.no_grad()  # a tensor made in inference mode could not be written to in `_replay`
    def _capture(self, shape: tuple[int, ...]) -> tuple[torch.cuda.CUDAGraph, Tensor, Outputs]:
        given = torch.zeros(shape, dtype=torch.uint8, device=self.device)
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            for _ in range(3):  # cuDNN chooses its algorithms before the capture
                self.module(given)
        torch.cuda.current_stream(self.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # On a stream of this device: the default one is the first device's. What other threads do
        # on it meanwhile (decoding, loading another network) is no error of this capture.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            results = as_list(self.module(given))
        return graph, given, results
