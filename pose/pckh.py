"""What PCKh measures by: the head, and joints within half of it (Andriluka et al., CVPR 2014)."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose.people import BoolArray
from pose.skeleton import Skeleton, same_joint

_Float = TypeVar("_Float", bound=np.floating[Any])


def head_lengths(keypoints: NDArray[_Float], skeleton: Skeleton) -> NDArray[_Float]:
    """From neck to head top (N,) in pixels, of keypoints (N, K, 2); NaN where one of them is.

    NaN for everybody where the skeleton lacks one. Of several necks MPII's upper neck is meant.
    """
    neck, top = (same_joint(name, skeleton.names) for name in ("upper_neck", "head_top"))
    if neck is None or top is None:
        return np.full(len(keypoints), np.nan, keypoints.dtype)
    return np.linalg.norm(keypoints[:, neck] - keypoints[:, top], axis=1)


def within_half_a_head(
    predicted: NDArray[_Float], truth: NDArray[_Float], head_px: NDArray[_Float]
) -> BoolArray:
    """Which joints (N, K) of `predicted` (N, K, 2) are off by no more than half a head (N,).

    Half a head itself counts, as in HRNet's code (lib/dataset/mpii.py). NaN anywhere: it does not.
    """
    distances = np.linalg.norm(predicted - truth, axis=2)  # (N, K)
    return distances <= 0.5 * head_px[:, None]
