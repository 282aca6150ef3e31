"""The one callable every frame goes through: detect, estimate, track.

The window, the batch command and a PoseTrack run differ only in the source before it and the sinks
after it. Everything that can be set reaches it through one frozen PipelineConfig.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pose.people import Detections, Frame, Poses
from pose.skeleton import Skeleton
from tracking.state import freeze, thaw
from tracking.tracker import PoseTracker, TrackerConfig
from tracking.tracks import TrackedPoses


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """Everything that decides what a frame's people are; equal configs give equal results."""

    detector: str = "posse-detector"  # a name of pose.weights' table, or a file
    pose: str = "posse-pose"  # a name of pose.weights' table, or a file
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    bbox_thr: float = 0.3  # detections below are dropped
    nms_thr: float = 0.65  # overlap (IoU) above which the lower-scored box is dropped
    kpt_thr: float = 0.3  # joints below are not drawn, nor counted as seen
    flip: bool = False  # flip test: the mean of the crop's and its mirror's heatmaps
    detect_every: int = 1  # the detector runs on every n-th frame; between, the tracker's boxes
    max_people: int = 0  # keep the best-scored so many; 0 keeps all
    tracker: TrackerConfig = field(default_factory=TrackerConfig)

    def __post_init__(self) -> None:
        for name in ("bbox_thr", "nms_thr", "kpt_thr"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected 0 to 1")
        if self.detect_every < 1:
            raise ValueError(f"detect_every is {self.detect_every}, expected 1 or more")
        if self.max_people < 0:
            raise ValueError(f"max_people is {self.max_people}, expected 0 or more")


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """A frame, the people in it, and where its time went."""

    frame: Frame
    people: TrackedPoses
    timings_ms: Mapping[str, float]  # stage ("detect", "pose", "track") -> milliseconds


class Detector(Protocol):
    """Finds the people of a frame."""

    def __call__(self, frame: Frame) -> Detections: ...


class Estimator(Protocol):
    """Finds the joints of the people in the boxes, all of a frame at once."""

    @property
    def skeleton(self) -> Skeleton: ...

    def __call__(self, frame: Frame, detections: Detections) -> Poses: ...


class Pipeline:
    """Frame in, FrameResult out; frames of one video, in order.

    State across frames: the tracker, and the count since the detector last ran. `reset` forgets
    both, for a new video.
    """

    def __init__(self, detector: Detector, estimator: Estimator, config: PipelineConfig) -> None:
        self.config = config
        self._detect = detector
        self._estimate = estimator
        self.reset()

    @property
    def skeleton(self) -> Skeleton:
        """What the joints of the poses are."""
        return self._estimate.skeleton

    def reset(self) -> None:
        """Forget everybody; the next frame is the first of a video."""
        self.tracker = PoseTracker(self.config.tracker)
        self._since_detection = 0

    def save(self) -> bytes:
        """All that later frames depend on; `load` goes on from there, with the same ids."""
        return freeze((self.tracker, self._since_detection))

    def load(self, saved: bytes) -> None:
        """Go on where a pipeline of the same configuration was saved."""
        self.tracker, self._since_detection = thaw(saved)

    def __call__(self, frame: Frame) -> FrameResult:
        """Find and follow the people of `frame`."""
        timings_ms: dict[str, float] = {}
        with _timed(timings_ms, "detect"):
            detections = self._boxes(frame)
        with _timed(timings_ms, "pose"):
            poses = self._estimate(frame, detections)
        with _timed(timings_ms, "track"):
            people = self.tracker.update(poses, frame.time_s)
        return FrameResult(frame, people, timings_ms)

    def _boxes(self, frame: Frame) -> Detections:
        """Boxes from the detector, or on the frames between its runs from the tracker."""
        if self._since_detection % self.config.detect_every == 0:
            detections = self._detect(frame)
        else:
            detections = self.tracker.predict(frame.time_s)
        self._since_detection += 1
        if 0 < self.config.max_people < len(detections):
            best = np.argsort(-detections.scores, kind="stable")[: self.config.max_people]
            detections = detections.select(best)
        return detections


@contextmanager
def _timed(timings_ms: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings_ms[stage] = (time.perf_counter() - start) * 1000


def build_pipeline(config: PipelineConfig) -> Pipeline:
    """Load the networks that `config` names and put them together.

    Raises pose.weights.WeightsError and pose.runtime.DeviceError, both UserErrors.
    """
    # Here, so that the tracker alone can be used without loading torch.
    from pose.detector import load_detector
    from pose.estimator import load_estimator

    detector = load_detector(
        config.detector, config.device, score_thr=config.bbox_thr, nms_thr=config.nms_thr
    )
    estimator = load_estimator(config.pose, config.device, flip=config.flip)
    return Pipeline(detector, estimator, config)
