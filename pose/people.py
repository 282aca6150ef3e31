"""The arrays that all parts pass on: a frame, the boxes found in it, the poses found in those.

Coordinates are float32 pixels of the full frame, x before y; an integer coordinate is the centre
of a pixel. Boxes are x1 y1 x2 y2. N = 0 works everywhere. Predictions are always finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import Skeleton, common_joints

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]  # where float32 is too coarse: filters, sums, scores
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ImageArray = NDArray[np.uint8]
Index = IntArray | BoolArray | slice | list[int]  # what numpy indexes the first axis with


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video."""

    index: int  # 0-based
    time_s: float  # since the first frame, from the source's own timestamps, never index / fps
    image: ImageArray  # (H, W, 3) BGR, never written to

    def __post_init__(self) -> None:
        if not isinstance(self.image, np.ndarray):
            raise ValueError(f"image is of {type(self.image)}, expected a numpy array")
        shape, kind = self.image.shape, self.image.dtype
        if len(shape) != 3 or shape[2] != 3 or kind != np.uint8:  # OpenCV would compute nonsense
            raise ValueError(f"image has shape {shape} of {kind}, expected (any, any, 3) of uint8")

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])


def _float32(array: object, shape: tuple[int | None, ...], name: str) -> FloatArray:
    """Return `array` as float32; raise ValueError unless it has `shape` (None = any length)."""
    result = np.asarray(array, dtype=np.float32)
    fits = result.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(result.shape, shape, strict=True)
    )
    if not fits:
        expected = tuple("any" if want is None else want for want in shape)
        raise ValueError(f"{name} has shape {result.shape}, expected {expected}")
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The person boxes found in one frame, as parallel arrays."""

    boxes: FloatArray  # (N, 4) x1 y1 x2 y2
    scores: FloatArray  # (N,) in 0..1

    def __post_init__(self) -> None:
        boxes = _float32(self.boxes, (None, 4), "boxes")
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", _float32(self.scores, (len(boxes),), "scores"))

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def empty(cls) -> Detections:
        """Nobody."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    def select(self, index: Index) -> Detections:
        """The people that `index` (a mask, indices or a slice) picks, in its order."""
        return Detections(self.boxes[index], self.scores[index])


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Every person found in one frame, as parallel arrays."""

    boxes: FloatArray  # (N, 4) x1 y1 x2 y2
    scores: FloatArray  # (N,) of the person, in 0..1
    keypoints: FloatArray  # (N, K, 2) x y
    keypoint_scores: FloatArray  # (N, K) in 0..1; 0 where the joint is not given
    skeleton: Skeleton  # what the K joints are
    appearance: FloatArray = field(  # (N, D) unit length, or (N, 0) where the network gives none
        default_factory=lambda: np.zeros((0, 0), np.float32)
    )

    def __post_init__(self) -> None:
        boxes = _float32(self.boxes, (None, 4), "boxes")
        people, joints = len(boxes), len(self.skeleton.names)
        appearance = np.asarray(self.appearance, np.float32)
        if appearance.size == 0:
            appearance = np.zeros((people, 0), np.float32)
        checked = {
            "boxes": boxes,
            "scores": _float32(self.scores, (people,), "scores"),
            "keypoints": _float32(self.keypoints, (people, joints, 2), "keypoints"),
            "keypoint_scores": _float32(self.keypoint_scores, (people, joints), "keypoint_scores"),
            "appearance": _float32(appearance, (people, None), "appearance"),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.boxes)

    def seen(self, kpt_thr: float) -> BoolArray:
        """Which joints (N, K) are given and score `kpt_thr` or more, even where that is 0."""
        return (self.keypoint_scores >= kpt_thr) & (self.keypoint_scores > 0)

    @classmethod
    def empty(cls, skeleton: Skeleton) -> Poses:
        """Nobody."""
        joints = len(skeleton.names)
        return cls(
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
            np.zeros((0, joints, 2), np.float32),
            np.zeros((0, joints), np.float32),
            skeleton,
        )

    @classmethod
    def stacked(cls, parts: Sequence[Poses]) -> Poses:
        """The people of all parts: one or more parts, all of one skeleton."""
        # A part without people does not tell how many features describe a person.
        parts = [part for part in parts if len(part)] or parts[:1]
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.keypoints for part in parts]),
            np.concatenate([part.keypoint_scores for part in parts]),
            parts[0].skeleton,
            np.concatenate([part.appearance for part in parts]),
        )

    def select(self, index: Index) -> Poses:
        """The people that `index` (a mask, indices or a slice) picks, in its order."""
        return Poses(
            self.boxes[index],
            self.scores[index],
            self.keypoints[index],
            self.keypoint_scores[index],
            self.skeleton,
            self.appearance[index],
        )

    def in_joints_of(self, skeleton: Skeleton) -> Poses:
        """These people with the joints of `skeleton`, by their names, and without appearance.

        Joints that they lack are at 0, 0 and score 0.
        """
        own, there = common_joints(self.skeleton, skeleton)
        keypoints = np.zeros((len(self), len(skeleton), 2), np.float32)
        scores = np.zeros((len(self), len(skeleton)), np.float32)
        keypoints[:, there], scores[:, there] = self.keypoints[:, own], self.keypoint_scores[:, own]
        return Poses(self.boxes, self.scores, keypoints, scores, skeleton)
