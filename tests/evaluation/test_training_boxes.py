"""People without a box get one where two detectors agree; boxes without a pose are set aside."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.training_boxes import complete, main, missing, set_aside
from pose.people import Detections, ImageArray

SIZE_WH = (200, 100)
KNOWN = np.array([[10.0, 10, 40, 90]])


def _found(*rows: tuple[float, ...]) -> Detections:
    values = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(values[:, :4], values[:, 4])


def test_a_person_found_by_both_or_clearly_by_one_gets_a_missing_box() -> None:
    both, clear = (60, 10, 90, 90), (100, 10, 130, 90)
    first = _found((*both, 0.4), (*clear, 0.6), (12, 10, 40, 88, 0.9))  # the last already has a box
    second = _found((61, 11, 90, 90, 0.35), (150, 10, 180, 90, 0.5))  # the last: by one, unsure
    boxes = missing((first, second), KNOWN, SIZE_WH)
    np.testing.assert_array_equal(boxes[np.argsort(boxes[:, 0])], [both, clear])


def test_parts_of_known_people_and_specks_get_none() -> None:
    upper_half, speck = (12, 12, 38, 45, 0.95), (100, 50, 104, 55, 0.95)
    found = _found(upper_half, speck)
    assert missing((found, found), KNOWN, SIZE_WH).shape == (0, 4)


def test_pictures_without_people_or_boxes_are_no_trouble() -> None:
    nobody, nothing_known = _found(), np.zeros((0, 4))
    assert missing((nobody, nobody), nothing_known, SIZE_WH).shape == (0, 4)
    outside = _found((180, 10, 230, 120, 0.9))
    assert missing((outside, nobody), nothing_known, SIZE_WH).tolist() == [[180, 10, 200, 100]]


def test_only_training_pictures_are_completed(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((100, 200, 3), np.uint8))
    content = {
        "images": [
            {"id": 5, "file_name": "a.png", "split": "train"},
            {"id": 6, "file_name": "b.png", "split": "val"},
            {"id": 7, "file_name": "gone.png", "split": "train"},
        ],
        "annotations": [{"id": 3, "image_id": 5, "category_id": 1, "bbox": [10, 10, 30, 80]}],
        "categories": [{"id": 1, "name": "person"}],
    }

    def detect(image: ImageArray) -> Detections:
        return _found((60, 10, 90, 90, 0.8), (60, 10, 90, 90, 0.1))

    assert complete(content, tmp_path, (detect, detect)) == 1
    new = content["annotations"][-1]
    assert (new["id"], new["image_id"], new["bbox"]) == (4, 5, [60, 10, 30, 80])


def test_boxes_that_networks_drew_are_set_aside_if_they_have_no_pose() -> None:
    def person(image: int, score: float, label: str = "teacher") -> dict[str, object]:
        return {"image_id": image, "label": label, "keypoint_scores": [score] * 17, "iscrowd": 0}

    people = [person(5, 0.1), person(5, 0.3), person(6, 0.1), person(5, 0.1, "human")]
    people.append({"image_id": 5, "label": "box", "iscrowd": 0})
    images = [{"id": 5, "split": "train"}, {"id": 6, "split": "val"}]
    assert set_aside({"images": images, "annotations": people}) == 1
    assert [row["iscrowd"] for row in people] == [1, 0, 0, 0, 0]


def test_a_mistake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "people.json"
    file.write_text(json.dumps([1]))
    folders = ["--images", str(tmp_path), "--teachers", str(tmp_path)]
    assert main([str(file), *folders, "-o", str(tmp_path / "out.json")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.json").exists()
