"""What the networks see in a video, kept in a file for trackers that are run without networks.

And the whole program on a video, for settings that decide what the networks look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.recordings import FRAME_RATE
from pose.people import Frame, Poses
from pose.skeleton import SKELETONS
from tracking.pipeline import FrameResult, PipelineConfig, build_pipeline

LOWEST_SCORE = 0.2  # of people worth recording
_PARTS = ("boxes", "scores", "keypoints", "keypoint_scores", "appearance")


def poses_of_video(video: Path, detector: str, pose: str, keep: Path | None) -> list[Poses]:
    """The people of every frame; read from the folder `keep` where they were kept before."""
    kept = None if keep is None else keep / f"{video.stem}.npz"
    if kept is not None and kept.is_file():
        return _read(kept)
    from pose.detector import load_detector
    from pose.estimator import load_estimator

    detect = load_detector(detector, score_thr=LOWEST_SCORE)
    estimate = load_estimator(pose, appearance=True)
    people = [estimate(frame, detect(frame)) for frame in _frames(video)]
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        _write(kept, people)
    return people


def followed(video: Path, config: PipelineConfig) -> list[FrameResult]:
    """The whole program's results for every frame of a video."""
    return list(build_pipeline(config).follow(_frames(video)))


def _frames(video: Path) -> Iterator[Frame]:
    import cv2  # here, so that scoring recordings does without it

    capture = cv2.VideoCapture(str(video))
    while (read := capture.read())[0]:
        index = int(capture.get(cv2.CAP_PROP_POS_FRAMES)) - 1
        yield Frame(index, index / FRAME_RATE, np.asarray(read[1], np.uint8))
    capture.release()


def _write(path: Path, people: list[Poses]) -> None:
    parts = {name: np.concatenate([getattr(p, name) for p in people]) for name in _PARTS}
    counts = np.array([len(p) for p in people])
    kept: dict[str, Any] = {"skeleton": people[0].skeleton.name, "counts": counts, **parts}
    np.savez_compressed(path, **kept)


def _read(path: Path) -> list[Poses]:
    with np.load(path) as kept:
        skeleton = SKELETONS[str(kept["skeleton"])]
        ends = np.cumsum(kept["counts"])[:-1]
        parts = [np.split(kept[name], ends) for name in _PARTS]
    return [
        Poses(boxes, scores, keypoints, keypoint_scores, skeleton, appearance)
        for boxes, scores, keypoints, keypoint_scores, appearance in zip(*parts, strict=True)
    ]
