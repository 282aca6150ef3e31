"""The bench gives every tracker the same people, and worse detections give worse scores."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation import recorded_poses
from evaluation.contenders import (
    count,
    posse,
    run,
    run_refined,
    run_with_camera,
    run_with_shots,
    scores,
)
from evaluation.noise import LEVELS, covered, detections
from evaluation.recordings import Recording, TruthError, without_appearance
from evaluation.rivals import Tracked, Tracker
from evaluation.shaking import edited, hand_held, shaken, thinned, trembled
from evaluation.tracking import main, recordings_of, table
from pose.people import Poses
from pose.skeleton import COCO17

FRAMES = 60
IDS = [np.array([4, 7])] * FRAMES
BOXES = [
    np.array([[10.0 + 3 * n, 50, 60 + 3 * n, 200], [400.0 - 3 * n, 60, 450 - 3 * n, 210]])
    for n in range(FRAMES)
]
SHAPE = np.random.default_rng(1).uniform(0, 1, (17, 2))
JOINTS = [b[:, None, :2] + SHAPE * (b[:, None, 2:] - b[:, None, :2]) for b in BOXES]


def seen(level: str, seed: int = 0) -> Recording:
    people = detections(BOXES, IDS, JOINTS, COCO17, LEVELS[level], seed)
    return Recording("two who cross", people, BOXES, IDS, tuned=False)


def test_equal_seeds_give_equal_detections_and_other_seeds_others() -> None:
    first, again, other = seen("hard"), seen("hard"), seen("hard", seed=1)
    for a, b in zip(first.people, again.people, strict=True):
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
    assert any(len(a) != len(b) for a, b in zip(first.people, other.people, strict=True))


def test_perfect_detections_are_tracked_perfectly() -> None:
    nothing = replace(
        LEVELS["mild"], miss=0, occluded_miss=0, box=0, joint=0, jump=0, limb_swap=0, false_people=0
    )
    people = detections(BOXES, IDS, JOINTS, COCO17, nothing, 0)
    recording = Recording("perfect", people, BOXES, IDS, tuned=False)
    figures = scores(count(recording, *run(recording, posse())))
    assert (figures["IDF1"], figures["switches"], figures["fragments"]) == (100, 0, 0)
    assert figures["HOTA"] > 99.9


def test_idsr_divides_switches_by_recall() -> None:
    recording = Recording("one of two, under two ids", [], BOXES, IDS, tuned=False)
    tracked = [(boxes[:1], np.array([1 + (frame > 9)])) for frame, boxes in enumerate(BOXES)]
    figures = scores(count(recording, tracked, np.zeros(FRAMES)))
    assert (figures["recall"], figures["switches"], figures["IDSR"]) == (50, 1, 2)


def test_people_whom_truth_leaves_out_for_their_size_count_neither_for_nor_against() -> None:
    recording = Recording("far people", [], BOXES, IDS, tuned=False)
    far = np.array([[600.0, 50, 620, 110]])
    tracked = [(np.concatenate([b, far]), np.array([1, 2, 3])) for b in BOXES]
    with_them = scores(count(recording, tracked, np.zeros(FRAMES)))
    without = scores(count(replace(recording, least_height=61), tracked, np.zeros(FRAMES)))
    assert with_them["MOTA"] == pytest.approx(50)
    assert without["MOTA"] == without["IDF1"] == 100


def test_worse_levels_score_worse_and_the_second_pass_fills_in() -> None:
    def found(level: str, refine: bool = False) -> dict[str, float]:
        recording = seen(level)
        tracked = run_refined(recording) if refine else run(recording, posse())
        return scores(count(recording, *tracked))

    mild, hard = found("mild"), found("hard")
    assert mild["HOTA"] > hard["HOTA"]
    assert found("hard", refine=True)["MOTA"] > hard["MOTA"]


def test_a_shaken_recording_scores_like_the_still_one_if_the_camera_motion_is_known() -> None:
    """Everybody jumps with the camera; told how it moved, the tracker sees them as before."""
    still = seen("mild")
    moves = hand_held(FRAMES)
    unsteady = shaken(still, moves)
    told = scores(count(unsteady, *run_with_camera(unsteady)))
    expected = scores(count(still, *run(still, posse())))
    assert told["IDF1"] == pytest.approx(expected["IDF1"])
    assert told["HOTA"] == pytest.approx(expected["HOTA"], abs=0.5)
    where = unsteady.truth_boxes[9][:, :2] + unsteady.truth_boxes[9][:, 2:]
    before = unsteady.truth_boxes[8][:, :2] + unsteady.truth_boxes[8][:, 2:]
    assert unsteady.warps is not None
    warp = unsteady.warps[9]
    np.testing.assert_allclose(
        before / 2 @ warp[:, :2].T + warp[:, 2] - where / 2, [[-3, 0], [3, 0]], atol=0.3
    )  # they walk


def test_people_of_an_edited_film_are_kept_apart_if_its_cuts_are_known() -> None:
    film = edited(seen("mild"), seen("mild"))
    assert film.shots is not None and set(film.shots) == {0, 1}
    everybody = {i for ids in film.truth_ids for i in ids.tolist()}
    assert len(everybody) == 4  # two per camera
    untold = scores(count(film, *run(film, posse())))
    told = scores(count(film, *run_with_shots(film)))
    assert told["IDF1"] > untold["IDF1"] + 10  # they stand where the others stood
    assert told["switches"] == 0


def test_a_thinned_recording_has_every_third_frame_at_its_true_time() -> None:
    whole = seen("mild")
    sparse = thinned(whole)
    times_s: list[float] = []

    def make(frame_rate: float) -> Tracker:
        assert frame_rate == pytest.approx(25 / 3)
        track = posse()(frame_rate)

        def step(people: Poses, time_s: float) -> Tracked:
            times_s.append(time_s)
            return track(people, time_s)

        return step

    counts = count(sparse, *run(sparse, make))
    assert times_s == pytest.approx(np.arange(0, FRAMES, 3) / 25)
    assert sparse.people[1] is whole.people[3]
    assert scores(counts)["switches"] == 0


def test_copies_of_a_recording_differ_by_less_than_a_detectors_error() -> None:
    still = seen("mild")
    copies = [trembled(still, seed) for seed in (0, 0, 1)]
    first, again, other = ([people.boxes for people in copy.people] for copy in copies)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    moved = np.concatenate(first) - np.concatenate([people.boxes for people in still.people])
    assert 0.6 < moved.std() < 0.8
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))


def test_tallies_are_per_copy() -> None:
    still = seen("mild")
    counts = count(still, *run(still, posse()))
    once, twice = scores(counts), scores(counts + counts, copies=2)
    assert {**once, "ms": 0} == pytest.approx({**twice, "ms": 0})


def test_appearance_is_left_out_where_the_program_would_not_use_it() -> None:
    still = seen("mild")
    looks = [
        replace(people, appearance=np.ones((len(people), 4), np.float32)) for people in still.people
    ]
    plain = without_appearance(replace(still, people=looks))
    assert all(people.appearance.shape[1] == 0 for people in plain.people)


def test_the_person_in_front_covers_the_one_behind() -> None:
    """Half of the first box is behind the second, whose feet are lower in the picture."""
    boxes = np.array([[0.0, 0, 10, 10], [5.0, 0, 15, 12]])
    share, by = covered(boxes)
    np.testing.assert_allclose(share, [0.5, 0])
    assert by[0] == 1


def test_tables_are_markdown_with_the_decimals_of_their_columns() -> None:
    figures = {"posse": {"IDF1": 89.44, "switches": 6.0, "ms": 0.266}}
    lines = ["| tracker | IDF1 | switches | ms |", "|---|---:|---:|---:|"]
    assert table(figures).splitlines() == [*lines, "| posse | 89.4 | 6 | 0.27 |"]


def test_a_set_that_no_settings_were_chosen_on_has_no_tuned_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mot15" / "street").mkdir(parents=True)
    for name in ("test", "gt"):
        (tmp_path / "mot15" / "street" / f"{name}.txt").write_text("1,1,10,10,20,40,1,-1,-1,-1\n")
    words = ["--data", str(tmp_path), "--sets", "mot15", "gymnasts", "--no-speed", "--part"]
    assert main([*words, "tuned"]) == 0
    said = [f"### {name}: no settings were chosen on it" for name in ("mot15", "gymnasts")]
    assert [line for line in capsys.readouterr().out.splitlines() if line] == said
    args = Namespace(data=tmp_path, part="reported", frames=0)
    assert [recording.name for recording in recordings_of("mot15", args)] == ["street"]


def test_kept_poses_come_back_as_they_were(tmp_path: Path) -> None:
    people = [replace(each, appearance=np.ones((len(each), 4))) for each in seen("medium").people]
    people[3] = Poses.empty(COCO17)  # which does not tell how many numbers describe a person
    recorded_poses._write(tmp_path / "clip.npz", people)
    again = recorded_poses.poses_of_video(
        Path("clip.avi"), lambda: pytest.fail("no network is needed"), tmp_path / "clip.npz"
    )
    assert [len(p) for p in again] == [len(p) for p in people]
    np.testing.assert_array_equal(again[5].keypoints, people[5].keypoints)
    np.testing.assert_array_equal(again[5].appearance, people[5].appearance)
    assert again[0].skeleton is COCO17


def test_a_video_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"gone\.mp4: no video that can be read"):
        recorded_poses.poses_of_video(tmp_path / "gone.mp4", lambda: lambda _: seen("mild"), None)


def test_what_one_network_saw_is_not_taken_for_what_another_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Path] = []
    monkeypatch.setattr(recorded_poses, "gymnasts", lambda data, see: see(tmp_path / "clip.mp4"))
    monkeypatch.setattr(recorded_poses, "poses_of_video", lambda *given: kept.append(given[2]))
    for name, pose in (
        ("gymnasts", "posse-pose"),
        ("gymnasts-shaken", "posse-pose"),  # the same pictures, shaken afterwards
        ("gymnasts", "posse-pose-large"),  # the same weights at another size
        ("gymnasts-deim", "posse-pose"),
    ):
        recorded_poses.gymnasts_seen(name, tmp_path, ("posse-detector", pose), tmp_path)
    assert kept[0] == kept[1]
    assert len(set(kept)) == 3
