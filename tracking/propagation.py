"""People the detector missed: the pose network checks the boxes where they should be.

Xiao, Wu and Wei, ECCV 2018 (SimpleBaseline), section 3.1: boxes predicted from the last frame are
added to the detected ones, and the poses decide whether somebody is there.
"""

from __future__ import annotations

import numpy as np

from pose.people import Detections, Poses
from tracking.similarity import box_iou

FADE = 0.8  # factor on the score per frame without a detection: predictions do not last long
_COVERED_IOU = 0.3  # a predicted box that overlaps a detected one this much is not checked
_GOOD_JOINT = 0.3  # score
_GOOD_SHARE = 0.5  # of the joints that a pose in a predicted box must show


def with_missed(detected: Detections, predicted: Detections) -> Detections:
    """The detected boxes, then the predicted ones that no detected box covers."""
    if not len(predicted):
        return detected
    covered = box_iou(predicted.boxes, detected.boxes).max(1, initial=0)  # (P,)
    missed = predicted.select(covered < _COVERED_IOU)
    return Detections(
        np.concatenate([detected.boxes, missed.boxes]),
        np.concatenate([detected.scores, FADE * missed.scores]),
    )


def confirmed(poses: Poses, detected: int) -> Poses:
    """The people of the first `detected` boxes, and of predicted boxes that hold somebody.

    A predicted box holds somebody if half of the joints are seen. One that slid onto another person
    is left to the tracker, which drops duplicates (tracking.duplicates).
    """
    seen = (poses.keypoint_scores >= _GOOD_JOINT).mean(1) >= _GOOD_SHARE
    seen[:detected] = True
    return poses if seen.all() else poses.select(seen)
