"""Each data set's own format, as published, is read with every joint in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from small_data import CATEGORY, person, read_people

from pose.skeleton import AIC14, COCO17, CROWDPOSE14, MPII16, POSETRACK15, POSETRACK18, WHOLEBODY133
from pose.training.joints import skeleton_of_category
from pose.training.readers import TrainingDataError, read_coco, read_content


def _read(tmp_path: Path, content: Any, picture: str = "a.jpg") -> Any:
    """The people of `content`, with a black picture of 200 x 200 that is named `picture`."""
    file = tmp_path / "images" / picture
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), np.zeros((200, 200, 3), np.uint8))
    data = tmp_path / "labels.json"
    data.write_text(json.dumps(content))
    return read_people(data, tmp_path / "images", None)


def _coco(annotation: dict[str, Any], category: dict[str, Any]) -> dict[str, Any]:
    image = {"id": 7, "file_name": "a.jpg", "width": 200, "height": 200}
    base = {"id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0}
    return {"images": [image], "annotations": [base | annotation], "categories": [category]}


def test_coco() -> None:
    content = {"images": [], "annotations": [], "categories": [CATEGORY]}
    assert read_coco(content).skeleton is COCO17


def test_of_boxes_of_several_categories_only_people_are_read(tmp_path: Path) -> None:
    kinds = [{"id": 1, "name": "ball"}, {"id": 2, "name": "person"}]
    ball = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 10, 9, 9]}
    player = {"id": 2, "image_id": 7, "category_id": 2, "bbox": [50, 50, 20, 40]}
    content = {
        "images": [{"id": 7, "file_name": "a.jpg"}],
        "annotations": [ball, player],
        "categories": kinds,
    }
    people = _read(tmp_path, content)
    assert people.boxes.tolist() == [[50, 50, 70, 90]]
    kinds[1]["name"] = "player"
    with pytest.raises(TrainingDataError, match="none of its categories is called person"):
        _read(tmp_path, content)


def test_regions_without_an_outline_are_skipped(tmp_path: Path) -> None:
    content = _coco(person(7, [20.0, 20.0, 100.0, 150.0]), CATEGORY)
    content["images"][0] |= {"ignore_regions_x": [[]], "ignore_regions_y": [[]]}
    assert len(_read(tmp_path, content)) == 1


def test_coco_wholebody_parts_are_concatenated(tmp_path: Path) -> None:
    parts = {"foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
    annotation = person(7, [20.0, 20.0, 100.0, 150.0])
    for number, (part, count) in enumerate(parts.items(), start=1):
        annotation[part] = [float(10 * number), 50.0, 1.0] * count
        annotation[part.replace("kpts", "valid")] = True
    people = _read(tmp_path, _coco(annotation, CATEGORY))
    assert people.skeleton is WHOLEBODY133
    assert people.weights.shape == (1, 133)
    assert people.keypoints[0, [17, 23, 91, 112], 0].tolist() == [10.0, 20.0, 30.0, 40.0]


def test_mpii_counts_from_1_and_gives_boxes_as_scale_and_centre(tmp_path: Path) -> None:
    joints = [[31 + 4 * index, 41 + 6 * index] for index in range(16)]
    row = {
        "joints_vis": [1] * 15 + [0],
        "joints": joints,
        "image": "015601864.jpg",
        "scale": 0.5,
        "center": [101.0, 81.0],
    }
    people = _read(tmp_path, [row], "015601864.jpg")
    assert people.skeleton is MPII16
    assert people.keypoints[0, 1].tolist() == [34.0, 46.0]
    assert people.weights[0].tolist() == [1.0] * 15 + [0.0]
    # 100 pixels square around (100, 80), moved down by 15 * scale.
    np.testing.assert_allclose(people.boxes[0], [50, 37.5, 150, 137.5])


def test_ai_challenger_knows_hidden_and_missing_joints(tmp_path: Path) -> None:
    joints = [[20 + index, 30 + index, 1] for index in range(14)]
    joints[3][2], joints[5][2] = 2, 3
    entry = {
        "image_id": "d8eeddddcc042544a2570d4c452778b912726720",
        "keypoint_annotations": {"human1": [value for joint in joints for value in joint]},
        "human_annotations": {"human1": [10, 20, 90, 180]},
        "url": "http://www.sinaimg.cn/a.jpg",
    }
    people = _read(tmp_path, [entry], f"{entry['image_id']}.jpg")
    assert people.skeleton is AIC14
    assert people.weights[0].tolist() == [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert people.boxes[0].tolist() == [10, 20, 90, 180]
    assert people.areas.tolist() == [80 * 160]  # keypoint_eval.py: the whole box


def test_crowdpose(tmp_path: Path) -> None:
    names = [*COCO17.names[5:], "head", "neck"]
    joints = [value for index in range(14) for value in (20 + index, 30 + index, 2)]
    category = {"supercategory": "person", "id": 1, "name": "person", "keypoints": names}
    annotation = {"num_keypoints": 14, "keypoints": joints, "bbox": [10, 20, 80, 160]}
    people = _read(tmp_path, _coco(annotation, category))
    assert people.skeleton is CROWDPOSE14
    assert people.keypoints[0, 12].tolist() == [32, 42]
    np.testing.assert_allclose(people.areas, 0.53 * 80 * 160)  # as in crowdposetools


def test_human_art_is_found_without_its_leading_folders(tmp_path: Path) -> None:
    content = _coco(person(7, [20.0, 20.0, 100.0, 150.0], keypoints_21=[0] * 63), CATEGORY)
    content["images"][0]["file_name"] = "HumanArt/images/2D_virtual_human/cartoon/000000000007.jpg"
    people = _read(tmp_path, content, "2D_virtual_human/cartoon/000000000007.jpg")
    assert people.skeleton is COCO17
    assert len(people) == 1


def test_posetrack17_boxes_are_the_joints_made_15_percent_longer(tmp_path: Path) -> None:
    points = [
        {"id": [0], "x": [50.0], "y": [180.0], "is_visible": [1]},
        {"id": [14], "x": [90.0], "y": [80.0], "is_visible": [1]},
    ]
    entry = {
        "image": [{"name": "images/bonn/000001_bonn/00000001.jpg"}],
        "annorect": [{"x1": [80], "y1": [70], "x2": [110], "y2": [110], "track_id": [0],
                      "annopoints": [{"point": points}]}],
        "is_labeled": [1],
        "ignore_regions": [{"point": [{"x": [10], "y": [20]}, {"x": [40], "y": [25]},
                                      {"x": [30], "y": [60]}]}],
    }  # fmt: skip
    people = _read(tmp_path, {"annolist": [entry]}, "bonn/000001_bonn/00000001.jpg")
    assert people.skeleton is POSETRACK15
    assert people.crowd.tolist() == [True, False]
    np.testing.assert_allclose(people.boxes, [[10, 20, 40, 60], [47, 72.5, 93, 187.5]])
    np.testing.assert_allclose(people.head_px, [np.nan, 0.6 * 50])
    assert np.flatnonzero(people.weights[1]).tolist() == [0, 14]


def test_posetrack21_is_read_like_2018(tmp_path: Path) -> None:
    category = {**CATEGORY, "keypoints": list(POSETRACK18.names)}
    annotation = person(7, [20.0, 20.0, 100.0, 150.0], track_id=3, person_id=12)
    annotation["bbox_head"] = [60, 10, 30, 40]
    people = _read(tmp_path, _coco(annotation, category))
    assert people.skeleton is POSETRACK18
    np.testing.assert_allclose(people.head_px, [0.6 * 50])


def test_brace(tmp_path: Path) -> None:
    joints = [[20.0 + joint, 30.0 + 5 * joint, 1] for joint in range(17)]
    frame = {"box": [10, 20, 80, 120, 1], "keypoints": joints}
    people = _read(tmp_path, {"3rIk56dcBTM/img-001234.png": frame}, "3rIk56dcBTM/img-001234.png")
    assert people.skeleton is COCO17
    np.testing.assert_array_equal(people.boxes, [[10, 20, 90, 140]])
    np.testing.assert_array_equal(people.keypoints[0], np.array(joints)[:, :2])
    assert (people.weights == 1).all()


def test_brace_as_it_is_unpacked_has_a_folder_per_year_and_video(tmp_path: Path) -> None:
    joints = [[20.0 + joint, 30.0 + 5 * joint, 1] for joint in range(17)]
    for start in (1, 2):
        folder = tmp_path / "2011" / "3rIk56dcBTM"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"3rIk56dcBTM/img-{start:06d}.png"
        content = {name: {"box": [10, 20, 80, 120, 1], "keypoints": joints}}
        file = folder / f"3rIk56dcBTM_{start}-{start}_powermove.json"
        file.write_text(json.dumps(content))
    assert len(read_content(tmp_path).people) == 2


def test_a_folder_of_posetrack18_files_is_one_data_set(shared: Path) -> None:
    root = shared / "eval" / "posetrack18"
    people = read_people(root / "annotations", root / "images", None)
    assert (len(people.places), int((~people.crowd).sum())) == (3, 14)
    assert people.skeleton is POSETRACK18
    assert (people.head_px[~people.crowd] > 0).all()
    assert people.crowd.any()  # the ignore regions


def test_real_coco_and_the_people_of_our_own_set(shared: Path) -> None:
    coco = shared / "eval" / "coco_people"
    people = read_people(coco / "person_keypoints.json", coco / "images", None)
    assert (len(people), int((people.weights > 0).any(1).sum())) == (240, 154)
    ours = shared / "people"
    assert len(read_people(ours / "people.json", ours / "images", "val")) == 1672


def test_a_skeleton_of_ones_own(tmp_path: Path) -> None:
    category = {
        "id": 1,
        "name": "skater",
        "keypoints": ["left_skate", "right_skate", "hat"],
        "skeleton": [[1, 3], [2, 3]],
        "sigmas": [0.05, 0.05, 0.1],
        "mirror": [["left_skate", "right_skate"]],
    }
    annotation = {"keypoints": [10, 90, 2, 60, 90, 2, 35, 10, 2], "bbox": [5, 5, 60, 90]}
    people = _read(tmp_path, _coco(annotation, category))
    assert people.skeleton.name == "skater"
    assert people.skeleton.limbs == ((0, 2), (1, 2))
    assert people.skeleton.mirror == (1, 0, 2)
    assert people.skeleton.sigmas == (0.05, 0.05, 0.1)


def test_joints_without_sigmas_take_those_of_their_names(tmp_path: Path) -> None:
    category = {"id": 1, "name": "hand", "keypoints": ["left_wrist", "tip"]}
    annotation = {"keypoints": [10, 90, 2, 60, 90, 2], "bbox": [5, 5, 60, 90]}
    people = _read(tmp_path, _coco(annotation, category))
    assert people.skeleton.sigmas == (0.062, 0.079)


def test_a_limb_of_a_missing_joint_is_refused(tmp_path: Path) -> None:
    category = {"id": 1, "name": "skater", "keypoints": ["a", "b"], "skeleton": [[1, 3]]}
    with pytest.raises(TrainingDataError, match="a limb names a joint outside"):
        _read(tmp_path, _coco({"keypoints": [1, 1, 2, 3, 3, 2]}, category))


def test_files_of_one_folder_must_have_the_same_joints(tmp_path: Path) -> None:
    for name, names in (("a", ["x", "y"]), ("b", ["x", "z"])):
        category = {"id": 1, "name": name, "keypoints": names}
        content = {"images": [], "annotations": [], "categories": [category]}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(TrainingDataError, match=r"b\.json has the joints of b"):
        read_content(tmp_path)


def test_the_joints_of_another_skeleton_are_matched_by_name(tmp_path: Path) -> None:
    people = _read(tmp_path, _coco(person(7, [20.0, 20.0, 100.0, 150.0]), CATEGORY))
    mapped = people.as_skeleton(POSETRACK15)
    nose, neck = POSETRACK15.index("nose"), POSETRACK15.index("neck")
    np.testing.assert_array_equal(mapped.keypoints[0, nose], people.keypoints[0, 0])
    assert mapped.weights[0, [nose, neck]].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "names",
    [
        ("Nose", "LAnkle", "RAnkle", "LBigToe", "RBigToe"),
        ("nose", "ankle.L", "ankle.R", "big-toe.L", "big-toe.R"),
        ("Nose", "Left ankle", "Right ankle", "Left big toe", "Right big toe"),
        ("nose", "lankle", "rankle", "l_big_toe", "r_big_toe"),
        ("NOSE", "LEFT_ANKLE", "RIGHT_ANKLE", "LEFT_BIG_TOE", "RIGHT_BIG_TOE"),
    ],
)
def test_joint_names_in_any_spelling_are_recognised(tmp_path: Path, names: tuple[str, ...]) -> None:
    category = {"id": 1, "name": "dancer", "keypoints": list(names)}
    annotation = {"keypoints": [10, 90, 2] * 5, "bbox": [5, 5, 60, 90]}
    skeleton = _read(tmp_path, _coco(annotation, category)).skeleton
    ours = ("nose", "left_ankle", "right_ankle", "left_big_toe", "right_big_toe")
    assert skeleton.names == ours
    assert skeleton.mirror == (0, 2, 1, 4, 3)
    assert skeleton.sigmas == (0.026, 0.089, 0.089, 0.068, 0.068)


def test_names_that_would_collide_stay_and_pairs_may_use_the_files_own_names() -> None:
    twice = {"name": "a", "keypoints": ["LAnkle", "RAnkle", "ankle.L", "ankle.R"], "mirror": []}
    assert skeleton_of_category(twice).names == tuple(twice["keypoints"])
    spine = {"name": "c", "keypoints": ["L_4", "L_5", "left hat", "L", "R"]}  # no pairs
    assert skeleton_of_category(spine).names == ("l_4", "l_5", "left_hat", "l", "r")
    pairs = {"name": "b", "keypoints": ["Hand1", "Hand2", "rear"], "mirror": [["Hand1", "Hand2"]]}
    assert skeleton_of_category(pairs).names == ("hand1", "hand2", "rear")
    assert skeleton_of_category(pairs).mirror == (1, 0, 2)


def test_a_joint_without_a_side_does_not_get_its_neighbours_other_side() -> None:
    names = ("heel", "right_heel", "thorax", "left_thorax")  # letters l and r in the first of each
    skeleton = skeleton_of_category({"name": "d", "keypoints": list(names)})
    assert skeleton.names == names
    assert skeleton.mirror == (0, 1, 2, 3)
