"""Everything that can be set: what decides who is found, and which id each person gets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

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
        for name in (entry.name for entry in fields(self)):
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


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """Everything that decides what a frame's people are; equal configs give equal results."""

    detector: str = "posse-detector"  # a name that `posse models` lists, or a file
    pose: str = "posse-pose"  # a name that `posse models` lists, or a file
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    bbox_thr: float = 0.3  # detections scored lower are dropped
    nms_thr: float = 0.65  # overlap (IoU) above which the lower-scored box is dropped
    kpt_thr: float = 0.3  # joints scored lower are not drawn, nor counted as seen
    flip: bool = False  # flip test: the mean of the crop's and its mirror's heatmaps
    detector_size: int = 0  # longer side of the picture the detector sees; 0: the network's own
    detect_every: int = 1  # the detector runs on every n-th frame; the tracker's boxes in between
    max_people: int = 0  # keep this many people, the best-scored; 0 keeps all
    max_latency_ms: float = 0.0  # the detector does less when frames take longer; 0: never
    appearance: bool = False  # describe what people look like, for the tracker
    find_missed: bool = False  # look for poses where the detector missed somebody just seen
    camera_motion: bool = True  # measure how the camera moved, for the tracker
    shot_cuts: bool = True  # detect cuts; nobody is matched with people of another shot
    tracker: TrackerConfig = field(default_factory=TrackerConfig)

    def __post_init__(self) -> None:
        for name in ("bbox_thr", "nms_thr", "kpt_thr"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected 0 to 1")
        if self.detect_every < 1:
            raise ValueError(f"detect_every is {self.detect_every}, expected 1 or more")
        for name in ("max_people", "max_latency_ms"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is {value}, expected 0 or more")
        if self.detector_size and not 64 <= self.detector_size <= 4096:  # more takes all memory
            raise ValueError(f"detector_size is {self.detector_size}, expected 64 to 4096, or 0")
