"""Suppression gives what going box by box would; boxes land where the network saw them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.cutting import Bytes, HostCutter
from pose.detector import PersonDetector, load_detector, suppress
from pose.networks import DetectorNetwork, Network, Pictures
from pose.overlap import pairwise_iou
from pose.people import Frame
from pose.runtime import Outputs


def greedy(boxes: torch.Tensor, threshold: float) -> list[bool]:
    """Textbook suppression, one box after the other."""
    overlap = pairwise_iou(boxes, boxes)
    kept: list[bool] = []
    for index in range(len(boxes)):
        kept.append(not any(kept[i] and overlap[i, index] > threshold for i in range(index)))
    return kept


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 40), st.integers(0, 10_000), st.sampled_from([0.2, 0.5, 0.65]))
def test_suppression_equals_going_one_by_one(count: int, seed: int, threshold: float) -> None:
    corners = torch.rand(count, 2, generator=torch.Generator().manual_seed(seed)) * 30
    boxes = torch.cat([corners, corners + 20], dim=1)
    assert suppress(boxes, threshold).tolist() == greedy(boxes, threshold)


def test_a_chain_of_overlaps_loses_every_second_box() -> None:
    left = torch.arange(6) * 4.0
    boxes = torch.stack([left, torch.zeros(6), left + 10, torch.ones(6)], dim=1)
    # Neighbours share 6 of 14; those two apart share 2 of 18.
    assert suppress(boxes, 0.4).tolist() == [True, False, True, False, True, False]


def test_iou_by_hand() -> None:
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 5, 9]])
    expected = [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 0]]
    torch.testing.assert_close(pairwise_iou(boxes, boxes), torch.tensor(expected))


class OneCell:
    """A network that is sure of one person in one cell of the grid of stride 8."""

    def __init__(self, cell: int, anchors: int) -> None:
        self.cell, self.anchors = cell, anchors

    def submit(self, images: Bytes) -> Callable[[], Outputs]:
        raw = torch.zeros(1, self.anchors, 6)
        raw[0, self.cell] = torch.tensor([0.5, 0.5, np.log(2.0), np.log(4.0), 0.9, 1.0])
        return lambda: [raw]


def synthetic(cell: int) -> PersonDetector:
    network = DetectorNetwork(Network("one cell", "0", Pictures((64, 64))))
    # 64x32 pixels: 8x4 cells of stride 8, 4x2 of 16, 2x1 of 32.
    return PersonDetector(network, OneCell(cell, 32 + 8 + 2), HostCutter())


def test_a_box_is_taken_back_to_the_frame() -> None:
    frame = Frame(0, 0.0, np.zeros((64, 128, 3), np.uint8))  # twice the canvas
    found = synthetic(cell=8 * 1 + 3)(frame)
    # The cell's corner is (24, 8), the centre half a stride on; 16x32 pixels; all of it doubled.
    np.testing.assert_allclose(found.boxes, [[40, 0, 72, 56]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)


def test_of_several_classes_only_the_persons_is_taken() -> None:
    class Classes:
        def submit(self, images: Bytes) -> Callable[[], Outputs]:
            raw = torch.zeros(1, 42, 5 + 3)
            raw[0, 9, 4:] = torch.tensor([0.9, 1.0, 0.5, 1.0])
            return lambda: [raw]

    network = DetectorNetwork(Network("classes", "0", Pictures((64, 64))), person=1)
    frame = Frame(0, 0.0, np.zeros((64, 128, 3), np.uint8))
    found = PersonDetector(network, Classes(), HostCutter())(frame)
    assert found.scores.tolist() == pytest.approx([0.45])


def test_a_picture_full_of_candidates_gives_the_thousand_best() -> None:
    class Everywhere:
        def submit(self, images: Bytes) -> Callable[[], Outputs]:
            raw = torch.zeros(1, 52 * 52 + 26 * 26 + 13 * 13, 6)  # of 416 x 416 pixels
            raw[..., 4] = torch.linspace(0.9, 0.5, raw.shape[1])
            raw[..., 5] = 1
            return lambda: [raw]

    network = DetectorNetwork(Network("everywhere", "0", Pictures((416, 416))))
    frame = Frame(0, 0.0, np.zeros((416, 416, 3), np.uint8))
    found = PersonDetector(network, Everywhere(), HostCutter(), nms_thr=1.0)(frame)
    assert len(found) == 1000
    assert found.boxes[-1].tolist() == [84, 148, 92, 156]  # around 8 * (11, 19), and 52 * 19 + 11


@pytest.mark.parametrize(
    ("size", "effort", "shape"),
    [(0, 1.0, (64, 96)), (192, 1.0, (128, 192)), (192, 0.5, (64, 96)), (0, 0.5, (32, 64))],
)
def test_less_effort_sees_a_smaller_picture(
    size: int, effort: float, shape: tuple[int, int]
) -> None:
    class Seen:
        def submit(self, images: Bytes) -> Callable[[], Outputs]:
            self.shape = tuple(images.shape[1:3])
            return lambda: [torch.zeros(1, shape[0] * shape[1] * 21 // 1024, 6)]

    run, network = Seen(), DetectorNetwork(Network("seen", "0", Pictures((96, 96))))
    detector = PersonDetector(network, run, HostCutter(), size=size)
    detector.effort = effort
    assert len(detector(Frame(0, 0.0, np.zeros((200, 300, 3), np.uint8)))) == 0
    assert run.shape == shape


def test_nobody_is_found_where_no_cell_is_sure() -> None:
    frame = Frame(0, 0.0, np.zeros((64, 128, 3), np.uint8))
    detector = synthetic(cell=0)
    detector._score_thr = 0.95
    assert len(detector(frame)) == 0


def test_yolox_nano_from_its_released_onnx_finds_the_walkers(shared: Path) -> None:
    import cv2

    video = cv2.VideoCapture(str(shared / "clips" / "vtest.avi"))
    _, image = video.read()
    video.release()
    found = load_detector(str(shared / "teachers" / "yolox_nano.onnx"), "cpu")(Frame(0, 0.0, image))
    truth = np.loadtxt(shared / "eval" / "pets" / "gt_first69.txt", delimiter=",")
    truth = truth[truth[:, 0] == 1, 2:6]
    truth[:, 2:] += truth[:, :2]
    overlap = pairwise_iou(*(torch.tensor(boxes).float() for boxes in (truth, found.boxes)))
    assert (overlap.max(1).values > 0.5).float().mean() >= 0.6
    assert (found.scores[:-1] >= found.scores[1:]).all()


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_suppression_of_nothing_is_nothing(threshold: float) -> None:
    assert suppress(torch.zeros(0, 4), threshold).shape == (0,)
