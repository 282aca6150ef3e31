"""How a network runs: OpenVINO on CPUs, torch on CUDA, torch on CPUs where OpenVINO is missing.

Every runtime takes a frame's own bytes, (N, H, W, 3) uint8 BGR, and puts colour order and
normalisation into the network's graph. `submit` starts the work and returns a function that waits
for the outputs, so that the caller can do something else meanwhile.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pose.cores import core_count
from pose.cutting import Bytes
from pose.errors import UserError
from pose.networks import Network, Pictures

_log = logging.getLogger(__name__)

Outputs = list[Tensor]  # each (N, ...) float32, in memory or on the device


class DeviceError(UserError):
    """A device that is not there, or cannot run the network asked for."""


class Runtime(Protocol):
    """A network that takes bytes."""

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        """Start on `images` (N, H, W, 3) uint8 BGR; the function returned waits for the outputs."""


def choose_device(name: str) -> torch.device:
    """The device that `name` (auto, cpu, cuda, cuda:N) means on this machine.

    Raises DeviceError where it is not there; `auto` falls back to the CPU.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"device '{name}': expected auto, cpu, cuda or cuda:N") from error
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise DeviceError(f"device '{name}': expected auto, cpu, cuda or cuda:N")
    if not torch.cuda.is_available():
        raise DeviceError(
            f"device '{name}': no CUDA device here (driver missing, or torch built for CPUs); "
            "use --device cpu"
        )
    if (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"device '{name}': the last one here is {torch.cuda.device_count() - 1}")
    return torch.device("cuda", device.index or 0)


def choose_runtime(network: Network, device: torch.device, *, many: bool) -> Runtime:
    """The fastest runtime available for a network on a device.

    many: it will be given several pictures at once (crops) rather than one (a whole frame).
    Raises DeviceError where an exported file cannot run there.
    """
    engine = network.file is not None and network.file.suffix == ".engine"
    if device.type == "cuda":
        # Each idle thread of torch's pool spins for 11 ms after a frame was copied for upload.
        torch.set_num_threads(1)
        if engine:
            from pose.on_tensorrt import TensorRt

            return TensorRt(network, device)
        if network.build is None:
            from pose.on_onnxruntime import OnnxRuntime

            return OnnxRuntime(network, device)
        from pose.on_cuda import CudaRuntime

        return CudaRuntime(network, device)
    if engine:
        raise DeviceError(
            f"{network.file} runs on the GPU it was built for alone; use --device cuda, "
            "or export the weights to onnx"
        )
    if importlib.util.find_spec("openvino"):
        from pose.on_openvino import OpenVinoRuntime

        # Little work is left to torch; its threads would only take cores from OpenVINO's.
        torch.set_num_threads(1)
        return OpenVinoRuntime(network, streams=min(core_count(), 4) if many else 1)
    _log.warning("OpenVINO is not installed; torch is used, which is several times slower")
    return TorchRuntime(network)


class FromBytes(nn.Module):
    """Puts colour order and normalisation before a network: (N, H, W, 3) uint8 BGR in."""

    mean: Tensor
    scale: Tensor

    def __init__(
        self, network: nn.Module, pictures: Pictures, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.dtype = dtype
        self.network = network
        self.rgb = pictures.rgb
        self.register_buffer("mean", torch.tensor(pictures.mean).view(1, 3, 1, 1))
        self.register_buffer("scale", 1 / torch.tensor(pictures.std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Any:
        x = images.permute(0, 3, 1, 2).float()  # (N, 3, H, W)
        if self.rgb:
            x = x.flip(1)
        return self.network(((x - self.mean) * self.scale).to(self.dtype))


class TorchRuntime:
    """A torch module on the CPU, without any optimisation.

    The reference that the other runtimes are compared with, and the fallback without OpenVINO.
    """

    def __init__(self, network: Network) -> None:
        if network.build is None:
            raise DeviceError(f"{network.name}: an exported file cannot run in torch")
        self.module = FromBytes(network.build(), network.pictures).eval()

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        with torch.inference_mode():
            outputs = as_list(self.module(as_tensor(images, torch.device("cpu"))))
        return lambda: outputs


def as_tensor(images: Bytes, device: torch.device) -> Tensor:
    """Images as a tensor on `device`."""
    if isinstance(images, Tensor):
        return images.to(device)
    return torch.from_numpy(np.ascontiguousarray(images)).to(device)


def in_parts(images: Tensor, most: int, run: Callable[[Tensor], Outputs]) -> Outputs:
    """The outputs of `run` for images (N, ...), called with at most `most` at a time."""
    parts = [run(part) for part in torch.split(images, most)]
    return [torch.cat(pieces) for pieces in zip(*parts, strict=True)]


def as_list(outputs: Any) -> Outputs:
    """A module's output or outputs, as a list."""
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)
