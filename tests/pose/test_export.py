"""An exported file is the network: same outputs, and it says itself what it is."""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from pose.estimator import load_estimator
from pose.export import SUFFIX, deviation, export
from pose.hrnet import HRNet
from pose.library import detector_network, pose_network
from pose.on_onnxruntime import OnnxRuntime
from pose.on_openvino import OpenVinoRuntime
from pose.people import Detections, Frame
from pose.runtime import DeviceError, choose_runtime
from pose.skeleton import CROWDPOSE14
from pose.weights import WeightsError, save_weights
from pose.yolox import HRNetDetector

TINY = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pose_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = HRNet(**TINY, joints=14)
    torch.nn.init.normal_(network.final_layer.weight, std=0.1)
    path = tmp_path / "tiny.safetensors"
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


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_an_exported_pose_network_is_the_network(to: str, pose_file: Path, tmp_path: Path) -> None:
    path = tmp_path / f"out{SUFFIX[to]}"
    network = pose_network(str(pose_file))
    export(network, to, path)
    again = pose_network(str(path))
    assert again.skeleton == CROWDPOSE14
    assert (again.unbiased, again.sigma) == (False, 1.5)
    assert again.network.pictures.size_wh == (32, 64)
    assert deviation(network.network, OpenVinoRuntime(again.network, precision="f32")) < 1e-3
    frame = Frame(0, 0.0, np.random.default_rng(1).integers(0, 256, (99, 80, 3), np.uint8))
    box = Detections(np.array([[10, 10, 50, 90]], np.float32), np.ones(1))
    ours, theirs = (load_estimator(str(file), "cpu")(frame, box) for file in (pose_file, path))
    close = np.linalg.norm(ours.keypoints - theirs.keypoints, axis=-1) < 1
    assert close.mean() > 0.8  # of an untrained network: some peaks are ties


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


def test_onnx_runtime_reads_our_onnx(pose_file: Path, tmp_path: Path) -> None:
    import onnxruntime

    path = tmp_path / "out.onnx"
    network = pose_network(str(pose_file))
    export(network, "onnx", path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["posse"])["kind"] == "pose"
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 32, 3), np.uint8)
    found = session.run(None, {"images": pictures})[0]
    expected = OpenVinoRuntime(network.network, precision="f32").submit(pictures)()[0]
    np.testing.assert_allclose(found, expected, atol=1e-3 * float(expected.abs().max()))


def test_onnx_runtime_gives_what_torch_gives(pose_file: Path, tmp_path: Path) -> None:
    network, path = pose_network(str(pose_file)), tmp_path / "out.onnx"
    export(network, "onnx", path)
    run = OnnxRuntime(pose_network(str(path)).network, torch.device("cpu"))
    assert deviation(network.network, run) < 1e-4
    assert run.submit(np.zeros((0, 64, 32, 3), np.uint8))()[0].shape == (0, 14, 16, 8)


def test_onnx_files_from_elsewhere_take_one_normalised_picture(
    pose_file: Path, tmp_path: Path
) -> None:
    network, path = pose_network(str(pose_file)).network, tmp_path / "theirs.onnx"
    assert network.build is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.build(), (torch.zeros(1, 3, 64, 32),), path, dynamo=False)
    run = OnnxRuntime(pose_network(str(path)).network, torch.device("cpu"))
    assert deviation(network, run) < 1e-4


@pytest.mark.parametrize(("to", "advice"), [("onnx", "onnxruntime-gpu"), ("openvino", "CPUs")])
def test_what_an_exported_file_needs_on_cuda_is_told(
    to: str, advice: str, pose_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"out{SUFFIX[to]}"
    export(pose_network(str(pose_file)), to, path)
    if to == "onnx" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(DeviceError, match=advice):
        choose_runtime(pose_network(str(path)).network, torch.device("cuda:0"), many=True)


def test_an_exported_file_is_not_exported_again(pose_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.onnx"
    export(pose_network(str(pose_file)), "onnx", path)
    with pytest.raises(WeightsError, match="exported file already"):
        export(pose_network(str(path)), "openvino", tmp_path / "again.xml")


def test_tensorrt_that_is_not_installed_is_said(pose_file: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorrt"):
        pytest.skip("TensorRT is installed")
    with pytest.raises(DeviceError, match="pip install tensorrt"):
        export(pose_network(str(pose_file)), "tensorrt", tmp_path / "out.engine")


def test_a_file_of_the_other_kind_is_refused(shared: Path) -> None:
    teachers = shared / "teachers"
    with pytest.raises(WeightsError, match="is a detector network; a pose network is needed"):
        pose_network(str(teachers / "yolox_nano.onnx"))
    with pytest.raises(WeightsError, match="is a pose network; a detector network is needed"):
        detector_network(str(teachers / "tinypose_256_192.onnx"))
    with pytest.raises(WeightsError, match="expected heatmaps"):
        pose_network(str(teachers / "rtmdet_nano_person.onnx"))


def test_a_damaged_export_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network" * 50)
    with pytest.raises(WeightsError, match="damaged") as caught:
        pose_network(str(path))
    assert "\n" not in str(caught.value)
