"""Many clips: skipped, continued, failed, shared out among processes."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clips import BrightBoxes, Upright, build, make_video
from failing import build_that_dies_once, build_without_memory, build_without_weights

from app.batch.clip import Clip, Progress, track_clip
from app.batch.inputs import find_clips
from app.batch.manifest import Entry, Manifest
from app.batch.progress import Bars, JsonLines, Quiet
from app.batch.runs import Outcome, run_batch, summary
from app.batch.workers import run_here, run_processes
from app.config import ClipOptions, Settings
from app.log_file import logging_to
from app.measures.options import MeasureOptions
from pose.errors import UserError
from pose.people import Detections, Frame
from pose.weight_files import WeightsError
from tracking.files import FORMATS
from tracking.pipeline import Pipeline, PipelineConfig

PLAIN = Settings(clip=ClipOptions(video=False))


@pytest.fixture
def season(tmp_path: Path) -> Path:
    folder = tmp_path / "season"
    folder.mkdir()
    make_video(folder / "a.mp4", 15)
    (folder / "b.mp4").write_bytes(b"broken" * 100)
    make_video(folder / "c.mp4", 15, people=1)
    return folder


def batch(
    inputs: Sequence[Path], output: Path, settings: Settings = PLAIN, *, run=None, **more
) -> Outcome:
    clips = find_clips([str(path) for path in inputs], output)
    run = run or partial(run_here, build=build)
    more = {"reporter": Quiet(), "stopped": lambda: False} | more
    return run_batch(clips, output, settings, {}, run, **more)


def names(entries: list[Entry]) -> list[str]:
    return sorted(Path(entry.source).name for entry in entries)


def test_a_broken_file_stops_nobody_and_is_told(season: Path, tmp_path: Path) -> None:
    outcome = batch([season], tmp_path / "out")
    assert (names(outcome.done), names(outcome.failed)) == (["a.mp4", "c.mp4"], ["b.mp4"])
    assert "not a video" in outcome.failed[0].reason
    assert outcome.exit_code == 2
    assert summary(outcome, tmp_path / "out")[-1].startswith("done 2, skipped 0")


def test_finished_clips_are_skipped_until_something_changes(season: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch([season], out)
    second = batch([season], out)
    assert (names(second.skipped), names(second.done)) == (["a.mp4", "c.mp4"], [])
    make_video(season / "b.mp4", 8)
    make_video(season / "c.mp4", 9)
    third = batch([season], out)
    assert (names(third.skipped), names(third.done)) == (["a.mp4"], ["b.mp4", "c.mp4"])
    (out / "a.csv").unlink()
    assert names(batch([season], out).done) == ["a.mp4"]
    other = Settings(PipelineConfig(bbox_thr=0.4), clip=PLAIN.clip)
    assert len(batch([season], out, other).done) == 3
    assert len(batch([season], out, other, resume=False).done) == 3


def test_a_manifest_line_cut_short_is_passed_over(season: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch([season / "a.mp4"], out)
    manifest = Manifest(out).path
    manifest.write_bytes(manifest.read_bytes() + b'{"source": "x", "sta')
    batch([season / "c.mp4"], out)
    assert names(batch([season / "a.mp4", season / "c.mp4"], out).skipped) == ["a.mp4", "c.mp4"]


def test_a_defect_of_ours_costs_one_clip(season: Path, tmp_path: Path) -> None:
    class Defect(BrightBoxes):
        def __call__(self, frame: Frame) -> Detections:
            if self.calls == 20:
                raise ZeroDivisionError("oh")
            return super().__call__(frame)

    def build_defect(config: PipelineConfig) -> Pipeline:
        return Pipeline(Defect(), Upright(), config)

    make_video(season / "b.mp4", 15)
    outcome = batch([season], tmp_path / "out", run=partial(run_here, build=build_defect))
    assert len(outcome.failed) == 2  # the detector fails for ever after; a.mp4 came before
    assert "unexpected ZeroDivisionError: oh" in outcome.failed[0].reason


def test_one_clip_alone_fails_with_one(season: Path, tmp_path: Path) -> None:
    assert batch([season / "b.mp4"], tmp_path / "out").exit_code == 1
    assert batch([season / "a.mp4"], tmp_path / "out").exit_code == 0


def test_advice_about_a_clip_follows_its_line(tmp_path: Path) -> None:
    entry = Entry("far.mp4", "done", "", "people are small", 30, 2, outputs=("far.json",))
    lines = summary(Outcome([entry], [], [], False), tmp_path)
    assert lines == [
        f"far.mp4: 2 people, 30 frames -> {tmp_path}/far.json",
        "far.mp4: people are small",
    ]


def test_nobody_in_a_clip_is_told_and_counts_the_second_time_too(tmp_path: Path) -> None:
    make_video(tmp_path / "street.mp4", 5, people=0)
    for _ in range(2):
        outcome = batch([tmp_path / "street.mp4"], tmp_path / "out")
        assert outcome.exit_code == 1
        assert "nobody was found; try a lower --bbox-thr" in summary(outcome, tmp_path)[-1]
    assert len(outcome.skipped) == 1
    assert (tmp_path / "out" / "street.json").exists()


@pytest.mark.parametrize("chosen", [{"start_frame": 9}, {"time_range": (100.0, 200.0)}])
@pytest.mark.parametrize("refine", [False, True])
def test_frames_after_the_end_of_a_clip_fail_every_time_and_write_nothing_over(
    chosen: dict[str, Any], refine: bool, tmp_path: Path
) -> None:
    video, out = make_video(tmp_path / "street.mp4", 5), tmp_path / "out"
    batch([video], out)
    before = {path: path.read_bytes() for path in out.glob("street.*")}
    settings = replace(PLAIN, clip=replace(PLAIN.clip, refine=refine, **chosen))
    for _ in range(2):
        outcome = batch([video], out, settings)
        (failed,) = outcome.failed
        assert failed.reason == f"{video}: no frame was chosen; the clip ends before they begin"
        assert outcome.exit_code == 1
    assert {path: path.read_bytes() for path in out.glob("street.*")} == before
    assert not (out / ".posse").exists()


def test_stopping_before_the_first_frame_writes_nothing_over(tmp_path: Path) -> None:
    video, out = make_video(tmp_path / "street.mp4", 5), tmp_path / "out"
    batch([video], out)
    before = (out / "street.csv").read_bytes()
    asked: list[int] = []

    def stopped() -> bool:  # asked once before the clip is begun
        asked.append(1)
        return len(asked) > 1

    outcome = batch([video], out, resume=False, stopped=stopped)
    assert (outcome.done, outcome.exit_code) == ([], 130)
    assert (out / "street.csv").read_bytes() == before


def test_many_files_of_a_clip_are_told_by_their_endings() -> None:
    plots = tuple(f"day/walk_person{person}.png" for person in range(1, 18))
    files = ("day/walk.mp4", "day/walk.json", "day/walk_trc", *plots, "day/walk.html")
    entry = Entry("walk.mp4", "done", "key", frames=9, people=17, outputs=files, stem="day/walk")
    (line,) = summary(Outcome([entry], [], [], interrupted=False), "out")
    assert line == (
        "walk.mp4: 17 people, 9 frames -> out/day/walk.mp4 .json _trc _person*.png (17) .html"
    )


def test_stopping_ends_the_batch_and_the_rest_is_done_next_time(
    season: Path, tmp_path: Path
) -> None:
    make_video(season / "b.mp4", 15)
    out = tmp_path / "out"
    seen: list[int] = []

    class Count(Quiet):
        def progress(self, progress: object) -> None:
            seen.append(1)

    first = batch([season], out, reporter=Count(), stopped=lambda: len(seen) > 20)
    assert first.interrupted
    assert first.exit_code == 130
    assert names(first.done) == ["a.mp4"]
    second = batch([season], out)
    assert (names(second.skipped), names(second.done)) == (["a.mp4"], ["b.mp4", "c.mp4"])
    batch([season], tmp_path / "whole")
    for name in ("a.csv", "b.csv", "c.csv", "b.json"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_processes_give_the_same_files(season: Path, tmp_path: Path) -> None:
    batch([season], tmp_path / "one")
    run = partial(run_processes, build=build, devices=["cpu", "cpu"])
    outcome = batch([season], tmp_path / "two", run=run)
    assert (names(outcome.done), names(outcome.failed)) == (["a.mp4", "c.mp4"], ["b.mp4"])
    for name in ("a.csv", "a.json", "c.csv", "c.json", "a.info.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_clip_of_the_same_name_from_elsewhere_takes_nothing_away(tmp_path: Path) -> None:
    days = [tmp_path / day / "cam1.mp4" for day in ("monday", "tuesday")]
    for frames, day in zip((5, 7), days, strict=True):
        day.parent.mkdir()
        make_video(day, frames)
    out = tmp_path / "out"
    for day in (*days, *days):  # the second time round both are finished
        outcome = batch([day], out)
    assert [entry.frames for entry in outcome.skipped] == [7]
    assert len((out / "cam1.csv").read_bytes()) < len((out / "cam1_2.csv").read_bytes())
    moved = tmp_path / "archive"
    days[1].parent.rename(moved)
    batch([moved / "cam1.mp4"], out)  # the same file: no third name
    assert sorted(path.name for path in out.glob("*.csv")) == ["cam1.csv", "cam1_2.csv"]


def test_a_clip_whose_worker_died_goes_to_a_new_one(
    season: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSSE_TEST_MARKER", str(tmp_path / "died"))
    run = partial(run_processes, build=build_that_dies_once, devices=["cpu"])
    outcome = batch([season / "a.mp4"], tmp_path / "out", run=run)
    assert (tmp_path / "died").exists()
    assert names(outcome.done) == ["a.mp4"]
    batch([season / "a.mp4"], tmp_path / "whole")
    assert (tmp_path / "out/a.csv").read_bytes() == (tmp_path / "whole/a.csv").read_bytes()


def test_missing_weights_end_the_batch_with_their_own_line(season: Path, tmp_path: Path) -> None:
    run = partial(run_processes, build=build_without_weights, devices=["cpu"])
    with pytest.raises(WeightsError, match="no such weights file"):
        batch([season], tmp_path / "out", run=run)


def test_what_no_worker_can_load_ends_the_batch_in_one_line(season: Path, tmp_path: Path) -> None:
    run = partial(run_processes, build=build_without_memory, devices=["cpu"])
    with pytest.raises(UserError, match="cpu: the networks cannot be loaded: MemoryError"):
        batch([season], tmp_path / "out", run=run)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name files in Unicode")
def test_a_name_that_is_not_utf_8_stops_nobody(season: Path, tmp_path: Path) -> None:
    odd = season / os.fsdecode(b"caf\xe9.mp4")
    (season / "a.mp4").rename(odd)
    optional = {"rerun"} if importlib.util.find_spec("pyarrow") else {"rerun", "parquet"}
    settings = Settings(clip=ClipOptions(formats=tuple(set(FORMATS) - optional)))
    with logging_to(tmp_path / "log.txt"):
        outcome = batch([season], tmp_path / "out", settings)
        again = batch([season], tmp_path / "out", settings)
    assert names(outcome.done) == ["c.mp4", odd.name]
    assert names(again.skipped) == ["c.mp4", odd.name]


@pytest.mark.parametrize("resume", [True, False])
def test_a_clip_that_another_run_is_at_is_left_to_it(
    season: Path, tmp_path: Path, resume: bool
) -> None:
    clip = find_clips([str(season / "a.mp4")], tmp_path / "out")[0]
    clip.work.mkdir(parents=True)
    with clip.alone():
        outcome = batch([season / "a.mp4"], tmp_path / "out", resume=resume)
        assert "another run" in outcome.failed[0].reason
        assert clip.work.is_dir()
    assert names(batch([season / "a.mp4"], tmp_path / "out").done) == ["a.mp4"]
    assert not clip.work.parent.exists()


def test_json_progress_is_one_object_a_line(
    season: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch([season], tmp_path / "out", reporter=JsonLines(sys.stdout))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0] == {"event": "start", "clips": 3, "skipped": 0}
    assert [event["event"] for event in events if event["event"] in ("done", "failed")] == [
        "done", "failed", "done",
    ]  # fmt: skip
    progress = next(event for event in events if event["event"] == "progress")
    assert (progress["frames"], progress["total"], progress["clips_left"]) == (0, 15, 3)
    assert events[-1] == {"event": "end"}


def test_json_progress_says_why_a_clip_is_empty(tmp_path: Path) -> None:
    make_video(tmp_path / "street.mp4", 5, people=0)
    out = io.StringIO()
    batch([tmp_path / "street.mp4"], tmp_path / "out", reporter=JsonLines(out))
    done = json.loads(out.getvalue().splitlines()[-2])
    assert (done["event"], done["people"]) == ("done", 0)
    assert done["reason"] == "nobody was found; try a lower --bbox-thr, or look at the clip"


@pytest.mark.parametrize(
    ("clip", "told"),
    [
        (ClipOptions(), ["writing tracks", "joining the video"]),
        (
            ClipOptions(video=False, measures=MeasureOptions(speeds=True, plots=True)),
            ["writing tracks", "drawing plots"],
        ),
        (ClipOptions(refine=True), ["second pass", "drawing the video", "writing tracks"]),
    ],
    ids=["with a video", "with plots", "after a second pass"],
)
def test_what_takes_a_while_after_the_last_frame_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], clip: ClipOptions, told: list[str]
) -> None:
    source = make_video(tmp_path / "walk.mp4", 5)
    out, bars = io.StringIO(), Bars()
    lines = JsonLines(out)

    def tell(progress: Progress) -> None:
        lines.progress(progress)
        bars.progress(progress)

    settings = Settings(clip=clip)
    stem = tmp_path / "out" / "walk"
    track_clip(Clip(str(source), stem), settings, build(settings.pipeline), {}, tell)
    bars.close()
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(each["doing"], each["frames"]) for each in events[1:]] == [(what, 5) for what in told]
    assert "5/5 [" in (bar := capsys.readouterr().err)
    assert all(what in bar for what in told)


def test_what_was_told_of_a_clip_is_forgotten_at_its_end() -> None:
    out = io.StringIO()
    reporter = JsonLines(out)
    for _ in range(2):  # the second time at once, and with a rate of its own
        reporter.progress(Progress("a.mp4", 5, 10))
        reporter.ended(Entry("a.mp4", "done", "key"))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["progress", "done"] * 2
    assert events[2]["frames_per_second"] is None
