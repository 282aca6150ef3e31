"""An exported file is the network: it gives the same outputs and states what it is."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from pose.detector import load_detector
from pose.estimator import load_estimator
from pose.export import description, deviation, export, write_half_onnx
from pose.hrnet import HRNet
from pose.library import detector_network, pose_network
from pose.on_onnxruntime import OnnxRuntime
from pose.on_openvino import OpenVinoRuntime
from pose.on_tensorrt import TensorRt, write_engine
from pose.people import Detections, Frame
from pose.runtime import DeviceError, TorchRuntime, choose_runtime
from pose.skeleton import CROWDPOSE14
from pose.weight_files import SUFFIX, WeightsError
from pose.weights import save_weights
from pose.yolox import HRNetDetector

TINY = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}


@pytest.fixture(scope="module")
def pose_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = HRNet(**TINY, joints=14)
    torch.nn.init.normal_(network.final_layer.weight, std=0.1)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    metadata = {
        "kind": "pose",
        "network": json.dumps({**TINY, "joints": 14}),
        "input_wh": "32x64",
        "skeleton": "crowdpose14",
        "unbiased": "0",
        "sigma": "1.5",
    }
    save_weights(path, network.state_dict(), metadata)
    return path


@pytest.fixture(scope="module")
def exported(pose_file: Path) -> Callable[[str], Path]:
    """Exports the network of `pose_file` to a file for "onnx" or "openvino"."""

    @functools.cache
    def written(to: str) -> Path:
        path = pose_file.with_name(f"out{SUFFIX[to]}")
        export(pose_network(str(pose_file)), to, path)
        return path

    return written


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_an_exported_pose_network_is_the_network(
    to: str, pose_file: Path, exported: Callable[[str], Path]
) -> None:
    network, path = pose_network(str(pose_file)), exported(to)
    again = pose_network(str(path))
    assert again.skeleton == CROWDPOSE14
    assert (again.unbiased, again.sigma) == (False, 1.5)
    assert again.network.pictures.size_wh == (32, 64)
    assert deviation(network.network, OpenVinoRuntime(again.network, precision="f32")) < 1e-3
    frame = Frame(0, 0.0, np.random.default_rng(1).integers(0, 256, (99, 80, 3), np.uint8))
    box = Detections(np.array([[10, 10, 50, 90]], np.float32), np.ones(1))
    ours, theirs = (load_estimator(str(file), "cpu")(frame, box) for file in (pose_file, path))
    close = np.linalg.norm(ours.keypoints - theirs.keypoints, axis=-1) < 1
    assert close.mean() > 0.8  # in an untrained network some peaks are ties


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_an_exported_detector_is_the_network_at_any_size(to: str, tmp_path: Path) -> None:
    hrnet = {"hrnet": TINY, "head_width": 8}
    weights = tmp_path / "tiny.safetensors"
    metadata = {"kind": "detector", "network": json.dumps(hrnet), "input_wh": "64x64"}
    save_weights(weights, HRNetDetector(**hrnet).state_dict(), metadata)
    path = tmp_path / f"out{SUFFIX[to]}"
    network = detector_network(str(weights))
    export(network, to, path)
    again = detector_network(str(path))
    run = OpenVinoRuntime(again.network, precision="f32")
    assert deviation(network.network, run) < 3e-3  # OpenVINO files hold float16
    wide = np.zeros((1, 32, 96, 3), np.uint8)
    assert run.submit(wide)()[0].shape == (1, 12 * 4 + 6 * 2 + 3, 6)


def test_onnx_runtime_reads_our_onnx(pose_file: Path, exported: Callable[[str], Path]) -> None:
    network, path = pose_network(str(pose_file)), exported("onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["posse"])["kind"] == "pose"
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 32, 3), np.uint8)
    found = session.run(None, {"images": pictures})[0]
    expected = OpenVinoRuntime(network.network, precision="f32").submit(pictures)()[0]
    np.testing.assert_allclose(found, expected, atol=1e-3 * float(expected.abs().max()))


def test_onnx_runtime_gives_what_torch_gives(
    pose_file: Path, exported: Callable[[str], Path]
) -> None:
    network, path = pose_network(str(pose_file)), exported("onnx")
    run = OnnxRuntime(pose_network(str(path)).network, torch.device("cpu"))
    assert deviation(network.network, run) < 1e-4
    assert run.submit(np.zeros((0, 64, 32, 3), np.uint8))()[0].shape == (0, 14, 16, 8)


@pytest.mark.parametrize("batch", [1, 4])
def test_onnx_files_from_elsewhere_take_normalised_pictures_in_batches_of_any_size(
    batch: int, pose_file: Path, tmp_path: Path
) -> None:
    network, path = pose_network(str(pose_file)).network, tmp_path / "theirs.onnx"
    assert network.build is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.build(), (torch.zeros(batch, 3, 64, 32),), path, dynamo=False)
    run = OnnxRuntime(pose_network(str(path)).network, torch.device("cpu"))
    assert deviation(network, run) < 1e-4
    for count in (0, 5):
        outputs = run.submit(np.zeros((count, 64, 32, 3), np.uint8))()
        assert outputs[0].shape == (count, 14, 16, 8)
    with pytest.raises(WeightsError, match="cannot take pictures of 32x96"):
        run.submit(np.zeros((1, 96, 32, 3), np.uint8))


@pytest.mark.parametrize(("to", "advice"), [("onnx", "onnxruntime-gpu"), ("openvino", "CPUs")])
def test_an_exported_file_on_cuda_says_what_it_needs(
    to: str, advice: str, exported: Callable[[str], Path]
) -> None:
    if to == "onnx" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(DeviceError, match=advice):
        choose_runtime(pose_network(str(exported(to))).network, torch.device("cuda:0"), many=True)


def test_an_exported_file_is_not_exported_again(
    exported: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match="exported file already"):
        export(pose_network(str(exported("onnx"))), "openvino", tmp_path / "again.xml")


def test_a_missing_tensorrt_is_reported(pose_file: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorrt"):
        pytest.skip("TensorRT is installed")
    with pytest.raises(DeviceError, match="pip install tensorrt"):
        export(pose_network(str(pose_file)), "tensorrt", tmp_path / "out.engine")


def test_the_graph_of_an_engine_is_the_network_in_half_precision(
    pose_file: Path, tmp_path: Path
) -> None:
    network, path = pose_network(str(pose_file)).network, tmp_path / "half.onnx"
    write_half_onnx(network, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 32, 3), np.uint8)
    found = session.run(None, {"images": pictures})[0]
    expected = TorchRuntime(network).submit(pictures)()[0].numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())
    nodes = {node.output[0]: node for node in onnx.load(path).graph.node}
    first = [node for node in nodes.values() if "images" in node.input]
    assert {node.op_type for node in first} == {"Cast"}, "TensorRT moves no bytes"


def test_an_engine_says_what_it_is(pose_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.engine"
    network = pose_network(str(pose_file))
    write_engine(path, description(network), b"engine")
    again = pose_network(str(path))
    assert (again.skeleton, again.sigma) == (CROWDPOSE14, 1.5)
    assert again.network.pictures.size_wh == (32, 64)
    with pytest.raises(DeviceError, match="GPU it was built for"):
        choose_runtime(again.network, torch.device("cpu"), many=True)


@pytest.mark.parametrize("content", [b"", b"ab", b"\2\0\0\0{}engine", b"\xff" * 60])
def test_a_file_that_is_no_engine_of_ours_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "theirs.engine"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"theirs\.engine"):
        pose_network(str(path))


class _Engine:
    """Fakes TensorRT's runtime, engine and context: the output is the mean of each picture."""

    num_io_tensors = 2

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()
        self.addresses: dict[str, int] = {}
        self.batches: list[int] = []

    def deserialize_cuda_engine(self, engine: bytes) -> _Engine | None:
        return self if engine == b"engine" else None

    def create_execution_context(self) -> _Engine:
        return self

    def get_tensor_name(self, index: int) -> str:
        return ("images", "outputs")[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name == "images" else "out"

    def set_input_shape(self, _name: str, shape: tuple[int, ...]) -> bool:
        self.shape = shape
        return shape[1:] == (64, 32, 3)

    def get_tensor_shape(self, _name: str) -> tuple[int, ...]:
        return (self.shape[0], 1)

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        count = int(np.prod(self.shape))
        given = (ctypes.c_uint8 * count).from_address(self.addresses["images"])
        means = np.frombuffer(given, np.uint8).reshape(self.shape).mean((1, 2, 3))
        (ctypes.c_float * len(means)).from_address(self.addresses["outputs"])[:] = means.tolist()
        self.batches.append(self.shape[0])
        return stream == 7


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> _Engine:
    engine = _Engine()
    fake = SimpleNamespace(
        Runtime=lambda _log: engine,
        Logger=type("Logger", (int,), {"WARNING": 2}),
        TensorIOMode=SimpleNamespace(INPUT="in"),
    )
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    monkeypatch.setattr(torch.cuda, "device", lambda _device: contextlib.nullcontext())
    stream = SimpleNamespace(cuda_stream=7)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: stream)
    return engine


@pytest.mark.parametrize("count", [0, 1, 70])
def test_an_engine_is_run_in_batches_it_was_built_for(
    count: int, pose_file: Path, tmp_path: Path, tensorrt: _Engine
) -> None:
    path = tmp_path / "out.engine"
    write_engine(path, description(pose_network(str(pose_file))), b"engine")
    run = TensorRt(pose_network(str(path)).network, torch.device("cpu"))
    pictures = np.random.default_rng(0).integers(0, 256, (count, 64, 32, 3), np.uint8)
    found = run.submit(pictures)()[0]
    assert found.shape == (count, 1)
    np.testing.assert_allclose(found[:, 0], pictures.mean((1, 2, 3)), rtol=1e-5)
    assert tensorrt.batches == {0: [1], 1: [1], 70: [64, 6]}[count]


def test_an_engine_says_what_it_was_not_built_for(
    pose_file: Path, tmp_path: Path, tensorrt: _Engine
) -> None:
    path = tmp_path / "out.engine"
    write_engine(path, description(pose_network(str(pose_file))), b"engine")
    run = TensorRt(pose_network(str(path)).network, torch.device("cpu"))
    with pytest.raises(DeviceError, match="not built for"):
        run.submit(np.zeros((1, 128, 64, 3), np.uint8))


def test_an_engine_is_built_from_the_graph_for_one_to_many_people(
    pose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in TensorRT 11: types come from the graph, and no flag asks for float16."""
    profile, graph, config = MagicMock(), MagicMock(), MagicMock()
    builder = MagicMock()
    builder.create_network.return_value = graph
    builder.create_builder_config.return_value = config
    builder.create_optimization_profile.return_value = profile
    builder.build_serialized_network.return_value = b"engine"
    parser = MagicMock()
    parser.parse_from_file.side_effect = lambda file: Path(file).stat().st_size > 0
    fake = SimpleNamespace(
        Logger=type("Logger", (int,), {"WARNING": 2}),
        Builder=lambda _log: builder,
        OnnxParser=lambda _graph, _log: parser,
        NetworkDefinitionCreationFlag=SimpleNamespace(STRONGLY_TYPED=1),
    )
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    path = tmp_path / "out.engine"
    export(pose_network(str(pose_file)), "tensorrt", path)
    builder.create_network.assert_called_once_with(2)
    sizes = [(count, 64, 32, 3) for count in (1, 8, 64)]
    profile.set_shape.assert_called_once_with("images", *sizes)
    config.add_optimization_profile.assert_called_once_with(profile)
    builder.build_serialized_network.assert_called_once_with(graph, config)
    assert path.read_bytes().endswith(b"engine")
    assert pose_network(str(path)).skeleton == CROWDPOSE14


def test_an_engine_of_another_gpu_is_refused(
    pose_file: Path, tmp_path: Path, tensorrt: _Engine
) -> None:
    path = tmp_path / "out.engine"
    write_engine(path, description(pose_network(str(pose_file))), b"another")
    with pytest.raises(DeviceError, match="export it again"):
        TensorRt(pose_network(str(path)).network, torch.device("cpu"))


def test_a_file_of_the_other_kind_is_refused(shared: Path) -> None:
    teachers = shared / "teachers"
    with pytest.raises(WeightsError, match="is a detector network; a pose network is needed"):
        pose_network(str(teachers / "yolox_nano.onnx"))
    with pytest.raises(WeightsError, match="is a pose network; a detector network is needed"):
        detector_network(str(teachers / "tinypose_256_192.onnx"))
    with pytest.raises(WeightsError, match="expected heatmaps"):
        pose_network(str(teachers / "rtmdet_nano_person.onnx"))


def test_a_network_without_its_weights_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.xml").write_text("<net/>")
    with pytest.raises(WeightsError, match=r"net\.bin: no such weights file"):
        pose_network(str(tmp_path / "net.xml"))


def test_a_damaged_export_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network" * 50)
    with pytest.raises(WeightsError, match="damaged") as caught:
        pose_network(str(path))
    assert "\n" not in str(caught.value)


def export_from_elsewhere(
    module: torch.nn.Module, picture: torch.Tensor, path: Path, free: bool
) -> None:
    sides = {"images": {0: "n", 2: "height", 3: "width"}} if free else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (picture,), path, dynamo=False, input_names=["images"], dynamic_axes=sides
        )


def test_a_foreign_pose_file_for_any_size_gets_the_size_in_its_name_or_the_usual_one(
    tmp_path: Path,
) -> None:
    picture = torch.zeros(1, 3, 64, 32)
    for name, size_wh in (("net.onnx", (192, 256)), ("net_64x32.onnx", (32, 64))):
        export_from_elsewhere(HRNet(**TINY).eval(), picture, tmp_path / name, free=True)
        assert pose_network(str(tmp_path / name)).network.pictures.size_wh == size_wh


def test_a_foreign_detector_file_takes_any_size_or_says_that_it_does_not(
    tmp_path: Path,
) -> None:
    class Fixed(torch.nn.Module):
        """As in exports that decode the boxes themselves: cells for one picture size."""

        def __init__(self) -> None:
            super().__init__()
            self.network = HRNetDetector({**TINY}, head_width=8).eval()
            self.register_buffer("cells", torch.ones(1, 84, 6))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.network(images) + self.cells

    picture, path = torch.zeros(1, 3, 64, 64), tmp_path / "detector.onnx"
    export_from_elsewhere(Fixed().network, picture, path, free=True)
    assert detector_network(str(path)).network.pictures.size_wh == (640, 640)
    export_from_elsewhere(Fixed(), picture, path, free=False)
    detect = load_detector(str(path), "cpu")
    assert len(detect(Frame(0, 0.0, np.zeros((64, 64, 3), np.uint8)))) >= 0
    with pytest.raises(WeightsError, match=r"cannot take pictures of 64x32; export it for any"):
        detect(Frame(0, 0.0, np.zeros((32, 64, 3), np.uint8)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{no JSON", "what it says of itself: not built"),
        ('{"kind": "cat"}', "neither pose nor detector"),
        ('{"kind": "pose", "input_wh": [32]}', "what it says of itself: not built"),
    ],
)
def test_a_file_with_a_nonsense_description_is_named(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    export_from_elsewhere(HRNet(**TINY).eval(), torch.zeros(1, 3, 64, 32), path, free=False)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"posse": text})
    onnx.save(model, path)
    with pytest.raises(WeightsError, match=message):
        pose_network(str(path))


def test_an_openvino_file_that_cannot_be_written_leaves_nothing(
    pose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: object, path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("Can't open bin file")  # OpenVINO's words

    monkeypatch.setattr("openvino.save_model", full_disk)
    path = tmp_path / "out" / "net.xml"
    with pytest.raises(OSError, match="OpenVINO could not write it"):
        export(pose_network(str(pose_file)), "openvino", path)
    assert list(path.parent.iterdir()) == []
