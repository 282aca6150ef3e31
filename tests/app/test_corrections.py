"""Corrections as steps from ids to ids: checked by hand on a handful of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.corrections import (
    Correction,
    CorrectionLog,
    CorrectionsError,
    corrected_ids,
    corrected_people,
    load_corrections,
    names_of,
    save_corrections,
    sidecar_of,
)
from app.live.history import History
from pose.people import Poses
from pose.skeleton import COCO17
from tracking.tracks import KnownFrame, TrackedPoses


def people(*ids: int, scores: tuple[float, ...] | None = None) -> TrackedPoses:
    """People with these ids."""
    count = len(ids)
    poses = Poses(
        np.tile(np.array([0, 0, 10, 20], np.float32), (count, 1)),
        np.array(scores or [0.9] * count, np.float32),
        np.zeros((count, 17, 2), np.float32),
        np.ones((count, 17), np.float32),
        COCO17,
    )
    return TrackedPoses(poses, np.array(ids, np.int64))


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        (Correction("swap", 1, 2, from_s=5), [1, 2, 3], [2, 1, 3]),
        (Correction("merge", 1, 2), [1, 3], [1, 3]),
        (Correction("split", 1, 7, from_s=5), [1, 2, 3], [7, 2, 3]),
        (Correction("delete", 2), [1, 0, 3], [1, 0, 3]),
        (Correction("set id", 1, 3), [3, 2, 1], [3, 2, 1]),
        (Correction("rename", 1, name="Anna"), [1, 2, 3], [1, 2, 3]),
    ],
)
def test_a_step_changes_ids_from_its_time_on_or_everywhere(
    step: Correction, before: list[int], after: list[int]
) -> None:
    for time_s, expected in ((4.0, before), (6.0, after)):
        shown = corrected_people(people(1, 2, 3), time_s, [step])
        assert shown.ids.tolist() == [i for i in expected if i]


def test_each_step_is_applied_to_the_ids_that_the_steps_before_gave() -> None:
    steps = [Correction("set id", 1, 5), Correction("swap", 5, 2)]
    ids = corrected_ids(np.array([1, 2]), np.array([0.0, 0.0]), steps)
    assert ids.tolist() == [2, 5]


def test_of_two_merged_people_in_a_frame_the_one_who_had_the_id_stays() -> None:
    step = Correction("merge", 1, 2)
    shown = corrected_people(people(2, 1, scores=(0.99, 0.5)), 0, [step])
    assert shown.ids.tolist() == [1]
    assert shown.poses.scores.tolist() == [0.5]


def test_names_stay_with_their_people() -> None:
    steps = [
        Correction("rename", 1, name="Anna"),
        Correction("rename", 2, name="Ben"),
        Correction("set id", 1, 9),
        Correction("merge", 3, 2),
    ]
    assert names_of(steps) == {9: "Anna", 3: "Ben"}
    assert names_of([*steps, Correction("delete", 9), Correction("rename", 3)]) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("steal", 1), "kind is 'steal'"),
        (("swap", 1), "ids of 1 or more"),
        (("merge", 2, 2), "two different people"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Correction(*arguments)


def test_undo_and_redo_go_step_by_step_and_a_new_step_clears_redo() -> None:
    log = CorrectionLog()
    first, second = Correction("delete", 1), Correction("delete", 2)
    log.add(first)
    log.add(second)
    assert log.undo() == second
    assert log.undo() == first
    assert log.undo() is None
    assert log.redo() == first
    log.add(Correction("delete", 3))
    assert log.redo() is None
    assert [step.person for step in log.done] == [1, 3]


def test_corrections_are_saved_beside_the_tracks_and_read_back(tmp_path: Path) -> None:
    path = sidecar_of(tmp_path / "dance.json")
    steps = (Correction("rename", 1, name="Ænna"), Correction("swap", 1, 2, from_s=1.5))
    save_corrections(path, steps)
    assert path.name == "dance.corrections.json"
    assert load_corrections(path) == steps
    assert load_corrections(tmp_path / "none.corrections.json") == ()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"corrections": [{"kind": "steal", "person": 1}]}']
)
def test_a_damaged_corrections_file_is_one_clear_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.corrections.json"
    path.write_text(content)
    with pytest.raises(CorrectionsError, match="not a corrections file"):
        load_corrections(path)


def test_corrections_that_cannot_be_written_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CorrectionsError, match="cannot be written"):
        save_corrections(tmp_path / "no such folder" / "a.corrections.json", [])


def test_spans_are_cut_where_a_swap_begins() -> None:
    history = History(keep_people=True)
    for tenth in range(21):
        history.add(KnownFrame(tenth / 10, people(1, 2)))
    spans = history.spans([Correction("swap", 1, 2, from_s=1.0)])
    told = [(span.person, span.tracked, span.start_s, span.end_s) for span in spans]
    assert told == [(1, 1, 0.0, 1.0), (1, 2, 1.0, 2.0), (2, 2, 0.0, 1.0), (2, 1, 1.0, 2.0)]


def test_history_joins_spans_split_by_a_seek_and_forgets_from_a_time() -> None:
    history = History(keep_people=True)
    for time_s in (0.0, 0.4, 1.6, 2.0, 0.8, 1.2):
        history.add(KnownFrame(time_s, people(1)))
    assert [(span.start_s, span.end_s) for span in history.spans([])] == [(0.0, 2.0)]
    assert history.time_before(1.2) == 0.8
    assert history.time_before(0.0) is None
    history.forget_from(1.2)
    assert [frame.time_s for frame in history.frames()] == [0.0, 0.4, 0.8]
    assert history.people_at(1.6) is None
    assert history.people_at(0.4005) is not None


def test_a_camera_s_history_keeps_spans_but_no_frames() -> None:
    history = History(keep_people=False)
    for frame in range(1000):
        history.add(KnownFrame(frame / 30, people(1)))
    assert history.frames() == []
    assert len(history.spans([])) == 1
