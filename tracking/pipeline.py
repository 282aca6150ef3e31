"""The one callable every frame goes through: detect, estimate, track.

The window, the batch command and a PoseTrack run differ only in the source before it and the sinks
after it. Everything that can be set reaches it through one frozen PipelineConfig.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from pose.errors import UserError
from pose.people import BoolArray, Detections, FloatArray, Frame, Poses
from pose.skeleton import Skeleton
from tracking.budget import Budget
from tracking.camera_motion import CameraMotion
from tracking.config import PipelineConfig
from tracking.propagation import confirmed, with_missed
from tracking.shots import Shot
from tracking.state import freeze, thaw
from tracking.tracker import PoseTracker
from tracking.tracks import FrameResult, TrackedPoses

__all__ = ["Detector", "Estimator", "FrameResult", "Pipeline", "PipelineConfig", "build_pipeline"]

_Found = TypeVar("_Found")


class Detector(Protocol):
    """Finds the people of a frame.

    A detector that can work in the background also has `submit(frame)`, which returns a function
    that waits for the people; one that can do less work has `effort`, a share of its input size.
    """

    def __call__(self, frame: Frame) -> Detections: ...


class Estimator(Protocol):
    """Finds the joints of all people in the boxes of a frame at once; may have `submit`, too."""

    @property
    def skeleton(self) -> Skeleton: ...

    def __call__(self, frame: Frame, detections: Detections) -> Poses: ...


class _Boxes(NamedTuple):
    """The detections of a frame, in progress."""

    wait: Callable[[], Detections] | None  # None: the detector does not run, people are predicted
    begun_ms: float  # time spent so far
    shot: Shot


class Pipeline:
    """Frame in, FrameResult out; frames of one video, in order.

    State across frames: the tracker, the frame count, the camera's last picture, the shot, and how
    much the detector may do. `reset` clears it for a new video.
    """

    def __init__(self, detector: Detector, estimator: Estimator, config: PipelineConfig) -> None:
        self.config = config
        self.detector = detector
        self.estimator = estimator
        self.reset()

    @property
    def skeleton(self) -> Skeleton:
        """What the joints of the poses are."""
        return self.estimator.skeleton

    def reset(self) -> None:
        """Forget everybody; the next frame is the first of a video."""
        self.tracker = PoseTracker(self.config.tracker)
        self._frames_done = 0
        self._camera = CameraMotion()
        self._shot = self._begun_shot = Shot()  # of the last frame finished, and started
        self.budget = Budget(self.config.max_latency_ms)

    def warm_up(self, size_wh: tuple[int, int] | None = None) -> None:
        """Run the networks once, so that the first frame of this size takes no longer than others.

        A network is compiled for every size of its input, which can take seconds. Without a size,
        only the pose network is run, whose input has always the same.
        """
        width, height = size_wh or (64, 64)
        blank = Frame(0, 0.0, np.zeros((height, width, 3), np.uint8))
        if size_wh is not None:
            self.detector(blank)
        whole = np.array([[0, 0, width, height]], np.float32)
        self.estimator(blank, Detections(whole, np.ones(1, np.float32)))

    def save(self) -> bytes:
        """The state that later people and ids depend on; `load` resumes from it.

        Where `max_latency_ms` decides how much the detector does, that is measured anew.
        """
        return freeze(self._state())

    def load(self, saved: bytes) -> None:
        """Resume where a pipeline of the same configuration was saved."""
        self._resume(*thaw(saved))

    def continue_from(self, older: Pipeline) -> None:
        """Go on in the middle of a video in the place of `older`, with its people and their ids.

        Their joints and appearance start anew if the pose network is another one.
        """
        self._resume(*older._state())
        self.tracker.config = self.config.tracker
        if self.config.pose != older.config.pose:
            self.tracker.forget_poses()

    def _state(self) -> tuple[PoseTracker, int, CameraMotion, Shot]:
        return self.tracker, self._frames_done, self._camera, self._shot

    def _resume(
        self, tracker: PoseTracker, frames_done: int, camera: CameraMotion, shot: Shot
    ) -> None:
        self.tracker, self._frames_done, self._camera = tracker, frames_done, camera
        self._shot = self._begun_shot = shot

    def __call__(self, frame: Frame) -> FrameResult:
        """Find and track the people of `frame`."""
        return self._finish(frame, self._begin(frame))()

    def follow(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        """Find and track the people of `frames`; faster than one call after the other.

        The next frame's poses start before this frame's are done, while the detector runs on the
        frame after, so that no core waits for another. Results are the same. An error in reading a
        frame is raised after the results of the frames before it.
        """
        failures: list[Exception] = []
        upcoming = _until_failure(frames, failures)
        frame, boxes = next(upcoming, None), None
        posing: deque[Callable[[], FrameResult]] = deque()  # at most two frames
        while frame is not None or posing:
            while frame is not None and self._poses_can_begin(len(posing)):
                posing.append(self._finish(frame, boxes or self._begin(frame, len(posing))))
                frame, boxes = next(upcoming, None), None
            if frame is not None and boxes is None and self._detects(len(posing)):
                boxes = self._begin(frame, len(posing))
            yield posing.popleft()()
        if failures:
            raise failures[0]

    def _poses_can_begin(self, ahead: int) -> bool:
        """Whether poses can start without the results of the `ahead` unfinished frames before."""
        on_its_own = not self.config.find_missed and not self.config.max_latency_ms
        return ahead == 0 or (ahead == 1 and on_its_own and self._detects(ahead))

    def _detects(self, ahead: int = 0) -> bool:
        """Whether the detector runs on the next frame, or on one `ahead` frames later."""
        every = max(self.config.detect_every, self.budget.detect_every)
        return (self._frames_done + ahead) % every == 0

    def _begin(self, frame: Frame, ahead: int = 0) -> _Boxes:
        """Start finding boxes; `wait` of the result waits for them."""
        if not isinstance(frame, Frame):
            said = "make each picture a Frame(index, time_s, image)"
            raise TypeError(f"expected Frames, not {type(frame).__name__}: {said}")
        start = time.perf_counter()
        wait = None
        last = self._begun_shot
        shot = self._begun_shot = last.after(frame) if self.config.shot_cuts else last
        if self._detects(ahead) or shot.number != last.number:
            if hasattr(self.detector, "effort"):
                self.detector.effort = self.budget.effort
            wait = _started(self.detector, frame)
        return _Boxes(wait, _since_ms(start), shot)

    def _finish(self, frame: Frame, boxes: _Boxes) -> Callable[[], FrameResult]:
        """Start estimating the poses in the boxes; the function returned waits and tracks."""
        start = time.perf_counter()
        shot = boxes.shot
        # Where people are predicted, the frame before is finished: the camera can be followed now
        predicts = boxes.wait is None or self.config.find_missed
        warp = self._camera_motion(frame, shot) if predicts else None
        expected = self.tracker.predict(frame.time_s, warp) if predicts else Detections.empty()
        detections = self._best(boxes.wait() if boxes.wait else expected)
        detect_ms = boxes.begun_ms + _since_ms(start)
        found = len(detections)
        if self.config.find_missed and shot.number == self.tracker.shot:
            detections = with_missed(detections, expected)
            if self.config.max_people:  # the detector's boxes come first
                detections = detections.select(slice(self.config.max_people))
        start = time.perf_counter()
        wait = _started(self.estimator, frame, detections)
        begun_ms = _since_ms(start)

        def finish() -> FrameResult:
            waiting = time.perf_counter()
            poses = confirmed(wait(), found)
            pose_ms = begun_ms + _since_ms(waiting)
            tracking = time.perf_counter()
            moved = warp if predicts else self._camera_motion(frame, shot)
            people = self._track(frame, poses, moved, shot.number)
            timings_ms = {"detect": detect_ms, "pose": pose_ms, "track": _since_ms(tracking)}
            self._frames_done += 1
            self._shot = shot
            self.budget.spend(sum(timings_ms.values()))
            camera = self._camera.so_far
            return FrameResult(frame, people, timings_ms, poses, shot.number, camera)

        return finish

    def _camera_motion(self, frame: Frame, shot: Shot) -> FloatArray | None:
        """The camera's motion (2, 3) since the frame before, as PoseTracker.update takes it."""
        if shot.number != self._shot.number:
            self._camera.begin_shot()
        if self.config.camera_motion:
            return self._camera(frame.image, self.tracker.predict().boxes)
        self._camera.skip()  # if switched on later: from that frame on
        return None

    def _track(
        self, frame: Frame, poses: Poses, warp: FloatArray | None, shot: int
    ) -> TrackedPoses:
        people = self.tracker.update(poses, frame.time_s, warp, shot)
        missed = self.tracker.coasting(poses.skeleton)
        if not len(missed):  # the usual case
            return people
        missed = _within(missed, frame.size_wh)
        if self.config.max_people:
            missed = missed.select(slice(max(self.config.max_people - len(people), 0)))
        return people.joined(missed)

    def _best(self, detections: Detections) -> Detections:
        """The best-scored people, at most `max_people`."""
        if not 0 < self.config.max_people < len(detections):
            return detections
        best = np.argsort(-detections.scores, kind="stable")[: self.config.max_people]
        return detections.select(best)


def _started(stage: Callable[..., _Found], *given: object) -> Callable[[], _Found]:
    """Start a stage in the background if it can work there; the function returned waits for it."""
    submit = getattr(stage, "submit", None)
    return submit(*given) if submit else partial(stage, *given)


def _within(people: TrackedPoses, size_wh: tuple[int, int]) -> TrackedPoses:
    """People whose centre is in the picture: one who has left it is not merely hidden."""
    middle = (people.poses.boxes[:, :2] + people.poses.boxes[:, 2:]) / 2  # (N, 2)
    within: BoolArray = np.all((middle >= 0) & (middle < size_wh), axis=1)
    return people.select(within)


def _until_failure(frames: Iterable[Frame], failures: list[Exception]) -> Iterator[Frame]:
    """The frames one by one; an error in reading ends them and goes into `failures`."""
    try:
        for frame in frames:  # noqa: UP028  `yield from` would close them if nobody reads on
            yield frame
    except Exception as failure:
        failures.append(failure)


def _since_ms(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def build_pipeline(config: PipelineConfig) -> Pipeline:
    """Load the networks that `config` names and put them together.

    Raises pose.weight_files.WeightsError and pose.runtime.DeviceError, both UserErrors, and
    UserError where the tracker's sigmas do not fit the pose network's skeleton.
    """
    # Imported here, so that the tracker alone can be used without loading torch.
    from pose.detector import load_detector
    from pose.estimator import load_estimator

    detector = load_detector(
        config.detector,
        config.device,
        score_thr=config.bbox_thr,
        nms_thr=config.nms_thr,
        size=config.detector_size,
    )
    estimator = load_estimator(
        config.pose, config.device, flip=config.flip, appearance=config.appearance
    )
    joints, sigmas = len(estimator.skeleton), config.tracker.sigmas
    if sigmas is not None and len(sigmas) != joints:
        raise UserError(f"sigmas: {len(sigmas)} given, but {config.pose} has {joints} joints")
    return Pipeline(detector, estimator, config)
