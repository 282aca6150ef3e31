"""All runtimes give what plain torch gives."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pose.hrnet import HRNet
from pose.networks import Network, Pictures
from pose.on_cuda import CudaRuntime
from pose.on_openvino import OpenVinoRuntime, _keep
from pose.runtime import DeviceError, TorchRuntime, choose_device, choose_runtime

TINY = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}


def tiny_hrnet(key: str = "tiny", joints: int = 5) -> Network:
    def build() -> HRNet:
        torch.manual_seed(0)
        network = HRNet(**TINY, joints=joints)
        torch.nn.init.normal_(network.final_layer.weight, std=0.1)
        return network.eval()

    return Network(key, key, Pictures((32, 64)), build)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 64, 32, 3), np.uint8)


def largest(network: Network) -> float:
    return float(TorchRuntime(network).submit(pictures(3))()[0].abs().max())


@pytest.mark.parametrize(("precision", "tolerance"), [("f32", 1e-4), ("fast", 0.05)])
def test_openvino_gives_what_torch_gives(precision: str, tolerance: float) -> None:
    network = tiny_hrnet()
    expected = TorchRuntime(network).submit(pictures(3))()[0]
    found = OpenVinoRuntime(network, streams=2, precision=precision).submit(pictures(3))()[0]
    assert found.shape == expected.shape == (3, 5, 16, 8)
    assert (found - expected).abs().max() < tolerance * largest(network)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_pictures_that_share_a_request_give_the_same_bits(count: int) -> None:
    network, batch = tiny_hrnet(), pictures(count)
    alone = OpenVinoRuntime(network)
    expected = torch.cat([alone.submit(picture[None])()[0] for picture in batch])
    assert torch.equal(OpenVinoRuntime(network, streams=2).submit(batch)()[0], expected)


def test_two_submitted_batches_each_get_their_own_results() -> None:
    run = OpenVinoRuntime(tiny_hrnet(), streams=2, precision="f32")
    first, second = run.submit(pictures(3)), run.submit(pictures(4))
    outputs = second()[0], first()[0]
    torch.testing.assert_close(outputs[0], run.submit(pictures(4))()[0])
    torch.testing.assert_close(outputs[1], run.submit(pictures(3))()[0])


def test_a_runtime_takes_another_picture_size() -> None:
    network = tiny_hrnet()
    wide = np.random.default_rng(0).integers(0, 256, (1, 32, 96, 3), np.uint8)
    expected = TorchRuntime(network).submit(wide)()[0]
    found = OpenVinoRuntime(network, precision="f32").submit(wide)()[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_nothing_gives_nothing() -> None:
    assert OpenVinoRuntime(tiny_hrnet()).submit(pictures(0))()[0].shape == (0, 5, 16, 8)


def test_a_converted_network_is_cached_and_not_built_again(cache: Path) -> None:
    network = tiny_hrnet("kept")
    expected = OpenVinoRuntime(network, precision="f32").submit(pictures(2))()[0]
    unbuildable = Network("kept", "kept", network.pictures, build=None)
    found = OpenVinoRuntime(unbuildable, precision="f32").submit(pictures(2))()[0]
    assert torch.equal(found, expected)
    assert not list((cache / "openvino").glob("tmp*"))


def test_colour_order_and_normalisation_are_in_the_graph() -> None:
    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3))

    blue = np.zeros((1, 4, 4, 3), np.uint8)
    blue[..., 0] = 200
    for rgb, expected in ((True, [-1, -2, 49.25]), (False, [49.75, -1, -0.75])):
        network = Network("mean", "m", Pictures((4, 4), rgb, (2, 4, 3), (2, 2, 4)), Mean)
        if not rgb:
            network = Network("mean", "m", Pictures((4, 4), rgb, (1, 4, 3), (4, 4, 4)), Mean)
        found = TorchRuntime(network).submit(blue)()[0]
        torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "mps"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(DeviceError, match="expected auto, cpu, cuda or cuda:N"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_without_cuda_auto_is_the_cpu_and_cuda_an_error() -> None:
    assert choose_device("auto").type == "cpu"
    with pytest.raises(DeviceError, match="use --device cpu"):
        choose_device("cuda:0")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("count", [1, 3, 70])
def test_cuda_graphs_give_what_torch_gives(count: int) -> None:
    network = tiny_hrnet()
    run = choose_runtime(network, torch.device("cuda:0"), many=True)
    expected = TorchRuntime(network).submit(pictures(count))()[0]
    for _ in range(2):  # captured, then replayed
        found = run.submit(pictures(count))()[0].cpu()
        assert (found - expected).abs().max() < 0.02 * largest(network)


def test_without_a_cache_a_network_is_converted_at_each_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny_hrnet("uncached")
    (tmp_path / "file").touch()
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "file" / "cache"))  # not even for root
    uncached = OpenVinoRuntime(network, precision="f32").submit(pictures(2))()[0]
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "cache"))
    cached = OpenVinoRuntime(network, precision="f32").submit(pictures(2))()[0]
    assert torch.equal(uncached, cached)


@pytest.mark.parametrize("name", ["model.xml", "model.bin"])
def test_a_damaged_cached_network_is_converted_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path))
    network = tiny_hrnet("damaged")
    expected = OpenVinoRuntime(network, precision="f32").submit(pictures(2))()[0]
    (kept,) = (tmp_path / "openvino").glob(f"damaged-*/{name}")
    whole = kept.stat().st_size
    kept.write_bytes(b"")
    found = OpenVinoRuntime(network, precision="f32").submit(pictures(2))()[0]
    assert torch.equal(found, expected)
    assert kept.stat().st_size == whole
    assert "is damaged; damaged is converted again" in caplog.text


def test_a_full_disk_does_not_stop_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("basic_ios::clear: iostream error")  # OpenVINO's words for it

    monkeypatch.setenv("POSSE_CACHE", str(tmp_path))
    monkeypatch.setattr("pose.on_openvino.openvino.save_model", fail)
    found = OpenVinoRuntime(tiny_hrnet(), precision="f32").submit(pictures(1))()[0]
    assert found.shape == (1, 5, 16, 8)
    assert "cannot be kept in" in caplog.text


def test_a_conversion_is_reported_to_nobody() -> None:
    with pytest.raises(ImportError):
        importlib.import_module("openvino_telemetry")


def test_of_two_that_convert_at_the_same_time_the_first_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(model: str, path: Path, **_: object) -> None:
        path.parent.mkdir()
        path.write_text(model)

    monkeypatch.setattr("pose.on_openvino.openvino.save_model", save)
    folder = tmp_path / "openvino" / "tiny"
    _keep("first", folder)
    with (folder / "model.xml").open() as reading:
        _keep("second", folder)
        assert reading.read() == (folder / "model.xml").read_text() == "first"
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


class FakeCuda:
    """CUDA's streams and graphs on the CPU: a replay computes again what was captured."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.captured_on: list[object] = []
        self.runtime: CudaRuntime | None = None
        stream = SimpleNamespace(wait_stream=lambda other: None)
        fakes = {
            "Stream": lambda device: stream,
            "current_stream": lambda device: stream,
            "stream": nullcontext,
            "CUDAGraph": lambda: SimpleNamespace(replay=self.replay),
            "graph": self.capture,
        }
        for name, fake in fakes.items():
            monkeypatch.setattr(torch.cuda, name, fake)
        self.stream = stream

    def capture(
        self, graph: object, stream: object = None, capture_error_mode: str = "global"
    ) -> nullcontext[None]:
        assert capture_error_mode == "thread_local"  # other threads decode and load meanwhile
        self.captured_on.append(stream)
        return nullcontext()

    def replay(self) -> None:
        ((_, given, results),) = self.runtime._graphs.values()
        with torch.no_grad():
            results[0].copy_(self.runtime.module(given))


def test_replayed_graphs_give_what_torch_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)  # restored at the end
    cuda, network = FakeCuda(monkeypatch), tiny_hrnet()
    cuda.runtime = CudaRuntime(network, torch.device("cpu"))
    for count in (3, 4):  # one graph, for four
        (found,) = cuda.runtime.submit(pictures(count))()
        (expected,) = TorchRuntime(network).submit(pictures(count))()
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected.clone(), rtol=0.05, atol=0.02)
    assert cuda.captured_on == [cuda.stream]
