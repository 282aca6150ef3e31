"""The two things that can be trained: samples, loss and score of the pose network and the detector.

A task hands the loop a network, a data set per stage, a loss per batch, and scores on the
validation people; the higher `score`, the better.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor, nn
from torch.utils.data import Dataset

from pose.geometry import crop_regions, grid_to_frame, xyxy_to_xywh
from pose.heatmaps import decode_dark, encode
from pose.hrnet import HRNet
from pose.people import FloatArray, ImageArray
from pose.training.augment import PoseAugmentation, jitter_colour, place_picture, warp_person
from pose.training.losses import detection_loss, heatmap_loss, pairwise_iou
from pose.training.people_file import LabelledPeople, Pictures
from pose.yolox import HRNetDetector, cell_grid, decode_boxes

Batch = tuple[Tensor, ...]
MEAN_RGB = (0.485, 0.456, 0.406)  # of ImageNet, as in the released networks
STD_RGB = (0.229, 0.224, 0.225)


def normalise(images: Tensor) -> Tensor:
    """Pictures (N, H, W, 3) BGR 0..255 to what our networks take: (N, 3, H, W) RGB, normalised."""
    mean = torch.tensor(MEAN_RGB, device=images.device) * 255
    std = torch.tensor(STD_RGB, device=images.device) * 255
    normal = (images.flip(-1).float() - mean) / std  # (N, H, W, 3)
    return normal.permute(0, 3, 1, 2)  # (N, 3, H, W) in channels-last order


class Task(Protocol):
    """What the loop needs to know."""

    network: nn.Module

    def samples(self, size_wh: tuple[int, int], epoch: int, seed: int) -> Dataset[Any]: ...

    def collate(self, samples: list[Any]) -> Batch: ...

    def loss(self, network: nn.Module, batch: Batch) -> Tensor: ...

    def evaluate(self, network: nn.Module, size_wh: tuple[int, int]) -> dict[str, float]: ...

    def metadata(self, size_wh: tuple[int, int]) -> dict[str, Any]: ...


class _PoseSamples(Dataset[tuple[ImageArray, FloatArray, FloatArray]]):
    def __init__(
        self,
        people: LabelledPeople,
        pictures: Pictures,
        size_wh: tuple[int, int],
        seed: tuple[int, ...],
        augmentation: PoseAugmentation,
    ) -> None:
        self._people, self._pictures, self._size_wh = people, pictures, size_wh
        self._seed, self._augmentation = seed, augmentation

    def __len__(self) -> int:
        return len(self._people)

    def __getitem__(self, index: int) -> tuple[ImageArray, FloatArray, FloatArray]:
        people = self._people
        return warp_person(
            self._pictures[int(people.image_of[index])],
            people.boxes[index],
            people.keypoints[index],
            people.weights[index],
            people.skeleton,
            self._size_wh,
            np.random.default_rng([*self._seed, index]),
            self._augmentation,
        )


@dataclass(slots=True)
class PoseTask:
    """HRNet on crops of labelled people; scored by mean OKS with the labelled boxes."""

    hrnet: dict[str, Any]  # HRNet's arguments
    train: LabelledPeople
    val: LabelledPeople
    augmentation: PoseAugmentation = field(default_factory=PoseAugmentation)
    network: nn.Module = field(init=False)
    _pictures: Pictures = field(init=False)
    _val_pictures: Pictures = field(init=False)

    def __post_init__(self) -> None:
        self.network = HRNet(**self.hrnet)
        labelled = (self.train.weights > 0).sum(1) >= 4
        self.train = self.train.select(labelled & ~self.train.crowd)
        self.val = self.val.select((self.val.weights > 0).any(1) & ~self.val.crowd)
        self._pictures = Pictures(self.train.files)
        self._val_pictures = Pictures(self.val.files)

    def samples(self, size_wh: tuple[int, int], epoch: int, seed: int) -> Dataset[Any]:
        return _PoseSamples(self.train, self._pictures, size_wh, (seed, epoch), self.augmentation)

    def collate(self, samples: list[Any]) -> Batch:
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        crops, points, weights = batch  # (N, H, W, 3), (N, K, 2), (N, K)
        heatmaps = network(normalise(crops)).float()  # (N, K, H/4, W/4)
        height, width = heatmaps.shape[-2:]
        crop_lengths = torch.tensor([crops.shape[2], crops.shape[1]], device=points.device) - 1
        map_lengths = torch.tensor([width, height], device=points.device) - 1
        targets = encode(points * (map_lengths / crop_lengths), (width, height), map_sigma(height))
        return heatmap_loss(heatmaps, targets, weights)

    def evaluate(self, network: nn.Module, size_wh: tuple[int, int]) -> dict[str, float]:
        oks = []
        device = next(network.parameters()).device
        for start in range(0, len(self.val), 64):
            part = slice(start, start + 64)
            people = self.val.select(np.isin(np.arange(len(self.val)), np.r_[part]))
            crops = [
                warp_person(
                    self._val_pictures[int(image)],
                    box,
                    keypoints,
                    weights,
                    people.skeleton,
                    size_wh,
                    np.random.default_rng(0),
                    None,
                )[0]
                for image, box, keypoints, weights in zip(
                    people.image_of, people.boxes, people.keypoints, people.weights, strict=True
                )
            ]
            heatmaps = network(normalise(torch.from_numpy(np.stack(crops)).to(device))).float()
            size = (heatmaps.shape[-1], heatmaps.shape[-2])
            found, _ = decode_dark(heatmaps, map_sigma(size[1]))
            scale, offset = grid_to_frame(crop_regions(people.boxes, size_wh, 1.25), size)
            points = found.cpu().numpy() * scale[:, None] + offset[:, None]  # (n, K, 2)
            oks.append(_oks(points, people))
        every = np.concatenate(oks)
        return {"score": float(every.mean()), "oks_over_0.5": float((every > 0.5).mean())}

    def metadata(self, size_wh: tuple[int, int]) -> dict[str, Any]:
        return {"kind": "pose", "network": self.hrnet, "skeleton": self.train.skeleton.name}


def map_sigma(map_height: int) -> float:
    """The Gaussian's sigma in heatmap pixels: 2 on maps of 64 rows, as in HRNet; at least 1.5."""
    return max(1.5, map_height / 32)


def _oks(points: FloatArray, people: LabelledPeople) -> FloatArray:
    """OKS (N,) of points (N, K, 2) against the labels, joints weighted by 1 where labelled."""
    squared = np.square(points - people.keypoints).sum(-1)  # (N, K)
    variance = np.square(2 * np.array(people.skeleton.sigmas, np.float32))  # (K,)
    per_joint = np.exp(-squared / (2 * people.areas[:, None] * variance + 1e-9))
    labelled = people.weights > 0
    return (per_joint * labelled).sum(1) / labelled.sum(1)


class _DetectorSamples(Dataset[tuple[ImageArray, FloatArray]]):
    """Mosaics of four pictures, or one picture, with the boxes of its people."""

    def __init__(
        self,
        boxes_of: list[FloatArray],
        pictures: Pictures,
        size_wh: tuple[int, int],
        seed: tuple[int, ...],
    ) -> None:
        self._boxes_of, self._pictures = boxes_of, pictures
        self._size_wh, self._seed = size_wh, seed

    def __len__(self) -> int:
        return len(self._boxes_of)

    def __getitem__(self, index: int) -> tuple[ImageArray, FloatArray]:
        rng = np.random.default_rng([*self._seed, index])
        width, height = self._size_wh
        canvas = np.full((height, width, 3), 114, np.uint8)
        if rng.random() < 0.6:
            x, y = (int(limit * rng.uniform(0.3, 0.7)) for limit in (width, height))
            areas = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
            # Towards the middle of the mosaic, so that the seams cut people too.
            anchors = [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)]
            chosen = [index, *rng.integers(0, len(self), 3)]
        else:
            areas, anchors = [(0, 0, width, height)], [(rng.random(), rng.random())]
            chosen = [index]
        boxes = []
        for area, anchor, picture in zip(areas, anchors, chosen, strict=True):
            image = self._pictures[int(picture)]
            fit = max(width, height) / max(image.shape[:2])
            scale = fit * float(np.exp(rng.uniform(np.log(0.4), np.log(1.4))))
            boxes.append(
                place_picture(
                    canvas,
                    area,
                    image,
                    self._boxes_of[int(picture)],
                    scale,
                    anchor,
                    flip=bool(rng.random() < 0.5),
                )
            )
        return jitter_colour(canvas, rng), np.concatenate(boxes)


@dataclass(slots=True)
class DetectorTask:
    """A YOLOX head on a small HRNet, on whole pictures; scored by AP at IoU 0.5."""

    hrnet: dict[str, Any]  # the backbone's arguments
    train: LabelledPeople
    val: LabelledPeople
    head_width: int = 48
    network: nn.Module = field(init=False)
    _pictures: Pictures = field(init=False)
    _val_pictures: Pictures = field(init=False)

    def __post_init__(self) -> None:
        self.network = HRNetDetector(self.hrnet, self.head_width)
        self._pictures = Pictures(self.train.files)
        self._val_pictures = Pictures(self.val.files)

    def samples(self, size_wh: tuple[int, int], epoch: int, seed: int) -> Dataset[Any]:
        return _DetectorSamples(
            _boxes_by_picture(self.train), self._pictures, size_wh, (seed, epoch)
        )

    def collate(self, samples: list[Any]) -> Batch:
        images, boxes = zip(*samples, strict=True)
        return (torch.from_numpy(np.stack(images)), *(torch.from_numpy(part) for part in boxes))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        images, *boxes = batch  # (N, H, W, 3), N times (M, 4)
        raw = network(normalise(images)).float()  # (N, A, 6)
        size_wh = (images.shape[2], images.shape[1])
        return detection_loss(
            raw, list(boxes), cell_grid(size_wh, HRNetDetector.strides, raw.device)
        )

    def evaluate(self, network: nn.Module, size_wh: tuple[int, int]) -> dict[str, float]:
        device = next(network.parameters()).device
        cells = cell_grid(size_wh, HRNetDetector.strides, device)
        results: list[dict[str, Any]] = []
        for picture, _ in enumerate(self.val.files):
            image = self._val_pictures[picture]
            canvas = np.full((size_wh[1], size_wh[0], 3), 114, np.uint8)
            scale = min(size_wh[0] / image.shape[1], size_wh[1] / image.shape[0])
            place_picture(
                canvas, (0, 0, *size_wh), image, np.zeros((0, 4), np.float32), scale, (0, 0), False
            )
            raw = network(normalise(torch.from_numpy(canvas[None]).to(device))).float()
            scores = (raw[0, :, 4].sigmoid() * raw[0, :, 5].sigmoid()).cpu()
            boxes = decode_boxes(raw, cells)[0].cpu()
            kept = _suppress(boxes, scores, score_thr=0.05, nms_thr=0.65)
            results.extend(
                {
                    "image_id": picture,
                    "category_id": 1,
                    "bbox": xyxy_to_xywh(boxes[index].numpy() / scale).tolist(),
                    "score": float(scores[index]),
                }
                for index in kept
            )
        return {"score": _average_precision(self.val, results)}

    def metadata(self, size_wh: tuple[int, int]) -> dict[str, Any]:
        network = {"hrnet": self.hrnet, "head_width": self.head_width}
        return {"kind": "detector", "network": network}


def _boxes_by_picture(people: LabelledPeople) -> list[FloatArray]:
    boxes: list[list[FloatArray]] = [[] for _ in people.files]
    for index, box in zip(people.image_of, people.boxes, strict=True):
        boxes[index].append(box)
    return [np.array(part, np.float32).reshape(-1, 4) for part in boxes]


def _suppress(boxes: Tensor, scores: Tensor, score_thr: float, nms_thr: float) -> Iterator[int]:
    """Greedy non-maximum suppression: the kept indices, best first."""
    order = [int(index) for index in scores.argsort(descending=True)[:300]]
    order = [index for index in order if scores[index] > score_thr]
    while order:
        best, *rest = order
        yield best
        overlap = pairwise_iou(boxes[best][None], boxes[rest])[0] if rest else boxes[:0, 0]
        order = [index for index, iou in zip(rest, overlap, strict=True) if iou <= nms_thr]


def _average_precision(people: LabelledPeople, results: list[dict[str, Any]]) -> float:
    """COCO's AP at IoU 0.5, all sizes, up to 100 boxes a picture, of results against the labels."""
    if not results:
        return 0.0
    truth = COCO()
    truth.dataset = {
        "images": [{"id": index} for index in range(len(people.files))],
        "categories": [{"id": 1}],
        "annotations": [
            {
                "id": index + 1,
                "image_id": int(people.image_of[index]),
                "category_id": 1,
                "bbox": xyxy_to_xywh(people.boxes[index]).tolist(),
                "area": float(people.areas[index]),
                "iscrowd": int(people.crowd[index]),
            }
            for index in range(len(people))
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # (1, 101, 1, 1, 3)
    return float(precision[0, :, 0, 0, -1].mean())
