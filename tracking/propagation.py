"""People the detector missed: the boxes where they should be get a look by the pose network.

Xiao, Wu and Wei, ECCV 2018 (SimpleBaseline), section 3.2: boxes predicted from the last frame are
added to the detected ones, and the poses decide whether somebody is there.
"""

from __future__ import annotations

import numpy as np

from pose.people import Detections, Poses
from tracking.similarity import box_iou

FADE = 0.8  # of the score, each frame without a detection: nobody lives on hope for long
_COVERED_IOU = 0.3  # a predicted box that overlaps a detected one so far needs no second look
_GOOD_JOINT = 0.3
_GOOD_SHARE = 0.5  # of the joints, which a pose in a predicted box must show


def with_missed(detected: Detections, predicted: Detections) -> Detections:
    """The detected boxes, then those predicted ones that none of them covers."""
    if not len(predicted):
        return detected
    covered = box_iou(predicted.boxes, detected.boxes).max(1, initial=0)  # (P,)
    missed = predicted.select(covered < _COVERED_IOU)
    return Detections(
        np.concatenate([detected.boxes, missed.boxes]),
        np.concatenate([detected.scores, FADE * missed.scores]),
    )


def confirmed(poses: Poses, detected: int) -> Poses:
    """The people of the first `detected` boxes, and of the predicted ones that hold somebody.

    Somebody shows half of their joints. One who slid onto somebody else is left to the tracker,
    which tells doubles (tracking.duplicates).
    """
    seen = (poses.keypoint_scores >= _GOOD_JOINT).mean(1) >= _GOOD_SHARE
    seen[:detected] = True
    return poses if seen.all() else poses.select(seen)
