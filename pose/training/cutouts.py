"""Cut people out of their pictures, along their joints, to paste them into others."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.people import FloatArray, ImageArray
from pose.training.people_file import LabelledPeople
from pose.training.pictures import Pictures

Patch = tuple[ImageArray, NDArray[np.float32]]  # pixels (h, w, 3), and their opacity 0..1 (h, w)

_FEWEST_JOINTS = 8  # labelled joints that outline a person well enough
_SURE = 0.5  # joints of a higher weight may form the outline
_THICKNESS = 0.12  # of a limb, as a part of the patch's longer side
_MOST_ENLARGED = 1.5  # times; more would leave only a blur


class CutOuts:
    """The people of a data set who can be cut out."""

    def __init__(self, people: LabelledPeople, pictures: Pictures) -> None:
        self._people, self._pictures = people, pictures
        labelled = (people.weights > _SURE).sum(1)
        self._outlined = np.flatnonzero((labelled >= _FEWEST_JOINTS) & ~people.crowd)

    def anybody(self, height_px: float, rng: np.random.Generator) -> Patch | None:
        """A random one, about `height_px` tall, perhaps mirrored; None if it cannot be cut out."""
        if not len(self._outlined):
            return None
        person = int(rng.choice(self._outlined))
        image = self._pictures[int(self._people.image_of[person])]
        if image is None:
            return None
        box = self._people.boxes[person]
        inside = np.minimum(box[2:], image.shape[1::-1]) - np.maximum(box[:2], 0)
        if inside.min() < 1:  # possible where the file does not give the size of its pictures
            return None
        patch, mask = cut_out(
            image,
            box,
            self._people.keypoints[person][self._people.weights[person] > _SURE],
            min(height_px * rng.uniform(0.8, 1.2), _MOST_ENLARGED * float(box[3] - box[1])),
        )
        return (patch[:, ::-1], mask[:, ::-1]) if rng.random() < 0.5 else (patch, mask)


def cut_out(image: ImageArray, box: FloatArray, joints: FloatArray, height_px: float) -> Patch:
    """The person in a box (4,) with labelled joints (J, 2), scaled to `height_px`.

    The outline is the hull of the joints, widened by a limb's thickness.
    """
    x1, y1 = (int(value) for value in np.maximum(box[:2], 0))
    x2, y2 = (int(value) for value in np.ceil(box[2:]))
    x2, y2 = max(min(x2, image.shape[1]), x1 + 1), max(min(y2, image.shape[0]), y1 + 1)
    patch = image[y1:y2, x1:x2]
    mask = np.zeros(patch.shape[:2], np.uint8)
    hull = cv2.convexHull(np.round(joints - [x1, y1]).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255)
    thickness = max(3, int(_THICKNESS * max(patch.shape[:2])))
    mask = cv2.dilate(mask, np.ones((thickness, thickness), np.uint8)).astype(np.uint8, copy=False)
    scale = height_px / patch.shape[0]
    size = (max(2, round(patch.shape[1] * scale)), max(2, round(height_px)))
    patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    soft = cv2.GaussianBlur(cv2.resize(mask, size), (3, 3), 0)  # no hard edge to give it away
    return patch, (soft / 255).astype(np.float32)


def blend(area: ImageArray, patch: ImageArray, mask: NDArray[np.float32]) -> None:
    """Blend a patch (h, w, 3) into an area of the same size, by the opacity in its mask (h, w)."""
    weight = mask[..., None]
    area[:] = np.round(patch * weight + area * (1 - weight)).astype(np.uint8)
