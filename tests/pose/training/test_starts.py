"""Training goes on from weights of any origin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from small_data import TINY

from pose.skeleton import COCO17, POSETRACK15
from pose.training.starts import (
    Start,
    build_detector,
    build_pose,
    detector_start,
    new_joints,
    pose_start,
)
from pose.weight_files import WeightsError
from pose.weights import save_weights


def test_joints_of_the_same_name_keep_their_weights() -> None:
    torch.manual_seed(0)
    old = build_pose(Start(TINY), COCO17)
    state = {name: value.clone() for name, value in old.state_dict().items()}
    new = build_pose(Start(TINY, state, skeleton=COCO17), POSETRACK15)
    images = torch.randn(1, 3, 64, 32)
    with torch.inference_mode():
        before, after = old.eval()(images), new.eval()(images)
    assert after.shape[1] == 15
    for name in ("left_wrist", "nose", "right_hip"):
        torch.testing.assert_close(after[:, POSETRACK15.index(name)], before[:, COCO17.index(name)])


def test_a_detector_starts_from_a_pose_networks_backbone(tmp_path: Path) -> None:
    file = tmp_path / "pose.safetensors"
    network = build_pose(Start(TINY), COCO17)
    header = {"kind": "pose", "network": json.dumps(TINY), "input_wh": "32x64"}
    save_weights(file, network.state_dict(), header)
    detector = build_detector(detector_start(str(file)))
    own = network.conv1.weight.half().float()
    torch.testing.assert_close(detector.state_dict()["backbone.conv1.weight"], own)


def test_training_can_start_from_an_official_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "pose_hrnet_64x32.pth"
    network = build_pose(Start(TINY), POSETRACK15)
    torch.save(network.state_dict(), file)
    start = pose_start(str(file))
    assert start.size_wh == (32, 64)
    assert start.name == str(file)
    again = build_pose(start, start.skeleton).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())


def test_training_can_start_from_an_imagenet_hrnet_with_a_new_head(tmp_path: Path) -> None:
    own = build_pose(Start(TINY), COCO17).state_dict()
    classes = {name: value for name, value in own.items() if not name.startswith("final_layer.")}
    classes |= {  # as in hrnet_w32-36af842e.pth, from which the released recipes start
        "stage4.0.fuse_layers.3.0.0.0.weight": torch.zeros(32, 4, 3, 3),
        "head.0.0.0.conv1.weight": torch.zeros(8, 4, 1, 1),
        "final_layer.0.weight": torch.zeros(16, 8, 1, 1),  # as in HRNet-Image-Classification
    }
    file = tmp_path / "hrnet_w4-imagenet.pth"
    torch.save(classes, file)
    start = pose_start(str(file))
    assert new_joints(start, COCO17) == list(COCO17.names)
    network = build_pose(start, COCO17)
    assert torch.equal(network.state_dict()["stage4.0.branches.0.0.conv1.weight"],
                       own["stage4.0.branches.0.0.conv1.weight"])  # fmt: skip
    del classes["conv1.weight"]
    torch.save(classes, file)
    with pytest.raises(WeightsError, match=r"1 key is missing \(conv1\.weight\)"):
        pose_start(str(file))


def test_exported_networks_cannot_be_trained(tmp_path: Path) -> None:
    file = tmp_path / "exported.onnx"
    file.write_bytes(b"onnx")
    with pytest.raises(WeightsError, match="training needs the weights"):
        pose_start(str(file))
