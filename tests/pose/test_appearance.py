"""Descriptors depend on what people wear, not on where they stand or how they hold themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pose.appearance import PARTS, descriptors
from pose.estimator import load_estimator
from pose.export import export
from pose.hrnet import HRNet
from pose.library import pose_network
from pose.people import Detections, Frame
from pose.skeleton import SKELETONS
from pose.weight_files import WeightsError
from pose.weights import save_weights

TINY = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.manual_seed(1)
    network = HRNet(**TINY)
    torch.nn.init.uniform_(network.final_layer.bias, 0.2, 0.4)  # so that every joint is seen
    path = tmp_path / "tiny.safetensors"
    metadata = {"kind": "pose", "network": json.dumps(TINY), "input_wh": "32x64"}
    save_weights(path, network.state_dict(), metadata)
    return str(path)


def test_people_in_the_same_clothes_are_more_alike(weights: str) -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((100, 260, 3), np.uint8)
    red, blue = (20, 30, 200), (180, 60, 10)
    for left, colour in ((10, red), (80, blue), (150, red), (210, blue)):
        noise = rng.integers(-15, 15, (80, 40, 3))
        image[10:90, left : left + 40] = np.clip(noise + colour, 0, 255)
    lefts = np.array([[10.0], [80], [150], [210]])
    boxes = np.hstack([lefts, np.full((4, 1), 10), lefts + 40, np.full((4, 1), 90)])
    found = Detections(boxes.astype(np.float32), np.ones(4, np.float32))
    poses = load_estimator(weights, "cpu", appearance=True)(Frame(0, 0.0, image), found)
    assert poses.appearance.shape == (4, len(PARTS) * 64)
    np.testing.assert_allclose(np.linalg.norm(poses.appearance, axis=1), 1, atol=1e-5)
    alike = poses.appearance @ poses.appearance.T
    assert min(alike[0, 2], alike[1, 3]) > max(alike[0, 1], alike[0, 3], alike[1, 2], alike[2, 3])


def test_nobody_is_described_unless_asked(weights: str) -> None:
    found = Detections(np.array([[5, 5, 40, 90]], np.float32), np.ones(1, np.float32))
    frame = Frame(0, 0.0, np.zeros((100, 60, 3), np.uint8))
    assert load_estimator(weights, "cpu")(frame, found).appearance.shape == (1, 0)


def test_an_exported_file_cannot_describe_and_says_so(weights: str, tmp_path: Path) -> None:
    path = tmp_path / "out.onnx"
    export(pose_network(weights), "onnx", path)
    with pytest.raises(WeightsError, match="cannot describe appearance"):
        load_estimator(str(path), "cpu", appearance=True)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_every_skeleton_has_joints_in_the_body_parts(skeleton) -> None:  # type: ignore[no-untyped-def]
    joints = len(skeleton)
    features = np.random.default_rng(0).normal(size=(2, joints, 8)).astype(np.float32)
    unseen = np.zeros((1, joints), np.float32)
    seen = np.ones((1, joints), np.float32)
    found = descriptors(features, np.concatenate([seen, unseen]), skeleton)
    parts = np.linalg.norm(found[0].reshape(len(PARTS), 8), axis=1)
    np.testing.assert_allclose(parts, 0.5, atol=1e-5)
    assert not found[1].any()
