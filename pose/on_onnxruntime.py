"""ONNX files on CUDA, by ONNX Runtime and its CUDA provider (pip install onnxruntime-gpu)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import torch
from torch import Tensor

from pose.cutting import Bytes
from pose.networks import Network
from pose.runtime import DeviceError, FromBytes, Outputs, as_tensor, in_parts
from pose.weight_files import WeightsError

PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}


class OnnxRuntime:
    """An ONNX file on a device: ours takes bytes, one from elsewhere normalised pictures.

    Raises DeviceError where the file is not ONNX, or ONNX Runtime has no provider for the device.
    """

    def __init__(self, network: Network, device: torch.device) -> None:
        provider = PROVIDERS[device.type]
        advice = "name the weights it was exported from, or use --device cpu"
        if network.file is None or network.file.suffix != ".onnx":
            raise DeviceError(f"{network.name}: OpenVINO files run on CPUs alone; {advice}")
        if not importlib.util.find_spec("onnxruntime"):
            raise DeviceError(f"{network.file} on {device}: pip install onnxruntime-gpu; {advice}")
        import onnxruntime

        if provider not in onnxruntime.get_available_providers():
            raise DeviceError(
                f"{network.file}: this ONNX Runtime has no {provider}; "
                f"pip install onnxruntime-gpu in its place; {advice}"
            )
        options = {"device_id": device.index or 0} if device.type == "cuda" else {}
        self.device = device
        self._session = onnxruntime.InferenceSession(network.file, providers=[(provider, options)])
        # Where CUDA's own libraries cannot be loaded, it only logs that and uses the CPU.
        if provider not in self._session.get_providers():
            raise DeviceError(
                f"{network.file}: ONNX Runtime could not start {provider}; install the CUDA and "
                f"cuDNN that its release wants; {advice}"
            )
        given = self._session.get_inputs()[0]
        self._name, self._file = given.name, network.file
        # Fixed sides are numbers, those of any length have names
        self._batch = given.shape[0] if isinstance(given.shape[0], int) else 0
        self._picture = given.shape[1:]
        self._prepare: torch.nn.Module = torch.nn.Identity()
        if given.type != "tensor(uint8)":
            self._prepare = FromBytes(torch.nn.Identity(), network.pictures).to(device)

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        pictures = self._prepare(as_tensor(images, self.device)).cpu()
        sides = zip(self._picture, pictures.shape[1:], strict=True)
        if any(isinstance(fixed, int) and fixed != given for fixed, given in sides):
            height, width = images.shape[1:3]
            raise WeightsError(
                f"{self._file} cannot take pictures of {width}x{height}; export it for "
                "any height and width"
            )
        outputs = in_parts(pictures, self._batch or max(1, len(pictures)), self._run)
        return lambda: [output.float().to(self.device) for output in outputs]

    def _run(self, pictures: Tensor) -> Outputs:
        count = len(pictures)
        empty = pictures.new_zeros((max(self._batch - count, 0), *pictures.shape[1:]))
        filled = torch.cat([pictures, empty]).numpy()
        outputs = self._session.run(None, {self._name: filled})
        return [torch.from_numpy(output)[:count] for output in outputs]
