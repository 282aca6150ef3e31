"""PCKh: head lengths, and the joints within half of one (Andriluka et al., CVPR 2014)."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose.people import BoolArray
from pose.skeleton import Skeleton, same_joint

_Float = TypeVar("_Float", bound=np.floating[Any])

_NOT_IN_MEAN = ("pelvis", "thorax")


def joints_in_mean(skeleton: Skeleton) -> BoolArray:
    """Which joints (K,) the published mean of PCKh counts: all but MPII's pelvis and thorax.

    As MPII's own evaluation and HRNet's code have it (lib/dataset/mpii.py). The mean is the share
    of all labelled joints that are right, not the mean of the joints' shares.
    """
    return np.array([name not in _NOT_IN_MEAN for name in skeleton.names])


def head_lengths(keypoints: NDArray[_Float], skeleton: Skeleton) -> NDArray[_Float]:
    """Pixels (N,) from neck to head top of keypoints (N, K, 2); NaN where either is NaN.

    NaN for everybody where the skeleton lacks either. Of several necks, MPII's upper neck is used.
    """
    neck, top = (same_joint(name, skeleton.names) for name in ("upper_neck", "head_top"))
    if neck is None or top is None:
        return np.full(len(keypoints), np.nan, keypoints.dtype)
    return np.linalg.norm(keypoints[:, neck] - keypoints[:, top], axis=1)


def within_half_a_head(
    predicted: NDArray[_Float], truth: NDArray[_Float], head_px: NDArray[_Float]
) -> BoolArray:
    """Which joints (N, K) of `predicted` (N, K, 2) are off by no more than half a head (N,).

    Exactly half a head counts, as in HRNet's code (lib/dataset/mpii.py); NaN does not.
    """
    distances = np.linalg.norm(predicted - truth, axis=2)  # (N, K)
    return distances <= 0.5 * head_px[:, None]
