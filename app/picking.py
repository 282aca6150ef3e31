"""Which person a point of the frame means."""

from __future__ import annotations

import numpy as np

from pose.geometry import box_area
from tracking.tracks import TrackedPoses


def person_at(people: TrackedPoses, x: float, y: float) -> int:
    """The id of the person at (x, y), pixels of the frame; 0 for nobody.

    Of several boxes that hold the point it is the one whose joints come nearest, measured in its
    own size, so that somebody in front of a crowd can be picked.
    """
    boxes = people.poses.boxes
    if not len(boxes):
        return 0
    point = np.array([x, y], np.float32)
    inside = np.all((boxes[:, :2] <= point) & (boxes[:, 2:] >= point), axis=1)  # (N,)
    distance = np.linalg.norm(people.poses.keypoints - point, axis=2).min(1)  # (N,)
    relative = distance / np.sqrt(np.maximum(box_area(boxes), 1.0))
    best = int(np.argmin(np.where(inside, relative, np.inf)))
    return int(people.ids[best]) if inside[best] else 0
