"""Training pictures for the detector: mosaics, and crowds made of pasted people.

Labels are rows (M, 5): x1 y1 x2 y2 in pixels, and 1 for a person to be found or 0 for an ignore
region, where a detection is neither right nor wrong: crowd regions, and people of whom too little
is visible. Every random choice comes from the Generator passed in, so that a sample depends on its
seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.crops import PAD_VALUE
from pose.people import FloatArray, ImageArray
from pose.training.augment import Rng, as_bytes, jitter_colour
from pose.training.cutouts import CutOuts, blend
from pose.training.people_file import LabelledPeople
from pose.training.pictures import Pictures
from pose.training.task import SampleKey

_SEEN = 0.3  # part of a box that must be visible for it to count, or else
_LARGE = 0.05  # part of the canvas that its visible part must fill
_SMALLEST = 5  # shorter side, in pixels, of the smallest box that counts
_MOST_ENLARGED = 4.0  # times; more would leave only a blur
_HIDDEN = 0.75  # a person counts as gone if a pasted one covers this part of their box


@dataclass(frozen=True, slots=True)
class MosaicAugmentation:
    """Ranges and probabilities for whole pictures."""

    mosaic_chance: float = 0.6
    smallest: float = 0.4  # scale, 1 fits the input
    largest: float = 1.4
    close_up_chance: float = 0.3  # of the single pictures
    turn_chance: float = 0.1  # by 90, 180 or 270 degrees: handstands, floor work
    paste_chance: float = 0.2
    most_pasted: int = 6


class MosaicSamples:
    """Mosaics of four pictures, or one picture, with the labels (M, 5) of its people."""

    def __init__(
        self,
        people: LabelledPeople,
        pictures: Pictures,
        size_wh: tuple[int, int],
        augmentation: MosaicAugmentation,
    ) -> None:
        self._people, self._pictures = people, pictures
        self._size_wh, self._augmentation = size_wh, augmentation
        labels = np.column_stack([people.boxes, ~people.crowd]).astype(np.float32)
        self._labels_of = [labels[people.image_of == i] for i in range(len(people.places))]
        self._cut_outs = CutOuts(people, pictures)

    def __len__(self) -> int:
        return len(self._labels_of)

    def __getitem__(self, key: SampleKey) -> tuple[ImageArray, FloatArray]:
        rng, index = np.random.default_rng(key), key[-1]
        width, height = self._size_wh
        canvas = np.full((height, width, 3), PAD_VALUE, np.uint8)
        chances = self._augmentation
        if rng.random() < chances.mosaic_chance:
            labels = self._place_four(canvas, index, rng)
        elif self._labels_of[index][:, 4].any() and rng.random() < chances.close_up_chance:
            labels = self._place_close_up(canvas, index, rng)
            return jitter_colour(canvas, rng), labels
        else:
            anchor = rng.random(), rng.random()
            labels = self._place(canvas, (0, 0, width, height), anchor, index, rng)
        if rng.random() < chances.paste_chance:
            labels = self._paste_crowd(canvas, labels, rng)
        return jitter_colour(canvas, rng), labels

    def _place_four(self, canvas: ImageArray, index: int, rng: Rng) -> FloatArray:
        """Draw picture `index` and three others side by side; returns their labels (M, 5)."""
        width, height = self._size_wh
        x, y = (int(limit * rng.uniform(0.3, 0.7)) for limit in (width, height))
        areas = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
        # Towards the middle of the mosaic, so that the seams cut people too.
        anchors = [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)]
        chosen = [index, *rng.integers(0, len(self), 3).tolist()]
        placed = zip(areas, anchors, chosen, strict=True)
        return np.concatenate([self._place(canvas, *each, rng) for each in placed])

    def _place(
        self,
        canvas: ImageArray,
        area: tuple[int, int, int, int],
        anchor: tuple[float, float],
        picture: int,
        rng: Rng,
    ) -> FloatArray:
        """Draw one picture at a random scale; returns its labels on the canvas (M, 5)."""
        scales = np.log([self._augmentation.smallest, self._augmentation.largest])
        scale, flip = float(np.exp(rng.uniform(*scales))), bool(rng.random() < 0.5)
        image, labels = self._perhaps_turned(picture, rng)
        if image is None:
            return labels
        fit = max(self._size_wh) / max(image.shape[:2])
        return place_picture(canvas, area, image, labels, scale * fit, anchor, flip)

    def _place_close_up(self, canvas: ImageArray, picture: int, rng: Rng) -> FloatArray:
        """Draw the tallest person of a picture up to 2.5 times as tall as the canvas.

        Returns the labels (M, 5) on the canvas.
        """
        image, labels = self._perhaps_turned(picture, rng)
        if image is None:
            return labels
        sides = labels[:, 2:4] - labels[:, :2]  # (M, 2)
        person = (sides[:, 1] * labels[:, 4]).argmax()
        tall = self._size_wh[1] * float(np.exp(rng.uniform(np.log(0.9), np.log(2.5))))
        scale = min(tall / float(sides[person, 1]), _MOST_ENLARGED)
        middle = labels[person, :2] + sides[person] * rng.uniform((0.2, 0.0), (0.8, 0.6))
        free = np.array(self._size_wh) - np.array(image.shape[1::-1]) * scale
        wanted = np.array(self._size_wh) / 2 - middle * scale  # where the picture's corner lies
        across, down = np.clip(wanted / np.where(free == 0, 1, free), 0, 1).tolist()
        if flip := bool(rng.random() < 0.5):
            across = 1 - across
        area = (0, 0, *self._size_wh)
        return place_picture(canvas, area, image, labels, scale, (across, down), flip)

    def _perhaps_turned(self, picture: int, rng: Rng) -> tuple[ImageArray | None, FloatArray]:
        """A picture and its labels (M, 5); None and no labels if it cannot be read."""
        image, labels = self._pictures[picture], self._labels_of[picture]
        if image is None:
            return None, np.zeros((0, 5), np.float32)
        if rng.random() < self._augmentation.turn_chance:
            image, labels = turned(image, labels, int(rng.integers(1, 4)))
        return image, labels

    def _paste_crowd(self, canvas: ImageArray, labels: FloatArray, rng: Rng) -> FloatArray:
        """Paste people side by side, as in a crowd; returns all labels (M, 5)."""
        height, width = canvas.shape[:2]
        tall = height * rng.uniform(0.15, 0.5)
        x, foot = rng.uniform(0, width), rng.uniform(0.5, 1.0) * height
        for _ in range(int(rng.integers(2, self._augmentation.most_pasted + 1))):
            person = self._cut_outs.anybody(tall, rng)
            if person is None:
                continue
            patch, mask = person
            corner = int(x - patch.shape[1] / 2), int(foot - patch.shape[0])
            labels = paste(canvas, labels, patch, mask, corner)
            x += patch.shape[1] * rng.uniform(0.3, 0.9) * rng.choice([-1, 1])
        return labels


def turned(image: ImageArray, labels: FloatArray, quarters: int) -> tuple[ImageArray, FloatArray]:
    """A picture and its labels (M, 5), turned anticlockwise by that many quarters."""
    for _ in range(quarters):
        x1, y1, x2, y2, counts = labels.T
        width = image.shape[1]
        image, labels = np.rot90(image), np.stack([y1, width - x2, y2, width - x1, counts], axis=1)
    return np.ascontiguousarray(image), labels


def paste(
    canvas: ImageArray,
    labels: FloatArray,
    patch: ImageArray,
    mask: NDArray[np.float32],
    corner: tuple[int, int],
) -> FloatArray:
    """Blend a person into `canvas` at `corner` (x, y); the labels (M, 5) with the newcomer's last.

    People who are now hidden become ignore regions; a newcomer that would be mostly cut off is
    left out.
    """
    height, width = canvas.shape[:2]
    x1, y1 = max(corner[0], 0), max(corner[1], 0)
    x2, y2 = min(corner[0] + patch.shape[1], width), min(corner[1] + patch.shape[0], height)
    if (x2 - x1) * (y2 - y1) < 0.3 * patch.shape[0] * patch.shape[1] or x2 <= x1 or y2 <= y1:
        return labels
    part = np.s_[y1 - corner[1] : y2 - corner[1], x1 - corner[0] : x2 - corner[0]]
    blend(canvas[y1:y2, x1:x2], patch[part], mask[part])

    seen = np.array([x1, y1, x2, y2], np.float32)
    shared = np.minimum(labels[:, 2:4], seen[2:]) - np.maximum(labels[:, :2], seen[:2])
    areas = (labels[:, 2:4] - labels[:, :2]).prod(1)
    hidden = np.maximum(shared, 0).prod(1) / np.maximum(areas, 1)
    newcomer = np.append(seen, np.float32(1))[None]
    labels = np.column_stack([labels[:, :4], labels[:, 4] * (hidden < _HIDDEN)])
    return np.concatenate([labels, newcomer]).astype(np.float32)


def place_picture(
    canvas: ImageArray,
    area: tuple[int, int, int, int],
    image: ImageArray,
    labels: FloatArray,
    scale: float,
    anchor: tuple[float, float],
    flip: bool,
) -> FloatArray:
    """Draw `image`, scaled, into `area` (x1 y1 x2 y2) of `canvas`; its labels (M, 5) there.

    `anchor` (0..1, 0..1) says which part is visible if the picture is larger than the area, and
    where in the area it lies if it is smaller. People less than 30% visible become ignore regions,
    unless that part fills a twentieth of the canvas, and so do those under 5 pixels.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = area
    new_wh = np.maximum(np.round(np.array([width, height]) * scale), 1)
    free = np.array([x2 - x1, y2 - y1]) - new_wh
    offset = np.array([x1, y1]) + np.round(np.array(anchor) * free)
    ratio = new_wh / np.array([width, height])
    source, target = image, labels[:, :4] * np.tile(ratio, 2)
    if flip:
        source = source[:, ::-1]
        target = target[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [new_wh[0], 0, new_wh[0], 0]
    drawn = ratio  # canvas pixels per pixel of `source`
    if scale < 0.6:  # averaging keeps thin people whole where sampling would break them up
        size = (int(new_wh[0]), int(new_wh[1]))
        source = as_bytes(cv2.resize(source, size, interpolation=cv2.INTER_AREA))
        drawn = np.ones(2)
    # Pixel edges map to pixel edges, as when a picture is resized, and so do edges of boxes.
    corner = offset - [x1, y1] + (drawn - 1) / 2
    matrix = np.array([[drawn[0], 0, corner[0]], [0, drawn[1], corner[1]]], np.float32)
    cv2.warpAffine(
        source,
        matrix,
        (x2 - x1, y2 - y1),
        dst=(window := canvas[y1:y2, x1:x2].copy()),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    canvas[y1:y2, x1:x2] = window

    boxes = target + np.tile(offset, 2)
    return _visible(np.column_stack([boxes, labels[:, 4]]), area, canvas.shape[0] * canvas.shape[1])


def _visible(labels: FloatArray, area: tuple[int, int, int, int], canvas_px: int) -> FloatArray:
    """`labels` (M, 5) clipped to `area`, without those wholly outside; see `place_picture`."""
    x1, y1, x2, y2 = area
    seen = np.clip(labels[:, :4], [x1, y1, x1, y1], [x2, y2, x2, y2])
    full, left = labels[:, 2:4] - labels[:, :2], seen[:, 2:] - seen[:, :2]
    seen_px = left.prod(1)
    enough = (seen_px > _SEEN * full.prod(1)) | (seen_px > _LARGE * canvas_px)
    narrowest = left.min(1, initial=np.inf)
    counts = labels[:, 4] * enough * (narrowest >= _SMALLEST)
    return np.column_stack([seen, counts])[narrowest > 0].astype(np.float32)
