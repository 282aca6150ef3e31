"""TrackerConfig: everything that decides which id each person gets."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from tracking.assignment import Method

_SHARES = {
    "oks_weight",
    "joint_thr",
    "sure_pose",
    "double_oks",
    "low_thr",
    "high_thr",
    "birth_thr",
    "crowd_doubt",
}
_ABOVE_0 = {"min_similarity", "velocity_decay_s", "box_noise", "joint_noise"}
_SLOWEST_DECAY_S = 3600.0  # as good as never; far above it, rounding spoils the variances


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """Settings of a PoseTracker; equal settings and equal input give equal ids.

    Times are in seconds, distances in the picture in heights of the person. docs/tracking.md shows
    what each part contributes.
    """

    assignment: Method = "hungarian"
    oks_weight: float = 0.5  # share of OKS in the similarity of confident poses; the rest is IoU
    sigmas: tuple[float, ...] | None = None  # OKS constants (K,); None takes the skeleton's
    joint_thr: float = 0.2  # joints scored lower count as not seen
    box_margin: float = 0.15  # before IoU, boxes grow by this share of their size on each side
    appearance_weight: float = 0.3  # of the cosine between descriptors, where there are any
    min_similarity: float = 0.15  # pairs below it are not matched

    double_oks: float = 0.75  # detections in a frame with a higher OKS are one person; 1: never
    low_thr: float = 0.2  # people scored lower are ignored
    high_thr: float = 0.5  # people scored lower match with a penalty
    low_penalty: float = 2.0  # similarity deducted for each 1.0 of score below `high_thr`
    lost_penalty: float = 0.5  # similarity deducted for each second unseen ...
    lost_penalty_most: float = 0.15  # ... up to this

    birth_thr: float = 0.45  # lowest score that starts a new person
    sure_pose: float = 0.4  # mean joint score from which the person's counts in full; 0: always
    confirm_score: float = 1.5  # sum of scores from which a new person is shown
    crowd_doubt: float = 0.8  # share of the score that is ignored where people overlap
    candidate_s: float = 0.1  # a new person unseen for longer, before being shown, is dropped

    coast_s: float = 0.12  # a person unseen for up to this is shown as predicted; 0: never
    memory_s: float = 2.0  # a person unseen for longer is forgotten and comes back as a new one
    reach: float = 2.5  # standard deviations a lost person may be off and be found again; 0: never

    velocity_decay_s: float = 1.0  # an unseen person's speed falls to 1/e in this time
    acceleration: float = 3.0  # heights per second^1.5: how restless people are
    first_speed: float = 1.0  # heights per second: how fast a new person may already be
    box_noise: float = 0.05  # heights: standard deviation of a box's measurements
    joint_noise: float = 0.06  # heights: standard deviation of a joint of score 1

    def __post_init__(self) -> None:
        if self.assignment not in ("hungarian", "greedy"):
            raise ValueError(f"assignment is {self.assignment!r}, expected 'hungarian' or 'greedy'")
        if self.sigmas is not None and not all(0 < sigma < math.inf for sigma in self.sigmas):
            raise ValueError(f"sigmas is {self.sigmas}, expected numbers above 0")
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if name in ("assignment", "sigmas"):
                continue
            if name in _SHARES:
                fits, expected = 0 <= value <= 1, "0 to 1"
            elif name in _ABOVE_0:
                fits, expected = 0 < value < math.inf, "more than 0, but finite"
            else:
                fits, expected = 0 <= value < math.inf, "0 or more, but finite"
            if not fits:
                raise ValueError(f"{name} is {value}, expected {expected}")
        if (decay_s := self.velocity_decay_s) > _SLOWEST_DECAY_S:
            raise ValueError(f"velocity_decay_s is {decay_s}, expected up to {_SLOWEST_DECAY_S:g}")
