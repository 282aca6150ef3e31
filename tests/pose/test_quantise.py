"""Rounded networks stay close to the float ones; the ranges are kept in the file's header."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pose.export import export
from pose.hrnet import HRNet
from pose.library import pose_network
from pose.networks import PADDING
from pose.on_openvino import OpenVinoRuntime
from pose.quantise import activation_ranges, main
from pose.runtime import TorchRuntime
from pose.weight_files import WeightsError, read_metadata
from pose.weights import load_weights, save_weights

TINY = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = HRNet(**TINY)
    torch.nn.init.normal_(network.final_layer.weight, std=0.1)
    path = tmp_path / "tiny.safetensors"
    metadata = {"kind": "pose", "network": json.dumps(TINY), "input_wh": "32x64"}
    save_weights(path, network.state_dict(), metadata)
    return path


def labelled_pictures(folder: Path) -> Path:
    """COCO labels of two pictures of noise with a person each."""
    rng = np.random.default_rng(0)
    for index in (1, 2):
        small = rng.integers(0, 256, (20, 16, 3), np.uint8)
        picture = cv2.resize(small, (80, 100), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    content = {
        "images": [{"id": index, "file_name": f"{index}.png"} for index in (1, 2)],
        "annotations": [{"image_id": index, "bbox": [20, 10, 40, 80]} for index in (1, 2)],
    }
    data = folder / "people.json"
    data.write_text(json.dumps(content))
    return data


def test_a_calibrated_network_is_rounded_and_stays_close(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, metadata = load_weights(weights)
    data = labelled_pictures(tmp_path)
    arguments = [str(weights), "--data", str(data), "--images", str(tmp_path), "--count", "6"]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "over 6 pictures" in told and told.endswith(f"use it as --pose {weights}\n")
    after, with_ranges = load_weights(weights)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert metadata.items() < with_ranges.items()

    network = pose_network(str(weights)).network
    assert network.ranges is not None
    assert not any("final_layer" in name or name == "network.conv1" for name in network.ranges)
    picture = cv2.resize(cv2.imread(str(tmp_path / "1.png")), (32, 64))[None]
    expected = TorchRuntime(network).submit(picture)()[0]
    rounded = OpenVinoRuntime(network).submit(picture)()[0]
    whole = OpenVinoRuntime(network, precision="f32").submit(picture)()[0]
    scale = float(expected.abs().max())
    assert float((whole - expected).abs().max()) < 1e-3 * scale
    assert 1e-3 * scale < float((rounded - expected).abs().mean()) < 0.1 * scale


def test_one_network_gets_a_second_file_for_another_size(weights: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.safetensors"
    arguments = [str(weights), "-o", str(large), "--size", "64x96", "--count", "2",
                 "--data", str(labelled_pictures(tmp_path)), "--images", str(tmp_path)]  # fmt: skip
    assert main(arguments) == 0
    assert large.stat().st_size < weights.stat().st_size / 4  # only a header
    usual, larger = pose_network(str(weights)).network, pose_network(str(large)).network
    assert (larger.name, larger.pictures.size_wh) == ("large", (64, 96))
    assert larger.key not in (usual.key, "")
    assert larger.ranges
    assert larger.build is not None
    assert usual.build is not None
    for own, other in zip(larger.build().parameters(), usual.build().parameters(), strict=True):
        assert torch.equal(own, other)
    assert "weights" not in load_weights(large)[1]  # the file that holds them names no other
    third = tmp_path / "third.safetensors"
    again = [str(large), "-o", str(third), "--size", "96x128", *arguments[5:]]
    assert main(again) == 0
    assert pose_network(str(third)).network.build is not None
    assert read_metadata(third)["weights"] == "tiny.safetensors"
    (tmp_path / "elsewhere").mkdir()
    alone = large.rename(tmp_path / "elsewhere" / "large.safetensors")
    with pytest.raises(WeightsError, match=r"tiny\.safetensors: no such weights file"):
        pose_network(str(alone))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--size", "64x96"], "name a new file beside"),
        (["--padding", "0.9"], "0.9 is not from 1 to 2"),
        (["--size", "64x90", "-o", "b.safetensors"], "64x90 is not a size; write multiples of 32"),
        (["--size", "64", "-o", "b.safetensors"], "argument --size"),
    ],
)
def test_an_impossible_size_or_padding_is_reported(
    arguments: list[str],
    line: str,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = labelled_pictures(tmp_path)
    command = [str(weights), "--data", str(data), "--images", str(tmp_path), *arguments]
    try:
        assert main(command) == 1
    except SystemExit as stopped:
        assert stopped.code == 2
    assert line in capsys.readouterr().err


def test_a_padding_is_kept_in_the_header_and_in_an_export(weights: Path, tmp_path: Path) -> None:
    assert pose_network(str(weights)).padding == PADDING
    data = labelled_pictures(tmp_path)
    command = [str(weights), "--data", str(data), "--images", str(tmp_path), "--padding", "1.1"]
    assert main([*command, "--count", "2"]) == 0
    network = pose_network(str(weights))
    assert network.padding == 1.1
    export(network, "onnx", tmp_path / "tiny.onnx")
    assert pose_network(str(tmp_path / "tiny.onnx")).padding == 1.1


def test_ranges_are_what_each_convolution_was_given(weights: Path) -> None:
    network = pose_network(str(weights)).network
    ranges = activation_ranges(network, [np.full((64, 32, 3), 128, np.uint8)])
    assert (
        len(ranges)
        == sum(isinstance(module, torch.nn.Conv2d) for module in HRNet(**TINY).modules()) - 2
    )  # the first and the last
    assert all(low <= 0 <= high for low, high in ranges.values())
    assert ranges["network.conv2"][0] == 0  # behind a ReLU
    assert ranges["network.conv2"][1] > 0


@pytest.mark.parametrize("name", ["udp_64x32.pth", "plain_64x32.pth"])
def test_a_foreign_checkpoint_becomes_a_file_of_ours(
    name: str, weights: Path, tmp_path: Path
) -> None:
    state, _ = load_weights(weights)
    torch.save(state, tmp_path / name)
    data = labelled_pictures(tmp_path)
    arguments = ["--data", str(data), "--images", str(tmp_path), "--count", "2"]
    output = tmp_path / "rounded.safetensors"
    assert main([str(tmp_path / name), *arguments, "-o", str(output)]) == 0
    given, made = pose_network(str(tmp_path / name)), pose_network(str(output))
    assert made.network.ranges
    assert made.network.pictures == given.network.pictures
    assert (made.skeleton, made.unbiased) == (given.skeleton, given.unbiased)
    assert made.sigma == given.sigma
    picture = np.full((1, 64, 32, 3), 90, np.uint8)
    outputs = [TorchRuntime(one.network).submit(picture)()[0] for one in (given, made)]
    torch.testing.assert_close(outputs[0], outputs[1])


def test_a_checkpoint_cannot_carry_ranges(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(load_weights(weights)[0], tmp_path / "a.pth")
    data = labelled_pictures(tmp_path)
    arguments = ["--data", str(data), "--images", str(tmp_path)]
    assert main([str(tmp_path / "a.pth"), *arguments]) == 1
    assert "name one with -o" in capsys.readouterr().err


def test_an_exported_file_is_not_rounded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"any")
    arguments = ["--data", "labels.json", "--images", str(tmp_path), "-o", "out.safetensors"]
    assert main([str(tmp_path / "net.onnx"), *arguments]) == 1
    assert "is an exported file; name the weights it is from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("# labels", "not a whole JSON file"),
        ('{"images": []}', "no COCO keypoints"),
        ('{"images": [], "annotations": []}', "nobody has a box there"),
        (
            '{"images": [], "annotations": [{"bbox": [0, 0, 9, 9]}]}',
            "no COCO keypoints: 'image_id'",
        ),
        ('{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 9]}]}', "no COCO keypoints"),
        ('{"images": [], "annotations": ["somebody"]}', "no COCO keypoints"),
        ('{"images": [], "annotations": [{"image_id": 1}]}', "nobody has a box there"),
        (
            '{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 0, 9, 9]}]}',
            "the picture 1 is not listed",
        ),
    ],
)
def test_a_file_that_holds_no_labels_is_reported(
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    message: str,
) -> None:
    data = tmp_path / "labels.json"
    if text is not None:
        data.write_text(text)
    assert main([str(weights), "--data", str(data), "--images", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {data}: {message}")


def test_a_missing_picture_is_named(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = labelled_pictures(tmp_path)
    (tmp_path / "2.png").unlink()
    assert main([str(weights), "--data", str(data), "--images", str(tmp_path)]) == 1
    assert "2.png is missing" in capsys.readouterr().err
