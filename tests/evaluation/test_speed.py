"""The benchmark runs through; other programs, faked here, get a row each if installed."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from evaluation import peers, speed
from pose.hrnet import HRNet
from pose.weights import save_weights
from pose.yolox import HRNetDetector


class FakeYolo:
    """Ultralytics' interface; its weights cannot be fetched."""

    def __init__(self, file: str) -> None:
        if file.endswith(".pt"):
            raise ConnectionError("no network")

    def track(self, image: np.ndarray, **_: object) -> list[object]:
        return [image.shape]


class FakeTracker:
    """rtmlib's interface; it builds the networks as PoseTracker does."""

    def __init__(self, solution, backend: str, device: str) -> None:
        self.networks = solution(backend=backend, device=device)

    def __call__(self, image: np.ndarray) -> tuple[list[object], list[object]]:
        return [image.shape], []


def offline_body(mode: str, **_: object) -> None:
    raise OSError(f"the {mode} networks cannot be fetched")


@pytest.fixture
def programs(monkeypatch):
    modules = {
        "ultralytics": SimpleNamespace(YOLO=FakeYolo),
        "rtmlib": SimpleNamespace(PoseTracker=FakeTracker, Custom=dict, Body=offline_body),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    found = peers.importlib.util.find_spec
    monkeypatch.setattr(
        peers.importlib.util, "find_spec", lambda name: modules.get(name) or found(name)
    )


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that keep the work small: six small frames, one person, tiny networks."""
    hrnet = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}
    finding = {"hrnet": hrnet, "head_width": 8}
    torch.manual_seed(0)
    made = {
        "detector": (HRNetDetector(**finding), finding, "64x64"),
        "pose": (HRNet(**hrnet), hrnet, "32x64"),
    }
    words = ["--frames", "6", "--height", "96", "--people", "1", "--repeats", "1"]
    for kind, (network, arguments, size) in made.items():
        file = tmp_path_factory.mktemp("networks") / f"{kind}.safetensors"
        header = {"kind": kind, "network": json.dumps(arguments), "input_wh": size}
        save_weights(file, network.state_dict(), header)
        words += [f"--{kind}", str(file)]
    return words


def test_it_measures_stages_the_whole_pipeline_and_other_programs(
    programs, few, tmp_path: Path, capsys
):
    networks = [tmp_path / "det.onnx", tmp_path / "pose.onnx"]
    for network in networks:
        network.write_bytes(b"")
    figures = tmp_path / "figures.json"
    words = ["--peers", "--rtmlib", *map(str, networks), "--json", str(figures)]
    assert speed.main([*few, *words]) == 0
    report = json.loads(figures.read_text())
    assert report["end_to_end"]["frames"] == 6
    assert report["end_to_end"]["frames_per_s"] > 0
    stages = [row["stage"] for row in report["stages"]]
    assert stages == [
        "decode",
        "detect",
        "pose, 1 person",
        "camera, while it moves",
        "track",
        "draw",
        "encode",
    ]
    assert [row["stage"] for row in report["programs"]] == [
        "posse",
        "ultralytics, yolo11n-pose with random weights",
        "rtmlib, det and pose",
    ]
    printed = capsys.readouterr().out
    assert "ours, 1 person" in printed
    assert "rtmlib, det and pose" in printed


def test_a_program_that_cannot_start_is_reported_in_one_line(programs, few, capsys):
    assert speed.main([*few, "--peers", "--no-stages"]) == 1
    error = capsys.readouterr().err
    assert "rtmlib cannot start: the lightweight networks cannot be fetched" in error
    assert "--rtmlib" in error
    assert error.count("\n") == 1


def test_programs_that_are_not_installed_are_named(few, monkeypatch, capsys):
    found = peers.importlib.util.find_spec
    others = ("ultralytics", "rtmlib")
    monkeypatch.setattr(
        peers.importlib.util, "find_spec", lambda name: None if name in others else found(name)
    )
    assert speed.main([*few, "--peers", "--no-stages"]) == 0
    assert "not installed here, so not timed: ultralytics, rtmlib" in capsys.readouterr().out
