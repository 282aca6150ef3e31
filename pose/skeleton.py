"""What the K joints of a pose are: names, limbs, mirror pairs, OKS sigmas; and mappings.

`sigmas` are the per-joint constants k_i / 2 of the COCO keypoint evaluation, OKS =
exp(-d^2 / (2 s^2 (2 sigma)^2)) with s^2 the person's area (cocodataset.org, "Keypoint evaluation").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose import wholebody


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Joints of a person in a fixed order; hashable, so that it can key a table."""

    name: str
    names: tuple[str, ...]  # (K,)
    limbs: tuple[tuple[int, int], ...]  # (L, 2) joint indices
    mirror: tuple[int, ...]  # (K,) index of the joint's left-right twin, itself where it has none
    sigmas: tuple[float, ...]  # (K,)

    def __post_init__(self) -> None:
        joints = len(self.names)
        if len(set(self.names)) < joints:  # joints are found by their names
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ValueError(f"skeleton {self.name}: two joints are called {twice!r}")
        if len(self.mirror) != joints or len(self.sigmas) != joints:
            raise ValueError(
                f"skeleton {self.name}: {joints} names, {len(self.mirror)} mirror entries, "
                f"{len(self.sigmas)} sigmas; the three must be equal"
            )
        if not all(0 < sigma < math.inf for sigma in self.sigmas):  # OKS divides by them
            raise ValueError(f"skeleton {self.name}: a sigma is not above 0")
        if any(not 0 <= joint < joints for limb in self.limbs for joint in limb):
            raise ValueError(f"skeleton {self.name}: a limb names a joint outside 0..{joints - 1}")
        if any(self.mirror[twin] != joint for joint, twin in enumerate(self.mirror)):
            raise ValueError(f"skeleton {self.name}: mirror is not its own inverse")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """The index of joint `name`; ValueError where there is none."""
        return self.names.index(name)


def mirror_of(names: tuple[str, ...]) -> tuple[int, ...]:
    """Pair joints whose names differ by `left`/`right` only; the others mirror to themselves."""
    twins = []
    for index, name in enumerate(names):
        swap = ("left", "right") if "left" in name else ("right", "left")
        other = name.replace(*swap)
        twins.append(names.index(other) if other in names else index)
    return tuple(twins)


def skeleton_of(
    name: str,
    names: tuple[str, ...],
    limbs: tuple[tuple[str, str], ...],
    sigmas: tuple[float, ...],
) -> Skeleton:
    """Build a skeleton from limbs given by joint names; mirror pairs follow from left/right."""
    if unknown := [joint for limb in limbs for joint in limb if joint not in names]:
        raise ValueError(f"skeleton {name}: a limb names {unknown[0]!r}, which is no joint of it")
    pairs = tuple((names.index(a), names.index(b)) for a, b in limbs)
    return Skeleton(name, names, pairs, mirror_of(names), sigmas)


_SIDES = ("left", "right")

COCO17 = skeleton_of(
    "coco17",
    (
        "nose",
        *(f"{side}_{joint}" for joint in ("eye", "ear", "shoulder", "elbow") for side in _SIDES),
        *(f"{side}_{joint}" for joint in ("wrist", "hip", "knee", "ankle") for side in _SIDES),
    ),
    (
        *((f"{side}_ankle", f"{side}_knee") for side in _SIDES),
        *((f"{side}_knee", f"{side}_hip") for side in _SIDES),
        ("left_hip", "right_hip"),
        *((f"{side}_shoulder", f"{side}_hip") for side in _SIDES),
        ("left_shoulder", "right_shoulder"),
        *((f"{side}_shoulder", f"{side}_elbow") for side in _SIDES),
        *((f"{side}_elbow", f"{side}_wrist") for side in _SIDES),
        ("left_eye", "right_eye"),
        *(("nose", f"{side}_eye") for side in _SIDES),
        *((f"{side}_eye", f"{side}_ear") for side in _SIDES),
        *((f"{side}_ear", f"{side}_shoulder") for side in _SIDES),
    ),
    # pycocotools/cocoeval.py, Params.setKpParams
    (
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072,
        0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
    ),
)  # fmt: skip

_BODY_LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for a, b in (
        ("ankle", "knee"),
        ("knee", "hip"),
        ("hip", "shoulder"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
    )
    for side in _SIDES
)

# The order of PoseTrack 2017's annotation points, ids 0 to 14. PoseTrack gives no sigmas: the body
# takes COCO's; neck and head_top, as hard to place as a shoulder, take the shoulder's.
POSETRACK15 = skeleton_of(
    "posetrack15",
    (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
        "left_wrist", "neck", "nose", "head_top",
    ),
    (
        *_BODY_LIMBS,
        ("left_hip", "right_hip"),
        ("neck", "left_shoulder"),
        ("neck", "right_shoulder"),
        ("neck", "nose"),
        ("nose", "head_top"),
    ),
    (
        0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.062, 0.072, 0.079, 0.079, 0.072, 0.062,
        0.079, 0.026, 0.079,
    ),
)  # fmt: skip

# PoseTrack 2018 and 2021: COCO's order with head_bottom and head_top in the eyes' places.
POSETRACK18 = skeleton_of(
    "posetrack18",
    ("nose", "head_bottom", "head_top", *COCO17.names[3:]),
    (
        *_BODY_LIMBS,
        ("left_hip", "right_hip"),
        ("head_bottom", "left_shoulder"),
        ("head_bottom", "right_shoulder"),
        ("head_bottom", "nose"),
        ("nose", "head_top"),
    ),
    (COCO17.sigmas[0], 0.079, 0.079, *COCO17.sigmas[3:]),
)

MPII16 = skeleton_of(
    "mpii16",
    (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "pelvis", "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow",
        "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
    ),
    (
        *(limb for limb in _BODY_LIMBS if not limb[0].endswith("_hip")),
        ("left_hip", "pelvis"),
        ("right_hip", "pelvis"),
        ("pelvis", "thorax"),
        ("thorax", "left_shoulder"),
        ("thorax", "right_shoulder"),
        ("thorax", "upper_neck"),
        ("upper_neck", "head_top"),
    ),
    (
        0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.107, 0.079, 0.079, 0.079, 0.062, 0.072,
        0.079, 0.079, 0.072, 0.062,
    ),
)  # fmt: skip

# jeffffffli/CrowdPose, evaluation sigmas of its cocoeval.
CROWDPOSE14 = skeleton_of(
    "crowdpose14",
    (*COCO17.names[5:], "head_top", "neck"),
    (*_BODY_LIMBS, ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"),
     ("head_top", "neck")),
    (0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
     0.079, 0.079),
)  # fmt: skip

# AI Challenger keypoint evaluation: delta of each of the 14 joints.
AIC14 = skeleton_of(
    "aic14",
    (
        "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
        "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
        "left_ankle", "head_top", "neck",
    ),
    (*_BODY_LIMBS, ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"),
     ("head_top", "neck")),
    (
        0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144, 0.03909642,
        0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081, 0.01291456, 0.01236173,
    ),
)  # fmt: skip

# COCO-WholeBody (Jin et al., ECCV 2020); sigmas of its evaluation.
WHOLEBODY133 = skeleton_of(
    "wholebody133",
    (*COCO17.names, *wholebody.NAMES),
    (*((COCO17.names[a], COCO17.names[b]) for a, b in COCO17.limbs), *wholebody.LIMBS),
    (*COCO17.sigmas, *wholebody.SIGMAS),
)

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (COCO17, POSETRACK15, POSETRACK18, MPII16, CROWDPOSE14, AIC14, WHOLEBODY133)
}

# The same point of the body under other names: CrowdPose's, PoseTrack 2018's, MPII's.
_OTHER_NAMES = {
    "head": "head_top",
    "top_head": "head_top",
    "head_bottom": "neck",
    "upper_neck": "neck",
}


def same_joint(name: str, names: Sequence[str]) -> int | None:
    """The index in `names` of the joint at the same point as `name`; None where there is none.

    The same name takes precedence over another name of that point.
    """
    if name in names:
        return names.index(name)
    wanted = _OTHER_NAMES.get(name, name)
    usual = [_OTHER_NAMES.get(own, own) for own in names]
    return usual.index(wanted) if wanted in usual else None


def common_joints(source: Skeleton, target: Skeleton) -> tuple[list[int], list[int]]:
    """The joints of `target` that `source` has too: (J,) indices into `source` and `target`."""
    found = [same_joint(name, source.names) for name in target.names]
    own = [index for index in found if index is not None]
    return own, [place for place, index in enumerate(found) if index is not None]


def coco17_to_posetrack15(
    keypoints: NDArray[np.float32], scores: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Map COCO-17 poses to PoseTrack's 15 joints.

    keypoints (N, 17, 2) and scores (N, 17) in; (N, 15, 2) and (N, 15) out. The twelve limb joints
    and the nose are copied. neck is the middle of the shoulders, moved 15% of the way to the
    nose (PoseTrack's head_bottom sits above the shoulder line). head_top continues the line from
    neck through the middle of the eyes to 1.6 times its length. Both are guesses and carry the
    lowest score of the joints they come from.
    """
    mapped = np.zeros((len(keypoints), 15, 2), np.float32)
    mapped_scores = np.zeros((len(keypoints), 15), np.float32)
    for target, name in enumerate(POSETRACK15.names):
        if name in COCO17.names:
            source = COCO17.index(name)
            mapped[:, target] = keypoints[:, source]
            mapped_scores[:, target] = scores[:, source]
    nose, eyes, shoulders = keypoints[:, 0], keypoints[:, 1:3].mean(1), keypoints[:, 5:7].mean(1)
    neck = shoulders + 0.15 * (nose - shoulders)  # (N, 2)
    neck_score = scores[:, 5:7].min(1)
    mapped[:, 12], mapped_scores[:, 12] = neck, neck_score
    mapped[:, 14] = neck + 1.6 * (eyes - neck)
    mapped_scores[:, 14] = np.minimum(neck_score, scores[:, :3].min(1))
    return mapped, mapped_scores
