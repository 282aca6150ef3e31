"""Pose scores: properties that hold for any sequences, and quirks checked by hand."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.annotation_files import read_sequence
from evaluation.annotations import AnnotationError
from evaluation.pose_scores import ScoreOptions, SequenceScore, score_files, total
from evaluation.pose_summary import summary

Pair = Callable[..., tuple[Path, Path]]
Scores = dict[str, Any]
STRICT = ScoreOptions(strict=True)
POSEVAL = ScoreOptions()
# A fixture that makes files is safe to share: every example overwrites them.
shared_files = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _random_pair(
    seed: int, make_person: Any, *, apart: bool = False
) -> tuple[list[Any], list[Any]]:
    """Two to five people who wander; predictions with noise, gaps, switches and strangers.

    If they are `apart`, nobody is near two others.
    """
    rng = random.Random(seed)
    people = rng.randint(2, 5)
    places = [[rng.uniform(0, 400), rng.uniform(0, 400)] for _ in range(people)]
    if apart:
        places = [[100.0, 1000.0 * person] for person in range(people)]
    ids = list(range(10, 10 + people))
    truth, predicted = [], []
    for frame in range(rng.randint(2, 6)):
        true_people, found = [], []
        for person, place in enumerate(places):
            place[0] += rng.uniform(-5, 5)
            joints = [joint for joint in range(15) if rng.random() < 0.8] or [0]
            true_people.append(make_person(person, *place, joints=joints))
            if rng.random() < 0.1:
                ids[person] = 100 * (person + 1) + frame
            if rng.random() < 0.85:
                x, y = (value + rng.gauss(0, 8) for value in place)
                found.append(make_person(ids[person], x, y, joints=joints, score=rng.random()))
        if rng.random() < 0.3:
            found.append(make_person(5000 + frame, rng.uniform(0, 400), score=rng.random()))
        truth.append(true_people)
        predicted.append(found)
    return truth, predicted


def _score(pair: Pair, truth: Any, predicted: Any, options: ScoreOptions) -> SequenceScore:
    gt, pred = pair(truth, predicted)
    return score_files(gt / "seq.json", pred / "seq.json", options)


def _scores(pair: Pair, truth: Any, predicted: Any, options: ScoreOptions) -> Scores:
    return summary(_score(pair, truth, predicted, options).counts, options)


def _assert_same(a: Scores, b: Scores) -> None:
    """Equal except for the last digits, which depend on the order of summation."""
    assert a.keys() == b.keys()
    for key, value in a.items():
        if isinstance(value, dict):
            _assert_same(value, b[key])
        else:
            np.testing.assert_allclose(value, b[key], rtol=1e-9, atol=1e-9, err_msg=key)


@shared_files
@given(seed=st.integers(0, 10_000), strict=st.booleans())
def test_truth_against_itself_scores_100_on_every_labelled_joint(
    seed: int, strict: bool, pair: Pair, make_person: Any
) -> None:
    truth, _ = _random_pair(seed, make_person)
    options = STRICT if strict else POSEVAL
    counts = _score(pair, truth, truth, options).counts
    scores = summary(counts, options)
    for joint in np.flatnonzero(counts.mot.truth):
        assert scores["AP"]["ap"][joint] == pytest.approx(100)
        for metric, names in {
            "CLEAR": ("mota", "motp", "pre", "rec"),
            "HOTA": ("HOTA", "DetA", "AssA", "LocA"),
            "Identity": ("IDF1", "IDP", "IDR"),
        }.items():
            for name in names:
                assert scores[metric][name][joint] == pytest.approx(100), name
    assert scores["HOTA"]["person"]["HOTA"] == pytest.approx(100)
    assert scores["Identity"]["person"]["IDF1"] == pytest.approx(100)


@shared_files
@given(seed=st.integers(0, 10_000), strict=st.booleans())
def test_renaming_ids_changes_nothing(
    seed: int, strict: bool, pair: Pair, make_person: Any
) -> None:
    truth, predicted = _random_pair(seed, make_person)
    options = STRICT if strict else POSEVAL
    before = _scores(pair, truth, predicted, options)
    _rename(truth + predicted, seed)
    _assert_same(before, _scores(pair, truth, predicted, options))


def _rename(frames: list[Any], seed: int) -> None:
    names: dict[int, int] = defaultdict(lambda: free.pop())
    free = random.Random(seed).sample(range(1000), 1000)
    for person in (person for people in frames for person in people):
        person["track_id"] = [names[person["track_id"][0]]]


def _shuffled(frames: list[Any], seed: int) -> list[Any]:
    rng = random.Random(seed)
    return [rng.sample(people, len(people)) for people in frames]


def _tied(seed: int, make_person: Any) -> tuple[list[Any], list[Any]]:
    """People on a coarse grid, several in one spot, so that shares, distances and scores tie."""
    rng = random.Random(seed)

    def crowd(first_id: int) -> list[Any]:
        joints = [rng.sample(range(15), rng.choice((3, 15))) for _ in range(rng.randint(0, 4))]
        return [
            make_person(
                first_id + number,
                x=rng.choice((100, 110, 120)),
                joints=sorted(listed),
                score=rng.choice((0.5, 0.9)),
            )
            for number, listed in enumerate(joints)
        ]

    truth, predicted = ([crowd(first) for _ in range(4)] for first in (1, 50))
    return truth, predicted


@pytest.mark.parametrize("made", [_random_pair, _tied])
@shared_files
@given(seed=st.integers(0, 10_000))
def test_permuting_people_changes_nothing_in_strict(
    made: Callable[..., tuple[list[Any], list[Any]]], seed: int, pair: Pair, make_person: Any
) -> None:
    truth, predicted = made(seed, make_person)
    before = _scores(pair, truth, predicted, STRICT)
    _assert_same(before, _scores(pair, _shuffled(truth, seed), _shuffled(predicted, seed), STRICT))


@shared_files
@given(seed=st.integers(0, 10_000))
def test_renaming_ids_changes_nothing_in_poseval_where_all_pairs_tie(
    seed: int, pair: Pair, make_person: Any
) -> None:
    truth, predicted = _tied(seed, make_person)
    before = _scores(pair, truth, predicted, POSEVAL)
    _rename(truth + predicted, seed)
    _assert_same(before, _scores(pair, truth, predicted, POSEVAL))


@shared_files
@given(seed=st.integers(0, 10_000), apart=st.booleans())
def test_permuting_people_changes_nothing_in_poseval_but_ap_where_people_compete(
    seed: int, apart: bool, pair: Pair, make_person: Any
) -> None:
    """Of two equally good partners the reference takes the first in the file, and so does AP."""
    truth, predicted = _random_pair(seed, make_person, apart=apart)
    before = _scores(pair, truth, predicted, POSEVAL)
    after = _scores(pair, _shuffled(truth, seed), _shuffled(predicted, seed), POSEVAL)
    if not apart:
        del before["AP"], after["AP"]
    _assert_same(before, after)


def test_of_equal_matches_poseval_takes_the_first_and_strict_ignores_their_order(
    pair: Pair, make_person: Any
) -> None:
    """Two predictions match all joints of one person; the higher score ranks first."""
    near, sure = make_person(5, score=0.4), make_person(6, x=105, score=0.8)
    ap = {}
    for options in (POSEVAL, STRICT):
        for order in ([near, sure], [sure, near]):
            scores = _scores(pair, [[make_person()]] * 2, [order] * 2, options)
            ap[options.strict, order[0] is near] = scores["AP"]["ap"][15]
    assert ap[False, True] == pytest.approx(50)
    assert ap[False, False] == pytest.approx(100)
    assert ap[True, True] == ap[True, False]


@shared_files
@given(seeds=st.lists(st.integers(0, 10_000), min_size=2, max_size=4, unique=True))
def test_shuffling_files_changes_nothing(seeds: list[int], pair: Pair, make_person: Any) -> None:
    scores = [_score(pair, *_random_pair(seed, make_person), STRICT) for seed in seeds]
    forwards, backwards = (summary(total(order), STRICT) for order in (scores, scores[::-1]))
    _assert_same(forwards, backwards)


@shared_files
@given(seed=st.integers(0, 10_000), strict=st.booleans())
def test_one_switch_more_lowers_mota_by_exactly_one_count(
    seed: int, strict: bool, pair: Pair, make_person: Any
) -> None:
    truth, _ = _random_pair(seed, make_person)
    options = STRICT if strict else POSEVAL
    exact = json.loads(json.dumps(truth))  # truth as prediction, person 0 renamed from frame 1 on
    for people in exact[1:]:
        for person in people:
            if person["track_id"] == [0]:
                person["track_id"] = [999]
    before = _score(pair, truth, truth, options).counts.mot
    after = _score(pair, truth, exact, options).counts.mot
    scored = truth if strict else truth[:-1]
    joints = [
        {p["id"][0] for person in people if person["track_id"] == [0]
         for p in person["annopoints"][0]["point"]}
        for people in scored
    ]  # fmt: skip
    later = set().union(*joints[1:])
    switched = [joint in joints[0] and joint in later for joint in range(15)]
    assert after.switches.tolist() == [float(s) for s in switched]
    assert after.misses.tolist() == before.misses.tolist()
    assert after.false_positives.tolist() == before.false_positives.tolist()


def test_a_joint_matches_at_half_a_head_and_not_beyond(pair: Pair, make_person: Any) -> None:
    """The head size is 30: 15 pixels match, 15.01 do not."""
    truth = [[make_person()]] * 2
    near = _scores(pair, truth, [[make_person(x=115)]] * 2, POSEVAL)
    far = _scores(pair, truth, [[make_person(x=115.01)]] * 2, POSEVAL)
    assert near["AP"]["rec"][15] == near["CLEAR"]["rec"][15] == 100
    assert far["AP"]["rec"][15] == far["CLEAR"]["rec"][15] == 0
    assert near["CLEAR"]["motp"][15] == 50


def test_the_last_labelled_frame_counts_for_mota_only_in_strict(
    pair: Pair, make_person: Any
) -> None:
    truth = [[make_person()]] * 3
    predicted = [[make_person()], [make_person()], []]
    assert _scores(pair, truth, predicted, POSEVAL)["CLEAR"]["mota"][15] == 100
    assert _scores(pair, truth, predicted, STRICT)["CLEAR"]["mota"][15] == pytest.approx(200 / 3)


def test_a_frame_without_predictions_counts_one_miss_and_one_false_positive(
    pair: Pair, make_person: Any
) -> None:
    two = [make_person(1), make_person(2, y=900)]
    truth, predicted = [two, two, two], [two, [], two]
    quirk = _score(pair, truth, predicted, POSEVAL).counts.mot
    assert (quirk.truth[0], quirk.misses[0], quirk.false_positives[0]) == (3, 1, 1)
    strict = _score(pair, truth, predicted, STRICT).counts.mot
    assert (strict.truth[0], strict.misses[0], strict.false_positives[0]) == (6, 2, 0)


def test_a_joint_that_never_occurs_has_ap_0_and_no_mota(pair: Pair, make_person: Any) -> None:
    people = [[make_person(joints=range(14))]] * 2  # no head_top
    scores = _scores(pair, people, people, POSEVAL)
    assert scores["AP"]["ap"][14] == 0
    assert scores["AP"]["ap"][15] == pytest.approx(1400 / 15)
    assert np.isnan(scores["CLEAR"]["mota"][14])
    assert scores["CLEAR"]["mota"][15] == 100
    assert _scores(pair, people, people, STRICT)["AP"]["ap"][15] == 100


def test_a_predicted_joint_that_truth_lacks_is_a_false_positive(
    pair: Pair, make_person: Any
) -> None:
    truth = [[make_person(1, joints=range(14)), make_person(2, y=900)]] * 2
    predicted = [[make_person(1), make_person(2, y=900)]] * 2
    scores = _scores(pair, truth, predicted, POSEVAL)
    assert scores["AP"]["pre"][14] == scores["CLEAR"]["pre"][14] == 50


def test_missing_scores_rank_last(pair: Pair, make_person: Any) -> None:
    stranger = make_person(2, y=900, score=0.1)
    score = _score(pair, [[make_person()]], [[make_person(score=None), stranger]], POSEVAL)
    assert summary(score.counts, POSEVAL)["AP"]["ap"][0] == 50
    assert "15 points without a score" in score.warnings[0]
    options = POSEVAL._replace(kpt_thr=0.05)
    score = _score(pair, [[make_person()]], [[make_person(score=None), stranger]], options)
    assert "none reaches the threshold of 0.05" in score.warnings[0]
    unscored = make_person()
    for point in unscored["annopoints"][0]["point"]:
        point["score"] = []  # as in files that went through MATLAB
    score = _score(pair, [[make_person()]], [[unscored, stranger]], POSEVAL)
    assert "15 points without a score" in score.warnings[0]


def test_joints_that_posetrack_does_not_have_are_left_out_and_reported(
    pair: Pair, make_person: Any
) -> None:
    """This is how COCO's 17 joints look in a 2017 file."""
    truth = [[make_person()]] * 2
    score = _score(pair, truth, [[make_person(joints=range(17))]] * 2, STRICT)
    assert "pred/seq.json: 4 points of no joint, 0 to 14, left out" in score.warnings[0]
    assert summary(score.counts, STRICT)["CLEAR"]["mota"][15] == 100


def test_unlabelled_frames_are_dropped_with_their_predictions(pair: Pair, make_person: Any) -> None:
    truth = [[make_person()], [], [make_person()]]
    predicted = [[make_person()]] * 3
    scores = _scores(pair, truth, predicted, POSEVAL)
    assert scores["frames"] == 2
    assert scores["AP"]["pre"][15] == scores["CLEAR"]["pre"][15] == 100


def test_hota_and_identity_include_labelled_empty_frames_in_either_mode(
    pair: Pair, make_person: Any, make_file: Any
) -> None:
    """The middle frame is labelled and empty: a person predicted there is a false positive."""
    truth = make_file([[make_person()], [], [make_person()]])
    truth["annolist"][1]["is_labeled"] = [True]
    predicted = [[make_person()]] * 3
    poseval = _scores(pair, truth, predicted, POSEVAL)
    strict = _scores(pair, truth, predicted, STRICT)
    assert poseval["HOTA"]["DetPr"][15] == pytest.approx(200 / 3)
    assert poseval["Identity"]["person"]["IDF1"] == pytest.approx(80)
    _assert_same(poseval["HOTA"], strict["HOTA"])
    _assert_same(poseval["Identity"], strict["Identity"])
    assert poseval["AP"]["pre"][15] == poseval["CLEAR"]["pre"][15] == 100  # as in poseval


def test_strict_scores_only_labelled_frames(pair: Pair, make_person: Any, make_file: Any) -> None:
    """A frame may have people and yet be marked as not labelled."""
    people = [[make_person()]] * 3
    truth = make_file(people)
    truth["annolist"][1]["is_labeled"] = [False]
    strict = _scores(pair, truth, people, STRICT)
    assert strict["frames"] == 2
    assert strict["AP"]["ap"][15] == strict["AP"]["rec"][15] == 100


def test_frames_in_another_order_are_refused(pair: Pair, make_person: Any, make_file: Any) -> None:
    truth, predicted = make_file([[make_person()]] * 3), make_file([[make_person()]] * 3)
    predicted["annolist"].reverse()
    with pytest.raises(AnnotationError, match=r"in another order .* frame 0 is 00002\.jpg"):
        _score(pair, truth, predicted, POSEVAL)


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("elsewhere{}.jpg", "3 of 3 frames are called otherwise than the truth's (frame 0 is else"),
        # Two of the three names are in the truth, but of the next frame
        ("images/{:05d}.jpg", "3 of 3 frames are called otherwise than the truth's (frame 0 is 0"),
        ("", ""),
    ],
)
def test_frames_with_other_names_are_reported(
    name: str, warning: str, pair: Pair, make_person: Any, make_file: Any
) -> None:
    truth, predicted = make_file([[make_person()]] * 3), make_file([[make_person()]] * 3)
    for index, frame in enumerate(predicted["annolist"], start=1):
        frame["image"] = [{"name": name.format(index)}]
    warnings = _score(pair, truth, predicted, POSEVAL).warnings
    assert len(warnings) == bool(warning)
    assert warning in "".join(warnings)


def test_points_strictly_inside_an_ignore_region_are_not_scored(
    pair: Pair, make_person: Any, make_file: Any
) -> None:
    """Joints lie at x = 100, 200, ... on y = 100; the region's edge runs through x = 300."""
    square = [(50, 50), (300, 50), (300, 150), (50, 150)]
    region = {"point": [{"x": [x], "y": [y]} for x, y in square]}
    truth = make_file([[make_person(), make_person(2, y=900)]] * 2, ignore_regions=[region])
    predicted = [[make_person(), make_person(2, y=900)]] * 2
    counts = _score(pair, truth, predicted, POSEVAL).counts
    assert counts.detections.truth.tolist() == [3, 3, *[4] * 13]
    assert (~np.isnan(counts.detections.scores)).sum(0).tolist() == [3, 3, *[4] * 13]


def test_low_scores_are_left_out_of_tracking_only(pair: Pair, make_person: Any) -> None:
    truth = [[make_person()]] * 2
    predicted = [[make_person(), make_person(2, y=900, score=0.2)]] * 2
    options = ScoreOptions(kpt_thr=0.3, sweep=(0.1, 0.3))
    scores = _scores(pair, truth, predicted, options)
    assert scores["CLEAR"]["pre"][15] == 100
    assert scores["AP"]["pre"][15] == 50
    assert [row["mota"] for row in scores["sweep"]] == [0, 100]


def test_2018_files_score_as_the_same_2017_files(
    pair: Pair, make_person: Any, make_file: Any
) -> None:
    truth, predicted = _random_pair(5, make_person)
    expected = _scores(pair, truth, predicted, POSEVAL)
    both = _as_2018(make_file(truth)), _as_2018(make_file(predicted))
    _assert_same(expected, _scores(pair, *both, POSEVAL))
    _assert_same(expected, _scores(pair, both[0], predicted, POSEVAL))


def _as_2018(data: Any) -> Any:
    """The same people in the later layout; joints that are not there are zeros."""
    from pose.skeleton import POSETRACK15, POSETRACK18

    names = ["neck" if name == "head_bottom" else name for name in POSETRACK18.names]
    images, annotations = [], []
    for number, frame in enumerate(data["annolist"]):
        images.append({"id": number, "file_name": frame["image"][0]["name"], "is_labeled": True})
        for person in frame["annorect"]:
            points = {p["id"][0]: p for p in person["annopoints"][0]["point"]}
            keypoints, scores = [], []
            for name in names:
                joint = POSETRACK15.names.index(name) if name in POSETRACK15.names else -1
                point = points.get(joint)
                keypoints += [point["x"][0], point["y"][0], 1] if point else [0, 0, 0]
                scores.append(point["score"][0] if point else 0)
            x1, y1, x2, y2 = (person[key][0] for key in ("x1", "y1", "x2", "y2"))
            annotations.append(
                {
                    "image_id": number,
                    "track_id": person["track_id"][0],
                    "keypoints": keypoints,
                    "scores": scores,
                    "bbox_head": [x1, y1, x2 - x1, y2 - y1],
                }
            )
    categories = [{"name": "person", "keypoints": list(POSETRACK18.names)}]
    return {"images": images, "annotations": annotations, "categories": categories}


def test_a_real_2018_file_is_read(shared: Path) -> None:
    path = shared / "eval" / "posetrack18" / "annotations" / "003418_mpii_test.json"
    sequence = read_sequence(path, truth=True, need_ids=True)
    assert (len(sequence), sequence.labelled.tolist()) == (1, [True])
    nose = sequence.keypoints[0, 13]
    assert nose.tolist() == [621, 471]
    assert sequence.head_px[0] == pytest.approx(0.6 * np.hypot(296, 237))
    assert len(sequence.regions[0]) == 9
