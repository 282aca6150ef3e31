"""The skeleton of a data set: a known one, or from the `categories` of a COCO-keypoints file.

`categories[i]` may hold, besides COCO's `keypoints` (names) and `skeleton` (limbs, counted from 1),
`sigmas` (a number per joint) and `mirror` (pairs of names). What is missing is guessed from the
joints' names, which are brought into one form: the rest of the program knows `left_ankle`, not
LAnkle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pose.reading import ContentError, number, whole
from pose.skeleton import SKELETONS, Skeleton, mirror_of

# By the last word of a joint's name: COCO's, and for other joints that of one as hard to place.
_SIGMA_OF = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "neck": 0.079, "top": 0.079, "bottom": 0.079,
    "head": 0.079, "pelvis": 0.107, "thorax": 0.079, "toe": 0.068, "heel": 0.094, "hand": 0.062,
    "foot": 0.089,
}  # fmt: skip
_UNKNOWN_SIGMA = 0.079
_SIDES = {"left": "left", "right": "right", "l": "left", "r": "right"}
_OTHER_SIDE = {"left": "right", "right": "left"}
_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def skeleton_of_category(category: Mapping[str, Any]) -> Skeleton:
    """The skeleton of one of a file's `categories`; a known one if the names are the same.

    Raises ContentError if names repeat, or a limb, mirror pair or list of sigmas does not fit.
    """
    given = tuple(str(name) for name in category["keypoints"])
    if len(set(given)) != len(given):
        raise ContentError(f"joint names repeat: {', '.join(given)}")
    names = usual_names(given)
    if category.get("sigmas") is None and category.get("mirror") is None:
        for known in SKELETONS.values():
            if names in (known.names, _crowdpose_names(known)):
                return known
    sigmas = category.get("sigmas") or [guess_sigma(name) for name in names]
    limbs = tuple((whole(a) - 1, whole(b) - 1) for a, b in category.get("skeleton") or ())
    pairs = category.get("mirror")
    mirror = mirror_of(names) if pairs is None else _mirror(given, pairs)
    values = tuple(number(sigma) for sigma in sigmas)
    try:
        return Skeleton(str(category.get("name", "custom")), names, limbs, mirror, values)
    except ValueError as error:
        raise ContentError(str(error)) from error


def _mirror(names: tuple[str, ...], pairs: Sequence[Sequence[str]]) -> tuple[int, ...]:
    mirror = list(range(len(names)))
    for a, b in pairs:
        if not {a, b} <= set(names):
            raise ContentError(f"mirror: {a} and {b} are not both joints")
        first, second = names.index(a), names.index(b)
        mirror[first], mirror[second] = second, first
    return tuple(mirror)


def _crowdpose_names(skeleton: Skeleton) -> tuple[str, ...]:
    """The joint names as in CrowdPose's file."""
    return tuple("head" if name == "head_top" else name for name in skeleton.names)


def usual_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Joint names in our form: the side first, in lower case, words joined by _.

    LAnkle, l-ankle, ankle.L, Left ankle and lankle become left_ankle if there is a right one too.
    If two names would then be equal, all names stay as they are.
    """
    words_of = [re.findall(r"[^\W_]+", _CAMEL_CASE.sub(" ", name).lower()) for name in names]
    sided = [_side_and_rest(words) for words in words_of]
    twins = {(_OTHER_SIDE.get(side), rest) for side, rest in sided}
    usual = tuple(
        f"{side}_{rest}" if rest and (side, rest) in twins else "_".join(words) or name
        for name, words, (side, rest) in zip(names, words_of, sided, strict=True)
    )
    return usual if len(set(usual)) == len(names) else names


def _side_and_rest(words: list[str]) -> tuple[str, str]:
    """A name's side (`left`, `right` or empty), from a word or a known joint's prefix; the rest."""
    side = next((word for word in words if word in _SIDES), "")
    if not side and len(words) == 1:
        whole = words[0]
        side = next((s for s in _SIDES if whole in {s + joint for joint in _SIGMA_OF}), "")
        return _SIDES.get(side, ""), whole.removeprefix(side)
    return _SIDES.get(side, ""), "_".join(word for word in words if word != side)


def guess_sigma(name: str) -> float:
    """An OKS sigma for a joint of this name: that of the word it ends with, else a shoulder's."""
    known = [word for word in _SIGMA_OF if name.split("_")[-1].endswith(word)]
    return _SIGMA_OF[max(known, key=len)] if known else _UNKNOWN_SIGMA
