"""The people of a PoseTrack file, truth or predictions, as one Sequence of arrays.

Coordinates are float64 pixels, exactly as the file gives them; NaN marks a missing joint. The
people of all frames are concatenated, in the file's order, so that a whole sequence is filtered and
compared at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose.errors import UserError
from pose.people import BoolArray, DoubleArray, IntArray
from pose.skeleton import POSETRACK15

JOINTS = len(POSETRACK15)
MISSING_SCORE = -9999.0  # poseval's MIN_SCORE, for predicted points without a score


class AnnotationError(UserError):
    """Truth or predictions that cannot be scored; names the file, and the frame and person."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """The F frames and N people of one file."""

    path: Path
    frame_names: tuple[str, ...]  # (F,) the pictures' names as written
    annotated: BoolArray  # (F,) the file has people there, even without points
    labelled: BoolArray  # (F,) is_labeled, or `annotated` where the file does not say
    regions: dict[int, list[DoubleArray]]  # frame -> ignore regions, polygons (V, 2)
    frame: IntArray  # (N,) ascending
    person: IntArray  # (N,) index in its frame, for messages
    ids: IntArray  # (N,) unique in a frame
    keypoints: DoubleArray  # (N, 15, 2)
    scores: DoubleArray  # (N, 15) of the points
    head_px: DoubleArray  # (N,) 0.6 of the head box's diagonal; NaN without box
    unknown_points: int  # points that are none of the 15 joints; they are left out

    @property
    def name(self) -> str:
        """What poseval calls the sequence: the file's name up to its first dot."""
        return self.path.name.split(".")[0]

    @property
    def there(self) -> BoolArray:
        """Which joints (N, 15) are given."""
        return ~np.isnan(self.keypoints[..., 0])

    def __len__(self) -> int:
        return len(self.frame_names)

    def where(self, index: int) -> str:
        """Name the file, frame and person of person `index`, for a message."""
        frame = int(self.frame[index])
        place = int(self.person[index])
        return f"{self.path}: frame {frame} ({self.frame_names[frame]}), person {place}"

    def select(self, people: BoolArray | IntArray) -> Sequence:
        """The same frames with the people picked by a mask (N,) or by indices, in frame order."""
        names = ("frame", "person", "ids", "keypoints", "scores", "head_px")
        return replace(self, **{name: getattr(self, name)[people] for name in names})

    def without_points(self, gone: BoolArray) -> Sequence:
        """The same people without the joints (N, 15) marked `gone`."""
        return replace(self, keypoints=np.where(gone[..., None], np.nan, self.keypoints))

    def in_order_of_place(self) -> Sequence:
        """The people of each frame sorted by where they are, whatever their order in the file.

        People in exactly the same place are sorted by scores, head and id, so that no tie is left.
        """
        content = self.keypoints.reshape(-1, 2 * JOINTS)  # (N, 30)
        keys = (self.ids, self.head_px, *self.scores.T, *content.T, self.frame)  # the last leads
        return self.select(np.lexsort(keys))
