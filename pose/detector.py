"""PersonDetector: a frame in, the boxes of the people in it out.

A YOLOX-style network on a letterboxed frame, then non-maximum suppression, all of it on the device
that the network runs on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pose.crops import letterbox_shape
from pose.cutting import Cutter, cutter_for
from pose.geometry import clip_boxes
from pose.library import detector_network
from pose.networks import DetectorNetwork
from pose.overlap import pairwise_iou
from pose.people import Detections, Frame
from pose.runtime import Runtime, choose_device, choose_runtime
from pose.yolox import cell_grid, decode_boxes

_MOST_CANDIDATES = 1000  # most boxes that enter suppression; pictures have a tenth of that


class PersonDetector:
    """Finds the people of a frame; `submit` lets the caller do something else meanwhile.

    `effort` is the share of the input's size that is used; less is faster and finds fewer people.
    """

    def __init__(
        self,
        network: DetectorNetwork,
        run: Runtime,
        cutter: Cutter,
        *,
        score_thr: float = 0.3,
        nms_thr: float = 0.65,
        size: int = 0,
    ) -> None:
        self.effort = 1.0
        self._person = network.person
        self._limit_wh = (size, size) if size else network.network.pictures.size_wh
        self._run = run
        self._cutter = cutter
        self._score_thr = score_thr
        self._nms_thr = nms_thr
        self._cells: dict[tuple[int, int], Tensor] = {}

    def scale_of(self, size_wh: tuple[int, int]) -> float:
        """How many pixels of the network's input a pixel of such a frame becomes."""
        return letterbox_shape(size_wh, self._limit_wh)[2]

    def __call__(self, frame: Frame) -> Detections:
        """The people of `frame`, best score first."""
        return self.submit(frame)()

    def submit(self, frame: Frame) -> Callable[[], Detections]:
        """Start on `frame`; the function returned waits for the people and returns them."""
        limit_wh = (round(self._limit_wh[0] * self.effort), round(self._limit_wh[1] * self.effort))
        canvas, scale = self._cutter.letterbox(frame.image, limit_wh)
        finish = self._run.submit(canvas[None])
        canvas_wh = (int(canvas.shape[1]), int(canvas.shape[0]))

        def wait() -> Detections:
            raw = finish()[0]  # (1, A, 5 + classes)
            boxes, scores = self._people(raw[0], canvas_wh)
            found = clip_boxes((boxes / scale).cpu().numpy(), frame.size_wh)
            return Detections(found, scores.cpu().numpy())

        return wait

    def _people(self, raw: Tensor, canvas_wh: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Raw predictions (A, 5 + classes) to boxes (N, 4) on the canvas and scores (N,)."""
        if canvas_wh not in self._cells:
            self._cells[canvas_wh] = cell_grid(canvas_wh, raw.device)
        scores = raw[:, 4] * raw[:, 5 + self._person]  # (A,)
        likely = scores >= self._score_thr
        boxes = decode_boxes(raw[likely], self._cells[canvas_wh][likely])  # (M, 4)
        scores, order = scores[likely].sort(descending=True, stable=True)
        order = order[:_MOST_CANDIDATES]
        boxes, scores = boxes[order], scores[:_MOST_CANDIDATES]
        kept = suppress(boxes, self._nms_thr)
        return boxes[kept], scores[kept]


def suppress(boxes: Tensor, threshold: float) -> Tensor:
    """Which of the boxes (M, 4), best first, survive non-maximum suppression: a mask (M,).

    A box is removed if an earlier box that is kept overlaps it by an IoU above `threshold`.
    Deciding for all boxes at once and repeating until nothing changes gives the same answer as
    going one by one: each round settles at least one more box, in order. Few rounds are needed, one
    per link of the longest chain of overlaps.
    """
    before = torch.ones(len(boxes), len(boxes), device=boxes.device).triu(1) > 0
    overlaps = (pairwise_iou(boxes, boxes) > threshold) & before  # (M, M): row could remove column
    kept = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    while True:
        now = ~(overlaps & kept[:, None]).any(0)
        if torch.equal(now, kept):
            return kept
        kept = now


def load_detector(
    name_or_file: str,
    device: str = "auto",
    *,
    score_thr: float = 0.3,
    nms_thr: float = 0.65,
    size: int = 0,
) -> PersonDetector:
    """The detector that `name_or_file` names, on `device` (auto, cpu, cuda, cuda:N).

    size: longer side of the network's input; 0 takes the size it was trained for.
    Raises pose.weight_files.WeightsError and pose.runtime.DeviceError, both UserErrors.
    """
    place = choose_device(device)
    network = detector_network(name_or_file)
    run = choose_runtime(network.network, place, many=False)
    return PersonDetector(
        network, run, cutter_for(place), score_thr=score_thr, nms_thr=nms_thr, size=size
    )
