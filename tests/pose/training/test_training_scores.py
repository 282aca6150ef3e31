"""The scores of poses and boxes on labelled people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from small_data import small_people

from pose.skeleton import COCO17
from pose.training.scores import box_ap, oks_ap, oks_of, pckh


def test_perfect_poses_score_1_and_distant_ones_0(tmp_path: Path) -> None:
    people = small_people(tmp_path)
    scores = np.ones(len(people), np.float32)
    np.testing.assert_allclose(oks_of(people.keypoints, people), 1, atol=1e-6)
    np.testing.assert_allclose(oks_ap(people.keypoints, scores, people), 1)
    assert oks_ap(people.keypoints + 500, scores, people) == 0


def test_oks_ap_counts_the_thresholds_that_are_passed(tmp_path: Path) -> None:
    people = small_people(tmp_path)
    # Every joint is so far off that OKS is 0.72: right at 0.5 to 0.7, wrong at 0.75 to 0.95.
    spread = 2 * np.array(COCO17.sigmas) * np.sqrt(people.areas[0])
    off = np.sqrt(-2 * np.log(0.72)) * spread  # (K,)
    moved = people.keypoints + np.stack([off, np.zeros(17)], axis=1)
    np.testing.assert_allclose(oks_of(moved.astype(np.float32), people), 0.72, atol=1e-4)
    np.testing.assert_allclose(oks_ap(moved, np.ones(4, np.float32), people), 0.5)


def test_pckh_measures_in_heads(tmp_path: Path) -> None:
    people = replace(small_people(tmp_path, 1), head_px=np.array([20.0], np.float32))
    points = people.keypoints.copy()
    points[0, :4, 0] += 9.0
    points[0, 4:8, 0] += 11.0
    np.testing.assert_allclose(pckh(points, people), 13 / 17)
    assert np.isnan(pckh(points, small_people(tmp_path, 1)))  # no head size is known


def test_boxes_that_are_all_found_score_1(tmp_path: Path) -> None:
    people = small_people(tmp_path)
    found = [
        {"image_id": index, "category_id": 1, "bbox": [10.0, 5.0, 40.0, 70.0], "score": 0.9}
        for index in range(4)
    ]
    np.testing.assert_allclose(box_ap(people, found), 1)
    assert box_ap(people, found[:2]) < 0.6
    assert box_ap(people, []) == 0
