"""The frames of a real video, and recordings with the camera's motion as measured in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from evaluation.recordings import FRAME_RATE, Recording, TruthError
from evaluation.shaking import hand_held, shaken
from pose.people import Frame, ImageArray
from tracking.camera_motion import CameraMotion


def frames_of(video: Path) -> Iterator[Frame]:
    """The frames of a video, at the rate of every set. Raises TruthError where there is none."""
    capture = cv2.VideoCapture(str(video))
    if not capture.isOpened():
        raise TruthError(f"{video}: no video that can be read; name its folder by --data")
    index = 0
    while (read := capture.read())[0]:
        yield Frame(index, index / FRAME_RATE, np.asarray(read[1], np.uint8))
        index += 1
    capture.release()


def filmed(recording: Recording, images: Sequence[ImageArray]) -> Recording:
    """The recording (F frames) with the camera's motion, measured in its F pictures."""
    camera = CameraMotion()
    nobody = np.zeros((0, 4), np.float32)
    before = [nobody, *(people.boxes for people in recording.people)]
    warps = [camera(image, boxes) for image, boxes in zip(images, before, strict=False)]
    return replace(recording, warps=warps)


def filmed_by_hand(recording: Recording, images: Sequence[ImageArray]) -> Recording:
    """The same, as if an unsteady hand had filmed it."""
    size_wh = images[0].shape[1], images[0].shape[0]
    moves = hand_held(len(images), size_wh)
    moved = [
        np.asarray(cv2.warpAffine(image, move, size_wh, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        for image, move in zip(images, moves, strict=True)
    ]
    return filmed(shaken(recording, moves), moved)
