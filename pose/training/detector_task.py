"""Train a person detector on whole pictures: a YOLOX, or a YOLOX head on a small HRNet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pose.crops import letterbox
from pose.detector import suppress
from pose.geometry import xyxy_to_xywh
from pose.header import Header
from pose.people import FloatArray, ImageArray
from pose.training.losses import SEEN, detection_loss, distillation_loss, person_scores
from pose.training.mosaic import MosaicAugmentation, MosaicSamples
from pose.training.people_file import LabelledPeople
from pose.training.pictures import VAL_BYTES, Pictures
from pose.training.scores import box_ap
from pose.training.task import Batch, Samples, detector_input
from pose.training.teacher import DetectorTeacher
from pose.yolox import cell_grid, decode_boxes

_LOWEST_SCORE = 0.05
_MOST_BOXES = 300


@dataclass(slots=True)
class DetectorTask:
    """A detector trained on mosaics and scored by AP at IoU 0.5.

    In a YOLOX with 80 classes only the first, person, is trained; the outputs of the others are
    left as they were, but objectness learns that only people matter.
    """

    network: nn.Module
    arguments: dict[str, Any]  # the network's
    train: LabelledPeople
    val: LabelledPeople
    augmentation: MosaicAugmentation = field(default_factory=MosaicAugmentation)
    teacher: DetectorTeacher | None = None
    head: str = "head"
    recordable: bool = False  # which cells a person is assigned depends on their predictions
    _pictures: Pictures = field(init=False)
    _val_pictures: Pictures = field(init=False)

    def __post_init__(self) -> None:
        self._pictures = Pictures(self.train.places)
        self._val_pictures = Pictures(self.val.places, VAL_BYTES)

    def samples(self, size_wh: tuple[int, int]) -> Samples:
        return MosaicSamples(self.train, self._pictures, size_wh, self.augmentation)

    def decode_pictures(self) -> None:
        self._pictures.decode_all()

    @staticmethod
    def collate(samples: list[Any]) -> Batch:
        images, labels = zip(*samples, strict=True)
        return (torch.from_numpy(np.stack(images)), *(torch.from_numpy(part) for part in labels))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        images, *labels = batch  # (N, H, W, 3), N times (M, 5)
        raw = network(detector_input(images, self.arguments)).float()  # (N, A, 5 + classes)
        cells = cell_grid((images.shape[2], images.shape[1]), raw.device)
        if self.teacher is None:
            return detection_loss(raw, list(labels), cells)
        taught = self.teacher(images).float()
        # Whom the labels miss and the teacher sees is not taught to be background.
        undecided = person_scores(taught) > SEEN
        loss = detection_loss(raw, list(labels), cells, undecided=undecided)
        distance = distillation_loss(raw, taught, cells)
        return (loss + distance) / 2

    def evaluate(self, network: nn.Module, size_wh: tuple[int, int]) -> dict[str, float]:
        results: list[dict[str, Any]] = []
        for picture in range(len(self._val_pictures)):
            image = self._val_pictures[picture]
            if image is None:
                continue
            boxes, scores = self._detect(network, image, size_wh)
            results.extend(
                {"image_id": picture, "category_id": 1, "bbox": box, "score": score}
                for box, score in zip(xyxy_to_xywh(boxes).tolist(), scores.tolist(), strict=True)
            )
        score = box_ap(self.val, results)
        return {"score": score, "ap50": score}

    def _detect(
        self, network: nn.Module, image: ImageArray, size_wh: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        """Boxes (M, 4) in the picture and scores (M,), computed as in pose.detector."""
        device = next(network.parameters()).device
        canvas, scale = letterbox(image, size_wh)
        images = torch.from_numpy(canvas[None]).to(device)
        raw = network(detector_input(images, self.arguments)).float()
        cells = cell_grid((canvas.shape[1], canvas.shape[0]), device)
        boxes = decode_boxes(raw, cells)[0]
        scores = person_scores(raw[0])
        order = scores.argsort(descending=True)[:_MOST_BOXES]
        order = order[scores[order] >= _LOWEST_SCORE]
        kept = order[suppress(boxes[order], 0.65)]
        return (boxes[kept] / scale).cpu().numpy(), scores[kept].cpu().numpy()

    def identity(self) -> str:
        taught = f" {self.teacher.name}" if self.teacher else ""
        return f"{self.train.digest()} {self.val.digest()} {self.augmentation}{taught}"

    def header(self, size_wh: tuple[int, int]) -> Header:
        return Header("detector", self.arguments, size_wh)
