"""Who was seen when and for how long, after corrections."""

from __future__ import annotations

import numpy as np
import pytest

from app.live.history import MOST_PEOPLE, History, Span, seen_s
from pose.people import Poses
from pose.skeleton import COCO17
from tracking.tracks import KnownFrame, TrackedPoses


def one(person: int) -> TrackedPoses:
    joints = np.zeros((1, 17, 2), np.float32)
    poses = Poses(np.zeros((1, 4)), np.ones(1), joints, joints[..., 0], COCO17)
    return TrackedPoses(poses, np.array([person]))


def test_overlapping_spans_of_merged_people_count_once() -> None:
    spans = [
        Span(1, 1, 0.0, 2.0),
        Span(1, 5, 1.5, 3.0),
        Span(1, 6, 2.0, 2.5),  # inside the span before
        Span(1, 1, 4.0, 5.0),
        Span(2, 2, 0.0, 2.0),
    ]
    assert seen_s(spans) == {1: pytest.approx(4.0), 2: pytest.approx(2.0)}


def test_a_camera_that_runs_for_days_forgets_who_left_longest_ago() -> None:
    live, file = History(keep_people=False), History(keep_people=True)
    for person in range(1, MOST_PEOPLE + 3):
        for history in (live, file):
            history.add(KnownFrame(2.0 * person, one(person)))
            history.add(KnownFrame(2.0 * person + 1, one(1)))  # comes back again and again
    expected = {1, *range(4, MOST_PEOPLE + 3)}
    assert {span.person for span in live.spans(())} == expected
    assert {span.person for span in file.spans(())} == {2, 3} | expected
