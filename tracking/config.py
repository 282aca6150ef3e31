"""TrackerConfig: everything that decides who is who."""

from __future__ import annotations

from dataclasses import dataclass

from tracking.assignment import Method


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """Settings of a PoseTracker; equal settings and equal input give equal ids.

    Lengths of time are in seconds, lengths in the picture in heights of the person.
    """

    assignment: Method = "hungarian"
    oks_weight: float = (
        0.5  # share of OKS in the similarity where all joints are sure; the rest IoU
    )
    joint_thr: float = 0.2  # joints scored lower count as not seen
    sigmas: tuple[float, ...] | None = None  # OKS constants (K,); None takes the skeleton's
    box_margin: float = 0.3  # boxes are grown by this share of their size before IoU
    min_similarity: float = 0.15  # pairs below are not the same person
    high_thr: float = 0.5  # people scored higher are matched first and may start a track
    low_thr: float = 0.1  # people scored lower are ignored
    second_pass: bool = True  # people between the two may continue a track
    birth_thr: float = 0.5  # score from which a new person may start
    confirm_score: float = 1.0  # sum of scores after which a new person is shown
    memory_s: float = 2.0  # a person lost for longer is forgotten and comes back as a new one
    velocity_decay_s: float = 0.5  # a lost person's speed falls to 1/e in this time
    acceleration: float = 4.0  # heights per second^1.5: how restless people are
    box_noise: float = 0.05  # heights: how unsteady the detector's boxes are
    joint_noise: float = 0.03  # heights: how unsteady a sure joint is

    def __post_init__(self) -> None:
        if self.assignment not in ("hungarian", "greedy"):
            raise ValueError(f"assignment is {self.assignment!r}, expected 'hungarian' or 'greedy'")
        for name in ("oks_weight", "joint_thr", "high_thr", "low_thr", "birth_thr"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected 0 to 1")
        for name in ("memory_s", "velocity_decay_s", "acceleration", "box_noise", "joint_noise"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value}, expected more than 0")
