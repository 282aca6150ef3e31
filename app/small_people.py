"""Tell where people are too small in the picture that the detector sees, and what would help."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from pose.people import FloatArray
from tracking.pipeline import Pipeline

SMALL_PX = 32  # as the detector sees them; of those less high it misses one in three or more


@dataclass(frozen=True, slots=True)
class LargerInput:
    """A larger picture for the detector, and why."""

    people_px: int  # how high the median person is in the picture that it sees
    side_px: int  # the longer side of that picture
    better_px: int  # with this longer side it may find more of them


class Heights:
    """Counts how high people are, in pixels of the frame."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, boxes: FloatArray) -> None:
        """Count the people of a frame by their boxes (N, 4)."""
        self._counts.update((boxes[:, 3] - boxes[:, 1]).astype(int).tolist())

    def __len__(self) -> int:
        """How many people were counted."""
        return self._counts.total()

    def larger_input(self, pipeline: Pipeline, size_wh: tuple[int, int]) -> LargerInput | None:
        """What would help, if most people are small in frames of `size_wh`; else None."""
        scale_of = getattr(pipeline.detector, "scale_of", None)
        if scale_of is None or not self._counts:
            return None
        scale, longer = scale_of(size_wh), max(size_wh)
        sizes = np.array(sorted(self._counts))
        below = np.cumsum([self._counts[size] for size in sizes.tolist()])
        seen_px = scale * float(sizes[np.searchsorted(below, below[-1] / 2)])  # the median
        side_px = scale * longer
        better_px = min(round(2 * side_px / 64), longer // 64) * 64  # twice, or the whole picture
        if seen_px >= SMALL_PX or better_px < 1.25 * side_px:
            return None
        return LargerInput(round(seen_px), round(side_px), better_px)
