"""Joints come back to the places in the frame where the network saw them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pose.cutting import Bytes, Cutter, DeviceCutter, HostCutter
from pose.estimator import PoseEstimator, load_estimator
from pose.heatmaps import encode
from pose.networks import Network, Pictures, PoseNetwork
from pose.people import Detections, Frame
from pose.runtime import Outputs
from pose.skeleton import COCO17

CUTTERS = [HostCutter(), DeviceCutter(torch.device("cpu"))]
BOXES = np.array([[40, 30, 120, 190], [150, 60, 210, 180]], np.float32)


class BrightestPixel:
    """Heatmaps with every joint's peak where the crop is brightest; the left ones in blue.

    scale: of the map's coordinates, as the convention of the crops has it.
    """

    def __init__(self, unbiased: bool = True) -> None:
        self.scale = torch.tensor([47 / 191, 63 / 255] if unbiased else [1 / 4, 1 / 4])

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        crops = torch.as_tensor(np.asarray(images)).float()  # (N, H, W, 3)
        maps = []
        for name in COCO17.names:
            channel = crops[..., 0 if "left" in name else 2]  # (N, H, W)
            grid = torch.arange(channel.shape[2]), torch.arange(channel.shape[1])
            total = channel.sum((1, 2)).clamp_min(1)
            x = (channel.sum(1) * grid[0]).sum(1) / total
            y = (channel.sum(2) * grid[1]).sum(1) / total
            maps.append(encode(torch.stack([x, y], 1) * self.scale, (48, 64), 2.0))
        heatmaps = torch.stack(maps, 1)
        return lambda: [heatmaps]


def frame_with_lights() -> Frame:
    """Blue discs at (70, 100) and (190, 110), red ones at (90, 100) and (170, 110)."""
    image = np.zeros((240, 320, 3), np.uint8)
    y, x = np.mgrid[:240, :320]
    for centre_x, centre_y, channel in ((70, 100, 0), (190, 110, 0), (90, 100, 2), (170, 110, 2)):
        image[(x - centre_x) ** 2 + (y - centre_y) ** 2 < 30, channel] = 255
    return Frame(0, 0.0, image)


def detections() -> Detections:
    return Detections(BOXES, np.array([0.9, 0.8], np.float32))


@pytest.mark.parametrize("cutter", CUTTERS)
@pytest.mark.parametrize(("flip", "padding"), [(False, 1.25), (True, 1.25), (False, 1.1)])
def test_joints_are_found_where_the_lights_are(cutter: Cutter, flip: bool, padding: float) -> None:
    inner = Network("lights", "0", Pictures((192, 256)))
    network = PoseNetwork(inner, COCO17, unbiased=True, padding=padding)
    run = BrightestPixel()
    if flip:
        run = MirrorAware(run)
    poses = PoseEstimator(network, run, cutter, flip=flip)(frame_with_lights(), detections())
    left, right = COCO17.index("left_hip"), COCO17.index("right_hip")
    np.testing.assert_allclose(poses.keypoints[:, left], [[70, 100], [190, 110]], atol=0.6)
    np.testing.assert_allclose(poses.keypoints[:, right], [[90, 100], [170, 110]], atol=0.6)
    np.testing.assert_array_equal(poses.boxes, BOXES)
    np.testing.assert_array_equal(poses.scores, np.array([0.9, 0.8], np.float32))
    assert poses.keypoint_scores.min() > 0.7


@pytest.mark.parametrize("cutter", CUTTERS)
@pytest.mark.parametrize("flip", [False, True])
def test_official_networks_find_the_lights_in_their_own_convention(
    cutter: Cutter, flip: bool
) -> None:
    """The flip test moves them by an eighth of a pixel of the map: of 150 and 112.5 px, by 48."""
    network = PoseNetwork(Network("lights", "0", Pictures((192, 256))), COCO17, unbiased=False)
    run = BrightestPixel(unbiased=False)
    estimator = PoseEstimator(network, MirrorAware(run) if flip else run, cutter, flip=flip)
    found = estimator(frame_with_lights(), detections()).keypoints[:, COCO17.index("left_hip")]
    expected = np.array([[70, 100], [190, 110]]) + flip * np.array([[150, 0], [112.5, 0]]) / 48 / 8
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_without_a_sigma_joints_are_at_quarters_of_the_maps_pixels() -> None:
    inner = Network("lights", "0", Pictures((192, 256)))
    network = PoseNetwork(inner, COCO17, unbiased=False, sigma=None)
    estimator = PoseEstimator(network, BrightestPixel(unbiased=False), HostCutter())
    found = estimator(frame_with_lights(), detections()).keypoints[0]
    # The box, 80 x 160, is padded to 150 x 200 around (80, 110): 25/8 pixels per pixel of the map.
    quarters = 4 * (found - [5, 10]) / (25 / 8)
    np.testing.assert_allclose(quarters, np.round(quarters), atol=1e-3)
    assert (np.round(quarters) % 4 != 0).any()


@pytest.mark.parametrize("padding", [1.0, 1.1, 1.25])
def test_crops_are_padded_as_the_network_asks(padding: float) -> None:
    class Share:
        def submit(self, images: Bytes) -> Callable[[], Outputs]:
            self.white = float((np.asarray(images) > 127).mean())
            return lambda: [torch.zeros(len(images), 17, 64, 48)]

    image = np.zeros((240, 320, 3), np.uint8)
    image[40:121, 60:121] = 255  # 3 wide and 4 high, as the crop
    run, inner = Share(), Network("share", "0", Pictures((192, 256)))
    network = PoseNetwork(inner, COCO17, unbiased=True, padding=padding)
    box = Detections(np.array([[60, 40, 120, 120]]), np.ones(1))
    PoseEstimator(network, run, HostCutter())(Frame(0, 0.0, image), box)
    assert run.white == pytest.approx(1 / padding**2, abs=0.03)


class MirrorAware(BrightestPixel):
    """In a mirrored picture a left joint looks like a right one: swap them on every second call."""

    def __init__(self, inner: BrightestPixel) -> None:
        super().__init__()
        self.inner, self.calls = inner, 0

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        self.calls += 1
        outputs = self.inner.submit(images)()
        if self.calls % 2:
            return lambda: outputs
        return lambda: [outputs[0][:, list(COCO17.mirror)]]


def test_nobody_gives_no_poses() -> None:
    network = PoseNetwork(Network("lights", "0", Pictures((192, 256))), COCO17, unbiased=True)
    estimator = PoseEstimator(network, BrightestPixel(), HostCutter())
    assert len(estimator(frame_with_lights(), Detections.empty())) == 0


def test_a_teacher_network_from_onnx_sits_on_people(shared: Path) -> None:
    """Median error below 4% of the longer side of COCO people's truth boxes."""
    import json

    import cv2

    truth = json.loads((shared / "eval" / "coco_people" / "person_keypoints.json").read_text())
    names = {image["id"]: image["file_name"] for image in truth["images"]}
    estimator = load_estimator(str(shared / "teachers" / "tinypose_256_192.onnx"), "cpu")
    errors = []
    for person in [one for one in truth["annotations"] if one.get("num_keypoints", 0) >= 14][:8]:
        image = cv2.imread(
            str(shared / "eval" / "coco_people" / "images" / names[person["image_id"]])
        )
        x, y, width, height = person["bbox"]
        box = Detections(np.array([[x, y, x + width, y + height]], np.float32), np.ones(1))
        keypoints = estimator(Frame(0, 0.0, image), box).keypoints[0]
        expected = np.array(person["keypoints"], float).reshape(-1, 3)
        seen = expected[:, 2] > 0
        distances = np.linalg.norm(keypoints[seen] - expected[seen, :2], axis=1)
        errors.append(np.median(distances) / max(width, height))
    assert np.median(errors) < 0.04
