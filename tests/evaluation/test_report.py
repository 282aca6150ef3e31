"""The report: one self-contained page that shows the worst moments."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import posetrack
from evaluation.charts import bars, timeline
from evaluation.pose_scores import ScoreOptions, SequenceScore, score_files
from evaluation.report import worst_moments
from evaluation.results import write_all
from evaluation.table import text_table
from pose.errors import UserError

Pair = Callable[..., tuple[Path, Path]]
VOID = {"meta", "br"}


class _Tags(html.parser.HTMLParser):
    """Collects the tags that are opened and not closed, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def crossing(pair: Pair, make_person: Any) -> SequenceScore:
    """Forty frames; nobody is found in frames 20 to 29, and the id changes from 5 to 6 there."""
    truth = [[make_person(1)]] * 40
    predicted = [
        [] if 20 <= frame < 30 else [make_person(5 if frame < 20 else 6)] for frame in range(40)
    ]
    gt, pred = pair(truth, predicted)
    return score_files(gt / "seq.json", pred / "seq.json", ScoreOptions(strict=True))


def test_the_worst_moment_is_where_the_errors_are(crossing: SequenceScore) -> None:
    worst, *others = worst_moments([crossing], 3)
    assert (worst.start, worst.end, worst.misses) == (20, 30, 150)
    assert sum(moment.errors for moment in others) == 15  # the switch of 15 joints in frame 30
    (switched,) = [moment for moment in others if moment.switches]
    assert {(s.frame, s.old_id, s.new_id) for s in switched.switches} == {(30, 5, 6)}


def test_the_page_is_self_contained(pair: Pair, make_person: Any, tmp_path: Path) -> None:
    truth = [[make_person(1)]] * 3
    gt, pred = pair(truth, [[make_person(5)], [], [make_person(6)]], name="<b>&")
    out = tmp_path / "out"
    arguments = ["-g", str(gt), "-p", str(pred), "-o", str(out), "--sweep", "0:1:0.5"]
    assert posetrack.main([*arguments, "--compat", "strict"]) == 0
    page = (out / "report.html").read_text()
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.addresses
    assert all(address.startswith("#") for address in tags.addresses)
    assert not re.search(r"https?://|@import|<script", page)
    assert "&lt;b&gt;&amp;" in page
    assert "person 1 went from id 5 to 6" in page
    assert "15 joints missed, 0 false, 15 switched (100% of all errors)" in page
    assert "The worst frame is 1, images/00001.jpg, with 15." in page
    assert "The joint threshold" in page
    # A moment's number is drawn over the bars, not under them
    assert page.index('<text class="rank"') > page.rindex(" false positives</title>")


def test_a_report_of_single_frames_claims_no_success(
    pair: Pair, make_person: Any, tmp_path: Path
) -> None:
    """As in poseval, MOTA leaves the last labelled frame of a sequence out."""
    gt, pred = pair([[make_person(1)]], [[]])
    out = tmp_path / "out"
    arguments = ["-g", str(gt), "-p", str(pred), "-o", str(out), "--sweep", "0:1:0.5"]
    assert posetrack.main(arguments) == 0
    page = (out / "report.html").read_text()
    assert "No errors at all" not in page
    assert "Best:" not in page
    assert page.count("No frame is scored for MOTA.") == 2
    assert "nan" not in page.lower()


def test_the_scale_of_a_long_video_is_that_of_its_bars() -> None:
    """In a bar of three frames, 90 errors of one of them are 30 a frame."""
    frames = np.arange(1200)
    chart = timeline(frames, 90 * (frames == 600), 0 * frames, {}, {})
    assert "The highest bar: 30 errors a frame." in chart
    last = timeline(frames[:1001], 90 * (frames[:1001] == 1000), 0 * frames[:1001], {}, {})
    assert "The highest bar: 45 errors a frame." in last  # two frames are left for it
    short = timeline(frames[:50], 90 * (frames[:50] == 6), 0 * frames[:50], {}, {})
    assert "The highest bar: 90 errors a frame." in short


def test_precision_begins_at_recall_0(pair: Pair, make_person: Any, tmp_path: Path) -> None:
    """All joints of one score are one point, which alone would draw nothing."""
    gt, pred = pair([[make_person(1)]] * 3, [[make_person(1)]] * 3)
    assert posetrack.main(["-g", str(gt), "-p", str(pred), "-e", "-o", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    lines = re.findall(r'<polyline [^>]*points="([^"]*)"', page)
    assert len(lines) == 15
    assert set(lines) == {"34.0,24.0 292.0,24.0"}  # precision 100 from recall 0 to 100


def test_a_score_below_zero_stands_under_the_axis() -> None:
    """Beside the bars its minus lay on the bar to its left, and -100 looked like 100."""
    chart = bars(["nose"], {"MOTA": [-100]})
    (axis,) = re.findall(r'y2="([\d.]+)"/><text [^>]*>0<', chart)
    (score,) = re.findall(r'y="([\d.]+)" text-anchor="middle">-100<', chart)
    assert float(score) > float(axis)


def test_results_appear_all_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    (tmp_path / "b.json").mkdir()  # a file of this name cannot be written
    with pytest.raises(UserError, match="cannot be written"):
        write_all(tmp_path, {"a.json": "new", "no/such/folder": "new"})
    assert (tmp_path / "a.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]


def test_a_score_just_below_zero_has_no_minus() -> None:
    assert text_table(["", "MOTA"], [["all", -0.04]]).endswith("   0.0")
