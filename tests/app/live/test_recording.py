"""What is recorded live can be played and read, however the recording ends."""

from __future__ import annotations

import contextlib
import csv
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fake_session import FakeFile, make_pipeline, wait_for

from app.corrections import Correction, load_corrections
from app.live.recording import LiveRecording, RecordingPlan
from app.overlay import OverlayStyle
from app.results import open_result
from app.video.file import FileSource
from app.video.source import MediaError
from pose.skeleton import POSETRACK15
from tracking.files import read_tracks
from tracking.pipeline import PipelineConfig

PROGRAM = """
import sys, time
sys.path[:0] = {here!r}
from test_recording import record
record({folder!r}, 10**6, noisy=True)
"""


def record(folder: str, frames: int, noisy: bool = False, step_s: float = 0.0) -> LiveRecording:
    """Record `frames` frames of two walkers, as fast as the recording takes them."""
    plan = RecordingPlan(Path(folder), "take", Fraction(25), overlay=True, clean=True)
    recording, pipeline = LiveRecording(plan), make_pipeline(PipelineConfig())
    rng = np.random.default_rng(0)
    for frame in FakeFile(frames):
        if noisy:
            frame.image[:] = rng.integers(0, 255, frame.image.shape)
        result = pipeline(frame)
        while recording._queue.full() and not recording.ended:
            time.sleep(0.001)
        recording.put(result, result.people)
        time.sleep(step_s)
        if recording.ended:
            break
    return recording


def test_a_recording_holds_every_frame_at_its_time_and_opens_as_a_result(tmp_path: Path) -> None:
    recording = record(str(tmp_path), 30)
    recording.finish([Correction("swap", 1, 2, from_s=0.4)])
    recording.join()
    assert (recording.problem, recording.lost) == ("", 0)
    with FileSource(tmp_path / "take.mp4") as video:
        times_s = [frame.time_s for frame in video]
    assert times_s == pytest.approx([i / 25 for i in range(30)], abs=1e-4)
    result = open_result(tmp_path / "take.json")
    assert (result.video, result.drawn) == (str(tmp_path / "take.clean.mp4"), False)
    (tmp_path / "take.clean.mp4").unlink()
    again = open_result(tmp_path / "take.json")
    assert (again.video, again.drawn) == (str(tmp_path / "take.mp4"), True)
    assert len(result.frames) == 30
    assert result.corrections == (Correction("swap", 1, 2, from_s=0.4),)
    assert load_corrections(tmp_path / "take.corrections.json") == result.corrections


def test_a_recording_shows_people_as_the_screen_does_then(tmp_path: Path) -> None:
    recording = LiveRecording(RecordingPlan(tmp_path, "take", Fraction(25), tracks=False))
    pipeline = make_pipeline(PipelineConfig())
    for frame in FakeFile(10):
        if frame.index == 5:
            wait_for(lambda: recording.length_s > 0.15)
            recording.restyle(OverlayStyle(black_background=True))
        result = pipeline(frame)
        recording.put(result, result.people)
    recording.finish([])
    recording.join()
    with FileSource(tmp_path / "take.mp4") as video:
        black = [frame.image[-20:].mean() < 10 for frame in video]
    assert black == 5 * [False] + 5 * [True]


def test_a_recording_keeps_where_the_ground_was_and_has_no_speed_over_a_seek(
    tmp_path: Path,
) -> None:
    plan = RecordingPlan(tmp_path, "take", Fraction(25), overlay=False)
    recording, pipeline = LiveRecording(plan), make_pipeline(PipelineConfig())
    for frame in FakeFile(12):
        result = pipeline(frame)
        pan = np.array([[1, 0, 5.0 * frame.index], [0, 1, 0], [0, 0, 1]])
        result.people.poses.keypoints[..., 0] += np.float32(pan[0, 2])
        generation = frame.index // 6  # a seek in the middle
        recording.put(replace(result, camera=pan), result.people, generation)
    recording.finish([])
    recording.join()
    assert recording.problem == ""
    frames = read_tracks(tmp_path / "take.json").frames
    assert [result.shot for result in frames] == [0] * 6 + [1] * 6
    assert [result.camera[0, 2] for result in frames] == [5 * index for index in range(12)]
    with (tmp_path / "take.measures.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["id"] == "2"]  # who stands
    speeds = [row["body speed (heights/s)"] for row in rows]
    assert [bool(speed) for speed in speeds] == ([False] * 3 + [True] * 3) * 2
    assert all(float(speed) < 1e-3 for speed in speeds if speed)


def test_a_killed_program_leaves_a_video_that_plays_and_a_table_that_reads(tmp_path: Path) -> None:
    code = PROGRAM.format(
        here=[str(Path(__file__).parent), str(Path(__file__).parents[1])], folder=str(tmp_path)
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for(
            lambda: (
                (tmp_path / "take.mp4").exists()
                and (tmp_path / "take.mp4").stat().st_size > 600_000
            ),
            timeout_s=60,
        )
    finally:
        process.kill()
        process.wait()
    played = 0
    # Killed within a fragment, the video raises at its end that it breaks off
    with FileSource(tmp_path / "take.mp4") as video, contextlib.suppress(MediaError):
        for _ in video:
            played += 1
    assert played > 10
    tracks = read_tracks(tmp_path / ".take.csv.part", "csv")
    assert len(tracks.frames) > 10


def test_a_full_disk_ends_the_recording_with_one_line_and_leaves_a_video_that_plays(
    tmp_path: Path,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))  # no file larger than this
    try:
        recording = record(str(tmp_path), 2000, noisy=True)
        wait_for(lambda: recording.problem != "", timeout_s=60)
        recording.finish([])
        recording.join()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in recording.problem
    assert "\n" not in recording.problem
    with FileSource(tmp_path / "take.clean.mp4") as video:
        assert sum(1 for _ in video) > 10


def test_frames_that_the_recording_cannot_keep_up_with_are_counted(tmp_path: Path) -> None:
    recording = LiveRecording(RecordingPlan(tmp_path, "take", overlay=False))
    pipeline = make_pipeline(PipelineConfig())
    recording._write = lambda *_: time.sleep(0.2)  # as with a disk that is far too slow
    for frame in FakeFile(40):
        result = pipeline(frame)
        recording.put(result, result.people)
    assert 20 <= recording.lost < 40
    recording._write = lambda *_: None
    recording.finish([])
    recording.join()


def test_the_first_of_several_errors_is_reported(tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise MediaError("take.mp4: the disk is full")

    class Table:
        def close(self) -> None:
            raise MediaError("take.csv: cannot be written")

    recording = LiveRecording(RecordingPlan(tmp_path, "take", overlay=False))
    recording._write, recording._measures = fail, Table()
    (frame,) = FakeFile(1)
    result = make_pipeline(PipelineConfig())(frame)
    recording.put(result, result.people)
    recording.join()
    assert recording.problem == "The recording ended: take.mp4: the disk is full"


def test_a_recording_continues_without_a_gap_over_seeks(
    tmp_path: Path,
) -> None:
    recording = LiveRecording(RecordingPlan(tmp_path, "take", Fraction(25)))
    pipeline, frames = make_pipeline(PipelineConfig()), list(FakeFile(90))
    parts = (frames[40:44], frames[2:6], frames[80:84])  # one seek back, one far ahead
    for generation, part in enumerate(parts):
        pipeline.reset()
        for frame in part:
            result = pipeline(frame)
            recording.put(result, result.people, generation)
    recording.finish([Correction("swap", 1, 2, from_s=81 / 25)])
    recording.join()
    expected = pytest.approx([i / 25 for i in range(12)], abs=1e-4)
    with FileSource(tmp_path / "take.mp4") as video:
        assert [frame.time_s for frame in video] == expected
    assert [one.frame.time_s for one in read_tracks(tmp_path / "take.csv").frames] == expected
    (swap,) = load_corrections(tmp_path / "take.corrections.json")
    assert swap.from_s == pytest.approx(9 / 25)


def test_tracks_keep_their_joints_when_another_network_finds_others(tmp_path: Path) -> None:
    recording = LiveRecording(RecordingPlan(tmp_path, "take", overlay=False))
    pipeline = make_pipeline(PipelineConfig())
    for frame in FakeFile(8):
        result = pipeline(frame)
        people = result.people if frame.index < 4 else result.people.in_joints_of(POSETRACK15)
        recording.put(replace(result, people=people), people)
    recording.finish([])
    recording.join()
    for ending in ("json", "csv"):
        frames = read_tracks(tmp_path / f"take.{ending}").frames
        before, after = (frames[place].people.poses for place in (0, 7))
        assert before.skeleton == after.skeleton
        ankle, ear = after.skeleton.index("left_ankle"), after.skeleton.index("left_ear")
        assert after.keypoint_scores[0, [ankle, ear]].tolist() == [
            before.keypoint_scores[0, ankle],
            0,
        ]


def test_a_plan_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to record"):
        RecordingPlan(Path(), "x", overlay=False, clean=False, tracks=False)


def test_the_tracks_name_their_frames_from_zero(tmp_path: Path) -> None:
    recording = LiveRecording(RecordingPlan(tmp_path, "take", overlay=False))
    pipeline = make_pipeline(PipelineConfig())
    for frame in list(FakeFile(12))[5:]:
        result = pipeline(frame)
        recording.put(result, result.people)
    recording.finish([])
    recording.join()
    assert json.loads((tmp_path / "take.json").read_text())
    assert read_tracks(tmp_path / "take.csv").frames[0].frame.time_s == 0
    measures = (tmp_path / "take.measures.csv").read_text().splitlines()
    assert [row.split(",")[:3] for row in measures[1:3]] == [
        ["0", "0.0000", "1"],
        ["0", "0.0000", "2"],
    ]
