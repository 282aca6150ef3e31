"""Skeletons are consistent, and COCO's poses reach PoseTrack's joints."""

from __future__ import annotations

import numpy as np
import pytest

from pose.skeleton import (
    COCO17,
    MPII16,
    POSETRACK15,
    POSETRACK18,
    SKELETONS,
    Skeleton,
    coco17_to_posetrack15,
    common_joints,
    same_joint,
    skeleton_of,
)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_mirroring_swaps_left_and_right(skeleton: Skeleton) -> None:
    for joint, twin in enumerate(skeleton.mirror):
        name, other = skeleton.names[joint], skeleton.names[twin]
        assert name.replace("left", "right") == other.replace("left", "right")
        assert (joint == twin) == ("left" not in name and "right" not in name)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_every_limb_has_its_mirror_image(skeleton: Skeleton) -> None:
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    mirrored = {frozenset(skeleton.mirror[joint] for joint in limb) for limb in limbs}
    # The line of the shoulders or hips is its own image; the face's ears and eyes come in pairs.
    assert mirrored == limbs


def test_coco_sigmas_are_the_evaluation_code_s() -> None:
    from pycocotools.cocoeval import Params

    assert np.array(COCO17.sigmas) == pytest.approx(Params(iouType="keypoints").kpt_oks_sigmas)


def test_an_inconsistent_skeleton_is_refused() -> None:
    with pytest.raises(ValueError, match="2 names, 1 mirror entries, 2 sigmas"):
        Skeleton("x", ("a", "b"), (), (0,), (0.1, 0.1))
    with pytest.raises(ValueError, match="a sigma is not above 0"):
        Skeleton("x", ("a", "b"), (), (0, 1), (0.1, 0.0))
    with pytest.raises(ValueError, match="skeleton x: two joints are called 'a'"):
        Skeleton("x", ("a", "a"), (), (0, 1), (0.1, 0.1))
    with pytest.raises(ValueError, match="a limb names 'hand', which is no joint of it"):
        skeleton_of("x", ("a", "b"), (("a", "hand"),), (0.1, 0.1))


def test_the_neck_has_a_name_in_every_data_set() -> None:
    assert same_joint("neck", POSETRACK18.names) == POSETRACK18.index("head_bottom")
    assert same_joint("head_bottom", MPII16.names) == MPII16.index("upper_neck")
    assert same_joint("head_top", ("head", "neck")) == 0  # CrowdPose's
    assert same_joint("left_ear", POSETRACK15.names) is None
    assert same_joint("upper_neck", ("neck", "upper_neck")) == 1  # an exact match comes first


def test_common_joints_are_matched_by_name() -> None:
    assert common_joints(POSETRACK18, POSETRACK15)[1] == list(range(15))
    own, place = common_joints(MPII16, POSETRACK15)
    assert [POSETRACK15.names[joint] for joint in range(15) if joint not in place] == ["nose"]
    assert own[place.index(POSETRACK15.index("neck"))] == MPII16.index("upper_neck")


def test_posetrack_joints_of_an_upright_person() -> None:
    points = np.zeros((1, 17, 2), np.float32)
    points[0, 0] = [50, 40]  # nose
    points[0, 1:3] = [[52, 35], [48, 35]]  # eyes
    points[0, 5:7] = [[60, 60], [40, 60]]  # shoulders
    points[0, 16] = [45, 200]  # right ankle
    scores = np.full((1, 17), 0.9, np.float32)
    scores[0, 6] = 0.5
    mapped, mapped_scores = coco17_to_posetrack15(points, scores)
    name = POSETRACK15.names.index
    assert mapped[0, name("right_ankle")].tolist() == [45, 200]
    assert mapped[0, name("neck")].tolist() == [50, 57]  # 15% of the way from 60 to 40
    assert mapped[0, name("head_top")] == pytest.approx([50, 57 - 1.6 * 22])
    assert mapped_scores[0, name("neck")] == pytest.approx(0.5)  # its least certain source
