"""One person as limbs and joints: the place, width and colour of each line and dot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pose.people import FloatArray, Poses
from pose.skeleton import Skeleton, same_joint

if TYPE_CHECKING:
    from app.overlay import OverlayStyle

OUTLINE_DARKNESS = 0.28  # the outline is the person's colour at this brightness
RIGHT_SIDE_DARKNESS = 0.72  # right limbs have this share of the brightness, to tell sides apart
# Width of a limb at each joint, relative to the hip's; other joints get DEFAULT_WIDTH
JOINT_WIDTHS = {
    "hip": 1.0, "shoulder": 1.0, "neck": 0.85, "head_bottom": 0.85, "knee": 0.85, "elbow": 0.75,
    "ankle": 0.6, "wrist": 0.55, "nose": 0.55, "head_top": 0.5, "eye": 0.35, "ear": 0.35,
}  # fmt: skip
DEFAULT_WIDTH = 0.7


def figure(
    poses: Poses, person: int, colour: FloatArray, scale: float, style: OverlayStyle
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """One person's segments (S, 6), their colours (S, 4), circles (C, 3), their colours (C, 4).

    Every shape comes twice: a dark, wider outline first, then the colour.
    """
    how = _figure_of(poses.skeleton)
    points = poses.keypoints[person]  # (K, 2)
    seen = poses.seen(style.kpt_thr)[person]  # (K,)
    neck, neck_seen = np.zeros((1, 2), np.float32), False
    if how.shoulders is not None:
        pair = list(how.shoulders)
        neck, neck_seen = points[pair].mean(axis=0, keepdims=True), bool(seen[pair].all())
    points = np.concatenate([points, neck])  # (K + 1, 2)
    seen = np.append(seen, neck_seen)  # (K + 1,)
    outline = max(1.0, 0.22 * scale)
    dark = np.array([*(colour * OUTLINE_DARKNESS), 255], np.float32)

    segments, segment_colours = no_rows(6), no_rows(4)
    if style.skeleton:
        limbs = how.limbs[seen[how.limbs].all(axis=1)]  # (L, 2) with both ends seen
        ends = points[limbs].reshape(-1, 4)  # (L, 4)
        widths = how.widths[limbs] * scale  # (L, 2)
        bright = how.darkness[limbs].min(axis=1)[:, None] * colour  # (L, 3)
        segments, segment_colours = _outlined(ends, widths, 2 * outline, bright, dark)

    circles, circle_colours = no_rows(3), no_rows(4)
    if style.joints:
        joints = np.flatnonzero(seen[:-1])  # (J,) the computed neck gets no dot
        radius = 0.8 * scale if style.radius is None else style.radius
        radii = np.maximum(how.widths[joints] * radius, 1.0)[:, None]  # (J, 1)
        light = (how.darkness[joints][:, None] * colour) * 0.45 + 255 * 0.55  # (J, 3)
        if style.heat:
            light = _heat(poses.keypoint_scores[person, joints])
        circles, circle_colours = _outlined(points[joints], radii, outline, light, dark)
    return segments, segment_colours, circles, circle_colours


def _outlined(
    places: FloatArray, sizes: FloatArray, wider: float, colours: FloatArray, dark: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The outlines of S shapes, `wider` and of the colour `dark` (4,), then the shapes themselves.

    places (S, P) and sizes (S, W) become rows (2 S, P + W); colours (S, 3) become (2 S, 4).
    """
    opaque = np.full((len(places), 1), 255, np.float32)
    return (
        np.concatenate([np.hstack([places, sizes + wider]), np.hstack([places, sizes])]),
        np.concatenate([np.tile(dark, (len(places), 1)), np.hstack([colours, opaque])]),
    )


def no_rows(columns: int) -> FloatArray:
    """An empty array, (0, columns)."""
    return np.zeros((0, columns), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Figure:
    """How a skeleton is drawn; if it has no neck, a nose-to-neck limb replaces ear-to-shoulder."""

    limbs: NDArray[np.int64]  # (L, 2); joint K is the middle of the shoulders
    widths: FloatArray  # (K + 1,) relative to the hip's
    darkness: FloatArray  # (K + 1,) 1, or less on the right side
    shoulders: tuple[int, int] | None  # joint K is the middle of these two; None: unused


@cache
def _figure_of(skeleton: Skeleton) -> _Figure:
    names = skeleton.names
    widths = [
        next((w for part, w in JOINT_WIDTHS.items() if name.endswith(part)), DEFAULT_WIDTH)
        for name in names
    ]
    darkness = [RIGHT_SIDE_DARKNESS if name.startswith("right") else 1.0 for name in names]
    limbs = list(skeleton.limbs)
    shoulders = None
    # COCO has no neck: a line from the nose to the middle of the shoulders replaces ear-shoulder
    if "nose" in names and "left_shoulder" in names and same_joint("neck", names) is None:
        shoulders = (names.index("left_shoulder"), names.index("right_shoulder"))
        limbs = [
            limb for limb in limbs if {names[j].split("_")[-1] for j in limb} != {"ear", "shoulder"}
        ]
        limbs.insert(0, (names.index("nose"), len(names)))  # first, so it lies under the shoulders
    return _Figure(
        np.array(limbs, np.int64).reshape(-1, 2),
        np.array([*widths, JOINT_WIDTHS["neck"]], np.float32),
        np.array([*darkness, 1.0], np.float32),
        shoulders,
    )


def _heat(scores: FloatArray) -> FloatArray:
    """(J, 3) colours of joint scores (J,): red at 0, yellow at a half, green at 1."""
    stops = np.array([[235, 60, 50], [250, 205, 60], [70, 205, 95]], np.float32)
    channels = [np.interp(scores, [0, 0.5, 1], stops[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)
