"""Keep what the networks see in a video in a file, so that trackers can run without networks.

Also runs the whole program on a video, for settings that decide what the networks look at.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.recordings import TEACHERS, Recording, gymnasts
from pose.people import Frame, Poses
from pose.skeleton import COCO17, SKELETONS
from tracking.pipeline import FrameResult, PipelineConfig, build_pipeline

LOWEST_SCORE = 0.2  # of people worth recording
_PARTS = ("boxes", "scores", "keypoints", "keypoint_scores", "appearance")


Eyes = Callable[[Frame], Poses]
"""A detector and a pose network: a frame -> the people in it."""


def poses_of_video(video: Path, eyes: Callable[[], Eyes], kept: Path | None) -> list[Poses]:
    """The people of every frame; read from the file `kept` where it exists already."""
    if kept is not None and kept.is_file():
        return _read(kept)
    from evaluation.footage import frames_of  # here, so that scoring recordings needs no OpenCV

    see = eyes()
    people = [see(frame) for frame in frames_of(video)]
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        _write(kept, people)
    return people


def gymnasts_seen(name: str, data: Path, networks: tuple[str, str], keep: Path | None) -> Recording:
    """The gymnasts as the networks of the set `name` see them: a teacher's, or `networks`.

    networks: a detector and a pose network of ours, by name or file. What they saw is kept in the
    folder `keep`, and read from there the next time the same weights are used.
    """
    teacher = name.partition("-")[2]
    if teacher in TEACHERS:
        kept, eyes = name, functools.partial(teachers_eyes, data.parent / "teachers", teacher)
    else:
        kept, eyes = f"gymnasts-{_fingerprint(networks)}", functools.partial(our_eyes, *networks)
    file = None if keep is None else keep / f"{kept}.npz"
    return gymnasts(data, lambda video: poses_of_video(video, eyes, file))


def _fingerprint(networks: Iterable[str]) -> str:
    from pose.weight_files import files_of, find_weights, sha256_of

    return "-".join(sha256_of(*files_of(find_weights(name)))[:8] for name in networks)


def our_eyes(detector: str, pose: str) -> Eyes:
    """Two networks of ours by name or file, appearance included."""
    from pose.detector import load_detector
    from pose.estimator import load_estimator

    detect = load_detector(detector, score_thr=LOWEST_SCORE)
    estimate = load_estimator(pose, appearance=True)
    return lambda frame: estimate(frame, detect(frame))


def teachers_eyes(folder: Path, detector: str) -> Eyes:
    """The teachers' detector `detector` in `folder`, followed by PP-TinyPose."""
    from evaluation.teachers import deim, rtmdet, tinypose, yolox

    detect = {"rtmdet": rtmdet, "deim": deim, "yolox": yolox}[detector](folder)
    estimate = tinypose(folder, flip=False)

    def see(frame: Frame) -> Poses:
        found = detect(frame.image)
        found = found.select(found.scores >= LOWEST_SCORE)
        if not len(found):
            return Poses.empty(COCO17)
        keypoints, scores = estimate(frame.image, found.boxes)
        return Poses(
            found.boxes.astype(np.float32),
            found.scores.astype(np.float32),
            keypoints.astype(np.float32),
            scores.astype(np.float32),
            COCO17,
        )

    return see


def followed(video: Path, config: PipelineConfig) -> list[FrameResult]:
    """The whole program's results for every frame of a video."""
    from evaluation.footage import frames_of

    return list(build_pipeline(config).follow(frames_of(video)))


def _write(path: Path, people: list[Poses]) -> None:
    everybody = Poses.stacked(people)
    parts: dict[str, Any] = {name: getattr(everybody, name) for name in _PARTS}
    counts = np.array([len(each) for each in people])
    np.savez_compressed(path, skeleton=everybody.skeleton.name, counts=counts, **parts)


def _read(path: Path) -> list[Poses]:
    with np.load(path) as kept:
        parts = {name: kept[name] for name in _PARTS}
        everybody = Poses(skeleton=SKELETONS[str(kept["skeleton"])], **parts)
        ends = np.cumsum(kept["counts"]).tolist()
    return [everybody.select(slice(start, end)) for start, end in pairwise([0, *ends])]
