"""The charts of measures and of milliseconds, and what they must not join."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fake_session import FakeFile
from window_user import number_shown, trigger

from app.gui.reporting import unjoined_s
from app.live.feeds import SourceInfo
from app.measures.angles import MEASURES


def test_speeds_are_known_after_a_step_back_and_a_jump(qtbot, open_window) -> None:
    window = open_window(FakeFile(60))
    window.session.set_speed(math.inf)
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    column = [measure.name for measure in MEASURES].index("body speed")

    def shown() -> float:
        times, speeds = window.presenter.measures.curve(1, column, 0.0)
        assert times[-1] == window.presenter.view.time_s
        return float(speeds[-1])

    there = shown()
    assert there > 0
    trigger(window, "back")
    qtbot.waitUntil(lambda: window.presenter.view.time_s == pytest.approx(2.32))
    assert shown() == pytest.approx(there, rel=1e-3)
    window.session.seek(1.0)
    qtbot.waitUntil(lambda: window.presenter.view.time_s == 1.0)
    assert shown() == pytest.approx(there, rel=0.1)


def test_speeds_are_charted_also_where_frames_are_seconds_apart(qtbot, open_window) -> None:
    window = open_window(FakeFile(4, rate=0.5))
    window.session.set_speed(10)
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    column = [measure.name for measure in MEASURES].index("body speed")
    _, speeds = window.presenter.measures.curve(1, column, 0.0)
    assert len(speeds) > 1 and np.isfinite(speeds[1:]).all()


def test_the_chart_of_milliseconds_can_be_put_away_for_good(qtbot, open_window) -> None:
    first = open_window()
    assert first.stages.isVisible()
    before = first.tabs.height()
    trigger(first, "timings")
    assert not first.stages.isVisible()
    qtbot.waitUntil(lambda: first.tabs.height() > before)
    first.close()
    second = open_window(FakeFile(30))
    assert not second.stages.isVisible()
    qtbot.waitUntil(lambda: second.session.status().state == "ended")
    trigger(second, "timings")
    qtbot.waitUntil(lambda: "detect" in second.stages._legend.text())


def test_every_frame_keeps_the_time_that_it_was_drawn_in(qtbot, open_window) -> None:
    window = open_window(FakeFile(5))
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    presenter = window.presenter
    presenter._draws_ms.clear()
    presenter._draws_ms.extend((7.0, 8.0, 90.0))
    assert [frame["draw"] for frame in presenter.stages()] == [7.0, 8.0, 90.0]
    assert {"detect", "pose", "track"} <= presenter.stages()[0].keys()
    window.open(["b.mp4"])
    assert presenter.stages() == []


def test_measures_are_plotted_for_the_selected(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.measures)
    paused.people.select((1, 2))
    paused.editing.select((1, 2))
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: len(paused.measures._charts[0].listDataItems()) == 2)
    paused.measures.choices[0].setCurrentIndex(3)
    qtbot.wait(200)


def test_the_present_values_of_the_selected_are_told(qtbot, paused) -> None:
    panel = paused.measures
    paused.tabs.setCurrentWidget(panel)
    qtbot.waitUntil(panel.hint.isVisible)
    assert not panel.values[0].isVisible()
    paused.editing.rename(2, "<Anna>")
    paused.editing.select((1, 2))
    qtbot.waitUntil(lambda: "&lt;Anna&gt;" in panel.values[0].text())
    column = [measure.name for measure in MEASURES].index(panel.choices[0].currentData())
    degrees = paused.presenter.measures.curve(2, column, 0.0)[1][-1]
    assert f"&lt;Anna&gt;&nbsp;<b>{degrees:.0f}°</b>" in panel.values[0].text()
    assert "<b>–</b>" in panel.values[1].text()  # nobody has a speed in a video's first picture


def test_charts_of_a_paused_picture_are_drawn_once(qtbot, paused) -> None:
    paused.tabs.setCurrentWidget(paused.measures)
    paused.editing.select((1,))
    paused.presenter.report()
    chart = paused.measures._charts[0]
    drawn = chart.listDataItems()
    assert len(drawn) > 0
    paused.presenter.report()
    assert chart.listDataItems() == drawn
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: chart.listDataItems() != drawn)
    drawn = chart.listDataItems()
    paused.measures.choices[0].setCurrentIndex(1)
    paused.presenter.report()
    assert chart.listDataItems() != drawn


def test_charts_do_not_join_points_before_and_after_a_jump(qtbot, open_window) -> None:
    window = open_window(FakeFile(50))
    window.session.play(False)
    qtbot.waitUntil(lambda: number_shown(window) >= 0)
    window.tabs.setCurrentWidget(window.measures)
    window.editing.select((1,))
    for time_s, number in ((0.0, 0), (0.04, 1), (0.92, 23)):  # nothing is known just before it
        window.session.seek(time_s)
        qtbot.waitUntil(lambda number=number: number_shown(window) == number)
    chart = window.measures._charts[0]
    qtbot.waitUntil(lambda: [len(item.getData()[0]) for item in chart.listDataItems()] == [4, 1])
    line, dot = (item.getData() for item in chart.listDataItems())
    assert line[0].round(2).tolist() == [-0.92, -0.88, 0.0, 0.0]
    assert np.isnan(line[1]).tolist() == [False, False, True, False]
    assert dot[0].tolist() == [0.0]


@pytest.mark.parametrize(
    ("rate", "live", "gap_s"), [(30, False, 0.25), (10, False, 0.6), (30, True, 1.0)]
)
def test_a_jump_in_a_file_is_distinguished_from_a_camera_followed_slowly(rate, live, gap_s) -> None:
    info = SourceInfo("a", (160, 120), Fraction(rate), None, live)
    assert unjoined_s(info) == gap_s


def test_the_joint_threshold_applies_to_the_charts_and_the_export(
    qtbot, paused, tmp_path: Path
) -> None:
    def knee() -> float:
        return paused.presenter.measures.curve(1, 0, 0.0)[1][-1]

    assert knee() > 0  # the joints score 0.8
    paused.tracking.kpt_thr.set_share(0.9)
    qtbot.waitUntil(lambda: np.isnan(knee()))  # of the paused frame
    shown = number_shown(paused)
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: number_shown(paused) > shown)
    assert np.isnan(knee())
    paused.library.export(tmp_path / "out.json")
    qtbot.waitUntil(lambda: not paused.work.busy)
    rows = (tmp_path / "out.measures.csv").read_text().splitlines()[1:]
    assert rows
    assert all(row.endswith("," * len(MEASURES)) for row in rows)
    paused.tracking.kpt_thr.set_share(0.5)
    qtbot.waitUntil(lambda: knee() > 0)
