"""TensorRT engines on CUDA: networks compiled for one kind of GPU (pip install tensorrt).

A file has Ultralytics' layout: the length of a description (four bytes, lowest first), the
description as JSON, the engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pose.cutting import Bytes
from pose.networks import Network
from pose.runtime import DeviceError, Outputs, as_tensor, in_parts
from pose.weight_files import WeightsError, require_file
from pose.writing import whole_file

AT_ONCE = 64  # pictures at most
_LENGTH_BYTES = 4
_LONGEST = 1 << 20  # bytes of a description; a longer one is not ours


def write_engine(path: Path, about: dict[str, Any], engine: bytes) -> None:
    """Write an engine and its description; the file appears whole or not at all."""
    text = json.dumps(about).encode()
    with whole_file(path) as partial:
        partial.write_bytes(len(text).to_bytes(_LENGTH_BYTES, "little") + text + engine)


def read_description(file: Path) -> dict[str, Any]:
    """An engine's description, read without TensorRT. Raises WeightsError where there is none."""
    require_file(file)
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        try:
            about = json.loads(stream.read(length)) if length <= _LONGEST else None
        except ValueError:
            about = None
    if not isinstance(about, dict) or not {"kind", "input_wh"} <= about.keys():
        raise WeightsError(f"{file} is damaged, or no engine that 'posse export' wrote")
    return about


def _engine(file: Path) -> bytes:
    content = file.read_bytes()
    return content[_LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little") :]


class TensorRt:
    """An engine that `posse export` built on this kind of GPU, in half precision.

    Raises DeviceError where TensorRT is not installed, or another version of it or another GPU
    built the engine.
    """

    def __init__(self, network: Network, device: torch.device) -> None:
        assert network.file is not None
        again = "export it again on this machine, or name the weights it was exported from"
        try:
            import tensorrt
        except ImportError as error:
            raise DeviceError(f"{network.file}: pip install tensorrt; or {again}") from error
        self.device = device
        with torch.cuda.device(device):
            runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.WARNING))
            self._engine = runtime.deserialize_cuda_engine(_engine(network.file))
            if self._engine is None:
                raise DeviceError(f"{network.file} was built by another TensorRT or GPU; {again}")
            self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(n) for n in range(self._engine.num_io_tensors)]
        given = tensorrt.TensorIOMode.INPUT
        self._input = next(n for n in names if self._engine.get_tensor_mode(n) == given)
        self._outputs = [name for name in names if name != self._input]

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        tensor = as_tensor(images, self.device)
        count = len(tensor)
        if not count:  # an engine takes at least one picture
            tensor = tensor.new_zeros((1, *tensor.shape[1:]))
        outputs = [output[:count] for output in in_parts(tensor.contiguous(), AT_ONCE, self._run)]
        return lambda: outputs

    def _run(self, images: Tensor) -> Outputs:
        context = self._context
        if not context.set_input_shape(self._input, tuple(images.shape)):
            raise DeviceError(f"the engine was not built for pictures {tuple(images.shape)}")
        shapes = [tuple(context.get_tensor_shape(name)) for name in self._outputs]
        results = [torch.empty(shape, device=self.device) for shape in shapes]
        context.set_tensor_address(self._input, images.data_ptr())
        for name, result in zip(self._outputs, results, strict=True):
            context.set_tensor_address(name, result.data_ptr())
        # On torch's own stream, since torch reuses memory in the order of that stream
        stream = torch.cuda.current_stream(self.device).cuda_stream
        with torch.cuda.device(self.device):  # TensorRT uses the current device
            done = context.execute_async_v3(stream)
        if not done:
            raise DeviceError(f"TensorRT could not run {tuple(images.shape)} through the engine")
        return results
