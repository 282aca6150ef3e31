"""The true and predicted poses of a sequence, as the pairs that each metric needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evaluation.annotations import Sequence
from evaluation.matching import FramePairs, side_by_side
from pose.oks import oks
from pose.people import BoolArray, DoubleArray, IntArray
from pose.skeleton import POSETRACK15

MATCH_DISTANCE = 0.5  # of the head size, inclusive
_SIGMAS = np.array(POSETRACK15.sigmas)


class PosePairs(NamedTuple):
    """The M pairs of a true and a predicted person that share a frame, by frame, then truth."""

    truth: IntArray  # (M,) index in the truth's Sequence
    predicted: IntArray  # (M,) index in the prediction's
    distances: DoubleArray  # (M, 15) in head sizes; NaN where either lacks the joint
    starts: IntArray  # (F + 1,) where each frame's pairs begin
    truth_starts: IntArray  # (F + 1,) where each frame's people begin
    predicted_starts: IntArray  # (F + 1,)

    @property
    def matched(self) -> BoolArray:
        """Which joints (M, 15) are near enough."""
        return self.distances <= MATCH_DISTANCE


def pose_pairs(truth: Sequence, predicted: Sequence) -> PosePairs:
    """Pair all true with all predicted people, frame by frame; both have the same frames.

    Where a head has no size the distance is infinite, or NaN for a perfect hit: it never matches.
    """
    edges = np.arange(len(truth) + 1)
    truth_starts = np.searchsorted(truth.frame, edges)
    predicted_starts = np.searchsorted(predicted.frame, edges)
    g, p = side_by_side(truth.frame, predicted.frame)  # (M,) each
    offset = truth.keypoints[g] - predicted.keypoints[p]  # (M, 15, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = np.sqrt((offset**2).sum(-1)) / truth.head_px[g, None]  # (M, 15)
    starts = np.searchsorted(truth.frame[g], edges)
    return PosePairs(g, p, distances, starts, truth_starts, predicted_starts)


def without_low_scores(predicted: Sequence, threshold: float) -> Sequence:
    """Drop the joints that score less than `threshold`, and people who have none left."""
    gone = predicted.there & ~(predicted.scores >= threshold)
    rest = predicted.without_points(gone)
    stays = np.asarray(rest.there.any(1) | ~gone.any(1), bool)
    return rest.select(stays)


def frame_pairs(
    pairs: PosePairs, truth: Sequence, predicted: Sequence, values: DoubleArray, frames: IntArray
) -> list[FramePairs]:
    """Cut `values` (M, K) of the pairs into the given frames; K = 15 joints."""
    truth_there, predicted_there = truth.there.T, predicted.there.T  # (15, N)
    result = []
    for frame in frames.tolist():
        g = slice(pairs.truth_starts[frame], pairs.truth_starts[frame + 1])
        p = slice(pairs.predicted_starts[frame], pairs.predicted_starts[frame + 1])
        size = (g.stop - g.start, p.stop - p.start, values.shape[1])
        cut = values[pairs.starts[frame] : pairs.starts[frame + 1]].reshape(size)
        result.append(
            FramePairs(
                truth.ids[g],
                predicted.ids[p],
                truth_there[:, g],
                predicted_there[:, p],
                cut.transpose(2, 0, 1),
            )
        )
    return result


def similarities(distances: DoubleArray) -> DoubleArray:
    """PoseTrack21's similarity (M, K) of joints at `distances` (M, K) in head sizes.

    It falls from 1 to 0 at half a head; 0 for NaN.
    """
    return np.nan_to_num(np.maximum(0, 1 - distances / 0.5001), nan=0.0)


def person_similarities(pairs: PosePairs, truth: Sequence, predicted: Sequence) -> DoubleArray:
    """OKS (M, 1) of whole people over the joints that truth has, with PoseTrack's sigmas.

    PoseTrack gives no segment areas. A person's area is that of the box around the labelled joints,
    and at least the head size squared; a predicted joint that is missing counts as infinitely far.
    """
    with np.errstate(invalid="ignore"):
        low = np.where(truth.there[..., None], truth.keypoints, np.inf).min(1, initial=np.inf)
        high = np.where(truth.there[..., None], truth.keypoints, -np.inf).max(1, initial=-np.inf)
        sides = np.where(np.isfinite(high - low), high - low, 0)  # (G, 2)
    areas = np.maximum(sides[:, 0] * sides[:, 1], np.nan_to_num(truth.head_px) ** 2)  # (G,)
    squared = ((truth.keypoints[pairs.truth] - predicted.keypoints[pairs.predicted]) ** 2).sum(-1)
    variance = np.maximum(areas, np.spacing(1))[pairs.truth, None] * (2 * _SIGMAS) ** 2
    labelled = truth.there[pairs.truth].astype(np.float64)  # (M, 15)
    agreement, _ = oks(np.nan_to_num(squared, nan=np.inf), labelled, variance)  # (M,)
    return agreement[:, None]
