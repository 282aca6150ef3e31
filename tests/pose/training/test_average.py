"""The mean of weight files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pose.training.average import main
from pose.weights import load_weights, save_weights


def saved(path: Path, value: float, shape: tuple[int, ...] = (2, 3)) -> str:
    state = {"conv.weight": torch.full(shape, value), "bn.steps": torch.tensor(int(value))}
    save_weights(path, state, {"kind": "pose", "ranges": "{}", "score": str(value)})
    return str(path)


def test_the_mean_keeps_the_last_files_header_without_ranges(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{value}.safetensors", value) for value in (1.0, 2.0, 6.0)]
    out = tmp_path / "mean.safetensors"
    assert main([*files, "-o", str(out)]) == 0
    state, metadata = load_weights(out)
    assert state["conv.weight"].tolist() == [[3.0] * 3] * 2
    assert metadata == {"kind": "pose", "score": "6.0"}


def test_other_networks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        saved(tmp_path / "a.safetensors", 1),
        saved(tmp_path / "b.safetensors", 1, (3, 3)),
    ]
    out = tmp_path / "mean.safetensors"
    assert main([*files, "-o", str(out)]) == 1
    assert "b.safetensors is another network" in capsys.readouterr().err
    assert not out.exists()
