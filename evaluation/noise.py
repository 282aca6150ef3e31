"""Simulate detections from truth: what a detector and a pose network would see of real motion.

The model, with a fixed seed per recording; `level` scales each part (table LEVELS):

* Occlusion. A person whose box is covered by that of a nearer person (with the camera above the
  ground, the lower bottom edge is nearer) has a lower score, a noisier box and noisier joints, and
  is missed more often.
* Misses come in bursts: each person is a two-state Markov chain, seen or missed.
* Boxes: each edge moves by a Gaussian share of the box size, part of which changes only slowly.
* Joints: Gaussian noise by each joint's OKS sigma; now and then one jumps onto the same joint of a
  neighbour whose box covers it; now and then left and right legs or arms are swapped.
* False people: extra boxes that last for a few frames, at random places or as a second, shifted
  copy of a true person, most of them with low scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose.people import BoolArray, DoubleArray, IntArray, Poses
from pose.skeleton import COCO17, Skeleton

Generator = np.random.Generator


@dataclass(frozen=True, slots=True)
class Level:
    """How bad the detections are."""

    miss: float  # share of appearances missed in the open
    occluded_miss: float  # further share missed where a person is fully covered
    burst_frames: float  # mean length of a run of misses
    box: float  # standard deviation of a box edge, in box sizes
    joint: float  # standard deviation of a joint, in OKS sigmas (times the root of the area)
    jump: float  # chance that a covered joint lands on the neighbour's
    limb_swap: float  # chance per person and frame that a pair of limbs is swapped
    false_people: float  # false people per frame, on average


LEVELS = {
    "mild": Level(0.03, 0.3, 2, 0.02, 0.5, 0.1, 0.02, 0.1),
    "medium": Level(0.08, 0.5, 4, 0.04, 1.0, 0.25, 0.05, 0.3),
    "hard": Level(0.16, 0.7, 6, 0.07, 1.6, 0.4, 0.1, 0.8),
}


def covered(boxes: DoubleArray) -> tuple[DoubleArray, IntArray]:
    """Largest share of each box covered by a nearer neighbour, and its index, (N,) each."""
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])  # (N, N, 2)
    sides = np.maximum(np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - corner, 0)
    area = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1e-9)
    share = sides.prod(-1) / area[:, None]  # (N, N)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]  # column j stands nearer than row i
    share = np.where(nearer, share, 0)
    if not len(boxes):
        return np.zeros(0), np.zeros(0, np.int64)
    return share.max(1), share.argmax(1)


def detections(
    boxes: list[DoubleArray],
    ids: list[IntArray],
    keypoints: list[DoubleArray],
    skeleton: Skeleton,
    level: Level,
    seed: int,
) -> list[Poses]:
    """Noisy people of each frame, in random order.

    boxes (G, 4), ids (G,) and keypoints (G, K, 2) of each frame; NaN joints come back with score 0.
    """
    rng = np.random.default_rng(seed)
    observer = _Observer(level, rng)
    intruders = _Intruders(level, rng, boxes)
    frames = []
    for frame_boxes, frame_ids, frame_joints in zip(boxes, ids, keypoints, strict=True):
        people = observer.see(frame_boxes, frame_ids, frame_joints, skeleton)
        false = intruders.step(people, skeleton)
        everybody = Poses.stacked([people, false])
        frames.append(everybody.select(rng.permutation(len(everybody))))
    return frames


class _Observer:
    """Sees true people, with errors that persist over frames for each id."""

    def __init__(self, level: Level, rng: Generator) -> None:
        self.level = level
        self.rng = rng
        self.missed: dict[int, bool] = {}
        self.shift: dict[int, DoubleArray] = {}  # (4,) slowly changing part of a box error

    def see(
        self, boxes: DoubleArray, ids: IntArray, joints: DoubleArray, skeleton: Skeleton
    ) -> Poses:
        level, rng, count = self.level, self.rng, len(boxes)
        occlusion, by = covered(boxes)  # (N,)
        missed = self._misses(ids.tolist(), occlusion)
        sizes = np.tile(boxes[:, 2:] - boxes[:, :2], 2)  # (N, 4)
        shaky = 1 + occlusion[:, None]
        for person in ids.tolist():
            last = self.shift.get(person, rng.normal(0, 1, 4))
            self.shift[person] = 0.9 * last + np.sqrt(1 - 0.81) * rng.normal(0, 1, 4)
        slow = np.array([self.shift[i] for i in ids.tolist()]).reshape(count, 4)
        error = 0.7 * slow + 0.7 * rng.normal(0, 1, (count, 4))
        seen_boxes = boxes + level.box * sizes * shaky * error
        scores = np.clip(0.88 - 0.55 * occlusion + rng.normal(0, 0.08, count), 0.05, 0.99)

        scale = np.sqrt(np.maximum(sizes[:, 0] * sizes[:, 1], 1))  # (N,)
        spread = level.joint * np.array(skeleton.sigmas) * scale[:, None] * shaky  # (N, K)
        seen = joints + rng.normal(0, 1, joints.shape) * spread[..., None]
        hidden = _inside(joints, boxes[by]) & (occlusion[:, None] > 0.05) if count else None
        joint_scores = rng.uniform(0.6, 0.95, joints.shape[:2])
        if hidden is not None:
            jumps = hidden & (rng.uniform(size=hidden.shape) < level.jump)
            seen = np.where(jumps[..., None], joints[by] + (seen - joints), seen)
            joint_scores = np.where(hidden, rng.uniform(0.1, 0.6, hidden.shape), joint_scores)
        seen = self._limb_swaps(seen, skeleton)
        given = np.isfinite(seen[..., 0])  # (N, K)
        poses = _people(
            seen_boxes,
            scores,
            np.where(given[..., None], seen, 0),
            np.where(given, joint_scores, 0),
            skeleton,
        )
        return poses.select(~missed)

    def _misses(self, ids: list[int], occlusion: DoubleArray) -> BoolArray:
        """Who is missed (N,): a Markov chain per person with the level's share and burst length."""
        level = self.level
        result = np.zeros(len(ids), bool)
        for n, person in enumerate(ids):
            share = min(level.miss + level.occluded_miss * occlusion[n] ** 2, 0.95)
            back = 1 / level.burst_frames
            gone = min(back * share / (1 - share), 1.0)  # makes `share` the stationary probability
            chance = 1 - back if self.missed.get(person, False) else gone
            result[n] = self.missed[person] = bool(self.rng.uniform() < chance)
        return result

    def _limb_swaps(self, joints: DoubleArray, skeleton: Skeleton) -> DoubleArray:
        """Swap left and right of the legs or of the arms of some people."""
        legs = [k for k, n in enumerate(skeleton.names) if n.endswith(("hip", "knee", "ankle"))]
        arms = [k for k, n in enumerate(skeleton.names) if n.endswith(("elbow", "wrist"))]
        mirror = np.array(skeleton.mirror)
        swapped = joints.copy()
        for limbs in (legs, arms):
            who = np.flatnonzero(self.rng.uniform(size=len(joints)) < self.level.limb_swap)
            swapped[who[:, None], limbs] = joints[who[:, None], mirror[limbs]]
        return swapped


class _Intruders:
    """False people: each lasts for a few frames and drifts a little."""

    def __init__(self, level: Level, rng: Generator, boxes: list[DoubleArray]) -> None:
        self.rng = rng
        self.births = level.false_people / 3  # a mean life of three frames
        every = np.concatenate([*boxes, np.zeros((0, 4))])
        self.area = (every.min(0), every.max(0)) if len(every) else (np.zeros(4), np.ones(4))
        self.sizes = every[:, 2:] - every[:, :2]
        self.boxes = np.zeros((0, 4))
        self.scores = np.zeros(0)

    def step(self, people: Poses, skeleton: Skeleton) -> Poses:
        rng = self.rng
        stay = rng.uniform(size=len(self.boxes)) < 2 / 3
        self.boxes, self.scores = self.boxes[stay], self.scores[stay]
        for _ in range(rng.poisson(self.births) if len(self.sizes) else 0):
            if len(people) and rng.uniform() < 0.5:  # a second box on a person
                box = people.boxes[rng.integers(len(people))].astype(np.float64)
                size = box[2:] - box[:2]
                box = box + np.tile(rng.normal(0, 0.2, 2) * size, 2)
                box[2:] = box[:2] + size * rng.uniform(0.6, 1.1)
            else:
                size = self.sizes[rng.integers(len(self.sizes))] * rng.uniform(0.6, 1.2)
                low = rng.uniform(self.area[0][:2], self.area[1][2:])
                box = np.concatenate([low, low + size])
            self.boxes = np.concatenate([self.boxes, box[None]])
            self.scores = np.append(self.scores, rng.beta(2, 3))
        count = len(self.boxes)
        sizes = self.boxes[:, 2:] - self.boxes[:, :2]
        self.boxes = self.boxes + np.tile(rng.normal(0, 0.02, (count, 2)) * sizes, 2)
        joints = (
            self.boxes[:, None, :2]
            + rng.uniform(0, 1, (count, len(skeleton), 2)) * (sizes[:, None])
        )
        joint_scores = rng.uniform(0.05, 0.5, (count, len(skeleton)))
        if not people.keypoint_scores.any():  # a recording of boxes alone
            joint_scores[:] = 0
        scores = np.clip(self.scores + rng.normal(0, 0.05, count), 0.05, 0.95)
        return _people(self.boxes, scores, joints, joint_scores, skeleton)


def _inside(points: DoubleArray, boxes: DoubleArray) -> BoolArray:
    """Which points (N, K, 2) lie in the box (N, 4) of their row: (N, K)."""
    within = (points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])  # (N, K, 2)
    return within[..., 0] & within[..., 1]


def _people(
    boxes: DoubleArray,
    scores: DoubleArray,
    joints: DoubleArray,
    joint_scores: DoubleArray,
    skeleton: Skeleton,
) -> Poses:
    """Poses from float64 arrays."""
    single = np.float32
    return Poses(
        boxes.astype(single),
        scores.astype(single),
        joints.astype(single),
        joint_scores.astype(single),
        skeleton,
    )


def crowd(people: int, frames: int) -> list[Poses]:
    """This number of people with poses, walking about a picture that grows with their number."""
    rng = np.random.default_rng(people)
    side = 200 * np.sqrt(people)
    places, speeds = rng.uniform(0, side, (people, 2)), rng.normal(0, 2, (people, 2))
    shapes = rng.uniform(-1, 1, (people, len(COCO17), 2)) * (25, 75)
    seen = []
    for _ in range(frames):
        places = places + speeds
        half = np.array([25, 75])
        boxes = np.concatenate([places - half, places + half], axis=1)
        joints = places[:, None] + shapes
        seen.append(
            _people(
                boxes + rng.normal(0, 2, boxes.shape),
                np.full(people, 0.9),
                joints + rng.normal(0, 2, joints.shape),
                np.full(joints.shape[:2], 0.9),
                COCO17,
            )
        )
    return seen
