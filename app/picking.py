"""Which person is at a point of the frame."""

from __future__ import annotations

import numpy as np

from pose.geometry import box_area
from tracking.tracks import TrackedPoses


def person_at(people: TrackedPoses, x: float, y: float) -> int:
    """The id of the person at (x, y), pixels of the frame; 0 for nobody.

    If several boxes hold the point, the person with the joint nearest to it, relative to the box's
    size, so that somebody in front of a crowd can be picked.
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
