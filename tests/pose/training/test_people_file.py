"""What can be read; bad data is named and left out, never trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from small_data import CATEGORY, person, read_people, write_data

from pose.training.people_file import DataReport, LabelledPeople, choose_people, joint_weights
from pose.training.readers import TrainingDataError, read_content


def _read(file: Path) -> tuple[LabelledPeople, DataReport]:
    report = DataReport()
    return choose_people(read_content(file), file.parent, None, report), report


def _spoil(tmp_path: Path, annotations: list[dict[str, Any]]) -> DataReport:
    """The report on a good data set with these annotations added."""
    file = write_data(tmp_path, 4)
    content = json.loads(file.read_text())
    content["annotations"] += annotations
    file.write_text(json.dumps(content))
    people, report = _read(file)
    assert len(people) == 4
    return report


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"bbox": [5.0, 5.0, 0.0, 40.0]}, "a box without area"),
        ({"bbox": [5.0, 5.0, -3.0, 40.0]}, "a box without area"),
        ({"bbox": [5.0, 5.0, float("nan"), 40.0]}, "a number is not finite"),
        ({"bbox": [500.0, 5.0, 30.0, 40.0]}, "a box outside its picture"),
        ({"bbox": [5.0, 5.0, 30.0]}, "not a box of four numbers"),
        ({"keypoints": [1.0, 2.0, 2.0]}, "not 17 joints"),
        ({"keypoints": [float("inf")] * 51}, "a number is not finite"),
        ({"keypoints": [0] * 51, "bbox": None}, "no box and no joints"),
        ({"image_id": 99}, "its picture is not listed"),
        ({"keypoint_scores": [0.5] * 3}, "not a score for each joint"),
        ({"keypoint_scores": [float("nan")] * 17}, "not a score for each joint"),
        ({"area": float("nan")}, "a number is not finite"),
        ({"bbox": [5.0, 5.0, 1e300, 40.0]}, "a number is not finite"),
        ({"keypoints": [10**400] * 51}, "a number is not finite"),
        ({"keypoints": 7}, "not built as it should be"),
    ],
)
def test_a_person_that_cannot_be_used_is_left_out_and_named(
    tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    report = _spoil(tmp_path, [{**person(0, [5.0, 5.0, 30.0, 40.0]), "id": 77, **wrong}])
    assert [line.split(":")[0] for line in report.lines()] == [f"left out, {reason}"]
    assert "annotation 77" in report.lines()[0]


@pytest.mark.parametrize(
    ("box", "area"), [([0, 0, 0, 0], 0), ([0.0, 0.0, 0.0, 0.0], -1.0), ([], None), (None, 0)]
)
def test_a_box_and_an_area_left_at_zero_are_made_from_the_joints(
    tmp_path: Path, box: Any, area: Any
) -> None:
    file = write_data(tmp_path, 1)
    content = json.loads(file.read_text())
    content["annotations"][0] |= {"bbox": box, "area": area}
    file.write_text(json.dumps(content))
    people, report = _read(file)
    assert not report.lines()
    points = people.keypoints[0]
    np.testing.assert_allclose(
        people.boxes[0, 2:] - people.boxes[0, :2], 1.15 * np.ptp(points, axis=0), rtol=1e-5
    )
    assert people.areas[0] > 0


def test_a_missing_picture_is_left_out_with_its_people(tmp_path: Path) -> None:
    file = write_data(tmp_path, 4)
    (tmp_path / "001.png").unlink()
    people, report = _read(file)
    assert len(people) == 3
    assert report.lines() == ["left out, picture missing: 1 (001.png)"]


def test_pictures_resized_after_labelling_are_refused(tmp_path: Path) -> None:
    file = write_data(tmp_path)
    for picture in tmp_path.glob("*.png"):
        cv2.imwrite(str(picture), np.zeros((40, 30, 3), np.uint8))
    with pytest.raises(TrainingDataError, match=r"is 30x40, but its labels are for 60x80; were"):
        _read(file)


@pytest.mark.parametrize("flag", [False, 0])
def test_a_picture_that_nobody_labelled_is_left_out(tmp_path: Path, flag: bool) -> None:
    file = write_data(tmp_path, 3)
    content = json.loads(file.read_text())
    content["images"][1]["is_labeled"] = flag
    file.write_text(json.dumps(content))
    people, report = _read(file)
    assert len(people.places) == 2
    assert report.lines()[0].startswith("left out, picture not labelled: 1")


def test_annotations_of_other_categories_are_left_out(tmp_path: Path) -> None:
    report = _spoil(tmp_path, [{**person(0, [5.0, 5.0, 30.0, 40.0]), "category_id": 3}])
    assert report.lines() == ["left out, of another category: 1 (annotation 0)"]


def test_a_joint_outside_the_picture_does_not_count(tmp_path: Path) -> None:
    file = write_data(tmp_path, 1)
    content = json.loads(file.read_text())
    content["annotations"][0]["keypoints"][:3] = [300.0, 5.0, 2]
    file.write_text(json.dumps(content))
    people, report = _read(file)
    assert people.weights[0].tolist() == [0.0] + [1.0] * 16
    assert report.lines() == [
        "joints not counted, outside their picture: 1 (000.png (annotation 0))"
    ]


def test_a_split_without_people_is_refused(tmp_path: Path) -> None:
    file = write_data(tmp_path, 3)
    with pytest.raises(TrainingDataError, match="no usable person in split 'val'"):
        read_people(file, tmp_path, "val")


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}', '"people"'])
def test_a_file_of_no_known_format_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels.json"
    file.write_text(text)
    with pytest.raises(TrainingDataError) as caught:
        read_people(file, tmp_path, None)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"images": [{"file_name": "a.png"}]}, "'id' is missing"),
        ({"images": [{"id": [1], "file_name": "a.png"}]}, r"a picture's id is \[1\]"),
        ({"images": 3}, "not built as it should be"),
        ({"annotations": [None]}, "not built as it should be"),
        ({"categories": [{**CATEGORY, "sigmas": ["a"] * 17}]}, '"a" is not a finite number'),
        ({"categories": [{**CATEGORY, "mirror": [["nose", "tail"]]}]}, "not both joints"),
        ({"categories": [{**CATEGORY, "sigmas": [0.1]}]}, "1 sigmas; the three must be equal"),
    ],
)
def test_a_malformed_file_is_refused_in_our_words(
    tmp_path: Path, spoil: dict[str, Any], words: str
) -> None:
    file = write_data(tmp_path, 1)
    file.write_text(json.dumps(json.loads(file.read_text()) | spoil))
    with pytest.raises(TrainingDataError, match=words) as caught:
        read_people(file, tmp_path, None)
    assert "Error" not in str(caught.value)


def test_without_splits_no_video_is_in_both_train_and_val(tmp_path: Path) -> None:
    images, annotations = [], []
    for index in range(12):
        folder = tmp_path / f"clip{index % 3}"
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{index}.png"), np.zeros((80, 60, 3), np.uint8))
        images.append({"id": index, "file_name": f"clip{index % 3}/{index}.png",
                       "vid_id": f"clip{index % 3}"})  # fmt: skip
        annotations.append(person(index, [10.0, 5.0, 40.0, 70.0]))
    file = tmp_path / "labels.json"
    content = {"images": images, "annotations": annotations, "categories": [CATEGORY]}
    file.write_text(json.dumps(content))
    clips = [
        {place.file.parent.name for place in read_people(file, tmp_path, split).places}
        for split in ("train", "val")
    ]
    assert sorted(len(side) for side in clips) == [1, 2]
    assert not clips[0] & clips[1]


def test_a_doubtful_teacher_counts_less_and_a_human_in_full() -> None:
    row = {"keypoints": [1, 1, 2, 1, 1, 2, 0, 0, 0], "keypoint_scores": [0.25, 0.9, 0.9]}
    assert joint_weights({**row, "label": "teacher"}, 3).tolist() == [0.5, 1.0, 0.0]
    assert joint_weights({**row, "label": "human"}, 3).tolist() == [1.0, 1.0, 0.0]
    assert joint_weights(row, 3).tolist() == [1.0, 1.0, 0.0]
