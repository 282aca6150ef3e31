"""The timeline paints what it is given, in time linear in the number of spans."""

from __future__ import annotations

import pytest

from app.gui.timeline import NAMES, ROW, RULER, Timeline, time_text
from app.live.history import Span


class Counting(Span):
    """A span that counts how often its end is read."""

    asked = 0

    def __getattribute__(self, name: str) -> object:
        if name == "end_s":
            Counting.asked += 1
        return super().__getattribute__(name)


def test_painting_reads_every_span_only_a_few_times_however_many_there_are(qtbot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(800, 160)
    spans = [Counting(1, 1, float(start), start + 0.5) for start in range(500)]
    timeline.show_spans(spans, {}, ())
    timeline.show_time(3.0, 499.5, live=False)
    Counting.asked = 0
    timeline.grab()
    assert Counting.asked < 5 * len(spans)


@pytest.mark.parametrize(
    ("now_s", "duration_s", "end_s"), [(2.0, None, 40.0), (50.0, None, 50.0), (2.0, 80.0, 80.0)]
)
def test_the_right_end_is_the_latest_of_playhead_people_and_video(
    qtbot, now_s: float, duration_s: float | None, end_s: float
) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(NAMES + 8 + 100, 160)
    timeline.show_spans([Span(1, 1, 0.0, 40.0), Span(2, 2, 5.0, 6.0)], {}, ())
    timeline.show_time(now_s, duration_s, live=False)
    assert timeline._x_of(end_s) == NAMES + 100
    assert timeline._x_of(0.0) == NAMES
    timeline.show_spans([], {}, ())
    assert timeline._time_at(NAMES + 100) == max(now_s, duration_s or 0.0)


def test_the_playhead_s_knob_does_not_hide_the_time_next_to_it(qtbot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(800, 160)
    grabs = []
    for now_s in (0.1, 4.5):  # next to the first label, and far from any
        timeline.show_time(now_s, 10.0, live=False)
        grabs.append(timeline.grab().toImage().copy(NAMES + 2, 0, 30, RULER - 7))
    assert grabs[0] == grabs[1]


def _of_many(qtbot, people: int) -> Timeline:
    """A timeline with room for five rows."""
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(800, RULER + 5 * ROW)
    timeline.show_spans(_spans(people), {}, ())
    return timeline


def _spans(people: int) -> list[Span]:
    return [Span(person, person, 0.0, 9.0) for person in range(1, people + 1)]


def _seen(timeline: Timeline) -> list[int]:
    return [timeline._person_at(RULER + (row + 0.5) * ROW) for row in range(5)]


def test_the_selected_person_is_scrolled_to_and_can_be_scrolled_away_from(qtbot) -> None:
    timeline = _of_many(qtbot, 12)
    assert _seen(timeline) == [1, 2, 3, 4, 5]
    timeline.show_spans(_spans(12), {}, (8,))
    assert _seen(timeline) == [4, 5, 6, 7, 8]
    timeline._scroll_by(-3)
    timeline.show_spans(_spans(12), {}, (8,))  # repeated a few times a second
    assert _seen(timeline) == [1, 2, 3, 4, 5]


def test_the_right_edge_shows_that_rows_are_out_of_sight(qtbot) -> None:
    edges = []
    for people in (5, 12):
        timeline = _of_many(qtbot, people)
        edges.append(timeline.grab().toImage().copy(timeline.width() - 7, RULER + 4, 6, 20))
    assert edges[0] != edges[1]


def test_a_camera_lists_people_who_are_there_before_those_who_left(qtbot) -> None:
    timeline = _of_many(qtbot, 0)
    timeline.show_time(30.0, None, live=True)
    ends = {1: 8.0, 2: 29.8, 3: 9.0, 21: 30.0}
    timeline.show_spans([Span(i, i, 5.0, end_s) for i, end_s in ends.items()], {}, ())
    assert _seen(timeline) == [2, 21, 1, 3, 0]


def test_what_is_not_played_is_shaded(qtbot) -> None:
    timeline = _of_many(qtbot, 5)
    timeline.show_time(5.0, 9.0, live=False)
    before = timeline.grab().toImage()
    timeline.show_range((3.0, 6.0))
    after = timeline.grab().toImage()

    def changed(time_s: float) -> bool:
        place = round(timeline._x_of(time_s)), RULER + ROW // 2
        return before.pixelColor(*place) != after.pixelColor(*place)

    assert [changed(time_s) for time_s in (1.5, 4.5, 7.5)] == [True, False, True]


def test_times_have_hours_where_there_are_any() -> None:
    assert [time_text(time_s, False) for time_s in (0, 62.9, 3599, 3600, 36061)] == [
        "0:00", "1:02", "59:59", "1:00:00", "10:01:01",
    ]  # fmt: skip
    assert [time_text(time_s, True) for time_s in (62.346, 59.999, 7325.5)] == [
        "1:02.35", "1:00.00", "2:02:05.50",
    ]  # fmt: skip
