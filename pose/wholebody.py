"""COCO-WholeBody's 116 joints beyond COCO's 17: feet, face and hands (Jin et al., ECCV 2020)."""

from __future__ import annotations

import itertools

_SIDES = ("left", "right")
_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_FEET = tuple(f"{side}_{part}" for side in _SIDES for part in ("big_toe", "small_toe", "heel"))
_HANDS = tuple(
    name
    for side in _SIDES
    for name in (
        f"{side}_hand_root",
        *(f"{side}_{finger}{joint}" for finger in _FINGERS for joint in (1, 2, 3, 4)),
    )
)
# Mirror twins among the face's 68 points, by the sum of their indices: jaw 0-16, brows 17-26,
# nostrils 31-35, eyes 36-47, mouth 48-59 and its inside 60-67. Points on the midline have none.
_FACE_SUMS = (
    ((0, 16), 16), ((17, 26), 43), ((31, 35), 66), ((36, 39), 81), ((40, 41), 87), ((42, 45), 81),
    ((46, 47), 87), ((48, 54), 102), ((55, 59), 114), ((60, 64), 124), ((65, 67), 132),
)  # fmt: skip


def _face_names() -> tuple[str, ...]:
    """face_8 on the midline; right_face_0 and left_face_0 for a pair, counted from the right."""
    names = [f"face_{index}" for index in range(68)]
    for (first, last), both in _FACE_SUMS:
        for index in range(first, last + 1):
            twin = both - index
            if twin != index:
                names[index] = f"{'right' if index < twin else 'left'}_face_{min(index, twin)}"
    return tuple(names)


def _limbs() -> tuple[tuple[str, str], ...]:
    """Toes and heel to the ankle, fingers to the hand's root; the face has none."""
    limbs: list[tuple[str, str]] = []
    for side in _SIDES:
        limbs += [(f"{side}_ankle", f"{side}_{part}") for part in ("big_toe", "small_toe", "heel")]
        for finger in _FINGERS:
            chain = (f"{side}_hand_root", *(f"{side}_{finger}{joint}" for joint in (1, 2, 3, 4)))
            limbs += itertools.pairwise(chain)
    return tuple(limbs)


NAMES = (*_FEET, *_face_names(), *_HANDS)
LIMBS = _limbs()

_HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026,
    0.017, 0.021, 0.021, 0.032, 0.020, 0.019, 0.022, 0.031,
)  # fmt: skip
SIGMAS = (
    0.068, 0.066, 0.066, 0.092, 0.094, 0.094,
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037,
    0.038, 0.043, 0.041, 0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013,
    0.015, 0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009,
    0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034, 0.008, 0.008, 0.009, 0.008,
    0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008,
    0.008, 0.010, 0.008, *_HAND_SIGMAS, *_HAND_SIGMAS,
)  # fmt: skip
