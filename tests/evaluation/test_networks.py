"""The scores of networks whose answers are known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation import networks
from evaluation.labelled_pictures import PictureSet, read_set
from evaluation.networks import print_table, score_boxes, score_poses, score_video
from pose.errors import UserError
from pose.people import Detections, FloatArray, ImageArray

BOXES = np.array([[10, 10, 40, 90], [60, 5, 95, 95]], np.float32)  # x1 y1 x2 y2


@pytest.fixture
def pictures(tmp_path: Path) -> PictureSet:
    """Two pictures; only the second, with two people, is for scoring."""
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for index, split in enumerate(("train", "val")):
        cv2.imwrite(str(tmp_path / "images" / f"{index}.png"), np.zeros((100, 100, 3), np.uint8))
        images.append({"id": index, "file_name": f"{index}.png", "split": split})
        for x1, y1, x2, y2 in BOXES.tolist():
            points = rng.uniform([x1, y1], [x2, y2], (17, 2))
            width, height = x2 - x1, y2 - y1
            annotations.append(
                {"id": len(annotations) + 1, "image_id": index, "category_id": 1, "iscrowd": 0,
                 "bbox": [x1, y1, width, height], "area": width * height, "num_keypoints": 17,
                 "keypoints": np.c_[points, np.full(17, 2)].ravel().tolist()}
            )  # fmt: skip
    category = {"id": 1, "name": "person"}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    (tmp_path / "people.json").write_text(json.dumps(content))
    return read_set(tmp_path / "people.json")


def _truth(pictures: PictureSet) -> FloatArray:
    annotations = pictures.truth.loadAnns(pictures.truth.getAnnIds())
    return np.array([a["keypoints"] for a in annotations]).reshape(-1, 17, 3)[..., :2]


def test_the_table_has_three_decimals_and_one_for_times(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("people: pose", {"ours": {"mean OKS": 0.51284, "ms a person": 2.345}})
    lines = ["| people: pose | mean OKS | ms a person |", "|---|---|---|", "| ours | 0.513 | 2.3 |"]
    assert capsys.readouterr().out == "\n".join(lines) + "\n\n"


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_labels_turn_with_their_pictures(tmp_path: Path, quarters: int) -> None:
    (tmp_path / "images").mkdir()
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20, 45:60] = 255
    cv2.imwrite(str(tmp_path / "images" / "a.png"), image)
    corner = [45, 10, 2] + [59, 19, 2] * 16
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 150,
                         "bbox": [45, 10, 15, 10], "keypoints": corner}],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    (tmp_path / "person_keypoints.json").write_text(json.dumps(content))
    ((_, picture, (person,)),) = read_set(tmp_path, quarters).pictures()
    x, y, width, height = person["bbox"]
    assert picture.sum() == picture[y : y + height, x : x + width].sum() == image.sum()
    columns, rows, seen = np.array(person["keypoints"], int).reshape(-1, 3).T
    assert (seen == 2).all()
    assert sorted({*columns}) == [x, x + width - 1]
    assert sorted({*rows}) == [y, y + height - 1]
    assert (picture[rows, columns] == 255).all()


def test_with_true_boxes_only_found_boxes_are_not_scored(
    pictures: PictureSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def boxes(image: ImageArray) -> Detections:
        return Detections(BOXES, np.ones(2, np.float32))

    def joints(image: ImageArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _truth(pictures).astype(np.float32), np.ones((2, 17), np.float32)

    monkeypatch.setattr(networks, "our_detector", lambda *_: boxes)
    monkeypatch.setattr(networks, "our_estimator", lambda *_, **__: joints)
    words = ["--coco", str(tmp_path / "people.json")]
    assert networks.main(words) == 0
    whole = capsys.readouterr().out
    assert networks.main([*words, "--true-boxes"]) == 0
    spared = capsys.readouterr().out
    assert "| posse-pose | 1.000 | 1.000 |" in whole and "| posse-pose | 1.000 |" in spared
    assert ("found boxes" in whole, "found boxes" in spared) == (True, False)


def test_two_label_files_of_the_same_name_are_refused(
    pictures: PictureSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "people.json").write_bytes((tmp_path / "people.json").read_bytes())
    files = [
        word for folder in (tmp_path, other) for word in ("--coco", str(folder / "people.json"))
    ]
    assert networks.main([*files, "--true-boxes"]) == 1
    assert "two label files are called people" in capsys.readouterr().err
    clips = [word for folder in ("a", "b") for word in ("--clip", f"{folder}/dance.mp4", "gt.txt")]
    assert networks.main([*files[:2], *clips]) == 1
    assert "two videos are called dance" in capsys.readouterr().err


def test_a_missing_clip_is_told_before_the_networks_are_loaded(
    pictures: PictureSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--coco", str(tmp_path / "people.json"), "--pose", "no-such-network"]
    assert networks.main([*words, "--clip", "missing.mp4", "gt.txt"]) == 1
    assert "missing.mp4: there is no such file" in capsys.readouterr().err
    assert networks.main([*words, "--clip", str(tmp_path / "images"), "missing.txt"]) == 1
    assert "missing.txt: no such file" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["# people", "[]", '{"images": []}'])
def test_a_file_that_holds_no_labels_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "people.json").write_text(text)
    with pytest.raises(UserError, match=r"people\.json: (not a whole JSON|no COCO keypoints)"):
        read_set(tmp_path / "people.json")


@pytest.mark.parametrize(
    ("part", "key", "line"),
    [
        ("images", "file_name", "picture 1: 'file_name' is missing"),
        ("images", "width", "picture 1: 'width' is missing"),
        ("images", "id", "picture 1: 'id' is missing"),
        ("annotations", "image_id", "annotation 1: 'image_id' is missing"),
        ("annotations", "bbox", "annotation 1: 'bbox' is missing"),
    ],
)
def test_a_missing_field_of_a_picture_or_person_is_reported(
    pictures: PictureSet, tmp_path: Path, part: str, key: str, line: str
) -> None:
    file = tmp_path / "people.json"
    content = json.loads(file.read_text())
    for picture in content["images"]:
        picture |= {"width": 100, "height": 100}
    del content[part][1][key]
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=re.escape(line)):
        read_set(file, quarters=1)


def test_a_person_without_a_picture_is_reported(pictures: PictureSet, tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["image_id"] = 7
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match="annotation 0: its image 7 is not listed"):
        read_set(file)


def test_what_pycocotools_wants_is_filled_in(pictures: PictureSet, tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    content = json.loads(file.read_text())
    del content["categories"]
    for person in content["annotations"]:
        for name in ("id", "area", "iscrowd", "category_id", "num_keypoints"):
            del person[name]
    del content["annotations"][3]["keypoints"]  # a box only
    file.write_text(json.dumps(content))
    (_, _, people), *_ = read_set(file).pictures()
    assert [person["num_keypoints"] for person in people] == [17, 0]
    truth = read_set(file)
    scores = score_boxes(truth, lambda image: Detections(BOXES, np.ones(2, np.float32)))
    assert scores["person AP50"] == pytest.approx(1, abs=0.01)


def test_people_may_be_any_category_and_other_categories_are_not_people(
    pictures: PictureSet, tmp_path: Path
) -> None:
    """If people were not category 1, pycocotools' -1 for "nobody" was reported as their AP."""
    file = tmp_path / "people.json"
    content = json.loads(file.read_text())
    for person in content["annotations"]:
        person["category_id"] = 0
    dog = {"image_id": 1, "bbox": [5, 5, 20, 20], "category_id": 1}
    content["annotations"].append(dog)
    file.write_text(json.dumps(content))
    truth = read_set(file)
    scores = score_boxes(truth, lambda image: Detections(BOXES, np.ones(2, np.float32)))
    assert scores["person AP50"] == pytest.approx(1, abs=0.01)
    content["annotations"] = [dog]
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match="nobody in it has labelled joints"):
        read_set(file)


def test_only_the_part_for_scoring_is_read(pictures: PictureSet) -> None:
    assert [picture for picture, *_ in pictures.pictures()] == [1]


def test_truth_has_full_marks_and_noise_has_none(pictures: PictureSet) -> None:
    points, sure = _truth(pictures), np.ones((2, 17))
    right = score_poses(pictures, lambda image, boxes: (points, sure), None)
    assert right["mean OKS"] == pytest.approx(1)
    assert right["AP, true boxes"] == pytest.approx(1)
    wrong = score_poses(pictures, lambda image, boxes: (points[:, ::-1], sure), None)
    assert wrong["mean OKS"] < 0.3
    assert wrong["AP, true boxes"] == 0


def test_a_missed_person_costs_half(pictures: PictureSet) -> None:
    points = _truth(pictures)

    def one(image: ImageArray) -> Detections:
        return Detections(BOXES[:1], np.ones(1, np.float32))

    assert score_boxes(pictures, one)["person AP50"] == pytest.approx(0.5, abs=0.01)
    found = score_poses(pictures, lambda image, boxes: (points[:1], np.ones((1, 17))), one)
    assert found["AP, found boxes"] == pytest.approx(0.5, abs=0.01)


def test_boxes_of_a_video_count_only_on_labelled_frames(tmp_path: Path) -> None:
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.zeros((100, 100, 3), np.uint8))
    truth = tmp_path / "gt.txt"
    lines = [f"2,{n},{x1},{y1},{x2 - x1},{y2 - y1},1" for n, (x1, y1, x2, y2) in enumerate(BOXES)]
    truth.write_text("\n".join(lines))
    found = Detections(
        np.array([BOXES[0], [0, 0, 5, 5], BOXES[1]], np.float32),
        np.array([0.9, 0.8, 0.1], np.float32),
    )
    figures = score_video(tmp_path, truth, lambda image: found, 0.3)
    assert list(figures.values()) == [0.5, 0.5]  # recall, precision
    with pytest.raises(UserError, match=r"missing\.txt: no such file"):
        score_video(tmp_path, tmp_path / "missing.txt", lambda image: found, 0.3)
    truth.write_text("\n".join([*lines, "3,9,0,0,90,90,1,3,1"]))  # a car is not a person to find
    cars_too = score_video(tmp_path, truth, lambda image: found, 0.3)
    assert cars_too == figures
    truth.write_text("\n".join([*lines, "4,1,0,0,90,90,1"]))
    with pytest.raises(UserError, match=r"ends before frame 4, which .*gt\.txt labels"):
        score_video(tmp_path, truth, lambda image: found, 0.3)
