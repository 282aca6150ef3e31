"""How long each stage of processing a frame takes: the functions to time, and the timing."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from app.overlay import Overlay, OverlayStyle
from app.paint import rasterise
from app.video.recorder import Recorder
from app.video.source import open_source
from pose.command import counted
from pose.detector import PersonDetector
from pose.estimator import PoseEstimator
from pose.people import Detections, FloatArray, Frame
from tracking.camera_motion import CameraMotion
from tracking.pipeline import FrameResult
from tracking.tracker import PoseTracker


@dataclass(frozen=True, slots=True)
class Timing:
    """One stage, in milliseconds per frame."""

    stage: str
    median_ms: float
    best_ms: float
    cpu_ms: float  # of all cores together, median; what counts where stages overlap


def time_stage(stage: str, work: Callable[[], object], repeats: int, *, frames: int = 1) -> Timing:
    """Time `work`, a stage's work on that many `frames`, after two calls to warm it up."""
    work(), work()
    wall, cpu = [], []
    for _ in range(repeats):
        start, cpu_start = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - start) * 1000 / frames)
        cpu.append((time.process_time() - cpu_start) * 1000 / frames)
    return Timing(stage, statistics.median(wall), min(wall), statistics.median(cpu))


def first_frames(video: Path, count: int) -> Iterator[Frame]:
    """The first `count` frames of a video, one by one."""
    with open_source(video) as source:
        for _, frame in zip(range(count), source, strict=False):
            yield frame


def scaled(frame: Frame, height: int) -> Frame:
    """The frame at another height, with an even width as H.264 requires."""
    width = round(frame.size_wh[0] * height / frame.size_wh[1] / 2) * 2
    image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_LINEAR)
    return Frame(frame.index, frame.time_s, np.asarray(image, np.uint8))


def write_video(frames: Iterable[Frame], path: Path) -> None:
    """Write frames, one or more of one size, as a video of 25 frames per second."""
    with contextlib.ExitStack() as stack:
        recorder: Recorder | None = None
        for frame in frames:
            if recorder is None:
                recorder = stack.enter_context(Recorder(path, frame.size_wh, Fraction(25)))
            recorder.put(frame.image, frame.time_s)


def people_boxes(frame: Frame, count: int, found: Detections) -> Detections:
    """`count` boxes on a frame: the found ones, best first, then shifted copies of them.

    Where nothing was found they are upright boxes a third of the frame high.
    """
    width, height = frame.size_wh
    boxes = found.boxes
    if not len(boxes):
        box = np.array([0, 0, height / 8, height / 3]) + width / 3
        boxes = box[None].astype(np.float32)
    rounds = np.arange(count) // len(boxes)  # (count,)
    moved: FloatArray = boxes[np.arange(count) % len(boxes)] + 7.0 * rounds[:, None]
    return Detections(moved.astype(np.float32), np.full(count, 0.9, np.float32))


def stage_timings(
    video: Path,
    frames: Sequence[Frame],
    detect: PersonDetector,
    estimate: PoseEstimator,
    people: Sequence[int],
    repeats: int,
) -> list[Timing]:
    """Every stage on its own, one after the other, on the first frames of a video.

    Tracking, drawing and encoding are timed with the number of people nearest to five.
    """
    frame = frames[0]
    timings = [_decoding(video, len(frames))]
    timings.append(time_stage("detect", lambda: detect(frame), repeats))
    found = detect(frame)
    for count in people:
        boxes = people_boxes(frame, count, found)
        label = f"pose, {counted(count, 'person', 'people')}"
        timings.append(time_stage(label, partial(estimate, frame, boxes), repeats))
    usual = min(people, key=lambda count: abs(count - 5))
    timings += _after_inference(frames, estimate, people_boxes(frame, usual, found), repeats)
    return timings


def _decoding(video: Path, count: int) -> Timing:
    """Decoding the first frames in one go, per frame."""

    def decode() -> None:
        for _ in first_frames(video, count):
            pass

    return time_stage("decode", decode, 3, frames=count)


def _after_inference(
    frames: Sequence[Frame], estimate: PoseEstimator, boxes: Detections, repeats: int
) -> list[Timing]:
    def follow_the_camera() -> None:
        camera = CameraMotion()
        for frame in frames:
            camera(frame.image, boxes.boxes)

    camera = time_stage("camera, while it moves", follow_the_camera, 3, frames=len(frames))
    poses = estimate(frames[0], boxes)
    tracker = PoseTracker()
    clock = iter(range(10**9))
    track = time_stage("track", lambda: tracker.update(poses, next(clock) / 25), repeats)
    people = tracker.update(poses, next(clock) / 25)
    overlay = Overlay(OverlayStyle())

    def draw() -> object:
        frame = Frame(0, next(clock) / 25, frames[0].image)
        return rasterise(overlay.layout(FrameResult(frame, people, {})), frame.image)

    drawing = time_stage("draw", draw, repeats)
    with tempfile.TemporaryDirectory() as folder:

        def encode() -> None:
            write_video(frames, Path(folder) / "encoded.mp4")

        encoding = time_stage("encode", encode, 3, frames=len(frames))
    return [camera, track, drawing, encoding]
