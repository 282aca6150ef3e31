"""Finished results find the video that shows people once."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.batch.manifest import Entry, Manifest
from app.corrections import Correction, sidecar_of
from app.results import OpenResult, export_result, open_result, save_result
from app.video.source import MediaError
from pose.errors import UserError
from pose.people import Poses
from pose.skeleton import COCO17, POSETRACK15
from tracking.files import ClipInfo, read_tracks
from tracking.ground import Ground
from tracking.tracks import KnownFrame, TrackedPoses


def one_person() -> TrackedPoses:
    poses = Poses(
        np.array([[10, 10, 60, 110]], np.float32),
        np.array([0.9], np.float32),
        np.full((1, 17, 2), 50, np.float32),
        np.full((1, 17), 0.8, np.float32),
        COCO17,
    )
    return TrackedPoses(poses, np.array([1]))


@pytest.fixture
def batch(tmp_path: Path):
    """Make what a batch leaves: `out/dance.json` with its drawn video, from `films/dance.mp4`."""

    def make(**clip: object) -> Path:
        info = ClipInfo("dance", (160, 120), COCO17, settings={"clip": clip})
        tracks = tmp_path / "out" / "dance.json"
        for folder in ("out", "films"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "dance.mp4").write_bytes(b"a video")
        save_result(tracks, info, [KnownFrame(0.0, one_person())], (), lambda share: None)
        entry = Entry(
            "films/dance.mp4",  # as it was named, in a folder that nobody is in any more
            "done",
            "key",
            outputs=("dance.mp4", "dance.json"),
            made_of={"source": str(tmp_path / "films" / "dance.mp4")},
        )
        manifest = Manifest(tmp_path / "out")
        manifest.add(entry)
        with manifest.path.open("a") as file:
            file.write('{"source": "a line that was cut')
        return tracks

    return make


@pytest.mark.parametrize(("kpt_thr", "cell"), [(0.2, "180"), (0.3, "")])
def test_the_joint_threshold_given_decides_what_is_exported(
    tmp_path: Path, kpt_thr: float, cell: str
) -> None:
    keypoints = np.zeros((1, 17, 2), np.float32)
    keypoints[0, :, 1] = np.arange(17)  # hips above knees above ankles: a straight leg
    poses = Poses([[0, 0, 20, 20]], [0.9], keypoints, np.full((1, 17), 0.25), COCO17)
    frames = [KnownFrame(0.0, TrackedPoses(poses, np.array([1])))]
    info = ClipInfo("walk", (160, 120), COCO17)
    export_result(tmp_path / "walk.json", info, frames, (), kpt_thr, lambda share: None)
    with (tmp_path / "walk.measures.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["knee left (°)"] == cell


def test_people_of_an_earlier_network_are_exported_in_the_joints_of_the_last(
    tmp_path: Path,
) -> None:
    last = one_person()
    frames = [KnownFrame(0.0, last.in_joints_of(POSETRACK15)), KnownFrame(0.04, last)]
    info = ClipInfo("walk", (160, 120), COCO17)
    export_result(tmp_path / "walk.json", info, frames, (), 0.3, lambda share: None)
    for ending in ("json", "csv"):
        first, _ = read_tracks(tmp_path / f"walk.{ending}").frames
        scores = dict(
            zip(
                first.people.poses.skeleton.names,
                first.people.poses.keypoint_scores[0].tolist(),
                strict=True,
            )
        )
        assert (scores["left_ankle"], scores["left_ear"]) == (pytest.approx(0.8), 0)


def test_where_the_ground_was_is_saved_opened_and_exported(batch: Callable[..., Path]) -> None:
    tracks, info = batch(), ClipInfo("dance", (160, 120), COCO17)
    pan = np.array([[1, 0, -7.5], [0, 1, 0], [0, 0, 1]])
    frames = [KnownFrame(0.0, one_person()), KnownFrame(0.04, one_person(), Ground(2, pan))]
    save_result(tracks, info, frames, (), lambda share: None)
    result = open_result(tracks)
    still, moved = (frame.ground for frame in result.frames)
    assert still == Ground(0, None)
    assert moved.shot == 2
    np.testing.assert_array_equal(moved.camera, pan)
    away = tracks.with_name("away.json")
    export_result(away, info, result.frames, (), 0.3, lambda share: None)
    np.testing.assert_array_equal(read_tracks(away).frames[1].camera, pan)


def test_an_export_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".walk.csv.part").mkdir()  # in the way of the second of three files
    info = ClipInfo("walk", (160, 120), COCO17)
    with pytest.raises(UserError, match=r"walk\.csv: cannot be written"):
        export_result(
            tmp_path / "walk.json", info, [KnownFrame(0.0, one_person())], (), 0.3, lambda _: None
        )
    assert [path.name for path in tmp_path.iterdir()] == [".walk.csv.part"]


def test_a_save_that_is_cancelled_leaves_the_corrections_that_fit_the_old_tracks(
    batch: Callable[..., Path],
) -> None:
    def cancel(_share: float) -> None:
        raise KeyboardInterrupt

    tracks = batch()
    before = sidecar_of(tracks).read_bytes()
    info = ClipInfo("dance", (160, 120), COCO17)
    with pytest.raises(KeyboardInterrupt):
        save_result(
            tracks, info, [KnownFrame(0.0, one_person())], [Correction("delete", 1)], cancel
        )
    assert sidecar_of(tracks).read_bytes() == before


def opened(tracks: Path) -> tuple[str, bool]:
    """The video, from its last folder on, and whether people are drawn in it."""
    result: OpenResult = open_result(tracks)
    assert len(result.frames) == 1
    return "/".join(Path(result.video).parts[-2:]), result.drawn


def test_a_batch_s_tracks_open_with_the_source_not_with_the_drawn_video(batch) -> None:
    assert opened(batch()) == ("films/dance.mp4", False)


@pytest.mark.parametrize("clip", [{"crop": [0, 0, 80, 80]}, {"rotate": 90}, {"every": 2}])
def test_a_source_whose_pixels_or_frames_are_others_is_not_taken(batch, clip) -> None:
    assert opened(batch(**clip)) == ("out/dance.mp4", True)


@pytest.mark.parametrize(
    ("clip", "later_s"),
    [
        ({"time_range": [1.0, 2.0], "mirror": True}, 1.0),
        ({"time_range": [1.0, None], "mirror": True}, 1.0),  # to the end
        ({"start_frame": 25, "every": 2}, 1.0),
        ({"time_range": [1.0, 2.0]}, 0.0),  # shown over the source, whose times they have
        ({"mirror": True}, 0.0),  # the first frames' people are missing, not the frames
    ],
    ids=[
        "a mirrored part",
        "a mirrored end",
        "every second frame of the end",
        "a part",
        "all, mirrored",
    ],
)
def test_a_drawn_video_of_a_part_begins_at_0_and_so_do_its_tracks(batch, clip, later_s) -> None:
    tracks, info = batch(), ClipInfo("dance", (160, 120), COCO17, settings={"clip": clip})
    steps = [Correction("swap", 1, 2, from_s=1.5), Correction("rename", 1, name="Anna")]
    frames = [KnownFrame(time_s, one_person()) for time_s in (1.0, 1.5)]
    save_result(tracks, info, frames, steps, lambda share: None)
    opened = open_result(tracks)
    assert opened.later_s == later_s
    assert [frame.time_s for frame in opened.frames] == [1.0 - later_s, 1.5 - later_s]
    assert [step.from_s for step in opened.corrections] == [1.5 - later_s, 0.0]


def test_a_source_that_is_gone_leaves_the_drawn_video_and_says_so(batch, tmp_path: Path) -> None:
    tracks = batch()
    (tmp_path / "films" / "dance.mp4").unlink()
    assert opened(tracks) == ("out/dance.mp4", True)
    tracks.with_name("dance.mp4").rename(tracks.with_name("dance.MOV"))  # as cameras write it
    assert opened(tracks)[0] == "out/dance.MOV"


def test_a_clean_video_beside_the_tracks_comes_first(batch, tmp_path: Path) -> None:
    tracks = batch()
    (tmp_path / "out" / "dance.clean.mp4").write_bytes(b"a video")
    assert opened(tracks) == ("out/dance.clean.mp4", False)


def test_a_video_of_the_window_s_own_tracks_is_not_drawn_in(tmp_path: Path) -> None:
    tracks = tmp_path / "walk.json"
    (tmp_path / "walk.mov").write_bytes(b"a video")
    info = ClipInfo("walk", (160, 120), COCO17)
    save_result(tracks, info, [KnownFrame(0.0, one_person())], (), lambda share: None)
    assert opened(tracks) == (f"{tmp_path.name}/walk.mov", False)
    (tmp_path / "walk.mov").unlink()
    with pytest.raises(MediaError, match=r"walk\.mp4 is not beside it"):
        open_result(tracks)
