"""CLEAR MOT on sequences small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.matching import FramePairs, best_pairs, cheapest_mask, largest_sum, whole_people
from evaluation.mota import MotCounts, clear, mot_scores

NAN = np.nan
Frame = tuple[list[int], list[int], list[list[float]]]

# name, frames of (true ids, predicted ids, distances), truth, misses, false, switches, fragments
CASES: list[tuple[str, list[Frame], tuple[int, int, int, int, int]]] = [
    ("nobody", [([], [], [])], (0, 0, 0, 0, 0)),
    ("found", [([1], [5], [[0.1]])], (1, 0, 0, 0, 0)),
    ("too far", [([1], [5], [[NAN]])], (1, 1, 1, 0, 0)),
    ("missed", [([1, 2], [5], [[0.1], [NAN]])], (2, 1, 0, 0, 0)),
    ("false", [([1], [5, 6], [[0.1, NAN]])], (1, 0, 1, 0, 0)),
    ("switch", [([1], [5], [[0.1]]), ([1], [6], [[0.1]])], (2, 0, 0, 1, 0)),
    (
        "a switch counts after a gap too",
        [([1], [5], [[0.1]]), ([1], [], [[]]), ([1], [6], [[0.1]])],
        (3, 1, 0, 1, 1),
    ),
    (
        "lost and found under the same id",
        [([1], [5], [[0.1]]), ([1], [], [[]]), ([1], [5], [[0.1]])],
        (3, 1, 0, 0, 1),
    ),
    (
        "found late is no fragment",
        [([1], [], [[]]), ([1], [5], [[0.1]])],
        (2, 1, 0, 0, 0),
    ),
    (
        "out of the picture is no fragment",
        [([1], [5], [[0.1]]), ([], [], []), ([1], [5], [[0.1]])],
        (2, 0, 0, 0, 0),
    ),
    (
        "the old pair stays though another is nearer",
        [([1], [5], [[0.1]]), ([1], [5, 6], [[0.4, 0.0]])],
        (2, 0, 1, 0, 0),
    ),
    (
        "two people swap ids",
        [([1, 2], [5, 6], [[0.1, NAN], [NAN, 0.1]]), ([1, 2], [5, 6], [[NAN, 0.1], [0.1, NAN]])],
        (4, 0, 0, 2, 0),
    ),
    (
        "more pairs come before nearer ones",
        [([1, 2], [5, 6], [[0.0, 0.4], [0.4, NAN]])],
        (2, 0, 0, 0, 0),
    ),
]


@pytest.mark.parametrize(("name", "frames", "expected"), CASES, ids=[case[0] for case in CASES])
def test_counts(name: str, frames: list[Frame], expected: tuple[int, ...]) -> None:
    result = clear([whole_people(*frame) for frame in frames], 1)
    c = result.counts
    tallies = c.truth, c.misses, c.false_positives, c.switches, c.fragments
    assert tuple(int(value[0]) for value in tallies) == expected
    assert result.misses.sum() == c.misses[0]
    assert result.false_positives.sum() == c.false_positives[0]
    assert len(result.switches) == c.switches[0]


def test_a_switch_records_frame_and_ids() -> None:
    frames = [whole_people([3], [70], [[0.1]]), whole_people([3], [80], [[0.2]])]
    (switch,) = clear(frames, 1).switches
    assert (switch.frame, switch.layer, switch.truth_id) == (1, 0, 3)
    assert (switch.old_id, switch.new_id) == (70, 80)


def test_scores_come_from_summed_counts() -> None:
    frames = [whole_people([1, 2], [5, 6], [[0.1, NAN], [NAN, NAN]])]
    once = clear(frames, 1).counts
    scores = mot_scores(once + once)
    assert scores["mota"][0] == 0  # two of four truths are missed, and two predictions are wrong
    assert scores["motp"][0] == pytest.approx(90)
    assert scores["pre"][0] == scores["rec"][0] == 50


def test_with_nothing_to_divide_by_scores_are_nan_and_motp_is_as_asked() -> None:
    scores = mot_scores(MotCounts.zero(1), unmatched_motp=0.0)
    assert np.isnan([scores[name][0] for name in ("mota", "pre", "rec")]).all()
    assert scores["motp"][0] == 0


def test_layers_are_scored_alone_and_an_absent_joint_is_not_missed() -> None:
    pairs = np.array([[[0.1]], [[NAN]]])  # (2, 1, 1)
    there = np.array([[True], [False]])
    frame = FramePairs(np.array([1]), np.array([5]), there, np.array([[True], [True]]), pairs)
    counts = clear([frame], 2).counts
    assert counts.truth.tolist() == [1, 0]
    assert counts.misses.tolist() == [0, 0]
    assert counts.false_positives.tolist() == [0, 1]


def test_the_solver_finds_the_cheapest_of_the_fullest_assignments() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        costs = rng.random((3, 4))
        costs[rng.random((3, 4)) < 0.3] = NAN
        chosen = cheapest_mask(costs)
        best = _brute_force(costs)
        assert (int(chosen.sum()), float(costs[chosen].sum())) == pytest.approx(best)


def _brute_force(costs: np.ndarray) -> tuple[int, float]:
    """The largest number of pairs, and the smallest cost with that many."""

    def search(row: int, used: frozenset[int]) -> tuple[int, float]:
        if row == len(costs):
            return 0, 0.0
        options = [search(row + 1, used)]
        for column in range(costs.shape[1]):
            if column not in used and np.isfinite(costs[row, column]):
                pairs, cost = search(row + 1, used | {column})
                options.append((pairs + 1, cost + costs[row, column]))
        return min(options, key=lambda option: (-option[0], option[1]))

    return search(0, frozenset())


def test_the_solver_for_large_matrices_gives_the_same_result() -> None:
    rng = np.random.default_rng(3)
    small = rng.random((30, 30))
    large = np.full((230, 230), NAN)
    large[:30, :30] = small
    assert (cheapest_mask(large)[:30, :30] == cheapest_mask(small)).all()


def test_the_largest_sum_of_few_pairs_is_that_of_the_whole_matrix() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        scores = rng.integers(0, 9, rng.integers(1, 9, 2)) * (rng.random() < 0.9)
        scores[rng.random(scores.shape) < 0.6] = 0
        row, column = np.nonzero(scores)
        assert largest_sum(row, column, scores[row, column]) == scores[best_pairs(scores)].sum()
