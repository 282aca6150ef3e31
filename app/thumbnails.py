"""A small picture of every person, taken when they are clearly visible."""

from __future__ import annotations

import cv2
import numpy as np

from pose.people import FloatArray, ImageArray
from tracking.tracks import FrameResult

SIZE_WH = (52, 64)
BETTER = 1.15  # a new picture replaces the old one if it is better by this factor
AGING_S = 20.0  # time in which a picture's worth falls to 0
MOST_PEOPLE = 300  # 3 MB of pictures; the one least recently renewed is dropped first


def thumbnail(image: ImageArray, box: FloatArray, size_wh: tuple[int, int]) -> ImageArray:
    """The upper part of the person in `box`, cropped to the aspect of `size_wh`, scaled to it."""
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    aspect = size_wh[0] / size_wh[1]
    side = max(8.0, min(height * 0.55, max(width, height * 0.3) / aspect))
    centre_x, top = float(box[0] + box[2]) / 2, float(box[1]) - 0.06 * height
    x1, y1 = max(0, round(centre_x - side * aspect / 2)), max(0, round(top))
    x2 = min(image.shape[1], round(centre_x + side * aspect / 2))
    y2 = min(image.shape[0], round(top + side))
    if x2 - x1 < 4 or y2 - y1 < 4:
        return np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    part = cv2.resize(image[y1:y2, x1:x2], size_wh, interpolation=cv2.INTER_AREA)
    return np.asarray(part, np.uint8)


class Thumbnails:
    """The best recent picture of every person, by the tracker's id."""

    def __init__(self) -> None:
        self._worth: dict[int, tuple[float, float]] = {}  # id -> worth, when taken
        self.pictures: dict[int, ImageArray] = {}

    def add(self, result: FrameResult) -> bool:
        """Take pictures from a frame, at most one per call; True where one was taken."""
        people, now_s = result.people, result.frame.time_s
        for box, score, person in zip(
            people.poses.boxes, people.poses.scores.tolist(), people.ids.tolist(), strict=True
        ):
            worth = score * float(np.sqrt(max(0.0, box[3] - box[1])))
            old, taken_s = self._worth.get(person, (0.0, 0.0))
            aged = old * max(0.0, 1 - abs(now_s - taken_s) / AGING_S)
            if worth > aged * BETTER:
                self.pictures.pop(person, None)
                self._worth[person] = (worth, now_s)
                self.pictures[person] = thumbnail(result.frame.image, box, SIZE_WH)  # now last
                if len(self.pictures) > MOST_PEOPLE:
                    oldest = next(iter(self.pictures))
                    del self.pictures[oldest], self._worth[oldest]
                return True
        return False
