"""Which skeleton a data set speaks of: from the `categories` of a COCO-keypoints file, or known.

`categories[i]` may hold, beside COCO's `keypoints` (names) and `skeleton` (limbs, counted from 1),
`sigmas` (a number per joint) and `mirror` (pairs of names). What is missing is guessed from the
joints' names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pose.skeleton import COCO17, SKELETONS, Skeleton, mirror_of

# By the last word of a joint's name; COCO's, and for the rest what is as hard to place.
_SIGMA_OF = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "neck": 0.079, "top": 0.079, "bottom": 0.079,
    "head": 0.079, "pelvis": 0.107, "thorax": 0.079, "toe": 0.068, "heel": 0.094, "hand": 0.062,
    "foot": 0.089,
}  # fmt: skip
_UNKNOWN_SIGMA = 0.079

_HAND = ("hand_root", *(f"{finger}{joint}" for finger in
         ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
         for joint in range(1, 5)))  # fmt: skip
# Jin et al.: Whole-Body Human Pose Estimation in the Wild, ECCV 2020; sigmas of its evaluation.
_FOOT_SIGMAS = (0.068, 0.066, 0.066, 0.092, 0.094, 0.094)
_FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037,
    0.038, 0.043, 0.041, 0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013,
    0.015, 0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009,
    0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034, 0.008, 0.008, 0.009, 0.008,
    0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008,
    0.008, 0.010, 0.008,
)  # fmt: skip
_HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026,
    0.017, 0.021, 0.021, 0.032, 0.020, 0.019, 0.022, 0.031,
)  # fmt: skip


def _face_twin(point: int) -> int:
    """The mirrored point of the 68 of a face (jaw, brows, nose, eyes, mouth)."""
    mirrored_sums = (
        (range(17), 16), (range(17, 27), 43), (range(31, 36), 66), ((36, 39, 42, 45), 81),
        ((37, 38, 43, 44), 81), ((40, 41, 46, 47), 87), (range(48, 55), 102),
        (range(55, 60), 114), (range(60, 65), 124), (range(65, 68), 132),
    )  # fmt: skip
    return next((total - point for points, total in mirrored_sums if point in points), point)


def _wholebody() -> Skeleton:
    names = (
        *COCO17.names,
        *(f"{side}_{part}" for side in ("left", "right") for part in
          ("big_toe", "small_toe", "heel")),
        *(f"face-{point}" for point in range(68)),
        *(f"{side}_{part}" for side in ("left", "right") for part in _HAND),
    )  # fmt: skip
    mirror = list(mirror_of(names))
    for point in range(68):
        mirror[23 + point] = 23 + _face_twin(point)
    sigmas = (*COCO17.sigmas, *_FOOT_SIGMAS, *_FACE_SIGMAS, *_HAND_SIGMAS, *_HAND_SIGMAS)
    feet = tuple(
        (names.index(f"{side}_{part}"), names.index(f"{side}_ankle"))
        for side in ("left", "right")
        for part in ("big_toe", "small_toe", "heel")
    )
    hands = tuple(
        (root if joint % 4 == 1 else root + joint - 1, root + joint)
        for root in (91, 112)
        for joint in range(1, 21)
    )
    return Skeleton("wholebody133", names, (*COCO17.limbs, *feet, *hands), tuple(mirror), sigmas)


WHOLEBODY133 = _wholebody()


def skeleton_of_category(category: Mapping[str, Any]) -> Skeleton:
    """The skeleton of one of a file's `categories`; a known one where the names are the same.

    Raises ValueError where names repeat, or a limb, mirror pair or list of sigmas does not fit.
    """
    names = tuple(str(name) for name in category["keypoints"])
    if len(set(names)) != len(names):
        raise ValueError(f"joint names repeat: {', '.join(names)}")
    own = category.get("sigmas"), category.get("mirror")
    if own == (None, None):
        for known in (*SKELETONS.values(), WHOLEBODY133):
            if known.names == names:
                return known
    sigmas = category.get("sigmas") or [guess_sigma(name) for name in names]
    limbs = tuple((int(a) - 1, int(b) - 1) for a, b in category.get("skeleton") or ())
    return Skeleton(
        str(category.get("name", "custom")),
        names,
        limbs,
        _mirror(names, category.get("mirror")),
        tuple(float(sigma) for sigma in sigmas),
    )


def _mirror(names: tuple[str, ...], pairs: Sequence[Sequence[str]] | None) -> tuple[int, ...]:
    if pairs is None:
        return mirror_of(names)
    mirror = list(range(len(names)))
    for a, b in pairs:
        first, second = names.index(a), names.index(b)
        mirror[first], mirror[second] = second, first
    return tuple(mirror)


def guess_sigma(name: str) -> float:
    """An OKS sigma for a joint of this name: that of the word it ends in, else a shoulder's."""
    last = name.lower().replace("-", "_").split("_")[-1]
    return _SIGMA_OF.get(last, _UNKNOWN_SIGMA)
