"""`posse models` and `posse export`: what is here, what a file is, and what was written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from app.cli import main
from app.models import add_file, describe_file, listing
from pose.catalogue import CATALOGUE
from pose.hrnet import HRNet
from pose.library import pose_network
from pose.weight_files import WeightsError
from pose.weights import load_weights, save_weights
from pose.yolox import YOLOX, YOLOX_SIZES

TINY = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    metadata = {"kind": "pose", "network": json.dumps(TINY), "input_wh": "32x64"}
    save_weights(path, HRNet(**TINY).state_dict(), metadata)
    return path


def test_the_list_has_every_published_and_every_added_file(ours: Path) -> None:
    add_file(ours, "studio")
    lines = listing().splitlines()
    for published in CATALOGUE:
        row = next(line for line in lines if line.startswith(published.name + " "))
        assert published.score in row
        assert row.endswith("posse models fetch")
    assert next(line for line in lines if line.startswith("studio ")).endswith("added")
    assert "In short, hrnet-w32 is hrnet-w32-256x192, hrnet-w48 is hrnet-w48-256x192." in lines


def test_an_added_file_can_be_used_by_name(ours: Path, cache: Path) -> None:
    said = add_file(ours)
    assert said == (
        "mine.safetensors is a pose network of 17 joints (coco17) for 32x64; use it as mine"
    )
    assert [file.name for file in cache.iterdir()] == ["mine.safetensors"]
    assert pose_network("mine").network.pictures.size_wh == (32, 64)
    assert "in the cache already" in add_file(cache / "mine.safetensors")


def test_an_added_file_whose_name_is_taken_is_used_with_its_ending(
    ours: Path, tmp_path: Path
) -> None:
    export = tmp_path / "posse-pose.onnx"
    assert main(["export", str(ours), "--to", "onnx", "-o", str(export)]) == 0
    assert add_file(export).endswith("use it as posse-pose.onnx")
    assert pose_network("posse-pose.onnx").network.pictures.size_wh == (32, 64)


def test_an_added_file_takes_nobody_elses_place(ours: Path, tmp_path: Path, cache: Path) -> None:
    add_file(ours)
    other = tmp_path / "other" / ours.name
    other.parent.mkdir()
    network = HRNet(**TINY)
    header = {
        "kind": "pose",
        "network": json.dumps(TINY),
        "input_wh": "32x64",
        "skeleton": "coco17",
    }
    save_weights(other, network.state_dict(), header)
    before = (cache / ours.name).read_bytes()
    with pytest.raises(WeightsError, match="another network of that name; give --name"):
        add_file(other)
    assert (cache / ours.name).read_bytes() == before
    assert add_file(other, "second").endswith("use it as second")


def test_an_added_file_brings_the_weights_that_lie_beside_it(ours: Path, cache: Path) -> None:
    state, header = load_weights(ours)
    large = ours.with_name("mine-large.safetensors")
    save_weights(large, {}, {**header, "input_wh": "64x96", "weights": ours.name})
    assert add_file(large).endswith("for 64x96; use it as mine-large")
    ours.unlink()
    network = pose_network("mine-large").network
    assert network.build is not None
    assert torch.equal(network.build().state_dict()["bn1.weight"], state["bn1.weight"])
    assert "in the cache already" in add_file(cache / large.name)


def test_openvino_files_that_differ_in_their_weights_alone_are_two_networks(
    ours: Path, tmp_path: Path
) -> None:
    one, other = tmp_path / "one" / "best.xml", tmp_path / "other" / "best.xml"
    assert main(["export", str(ours), "--to", "openvino", "-o", str(one)]) == 0
    add_file(one)
    shutil.copytree(one.parent, other.parent)
    weights = bytearray(one.with_suffix(".bin").read_bytes())
    weights[len(weights) // 2] ^= 1
    other.with_suffix(".bin").write_bytes(weights)
    assert "in the cache already" in add_file(one)
    with pytest.raises(WeightsError, match="another network of that name"):
        add_file(other)


def test_weights_that_do_not_fit_their_header_are_not_added(ours: Path, cache: Path) -> None:
    state, header = load_weights(ours)
    save_weights(ours, state, {**header, "network": json.dumps({**TINY, "width": 16})})
    with pytest.raises(WeightsError, match="does not fit the network its header names"):
        add_file(ours)
    assert not cache.exists()


@pytest.mark.parametrize("name", ["", "../mine", "a/b"])
def test_a_name_with_folders_is_refused(ours: Path, cache: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="not a plain name"):
        add_file(ours, name)
    assert not cache.exists()


def test_a_checkpoint_is_told_by_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "some.pth"
    state = YOLOX(**YOLOX_SIZES["tiny"]).state_dict()
    torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, path)
    assert describe_file(path) == (
        "some.pth is a person detector for up to 416x416: yolox-tiny, module. names"
    )


def test_the_list_tells_what_an_added_checkpoint_is(tmp_path: Path, cache: Path) -> None:
    torch.save(HRNet(**TINY, joints=14).state_dict(), tmp_path / "crowdpose_128x96.pth")
    assert "14 joints (crowdpose14) for 96x128" in add_file(tmp_path / "crowdpose_128x96.pth")
    (cache / "cut.pth").write_bytes((cache / "crowdpose_128x96.pth").read_bytes()[:500])
    rows = {line.split()[0]: line.split()[1:4] for line in listing().splitlines() if line}
    assert rows["crowdpose_128x96"] == ["pose", "96x128", "crowdpose14"]
    assert rows["cut"][0] == "damaged"


def test_what_is_wrong_with_a_file_is_told_and_the_file_not_kept(
    tmp_path: Path, cache: Path
) -> None:
    path = tmp_path / "short.pth"
    state = HRNet(**TINY).state_dict()
    del state["bn2.bias"]
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"nearest network .* 1 key is missing \(bn2.bias\)"):
        add_file(path)
    assert not cache.exists()


def test_the_command_adds_lists_and_refuses_in_one_line(
    ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "add", str(ours), "--name", "studio"]) == 0
    assert main(["models"]) == 0
    assert "studio" in capsys.readouterr().out
    assert main(["models", "fetch", "yolox-z"]) == 1
    error = capsys.readouterr().err
    assert "did you mean yolox-" in error
    assert error.count("\n") == 1


def test_what_was_fetched_is_told_with_its_licence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.models.fetch", lambda published, report: Path(published.file_name))
    assert main(["models", "fetch", "yolox-nano"]) == 0
    assert capsys.readouterr().out == "yolox-nano: yolox_nano.pth (licence: Apache-2.0)\n"


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_an_export_is_checked_and_usable(
    to: str, ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / f"out.{'onnx' if to == 'onnx' else 'xml'}"
    assert main(["export", str(ours), "--to", to, "-o", str(output)]) == 0
    assert f"use it as --pose {output}" in capsys.readouterr().out
    assert pose_network(str(output)).network.pictures.size_wh == (32, 64)


@pytest.mark.parametrize(("to", "ending"), [("onnx", ".onnx"), ("openvino", ".xml")])
def test_an_export_whose_name_says_another_kind_is_refused_before_it_is_made(
    to: str, ending: str, ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.net"
    assert main(["export", str(ours), "--to", to, "-o", str(output)]) == 1
    error = f"posse: {output}: a file for {to} ends in {ending}\n"
    assert capsys.readouterr().err == error
    assert not output.exists()
