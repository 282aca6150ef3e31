"""Which skeleton a data set speaks of: from the `categories` of a COCO-keypoints file, or known.

`categories[i]` may hold, beside COCO's `keypoints` (names) and `skeleton` (limbs, counted from 1),
`sigmas` (a number per joint) and `mirror` (pairs of names). What is missing is guessed from the
joints' names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pose.reading import ContentError, number, whole
from pose.skeleton import SKELETONS, Skeleton, mirror_of

# By the last word of a joint's name; COCO's, and for the rest what is as hard to place.
_SIGMA_OF = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "neck": 0.079, "top": 0.079, "bottom": 0.079,
    "head": 0.079, "pelvis": 0.107, "thorax": 0.079, "toe": 0.068, "heel": 0.094, "hand": 0.062,
    "foot": 0.089,
}  # fmt: skip
_UNKNOWN_SIGMA = 0.079


def skeleton_of_category(category: Mapping[str, Any]) -> Skeleton:
    """The skeleton of one of a file's `categories`; a known one where the names are the same.

    Raises ContentError where names repeat, or a limb, mirror pair or list of sigmas does not fit.
    """
    names = tuple(str(name) for name in category["keypoints"])
    if len(set(names)) != len(names):
        raise ContentError(f"joint names repeat: {', '.join(names)}")
    if category.get("sigmas") is None and category.get("mirror") is None:
        for known in SKELETONS.values():
            if names in (known.names, _crowdpose_names(known)):
                return known
    sigmas = category.get("sigmas") or [guess_sigma(name) for name in names]
    limbs = tuple((whole(a) - 1, whole(b) - 1) for a, b in category.get("skeleton") or ())
    mirror = _mirror(names, category.get("mirror"))
    values = tuple(number(sigma) for sigma in sigmas)
    try:
        return Skeleton(str(category.get("name", "custom")), names, limbs, mirror, values)
    except ValueError as error:
        raise ContentError(str(error)) from error


def _mirror(names: tuple[str, ...], pairs: Sequence[Sequence[str]] | None) -> tuple[int, ...]:
    if pairs is None:
        return mirror_of(names)
    mirror = list(range(len(names)))
    for a, b in pairs:
        if not {a, b} <= set(names):
            raise ContentError(f"mirror: {a} and {b} are not both joints")
        first, second = names.index(a), names.index(b)
        mirror[first], mirror[second] = second, first
    return tuple(mirror)


def _crowdpose_names(skeleton: Skeleton) -> tuple[str, ...]:
    """The names as CrowdPose's file has them."""
    return tuple("head" if name == "head_top" else name for name in skeleton.names)


def guess_sigma(name: str) -> float:
    """An OKS sigma for a joint of this name: that of the word it ends in, else a shoulder's."""
    last = name.lower().replace("-", "_").split("_")[-1]
    return _SIGMA_OF.get(last, _UNKNOWN_SIGMA)
