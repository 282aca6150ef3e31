"""Where one shot of an edited video ends and another begins.

After a cut nobody is where they were: a person who stands where somebody stood before the cut is
someone else. Two frames of one shot look alike even when shrunk to tiny pictures; two shots do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pose.people import DoubleArray, Frame, ImageArray
from tracking.camera_motion import camera_warp

_SIDE_PX = 16  # of the tiny pictures
_READ_PX = 64  # at least this many rows and columns of the frame are read
_DARK = 3.0  # grey levels: pictures with less contrast show nothing, as between two shots
_ALIKE = 0.7  # least correlation of consecutive frames of one shot ...
_PANNED = 2.0  # ... lower by this for each second between them: cameras pan
_CHANGE = 10  # grey levels: a cell of the tiny picture that differs by more has changed ...
_CHANGED = 0.4  # ... as at least this share of the cells does at a cut
_JUDGED_S = 0.25  # frames further apart are not compared
_THE_SAME = 0.8  # correlation with the previous shot from which the picture is back in it


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """The shot that a frame belongs to; `after` gives that of the next frame.

    Where the picture returns to the previous shot, as after a flash or between two cameras, it has
    that shot's number again.
    """

    number: int = 0
    shots: int = 1  # so far
    time_s: float = 0.0  # of the last frame
    small: ImageArray | None = None  # (h, w) grey, of the last frame that showed something
    before: Shot | None = None  # the previous shot, as of its last frame

    def after(self, frame: Frame) -> Shot:
        """The shot of the next frame."""
        small = _small(frame.image)
        if small.std() < _DARK:
            return replace(self, time_s=frame.time_s)
        seen = replace(self, time_s=frame.time_s, small=small)
        if self.small is None or not _cut(self.small, small, max(frame.time_s - self.time_s, 0.0)):
            return seen
        left, back = replace(self, before=None), self.before
        if back is not None and back.small is not None and _alike(back.small, small) >= _THE_SAME:
            return replace(seen, number=back.number, before=left)
        return replace(seen, number=self.shots, shots=self.shots + 1, before=left)


def _cut(before: ImageArray, after: ImageArray, step_s: float) -> bool:
    """Whether two small pictures, `step_s` seconds apart, belong to different shots."""
    if step_s > _JUDGED_S or _alike(before, after) >= _ALIKE - _PANNED * step_s:
        return False
    changed = np.abs(_tiny(before) - _tiny(after)) > _CHANGE
    if changed.mean() < _CHANGED:  # somebody moves in front of a plain wall
        return False
    nobody = np.zeros((0, 4), np.float32)
    return camera_warp(before, after, nobody, 1.0) is None  # otherwise the camera panned


def _small(image: ImageArray) -> ImageArray:
    """Every n-th row and column of the frame (H, W, 3) in grey: enough, quicker than resizing."""
    height, width = image.shape[:2]
    step = max(1, min(height, width) // _READ_PX)
    some = np.ascontiguousarray(image[::step, ::step])
    return np.asarray(cv2.cvtColor(some, cv2.COLOR_BGR2GRAY), np.uint8)


def _tiny(small: ImageArray) -> DoubleArray:
    """Grey levels (S, S) of a small picture."""
    shrunk = cv2.resize(small, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return shrunk.astype(np.float64)


def _alike(one: ImageArray, other: ImageArray) -> float:
    """Correlation, -1 to 1, of two pictures made tiny; ignores brightness and contrast."""
    first, second = _tiny(one), _tiny(other)
    first -= first.mean()
    second -= second.mean()
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / max(lengths, 1e-6))
