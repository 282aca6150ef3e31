"""The CPU runtime: OpenVINO. Networks are converted from torch once and kept in the user cache."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from openvino.preprocess import ColorFormat, PrePostProcessor
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pose.cores import core_count
from pose.cutting import Bytes
from pose.networks import Network, Pictures
from pose.people import ImageArray
from pose.rounding import quantised
from pose.runtime import FromBytes, Outputs
from pose.weight_files import WeightsError, cache_dir

_log = logging.getLogger(__name__)

GRAPH_VERSION = 2  # part of the cache's key: raise it when FromBytes or a network's forward changes


class OpenVinoRuntime:
    """A network compiled for the CPU; a batch is split into requests of two pictures or one.

    `streams` requests run in parallel, each on its share of the cores. For crops it is one stream
    per core, up to four; for a single picture, one stream on all cores answers soonest. Two crops
    in one request cost a sixth less than in two, and give the same bits. Each picture size is
    compiled once for one picture and once for two, so that no number of people needs another
    compilation.
    `precision` is "f32", or "fast" for bf16 where the CPU has it.
    """

    def __init__(self, network: Network, streams: int = 1, precision: str = "fast") -> None:
        self._core = openvino.Core()
        self._model = _openvino_model(network)
        if precision == "fast" and network.ranges:
            self._model = quantised(self._model, network.ranges)
        self._options: dict[str, Any] = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": core_count(),
            # Decoding, drawing and encoding need cores too: a pinned thread could not make way
            "ENABLE_CPU_PINNING": False,
        }
        if (cache := _cache()) is not None:
            self._options["CACHE_DIR"] = str(cache / "compiled")
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "f32":
            self._options["INFERENCE_PRECISION_HINT"] = "f32"
        elif "BF16" in capabilities:
            self._options["INFERENCE_PRECISION_HINT"] = "bf16"
        self._file = network.file
        # A file from elsewhere may have a batch size of one fixed somewhere inside
        self._pairs = streams > 1 and network.file is None
        self._streams = streams
        self._compiled: dict[tuple[int, ...], Any] = {}  # by the shape of a request's pictures
        self._idle: dict[tuple[int, ...], list[Any]] = {}

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        images = np.asarray(images)
        for count in (1, 2) if self._pairs else (1,):  # both now: no pause when more people come
            self._compile((count, *images.shape[1:]))
        # Few pictures finish soonest one by one
        paired = len(images) // 2 * 2 if self._pairs and len(images) > 2 * self._streams else 0
        starts = [*range(0, paired, 2), *range(paired, len(images))]
        parts = [images[start : start + 1 + (start < paired)] for start in starts]
        running = [(part.shape, self._start(part)) for part in parts]

        def wait() -> Outputs:
            compiled = self._compile((1, *images.shape[1:]))
            outputs = [
                np.empty((len(images), *output.shape[1:]), np.float32)
                for output in compiled.outputs
            ]
            for start, (shape, request) in zip(starts, running, strict=True):
                request.wait()
                for index, output in enumerate(outputs):
                    output[start : start + shape[0]] = request.get_output_tensor(index).data
                self._idle[shape].append(request)
            return [torch.from_numpy(output) for output in outputs]

        return wait

    def _start(self, images: ImageArray) -> Any:
        """A request that is working on one or two pictures."""
        compiled = self._compile(images.shape)
        idle = self._idle[images.shape]
        request = idle.pop() if idle else compiled.create_infer_request()
        request.start_async({0: images})
        return request

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """The network for a request of this shape (count, H, W, 3)."""
        if shape not in self._compiled:
            model = self._model.clone()
            self._idle[shape] = []  # first: another thread may use it as soon as it is compiled
            try:
                model.reshape(list(shape))
                self._compiled[shape] = self._core.compile_model(model, "CPU", self._options)
            except RuntimeError as error:
                if self._file is None:
                    raise
                raise WeightsError(
                    f"{self._file} cannot take pictures of {shape[2]}x{shape[1]}; export it for "
                    "any height and width"
                ) from error
        return self._compiled[shape]


def _openvino_model(network: Network) -> Any:
    """The network as an OpenVINO model of bytes, converted once and then read from the cache."""
    if network.file is not None:
        return _read_exported(network.file, network.pictures)
    folder = cache_dir() / "openvino" / f"{network.key}-{openvino.__version__[:9]}-{GRAPH_VERSION}"
    if (folder / "model.xml").is_file():
        try:
            return openvino.Core().read_model(folder / "model.xml")
        except RuntimeError:  # after a power cut a file may exist without its content
            _log.warning("%s is damaged; %s is converted again", folder, network.name)
            shutil.rmtree(folder, ignore_errors=True)
    if _cache() is None:
        _log.info("converting %s, which %s cannot keep", network.name, cache_dir())
        return convert_to_openvino(network)
    _log.info("converting %s for OpenVINO into %s", network.name, folder)
    model = convert_to_openvino(network)
    try:
        _keep(model, folder)
    except (OSError, RuntimeError) as error:  # a full disk
        _log.warning("%s cannot be kept in %s: %s", network.name, cache_dir(), error)
        return model
    return openvino.Core().read_model(folder / "model.xml")


def _cache() -> Path | None:
    """The folder that keeps converted networks; None where nothing can be written.

    A service's account has no home, and a cluster's home may be read-only: each start is then a few
    seconds slower, but nothing else changes.
    """
    folder = cache_dir() / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def convert_to_openvino(network: Network) -> Any:
    """The network's torch module as an OpenVINO model that takes bytes of any N, H, W."""
    if network.build is None:
        raise WeightsError(f"{network.name} is an exported file already")
    module = with_norms_folded(FromBytes(network.build(), network.pictures).eval())
    example = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # OpenVINO reads traces of torch.jit, which torch calls deprecated since 2.13.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        model = openvino.convert_model(traced, example_input=example)
    model.reshape([-1, -1, -1, 3])
    return model


def with_norms_folded(module: nn.Module) -> nn.Module:
    """Fold each batch norm into the convolution before it, in place.

    OpenVINO would do it too, but lose the convolutions' names, by which `quantised` finds them.
    """
    for parent in module.modules():
        before: tuple[str, nn.Module] | None = None
        for name, child in list(parent.named_children()):
            if before and isinstance(before[1], nn.Conv2d) and isinstance(child, nn.BatchNorm2d):
                setattr(parent, before[0], fuse_conv_bn_eval(before[1], child))
                setattr(parent, name, nn.Identity())
            before = (name, child)
    return module


def _keep(model: Any, folder: Path) -> None:
    """Save a model as folder/model.xml; the folder appears whole or not at all.

    Processes that start at the same time all convert; the first one's result stays, since others
    may already be reading it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        new = Path(temporary) / "new"
        openvino.save_model(model, new / "model.xml", compress_to_fp16=False)
        try:
            new.rename(folder)
        except OSError:  # it exists already
            if not (folder / "model.xml").is_file():
                raise


def _read_exported(file: Path, pictures: Pictures) -> Any:
    """An ONNX or OpenVINO file as a model that takes bytes (N, H, W, 3)."""
    try:
        model = openvino.Core().read_model(file)
    except RuntimeError as error:
        raise WeightsError(f"{file} is damaged, or not an ONNX or OpenVINO network") from error
    if model.inputs[0].element_type == openvino.Type.u8:
        return model
    shape = model.inputs[0].partial_shape
    model.reshape({0: openvino.PartialShape([-1, shape[1], shape[2], shape[3]])})
    steps = PrePostProcessor(model)
    given = steps.input(0).tensor()
    given.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    given.set_color_format(ColorFormat.BGR)
    steps.input(0).model().set_layout(openvino.Layout("NCHW"))
    change = steps.input(0).preprocess().convert_element_type(openvino.Type.f32)
    if pictures.rgb:
        change.convert_color(ColorFormat.RGB)
    change.mean(list(pictures.mean)).scale(list(pictures.std))
    return steps.build()
