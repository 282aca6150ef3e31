"""Where people's faces are, so that they can be blurred."""

from __future__ import annotations

import numpy as np

from pose.people import FloatArray, Poses

FACE_JOINTS = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top", "head")


def faces(*people: Poses) -> FloatArray:
    """(N, 3) x y radius of circles that cover the heads of all these people, without duplicates."""
    return np.unique(np.concatenate([_heads(poses) for poses in people]), axis=0)


def _heads(poses: Poses) -> FloatArray:
    """(N, 3) x y radius of a circle around each head.

    The joints' scores weight the centre, but nobody is left out: blurring something that is not a
    face does less harm than showing a face. Without head joints it is at the top of the box.
    """
    names = poses.skeleton.names
    face = [names.index(name) for name in FACE_JOINTS if name in names]
    if not len(poses):
        return np.zeros((0, 3), np.float32)
    sides = poses.boxes[:, 2:] - poses.boxes[:, :2]  # (N, 2)
    longer = sides.max(axis=1)  # (N,)
    if not face:
        middle = (poses.boxes[:, 0] + poses.boxes[:, 2]) / 2
        return np.column_stack([middle, poses.boxes[:, 1] + longer / 10, longer / 5])
    points = poses.keypoints[:, face]  # (N, F, 2)
    weights = np.maximum(poses.keypoint_scores[:, face], 1e-3)[..., None]  # (N, F, 1)
    centres = (points * weights).sum(axis=1) / weights.sum(axis=1)  # (N, 2)
    spread = np.linalg.norm(points - centres[:, None], axis=2)  # (N, F)
    sure = np.where(weights[..., 0] >= 0.3, spread, 0).max(axis=1)  # (N,)
    # A head is an eighth of a person's height (Vitruvius); the margin covers its back and chin
    radii = np.clip(1.6 * sure, longer / 13, longer / 5)
    return np.column_stack([centres, radii]).astype(np.float32)
