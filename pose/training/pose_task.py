"""Train HRNet on crops of labelled people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from pose.crops import crop_people
from pose.geometry import crop_regions, grid_to_frame
from pose.header import Header
from pose.heatmaps import decode_expected_oks, encode
from pose.networks import padding_for
from pose.people import FloatArray, ImageArray
from pose.skeleton import Skeleton
from pose.training.augment import PoseAugmentation, warp_person
from pose.training.losses import heatmap_loss
from pose.training.people_file import LabelledPeople
from pose.training.pictures import VAL_BYTES, Pictures
from pose.training.readers import TrainingDataError
from pose.training.scores import oks_ap, oks_of, pckh
from pose.training.task import Batch, SampleKey, Samples, normalise
from pose.training.teacher import PoseTeacher

Measure = Literal["oks-ap", "oks", "pckh"]
_FEWEST_JOINTS = 2  # labelled ones that a person needs; one alone says little
_NO_HEADS = "PCKh needs head boxes, or a neck and a head_top"
_AT_ONCE = 64


class _Crops:
    """One crop per person."""

    def __init__(
        self,
        people: LabelledPeople,
        pictures: Pictures,
        size_wh: tuple[int, int],
        augmentation: PoseAugmentation,
    ) -> None:
        self._people, self._pictures = people, pictures
        self._size_wh, self._augmentation = size_wh, augmentation

    def __len__(self) -> int:
        return len(self._people)

    def __getitem__(self, key: SampleKey) -> tuple[ImageArray, FloatArray, FloatArray]:
        people, index = self._people, key[-1]
        image = self._pictures[int(people.image_of[index])]
        if image is None:  # nothing to learn from: every joint has weight 0
            blank = np.zeros((*self._size_wh[::-1], 3), np.uint8)
            return blank, people.keypoints[index], np.zeros_like(people.weights[index])
        rng = np.random.default_rng(key)
        return warp_person(
            image,
            people.boxes[index],
            people.keypoints[index],
            people.weights[index],
            people.skeleton,
            self._size_wh,
            rng,
            self._augmentation,
            lambda: self._pictures[int(rng.integers(len(self._pictures)))],
        )


@dataclass(slots=True)
class PoseTask:
    """HRNet on crops; scored with the labelled boxes, by `best_by`."""

    network: nn.Module
    arguments: dict[str, Any]  # HRNet's, without `joints`
    train: LabelledPeople
    val: LabelledPeople
    augmentation: PoseAugmentation = field(default_factory=PoseAugmentation)
    best_by: Measure = "oks-ap"
    teacher: PoseTeacher | None = None
    sigma: float | None = None  # of the targets, in heatmap pixels; None: from `map_sigma`
    head: str = "final_layer"
    recordable: bool = field(init=False)
    _pictures: Pictures = field(init=False)
    _val_pictures: Pictures = field(init=False)
    _kept_crops: dict[tuple[int, int], list[tuple[list[int], ImageArray]]] = field(
        init=False, default_factory=dict
    )
    _kept_bytes: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.recordable = self.teacher is None  # a teacher runs outside torch
        labelled = (self.train.weights > 0).sum(1)
        enough = labelled >= min(_FEWEST_JOINTS, len(self.train.skeleton))
        self.train = self.train.select(enough & ~self.train.crowd)
        self.val = self.val.select((self.val.weights > 0).any(1) & ~self.val.crowd)
        if not len(self.val):
            raise TrainingDataError("nobody is left to score on; see what was left out")
        if self.best_by == "pckh" and np.isnan(pckh(self.val.keypoints, self.val)):
            raise TrainingDataError(_NO_HEADS)
        self._pictures = Pictures(self.train.places)
        self._val_pictures = Pictures(self.val.places, limit_bytes=0)  # crops are kept instead

    def samples(self, size_wh: tuple[int, int]) -> Samples:
        return _Crops(self.train, self._pictures, size_wh, self.augmentation)

    def decode_pictures(self) -> None:
        self._pictures.decode_all()

    @staticmethod
    def collate(samples: list[Any]) -> Batch:
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        crops, points, weights = batch  # (N, H, W, 3), (N, K, 2), (N, K)
        images = normalise(crops)
        heatmaps = network(images).float()  # (N, K, H/4, W/4)
        targets = target_maps(points, crops.shape[1:3], self.sigma)
        loss = heatmap_loss(heatmaps, targets, weights)
        if self.teacher is None:
            return loss
        taught = self.teacher.heatmaps(images, (heatmaps.shape[2], heatmaps.shape[3]))
        own = heatmaps[:, self.teacher.joints]
        distance = heatmap_loss(own, taught, torch.ones_like(own[..., 0, 0]))
        return (loss + distance) / 2

    def evaluate(self, network: nn.Module, size_wh: tuple[int, int]) -> dict[str, float]:
        points = np.zeros_like(self.val.keypoints)
        scores = np.zeros(len(self.val), np.float32)
        seen = np.zeros(len(self.val), bool)
        for people, crops in self._val_crops(size_wh):
            found, certainty = predict(network, crops, self.val.skeleton)
            scale, offset = grid_to_frame(
                crop_regions(self.val.boxes[people], size_wh, padding_for(size_wh)),
                (size_wh[0] // 4, size_wh[1] // 4),
            )
            points[people] = found * scale[:, None] + offset[:, None]  # (n, K, 2)
            scores[people] = certainty
            seen[people] = True
        val = self.val.select(seen)
        every = oks_of(points[seen], val)
        measured = {
            "oks-ap": oks_ap(points[seen], scores[seen], val),
            "oks": float(every.mean()) if len(every) else 0.0,
        }
        if not np.isnan(heads := pckh(points[seen], val)):
            measured["pckh"] = heads
        elif self.best_by == "pckh":
            raise TrainingDataError(_NO_HEADS)
        return {"score": measured[self.best_by], **measured}

    def _val_crops(self, size_wh: tuple[int, int]) -> Iterator[tuple[list[int], ImageArray]]:
        """Indices of n people and their crops (n, H, W, 3), as at inference; kept if they fit."""
        if size_wh in self._kept_crops:
            yield from self._kept_crops[size_wh]
            return
        width, height = size_wh
        fits = self._kept_bytes + len(self.val) * width * height * 3 <= VAL_BYTES
        kept = []
        for batch in self._cut_val_crops(size_wh):
            if fits:
                kept.append(batch)
            yield batch
        if fits:
            self._kept_crops[size_wh] = kept
            self._kept_bytes += sum(crops.nbytes for _, crops in kept)

    def _cut_val_crops(self, size_wh: tuple[int, int]) -> Iterator[tuple[list[int], ImageArray]]:
        people: list[int] = []
        crops: list[ImageArray] = []
        regions = crop_regions(self.val.boxes, size_wh, padding_for(size_wh))
        shown, image = -1, None
        for index, picture in enumerate(self.val.image_of.tolist()):
            if picture != shown:  # in most files a picture's people follow each other
                shown, image = picture, self._val_pictures[picture]
            if image is not None:
                people.append(index)
                crops.append(crop_people(image, regions[index : index + 1], size_wh)[0])
            if crops and (len(crops) == _AT_ONCE or index == len(self.val) - 1):
                yield people, np.stack(crops)
                people, crops = [], []

    def identity(self) -> str:
        taught = f" {self.teacher.name}" if self.teacher else ""
        return f"{self.train.digest()} {self.val.digest()} {self.best_by}{taught}"

    def header(self, size_wh: tuple[int, int]) -> Header:
        skeleton = self.train.skeleton
        return Header(
            "pose",
            {**self.arguments, "joints": len(skeleton)},
            size_wh,
            skeleton=skeleton,
            sigma=self.sigma or map_sigma(size_wh[1] // 4),
            padding=padding_for(size_wh),
        )


def predict(
    network: nn.Module, crops: ImageArray, skeleton: Skeleton
) -> tuple[FloatArray, FloatArray]:
    """The joints (n, K, 2) of crops, in heatmap pixels, and the people's scores (n,)."""
    device = next(network.parameters()).device
    heatmaps = network(normalise(torch.from_numpy(crops).to(device))).float()
    found, certainty = decode_expected_oks(heatmaps, skeleton.sigmas)
    return found.cpu().numpy(), certainty.mean(1).cpu().numpy()


def target_maps(
    points: Tensor, crop_hw: tuple[int, int] | torch.Size, sigma: float | None = None
) -> Tensor:
    """The target heatmaps (N, K, H/4, W/4) of joints (N, K, 2) in crop pixels."""
    height, width = crop_hw[0] // 4, crop_hw[1] // 4
    scale_x, scale_y = (width - 1) / (crop_hw[1] - 1), (height - 1) / (crop_hw[0] - 1)
    on_map = torch.stack([points[..., 0] * scale_x, points[..., 1] * scale_y], dim=-1)
    return encode(on_map, (width, height), sigma or map_sigma(height))


def map_sigma(map_height: int) -> float:
    """The Gaussian's sigma in heatmap pixels: 2 on maps of 64 rows, as in HRNet; at least 1.5."""
    return max(1.5, map_height / 32)
