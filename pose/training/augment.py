"""Augmented training crops: warped, mirrored, partly hidden, blurred, in other colours.

Every random choice comes from the Generator passed in, so that a sample depends on its seed alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.geometry import crop_regions
from pose.networks import PADDING
from pose.people import FloatArray, ImageArray
from pose.skeleton import Skeleton

Rng = np.random.Generator
AnotherPicture = Callable[[], ImageArray | None]  # None where it cannot be decoded

_LOWER_BODY = ("pelvis", "hip", "knee", "ankle", "heel", "toe", "foot")


@dataclass(frozen=True, slots=True)
class PoseAugmentation:
    """Ranges and probabilities for crops of people."""

    scale: float = 0.3  # region times 1 +- at most this
    rotation_deg: float = 40.0  # standard deviation, clipped at twice that
    rotation_chance: float = 0.6
    turn_chance: float = 0.2  # of any angle instead: handstands, cartwheels, floor work
    shift: float = 0.1  # as a part of the region; a small detector's boxes are far from exact
    cut_chance: float = 0.3  # that the picture's edge cuts through the person
    half_body_chance: float = 0.25
    occlusion_chance: float = 0.3
    low_resolution_chance: float = 0.15
    colour: bool = True


def warp_person(
    image: ImageArray,
    box: FloatArray,
    keypoints: FloatArray,
    weights: FloatArray,
    skeleton: Skeleton,
    size_wh: tuple[int, int],
    rng: Rng,
    augmentation: PoseAugmentation,
    another: AnotherPicture,
) -> tuple[ImageArray, FloatArray, FloatArray]:
    """Cut out one person: crop (H, W, 3), keypoints (K, 2) in crop pixels, weights (K,).

    Joints outside the crop get weight 0. What hides part of the person is cut from `another`
    picture, or is of one colour if there is none. Crops have HRNet's padding even for sizes that
    use a tighter one at inference: the random scale varies by more than the two paddings differ.
    """
    angle = 0.0
    if rng.random() < augmentation.cut_chance:
        image, box, keypoints, weights = _cut(image, box, keypoints, weights, rng)
    if rng.random() < augmentation.half_body_chance:
        box = _half_body(box, keypoints, weights, skeleton, rng)
    if rng.random() < augmentation.turn_chance:
        angle = float(rng.uniform(-180, 180))
        box = _turned(box, angle)
    elif rng.random() < augmentation.rotation_chance:
        angle = augmentation.rotation_deg * float(np.clip(rng.normal(), -2, 2))
    flip = bool(rng.random() < 0.5)
    region = crop_regions(box[None], size_wh, PADDING)[0]  # centre x y, width height
    region[2:] *= 1 + augmentation.scale * rng.uniform(-1, 1)
    region[:2] += region[2:] * augmentation.shift * rng.uniform(-1, 1, 2)

    matrix = _crop_to_frame(region, size_wh, angle, flip)  # (2, 3)
    crop = as_bytes(
        cv2.warpAffine(image, matrix, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    )
    inverse = cv2.invertAffineTransform(matrix)
    points = keypoints @ inverse[:, :2].T + inverse[:, 2]  # (K, 2)
    if flip:
        points, weights = points[list(skeleton.mirror)], weights[list(skeleton.mirror)]
    inside = ((points >= 0) & (points <= np.array(size_wh) - 1)).all(1)
    weights = weights * inside
    crop = _degrade(crop, another, rng, augmentation)
    return crop, points.astype(np.float32), weights.astype(np.float32)


def as_bytes(image: NDArray[Any]) -> ImageArray:
    """The same array, typed: OpenCV's stubs only promise some number type."""
    return image.astype(np.uint8, copy=False)


def _crop_to_frame(
    region: FloatArray, size_wh: tuple[int, int], angle_deg: float, flip: bool
) -> FloatArray:
    """The affine (2, 3) from crop pixels to frame pixels, unbiased (see pose.geometry)."""
    scale = region[2:] / (np.array(size_wh, np.float32) - 1)
    turn = np.deg2rad(angle_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotation * scale * np.array([-1.0 if flip else 1.0, 1.0])  # (2, 2)
    middle = (np.array(size_wh) - 1) / 2
    offset = region[:2] - linear @ middle
    return np.concatenate([linear, offset[:, None]], axis=1).astype(np.float32)


def _cut(
    image: ImageArray, box: FloatArray, keypoints: FloatArray, weights: FloatArray, rng: Rng
) -> tuple[ImageArray, FloatArray, FloatArray, FloatArray]:
    """Cut the picture off across the person, as in close-ups; returns it with the person in it.

    One or two edges of the box (4,), most often the bottom, then the top, move in by 15 to 65% of
    its size. Nothing is cut if fewer than two labelled joints or 16 pixels would be left.
    """
    kept = box.copy()
    for side in rng.choice(4, rng.integers(1, 3), replace=False, p=(0.2, 0.25, 0.2, 0.35)):
        length = box[side - 2] - box[side]  # towards the opposite side
        kept[side] += rng.uniform(0.15, 0.65) * length
    whole = np.array([0, 0, image.shape[1], image.shape[0]])
    ends = np.where(kept == box, whole, kept.round().clip(0, np.tile(whole[2:], 2))).astype(int)
    shown = weights * ((keypoints >= ends[:2]) & (keypoints <= ends[2:] - 1)).all(1)
    if (shown > 0).sum() < 2 or (kept[2:] - kept[:2]).min() < 16:
        return image, box, keypoints, weights
    left, top, right, bottom = ends
    offset = np.array([left, top], np.float32)
    return image[top:bottom, left:right], kept - np.tile(offset, 2), keypoints - offset, shown


def _half_body(
    box: FloatArray, keypoints: FloatArray, weights: FloatArray, skeleton: Skeleton, rng: Rng
) -> FloatArray:
    """The box (4,) of the upper or the lower joints, where enough of them are labelled."""
    lower = np.array([name.endswith(_LOWER_BODY) for name in skeleton.names])
    chosen = (lower if rng.random() < 0.4 else ~lower) & (weights > 0)
    if chosen.sum() < 4 or (weights > 0).sum() < 8:
        return box
    low, high = keypoints[chosen].min(0), keypoints[chosen].max(0)
    margin = 0.1 * (high - low) + 2
    return np.concatenate([low - margin, high + margin]).astype(np.float32)


def _turned(box: FloatArray, angle_deg: float) -> FloatArray:
    """The axis-parallel box (4,) around a box rotated about its centre."""
    turn = np.deg2rad(angle_deg)
    swap = np.abs([[np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle, sides = (box[:2] + box[2:]) / 2, swap @ (box[2:] - box[:2])
    return np.concatenate([middle - sides / 2, middle + sides / 2]).astype(np.float32)


def _degrade(
    crop: ImageArray, another: AnotherPicture, rng: Rng, augmentation: PoseAugmentation
) -> ImageArray:
    """Apply low resolution, at times with blur, then colour changes and occlusion."""
    height, width = crop.shape[:2]
    if rng.random() < augmentation.low_resolution_chance:
        factor = rng.uniform(0.25, 0.7)
        small = cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        crop = as_bytes(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
        if rng.random() < 0.5:
            crop = as_bytes(cv2.blur(crop, (int(rng.integers(1, 6)), int(rng.integers(1, 4)))))
    if augmentation.colour:
        crop = jitter_colour(crop, rng)
    if rng.random() < augmentation.occlusion_chance:
        crop = _hide(crop, another(), rng)
    return crop


def _hide(crop: ImageArray, other: ImageArray | None, rng: Rng) -> ImageArray:
    """The crop with a rectangle hidden by a piece of another picture, or by one colour.

    Pieces of pictures, people included, teach more than plain shapes (Sárándi et al., How robust
    is 3D human pose estimation to occlusion?, 2018).
    """
    height, width = crop.shape[:2]
    size = np.maximum(np.array([width, height]) * rng.uniform(0.1, 0.4, 2), 1).astype(int)
    x, y = (int(rng.integers(0, limit)) for limit in (width, height))
    crop = crop.copy()
    place = crop[y : y + size[1], x : x + size[0]]
    if other is None:
        place[:] = rng.integers(0, 256, 3)
        return crop
    shown = np.minimum(size * rng.uniform(0.5, 2), other.shape[1::-1]).astype(int).clip(1)
    left, top = rng.integers(0, other.shape[1::-1] - shown + 1)
    piece = other[top : top + shown[1], left : left + shown[0]]
    place[:] = cv2.resize(piece, tuple(size.tolist()))[: place.shape[0], : place.shape[1]]
    return crop


def jitter_colour(image: ImageArray, rng: Rng) -> ImageArray:
    """Change each channel's gain and the offset of all, and sometimes make the picture grey."""
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
    offset = rng.uniform(-20, 20)
    levels = np.arange(256, dtype=np.float32)[:, None] * gain + offset  # (256, 3)
    table = np.clip(levels, 0, 255).astype(np.uint8)[None]  # (1, 256, 3)
    image = as_bytes(cv2.LUT(image, table))
    if rng.random() < 0.1:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = as_bytes(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    return image
