"""Write a network as an ONNX, OpenVINO or TensorRT file, and compare it with the torch module.

The file takes raw frame bytes, (N, H, W, 3) uint8 BGR: colour order and normalisation are inside.
Its description (kind, skeleton, input size) is in its metadata, as JSON under `posse`, so that
`--pose` or `--detector` needs only the file.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pose.exported import KEY
from pose.header import write_skeleton
from pose.networks import DetectorNetwork, Network, PoseNetwork
from pose.on_tensorrt import AT_ONCE, write_engine
from pose.runtime import DeviceError, FromBytes, Runtime, TorchRuntime, as_list
from pose.weight_files import WeightsError
from pose.writing import whole_file

_STRIDE = 32  # both sides of a picture are multiples of it


def export(network: PoseNetwork | DetectorNetwork, to: str, path: Path) -> None:
    """Write `network` to `path` as `to`, a key of pose.exported.SUFFIX.

    Raises WeightsError if the network is itself an exported file, DeviceError if a package that the
    format needs is not installed.
    """
    inner = network.network
    if inner.build is None:
        raise WeightsError(f"{inner.name} is an exported file already; name the weights it is from")
    path.parent.mkdir(parents=True, exist_ok=True)
    if to == "openvino":
        _write_openvino(inner, description(network), path)
    elif to == "onnx":
        _write_onnx(inner, description(network), path)
    else:
        _write_tensorrt(inner, description(network), path)


def description(network: PoseNetwork | DetectorNetwork) -> dict[str, Any]:
    """The description that `pose.exported.describe` reads back."""
    common = {"name": network.network.name, "input_wh": list(network.network.pictures.size_wh)}
    if isinstance(network, DetectorNetwork):
        return {"kind": "detector", "person": network.person, **common}
    return {
        "kind": "pose",
        "skeleton": write_skeleton(network.skeleton),
        "unbiased": network.unbiased,
        "padding": network.padding,
        "sigma": network.sigma,
        **common,
    }


def deviation(network: Network, run: Runtime) -> float:
    """How far a runtime deviates from the torch module: largest difference over largest value."""
    width, height = network.pictures.size_wh
    shape = (2, -(-height // _STRIDE) * _STRIDE, -(-width // _STRIDE) * _STRIDE, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    expected = TorchRuntime(network).submit(pictures)()
    found = run.submit(pictures)()
    return max(
        float((ours - theirs.cpu()).abs().max() / ours.abs().max())
        for ours, theirs in zip(expected, found, strict=True)
    )


def _example(network: Network) -> torch.Tensor:
    """A picture as the exported file takes it."""
    width, height = (-(-side // _STRIDE) * _STRIDE for side in network.pictures.size_wh)
    return torch.zeros(1, height, width, 3, dtype=torch.uint8)


def _write_openvino(network: Network, about: dict[str, Any], path: Path) -> None:
    import openvino

    from pose.on_openvino import convert_to_openvino

    model = convert_to_openvino(network)
    model.set_rt_info(json.dumps(about), [KEY])
    try:
        openvino.save_model(model, path)
    except RuntimeError as error:  # OpenVINO raises this for a full disk
        for piece in (path, path.with_suffix(".bin")):
            with contextlib.suppress(OSError):
                piece.unlink(missing_ok=True)
        raise OSError("OpenVINO could not write it") from error


def _write_onnx(network: Network, about: dict[str, Any], path: Path) -> None:
    import onnx

    assert network.build is not None
    module = FromBytes(network.build(), network.pictures).eval()
    entry = onnx.StringStringEntryProto(key=KEY, value=json.dumps(about))
    with whole_file(path) as partial:
        _write_graph(module, _example(network), partial)
        with partial.open("ab") as file:  # protobuf accumulates repeated fields: no need to parse
            file.write(onnx.ModelProto(metadata_props=[entry]).SerializeToString())


def _write_graph(module: nn.Module, example: torch.Tensor, path: Path) -> None:
    sides = {0: "people", 1: "height", 2: "width"}
    with warnings.catch_warnings():
        # The newer exporter needs two more packages and writes the same for convolutional networks.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=["outputs"],
            dynamic_axes={"images": sides, "outputs": {0: "people"}},
        )


def _write_tensorrt(network: Network, about: dict[str, Any], path: Path) -> None:
    try:
        import tensorrt
    except ImportError as error:
        raise DeviceError(
            "a TensorRT engine is built on the GPU it is for: pip install tensorrt there; "
            "or export to onnx, which runs everywhere"
        ) from error
    log = tensorrt.Logger(tensorrt.Logger.WARNING)
    builder = tensorrt.Builder(log)
    # Use the graph's own types: always so from TensorRT 11 on, with this flag before
    typed = getattr(tensorrt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    graph = builder.create_network(0 if typed is None else 1 << int(typed))
    parser = tensorrt.OnnxParser(graph, log)
    with tempfile.TemporaryDirectory() as folder:
        onnx_file = Path(folder) / "half.onnx"
        write_half_onnx(network, onnx_file)
        if not parser.parse_from_file(str(onnx_file)):
            raise DeviceError(f"TensorRT cannot read {network.name}: {parser.get_error(0)}")
    width, height = network.pictures.size_wh
    profile = builder.create_optimization_profile()
    if about["kind"] == "pose":
        sizes = [(count, height, width, 3) for count in (1, 8, AT_ONCE)]
    else:  # whole frames, of any shape that fits
        sizes = [(1, _STRIDE, _STRIDE, 3), (1, height, width, 3), (4, height, width, 3)]
    profile.set_shape("images", *sizes)
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(graph, config)
    if engine is None:
        raise DeviceError(f"TensorRT could not build an engine for {network.name}")
    write_engine(path, about, bytes(engine))


class _InHalf(nn.Module):
    """A network in half precision; bytes become floats first, as TensorRT moves no bytes."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        assert network.build is not None
        self.network = FromBytes(network.build().half(), network.pictures, torch.float16)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [output.float() for output in as_list(self.network(images.half()))]


def write_half_onnx(network: Network, path: Path) -> None:
    """Write the half-precision ONNX file from which an engine is built."""
    _write_graph(_InHalf(network).eval(), _example(network), path)
