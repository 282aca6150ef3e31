"""COCO keypoints: pycocotools' numbers, any skeleton, PCKh."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import coco
from evaluation.annotations import AnnotationError
from evaluation.pckh import pckh_counts
from pose.skeleton import AIC14, COCO17, CROWDPOSE14, MPII16, SKELETONS


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def person(joints: int, x: float = 10, **extra: Any) -> dict[str, Any]:
    """A person of an annotation file whose joints lie in a row, 10 pixels apart."""
    keypoints = [value for joint in range(joints) for value in (x + 10 * joint, 50, 2)]
    return {"image_id": 1, "bbox": [0, 0, 200, 100], "keypoints": keypoints, **extra}


def test_the_example_scores_as_pycocotools_says(shared: Path, tmp_path: Path) -> None:
    folder = shared / "eval" / "coco_ap"
    arguments = ["-g", str(folder / "example_coco_val.json")]
    arguments += ["-p", str(folder / "example_coco_preds.json"), "-o", str(tmp_path)]
    assert coco.main(arguments) == 0
    scores = json.loads((tmp_path / "summary.json").read_text())["OKS"]
    shown = [round(scores[name], 1) for name in ("AP", "AP50", "AP75", "APM", "APL", "AR")]
    assert shown == [86.1, 99.3, 91.1, 77.6, 93.7, 87.5]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_truth_against_itself_scores_100_for_every_skeleton(skeleton: Any, tmp_path: Path) -> None:
    annotation = person(len(skeleton))
    categories = [{"id": 1, "name": "person", "keypoints": list(skeleton.names)}]
    content = {"images": [{"id": 1}], "annotations": [annotation], "categories": categories}
    truth, known = coco.load_truth(write(tmp_path, "gt.json", content), None)
    assert known == skeleton
    results = [{**annotation, "category_id": 1, "score": 0.9}]
    assert coco.oks_ap(truth, results, skeleton.sigmas)["AP"] == pytest.approx(100)


@pytest.mark.parametrize("ids", [[0, 1], [7, 7]])
def test_ids_are_only_names(ids: list[int], tmp_path: Path) -> None:
    """pycocotools reads annotation id 0 as nobody, and mixes up people with the same id."""
    people = [person(17, x=10 + 300 * n, id=ids[n], category_id=3) for n in range(2)]
    categories: list[Any] = []
    content = {"images": [{"id": 1}], "annotations": people, "categories": categories}
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), "coco17")
    found = [{"image_id": 1, "keypoints": each["keypoints"], "score": 0.9} for each in people]
    results = coco.load_results(write(tmp_path, "res.json", found), truth, skeleton)
    assert coco.oks_ap(truth, results, skeleton.sigmas)["AP"] == pytest.approx(100)
    other = [{**found[0], "category_id": 1}]
    with pytest.raises(AnnotationError, match="its category 1 is not in the truth"):
        coco.load_results(write(tmp_path, "res.json", other), truth, skeleton)


@pytest.mark.parametrize("boxes", [[None, [0, 0, 9, 9]], [[0, 0, 9, 9], None], [[], None]])
def test_some_results_may_have_boxes_and_others_none(boxes: list[Any], tmp_path: Path) -> None:
    """pycocotools looks for a box in the first result, and then wants one in each."""
    people = [person(17, x=10 + 300 * n) for n in range(2)]
    content = {"images": [{"id": 1}], "annotations": people}
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), "coco17")
    found = [
        {"image_id": 1, "keypoints": each["keypoints"], "score": 0.9, "bbox": box, "caption": ""}
        for each, box in zip(people, boxes, strict=True)
    ]
    results = coco.load_results(write(tmp_path, "res.json", found), truth, skeleton)
    assert coco.oks_ap(truth, results, skeleton.sigmas)["AP"] == pytest.approx(100)


@pytest.mark.parametrize("area", [None, 0, -7])
def test_without_an_area_above_0_a_share_of_the_box_counts_and_a_note_says_so(
    area: float | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"images": [{"id": 1}], "annotations": [person(17, area=area)]}
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), "coco17")
    assert truth["annotations"][0]["area"] == pytest.approx(0.53 * 200 * 100)
    assert "gt.json: 1 person has no area; 0.53 of the box counts" in capsys.readouterr().err
    far = [{**person(17, x=1010), "category_id": 1, "score": 1.0}]
    assert coco.oks_ap(truth, far, skeleton.sigmas)["AP"] == 0


def scores_of(folder: Path, content: Any, found: Any) -> dict[str, float]:
    """Score files of this content as the command does."""
    truth, skeleton = coco.load_truth(write(folder, "gt.json", content), None)
    results = coco.load_results(write(folder, "res.json", found), truth, skeleton)
    return coco.oks_ap(truth, results, skeleton.sigmas)


def test_ids_of_pictures_may_be_numbers_and_text_at_once(tmp_path: Path) -> None:
    people = [{**person(17), "image_id": number} for number in (2, "10", 1)]
    content = {"images": [{"id": each["image_id"]} for each in people], "annotations": people}
    found = [{**each, "score": 0.9} for each in people]
    assert scores_of(tmp_path, content, found)["AP"] == pytest.approx(100)
    content["images"][0]["id"] = None
    with pytest.raises(AnnotationError, match="an image's id is null, expected a number or text"):
        coco.load_truth(write(tmp_path, "gt.json", content), None)
    with pytest.raises(AnnotationError, match='result 0: its image "2" is not in the truth'):
        scores_of(
            tmp_path,
            {**content, "images": [{"id": i} for i in (1, 2, "10")]},
            [{**found[0], "image_id": "2"}],
        )


def test_pictures_are_taken_in_the_order_of_their_ids(tmp_path: Path) -> None:
    """As by pycocotools: of two equal scores the one of picture 1 ranks first, and it is right."""
    people = [{**person(17), "image_id": number} for number in (2, 1)]
    content = {"images": [{"id": 2}, {"id": 1}], "annotations": people}
    found = [{**people[0], **person(17, x=4000), "image_id": 2, "score": 0.9}]
    found.append({**people[1], "score": 0.9})
    # Precision 1 up to a recall of one half: 51 of the 101 recalls. The other way round it is 1/2.
    assert scores_of(tmp_path, content, found)["AP"] == pytest.approx(100 * 51 / 101)


@pytest.mark.parametrize("spelt", [str, str.upper, lambda name: name.replace("_", " ").title()])
def test_joint_names_may_be_spelt_otherwise_and_belong_to_any_category(
    spelt: Any, tmp_path: Path
) -> None:
    named = {"id": 1, "name": "person", "keypoints": [spelt(name) for name in MPII16.names]}
    content = {"images": [{"id": 1}], "annotations": [person(16)]}
    content["categories"] = [{"id": 0, "name": "objects"}, named]
    assert coco.load_truth(write(tmp_path, "gt.json", content), None)[1] == MPII16


def test_seventeen_joints_with_other_names_are_not_taken_for_cocos(tmp_path: Path) -> None:
    category = {"id": 1, "name": "skier", "keypoints": [f"point {n}" for n in range(17)]}
    content = {"images": [{"id": 1}], "annotations": [person(17)], "categories": [category]}
    path = write(tmp_path, "gt.json", content)
    with pytest.raises(AnnotationError, match="its joints are of no known skeleton; give sigmas"):
        coco.load_truth(path, None)
    category["sigmas"] = [0.05] * 17
    assert coco.load_truth(write(tmp_path, "gt.json", content), None)[1].sigmas == (0.05,) * 17
    assert coco.load_truth(path, "coco17")[1] == COCO17


def test_iscrowd_may_be_a_boolean_as_in_posetrack18(tmp_path: Path) -> None:
    people = [person(17, iscrowd=False), person(17, x=400, iscrowd=True)]
    content = {"images": [{"id": 1}], "annotations": people}
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), "coco17")
    found = [{"image_id": 1, "keypoints": people[0]["keypoints"], "score": 0.9}]
    results = coco.load_results(write(tmp_path, "res.json", found), truth, skeleton)
    assert coco.oks_ap(truth, results, skeleton.sigmas)["AR"] == pytest.approx(100)


def test_pckh_compares_people_only_within_their_picture() -> None:
    """A table of all people in a data set against all of them took gigabytes."""
    count = 4000
    points = np.zeros((count, 14, 2))
    pictures = np.arange(count)
    tracemalloc.start()
    right, labelled = pckh_counts(points, np.ones(count), points, pictures, pictures[::-1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert right.tolist() == labelled.tolist() == [count] * 14
    assert peak < count**2


def test_a_skeleton_can_come_from_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, "hands.json", {"names": ["wrist", "tip"], "sigmas": [0.05, 0.02]})
    content = {"images": [{"id": 1}], "annotations": [person(2)]}
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), str(path))
    assert (skeleton.name, skeleton.sigmas) == ("hands", (0.05, 0.02))
    # 10 pixels off on an area of 0.53 x 200 x 100: OKS is exp(-d^2 / (2 area (2 sigma)^2)), the
    # mean of 0.62 and 0.052 = 0.34, below every threshold; with sigmas ten times larger it is 0.99.
    results = [{**person(2, x=20), "category_id": 1, "score": 1.0}]
    assert coco.oks_ap(truth, results, skeleton.sigmas)["AP"] == 0
    assert coco.oks_ap(truth, results, (0.5, 0.5))["AP"] == pytest.approx(100)


def test_a_joint_count_of_two_skeletons_asks_for_the_skeletons_name(tmp_path: Path) -> None:
    content = {"images": [{"id": 1}], "annotations": [person(14)]}
    path = write(tmp_path, "gt.json", content)
    with pytest.raises(
        AnnotationError, match="of no known skeleton; give sigmas in its category, or --skeleton"
    ):
        coco.load_truth(path, None)
    assert coco.load_truth(path, "aic14")[1] == AIC14
    assert coco.load_truth(path, "crowdpose14")[1] == CROWDPOSE14


def test_pckh_counts_joints_within_half_a_head(tmp_path: Path) -> None:
    """The head box 30 x 40 makes a head of 30 pixels: 15 are near enough, 16 are not."""
    content = {
        "images": [{"id": 1}],
        "annotations": [person(16, bbox_head=[0, 0, 30, 40])],
        "categories": [{"id": 1, "name": "person", "keypoints": list(MPII16.names)}],
    }
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), None)
    near = coco.pckh(truth, [{**person(16, x=25), "score": 1}], skeleton)
    far = coco.pckh(truth, [{**person(16, x=26), "score": 1}], skeleton)
    assert near is not None
    assert far is not None
    assert (near["mean"], far["mean"]) == (100, 0)


def test_the_mean_of_pckh_is_the_published_one(tmp_path: Path) -> None:
    """The share of all labelled joints but pelvis and thorax: of 14 and of 1 here, 14 are right."""
    lone = person(16, bbox_head=[0, 0, 30, 40])
    lone["keypoints"] = [0.0] * 45 + [160, 50, 2]  # its left wrist alone is labelled
    content = {
        "images": [{"id": 1}, {"id": 2}],
        "annotations": [person(16, bbox_head=[0, 0, 30, 40]), {**lone, "image_id": 2}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(MPII16.names)}],
    }
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), None)
    found = person(16)
    for joint in ("pelvis", "thorax"):
        found["keypoints"][3 * MPII16.index(joint)] += 100
    scores = coco.pckh(
        truth, [{**found, "score": 1}, {**person(16, x=200), "image_id": 2, "score": 1}], skeleton
    )
    assert scores is not None
    assert (scores["pelvis"], scores["head_top"], scores["left_wrist"]) == (0, 100, 50)
    assert scores["mean"] == pytest.approx(100 * 14 / 15)


def test_coco_people_have_no_head_to_measure_by(tmp_path: Path) -> None:
    content = {"images": [{"id": 1}], "annotations": [person(17)]}
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), None)
    assert skeleton == COCO17
    assert coco.pckh(truth, [{**person(17), "score": 1}], skeleton) is None


def test_a_person_of_a_picture_that_is_not_listed_is_named(tmp_path: Path) -> None:
    content = {"images": [{"id": 2}], "annotations": [person(17)]}
    with pytest.raises(AnnotationError, match="annotation 0: its image 1 is not listed"):
        coco.load_truth(write(tmp_path, "gt.json", content), None)


def test_ap_of_a_size_that_nobody_has_is_nan(tmp_path: Path) -> None:
    content = {"images": [{"id": 1}], "annotations": [person(17)]}  # 200 x 100 pixels: large
    truth, skeleton = coco.load_truth(write(tmp_path, "gt.json", content), None)
    results = [{**person(17), "score": 0.9}]
    found = coco.load_results(write(tmp_path, "pr.json", results), truth, skeleton)
    scores = coco.oks_ap(truth, found, skeleton.sigmas)
    assert {name for name, value in scores.items() if np.isnan(value)} == {"APM", "ARM"}
    assert scores["APL"] == pytest.approx(100)


def test_no_predictions_score_0(tmp_path: Path) -> None:
    content = {"images": [{"id": 1}], "annotations": [person(17)]}  # a large person
    scores = scores_of(tmp_path, content, [])
    assert (scores["AP"], scores["AR"], scores["APL"]) == (0, 0, 0)
    assert np.isnan(scores["APM"])


@pytest.mark.parametrize("people", [[], [{**person(17), "keypoints": [0] * 51}]])
def test_a_truth_in_which_nobody_is_labelled_is_an_error(people: Any, tmp_path: Path) -> None:
    path = write(tmp_path, "gt.json", {"images": [{"id": 1}], "annotations": people})
    with pytest.raises(AnnotationError, match="nobody is labelled there; there is nothing to"):
        coco.load_truth(path, "coco17")
