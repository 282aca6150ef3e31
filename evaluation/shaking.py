"""Disturb recordings: as if filmed by an unsteady hand, edited, seen a little differently or less.

The unsteady hand rotates and shifts every picture, and the detections and the truth move with it.
This measures only how the tracker copes with a moving camera, not what networks make of shaken
pictures; nor, for an edited film, how well its cuts are detected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from evaluation.recordings import Recording
from pose.people import DoubleArray, Poses

_STEADY = 0.8  # share of the hand's speed that remains after a frame
_SHIFT_PX = 8.0  # standard deviation of the hand's speed, per frame
_TURN_DEG = 0.3
_RETURN = 0.03  # share of the way back to the middle, each frame
_SHOT_FRAMES = 30  # from cut to cut
_EVERY = 3  # frames, of which a thinned recording has one
_OTHERS = 100_000  # added to the ids of the other camera's people
_TREMBLE_PX, _TREMBLE_SCORE = 0.7, 0.01  # standard deviations

Affine = NDArray[np.float64]  # (2, 3)


def hand_held(frames: int, size_wh: tuple[int, int] = (1280, 720)) -> list[Affine]:
    """How an unsteady hand rotates each frame about its centre, and shifts it."""
    rng = np.random.default_rng(0)
    scale = np.array([_SHIFT_PX, _SHIFT_PX, np.radians(_TURN_DEG)]) * np.sqrt(1 - _STEADY**2)
    place, speed, middle = np.zeros(3), np.zeros(3), np.array(size_wh) / 2  # x, y, angle
    moves = []
    for _ in range(frames):
        speed = _STEADY * speed + rng.normal(0, scale)
        place = (1 - _RETURN) * place + speed
        cos, sin = np.cos(place[2]), np.sin(place[2])
        turn = np.array([[cos, sin], [-sin, cos]])
        moves.append(np.column_stack([turn, middle - turn @ middle + place[:2]]))
    return moves


def shaken(recording: Recording, moves: Sequence[Affine]) -> Recording:
    """The recording (F frames) filmed so that frame n is moved by moves[n].

    Its `warps` are the camera's true motion from frame to frame.
    """
    whole = [np.vstack([move, [0, 0, 1]]) for move in moves]
    steps = [after @ np.linalg.inv(before) for before, after in pairwise(whole)]
    return replace(
        recording,
        people=[_moved(p, move) for p, move in zip(recording.people, moves, strict=True)],
        truth_boxes=[_moved_boxes(b, m) for b, m in zip(recording.truth_boxes, moves, strict=True)],
        warps=[None, *(step[:2].astype(np.float32) for step in steps)],
    )


def edited(one: Recording, other: Recording) -> Recording:
    """Two cameras' recordings as one film that alternates between them."""
    frames = min(len(one.people), len(other.people))
    shots = [n // _SHOT_FRAMES % 2 for n in range(frames)]
    cameras = one, other
    return replace(
        one,
        name=f"{one.name}, {other.name}",
        people=[cameras[shot].people[n] for n, shot in enumerate(shots)],
        truth_boxes=[cameras[shot].truth_boxes[n] for n, shot in enumerate(shots)],
        truth_ids=[cameras[shot].truth_ids[n] + _OTHERS * shot for n, shot in enumerate(shots)],
        shots=shots,
    )


def thinned(recording: Recording) -> Recording:
    """What a slow machine sees of a still camera's recording: every third frame."""
    return replace(
        recording,
        people=recording.people[::_EVERY],
        truth_boxes=recording.truth_boxes[::_EVERY],
        truth_ids=recording.truth_ids[::_EVERY],
        frame_rate=recording.frame_rate / _EVERY,
    )


def trembled(recording: Recording, seed: int) -> Recording:
    """The recording with boxes and scores moved by less than a detector's own error.

    A tracker's scores on one short video depend on chance. The mean over several such copies does
    so less.
    """
    rng = np.random.default_rng(seed)
    people = []
    for seen in recording.people:
        boxes = seen.boxes + rng.normal(0, _TREMBLE_PX, seen.boxes.shape)
        scores = np.clip(seen.scores + rng.normal(0, _TREMBLE_SCORE, len(seen)), 0, 1)
        moved = boxes.astype(np.float32), scores.astype(np.float32)
        people.append(replace(seen, boxes=moved[0], scores=moved[1]))
    return replace(recording, people=people)


def _moved(people: Poses, move: Affine) -> Poses:
    joints = people.keypoints @ move[:, :2].T + move[:, 2]
    boxes = _moved_boxes(people.boxes.astype(np.float64), move)
    return replace(people, boxes=boxes.astype(np.float32), keypoints=joints.astype(np.float32))


def _moved_boxes(boxes: DoubleArray, move: Affine) -> DoubleArray:
    """Boxes (N, 4) whose centres move; they stay upright and as large as they were."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return boxes + np.tile(centre @ move[:, :2].T + move[:, 2] - centre, 2)
