"""How similar poses are, by COCO's OKS (cocodataset.org, "Keypoint evaluation")."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

SEGMENT_SHARE = 0.53  # of a box that a person covers, where no area is given (crowdposetools)

_Float = TypeVar("_Float", bound=np.floating[Any])


@functools.cache
def variance_of_area(sigmas: tuple[float, ...]) -> NDArray[np.float64]:
    """COCO's variance of each joint (K,) for a person of one square pixel: (2 sigma)^2."""
    return np.square(2 * np.asarray(sigmas))


def oks(
    squared: NDArray[_Float], weights: NDArray[_Float], var: NDArray[_Float]
) -> tuple[NDArray[_Float], NDArray[_Float]]:
    """Object keypoint similarity (P,) of P pairs of people, and the sum (P,) of its weights.

    Weighted mean over the K joints of exp(-d^2 / (2 var)). squared (P, K): d^2; weights (P, K) in
    0..1: how confident a joint is in both people; var (P, K) in square pixels, for COCO's OKS
    `variance_of_area` times the person's area. 0 where no joint is common.
    """
    near = np.exp(squared * -0.5 / var)  # (P, K)
    common = weights.sum(1)
    return (near * weights).sum(1) / np.maximum(common, 1e-9), common
