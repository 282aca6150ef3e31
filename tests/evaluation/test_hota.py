"""HOTA and identity scores equal trackeval's: recorded ones, and its own if it is installed."""

from __future__ import annotations

import random

import numpy as np
import pytest

from evaluation.hota import HotaCounts, hota, hota_scores
from evaluation.identity import IdentityCounts, identity, identity_scores
from evaluation.matching import FramePairs, whole_people

# trackeval 1.3.0 on `sequence(0)` to `sequence(5)` and on the six together, in percent. Its package
# requires a build of OpenCV that the window cannot work with, so it is no dependency.
NAMES = ("HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA", "IDF1", "IDP", "IDR")
RECORDED = {
    0: (
        20.37571614755, 25.76112290588, 16.16389052097, 61.48705096074,
        30.02855977152, 30.03008795661, 23.61704008872, 86.74578069084,
        28.12500000000, 20.93023255814, 42.85714285714,
    ),
    1: (
        22.70209482052, 26.40112701055, 19.57836515263, 63.50877192982,
        30.73005093379, 31.89167453265, 32.51258828890, 89.56854918667,
        30.43478260870, 22.58064516129, 46.66666666667,
    ),
    2: (
        26.82448493927, 28.41799540329, 25.60130484943, 43.85964912281,
        39.47368421053, 41.03007518797, 37.19715956558, 79.13639200120,
        42.10526315789, 40.00000000000, 44.44444444444,
    ),
    3: (
        15.75362281092, 21.44968387027, 11.66154315944, 54.25837320574,
        25.72595281307, 20.75812887866, 20.24180290103, 87.89744459218,
        21.05263157895, 15.51724137931, 32.72727272727,
    ),
    4: (
        17.90187980134, 24.75791507074, 13.28960620867, 40.72022160665,
        36.84210526316, 21.56618819777, 26.57581905702, 83.36231781690,
        30.00000000000, 28.57142857143, 31.57894736842,
    ),
    5: (
        18.23267048121, 23.79963510971, 14.01667309538, 31.09418282548,
        47.26315789474, 22.84575022891, 24.71380728728, 83.81895842112,
        25.39682539683, 32.00000000000, 21.05263157895,
    ),
    "all": (
        18.99519060695, 24.08236598745, 15.03889396760, 47.85698423273,
        31.77060297803, 26.17527713944, 24.47801716016, 86.00350013423,
        26.26262626263, 21.84873949580, 32.91139240506,
    ),
}  # fmt: skip


def sequence(seed: int) -> list[tuple[list[int], list[int], list[list[float]]]]:
    """Frames of true ids, predicted ids and similarities; some frames have nobody."""
    rng = random.Random(seed)
    truths, predictions = rng.randint(2, 6), rng.randint(2, 8)
    frames = []
    for _ in range(rng.randint(5, 40)):
        g = rng.sample(range(truths), rng.randint(0, truths))
        p = rng.sample(range(predictions), rng.randint(0, predictions))
        noise = [
            [min(1.0, max(0.0, rng.random() * 1.6 - 0.6 + (0.5 if a == b else 0))) for b in p]
            for a in g
        ]
        frames.append((g, p, noise))
    return frames


def counts(seed: int) -> tuple[HotaCounts, IdentityCounts]:
    frames = [whole_people(*frame) for frame in sequence(seed)]
    return hota(frames, 1), identity(frames, 1)


def scores(counted: tuple[HotaCounts, IdentityCounts]) -> list[float]:
    named = hota_scores(counted[0]) | identity_scores(counted[1])
    return [float(named[name][0]) for name in NAMES]


@pytest.mark.parametrize("seed", range(6))
def test_a_sequence_scores_as_recorded_from_trackeval(seed: int) -> None:
    np.testing.assert_allclose(scores(counts(seed)), RECORDED[seed], rtol=0, atol=1e-9)


def test_summed_counts_score_as_trackeval_combines_sequences() -> None:
    parts = [counts(seed) for seed in range(6)]
    together = parts[0]
    for part in parts[1:]:
        together = together[0] + part[0], together[1] + part[1]
    np.testing.assert_allclose(scores(together), RECORDED["all"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(100, 130))
def test_a_sequence_scores_as_the_installed_trackeval_does(seed: int) -> None:
    metrics = pytest.importorskip("trackeval.metrics", reason="trackeval is not installed")
    frames = sequence(seed)
    truths = sorted({i for g, _, _ in frames for i in g})
    predictions = sorted({i for _, p, _ in frames for i in p})
    data = {
        "num_gt_dets": sum(len(g) for g, _, _ in frames),
        "num_tracker_dets": sum(len(p) for _, p, _ in frames),
        "num_gt_ids": len(truths),
        "num_tracker_ids": len(predictions),
        "num_timesteps": len(frames),
        "gt_ids": [np.array([truths.index(i) for i in g], int) for g, _, _ in frames],
        "tracker_ids": [np.array([predictions.index(i) for i in p], int) for _, p, _ in frames],
        "similarity_scores": [np.array(s, float).reshape(len(g), len(p)) for g, p, s in frames],
    }
    expected = metrics.HOTA().eval_sequence(data)
    expected |= metrics.Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    reference = [100 * np.mean(expected[name]) for name in NAMES]
    np.testing.assert_allclose(scores(counts(seed)), reference, rtol=0, atol=1e-9)


def test_truth_against_itself_scores_100() -> None:
    frames = [whole_people([1, 2], [7, 9], np.eye(2)) for _ in range(4)]
    named = hota_scores(hota(frames, 1)) | identity_scores(identity(frames, 1))
    assert {name: float(value[0]) for name, value in named.items()} == dict.fromkeys(NAMES, 100.0)


def test_an_id_that_changes_halfway_halves_association_and_identity() -> None:
    """One person over four frames, followed as 7, then as 8: each id agrees for two of four."""
    frames = [whole_people([1], [7 if f < 2 else 8], [[1.0]]) for f in range(4)]
    named = hota_scores(hota(frames, 1)) | identity_scores(identity(frames, 1))
    assert named["DetA"][0] == 100
    assert named["AssA"][0] == pytest.approx(50)
    assert named["IDF1"][0] == 50


def test_each_layer_is_scored_alone() -> None:
    one = [whole_people(*frame) for frame in sequence(1)]
    blank = [np.zeros_like(frame.pairs) for frame in one]
    two = [
        FramePairs(
            frame.truth_ids,
            frame.predicted_ids,
            frame.truth_there.repeat(2, 0),
            frame.predicted_there.repeat(2, 0),
            np.concatenate([empty, frame.pairs]),
        )
        for frame, empty in zip(one, blank, strict=True)
    ]
    named = hota_scores(hota(two, 2)) | identity_scores(identity(two, 2))
    alone = hota_scores(hota(one, 1)) | identity_scores(identity(one, 1))
    assert [float(named[name][1]) for name in NAMES] == [float(alone[name][0]) for name in NAMES]
    assert named["HOTA"][0] == 0


def test_no_frames_and_no_people_score_nan() -> None:
    for frames in ([], [whole_people([], [], [])]):
        assert np.isnan(hota_scores(hota(frames, 1))["HOTA"])
        assert np.isnan(identity_scores(identity(frames, 1))["IDF1"])
