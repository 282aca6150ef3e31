"""Frames worth a person's time, and labels that come back from a labelling tool."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_video

from app import label
from app.cli import main
from app.labelling import (
    LabelsError,
    annotations_of,
    category_of,
    pick_frames,
    take_back,
    worth_correcting,
)
from pose.people import Detections, Frame, Poses
from pose.reading import ContentError
from pose.skeleton import COCO17, Skeleton
from pose.training.joints import skeleton_of_category
from pose.training.people_file import DataReport, choose_people
from pose.training.readers import read_content
from tracking.pipeline import Pipeline, PipelineConfig
from tracking.tracks import TrackedPoses


def _person(x: float, score: float = 0.9) -> Poses:
    joints = np.stack([np.full(17, x + 20), np.linspace(10, 90, 17)], 1)[None]
    return Poses(
        np.array([[x, 0, x + 40, 100]]), np.ones(1), joints, np.full((1, 17), score), COCO17
    )


def _frames(xs: list[float], scores: list[float]) -> list[TrackedPoses]:
    return [
        TrackedPoses(_person(x, score), np.array([1])) for x, score in zip(xs, scores, strict=True)
    ]


def test_a_person_that_jumps_is_worth_correcting() -> None:
    worth = worth_correcting(_frames([10, 12, 14, 60, 18, 20, 22], [0.9] * 7))
    assert int(worth.argmax()) == 3
    np.testing.assert_allclose(worth[[0, 6]], 0.05, atol=1e-6)  # doubt alone at the ends


def test_even_motion_and_sure_joints_are_worth_little() -> None:
    worth = worth_correcting(_frames([10, 12, 14, 16], [1.0] * 4))
    np.testing.assert_allclose(worth, 0, atol=1e-6)


def test_an_unsure_pose_is_worth_correcting() -> None:
    worth = worth_correcting(_frames([10, 12, 14, 16, 18], [0.9, 0.9, 0.2, 0.9, 0.9]))
    assert int(worth.argmax()) == 2


def test_picked_frames_lie_apart_and_hold_people() -> None:
    worth = np.array([0, 0.9, 0.8, 0.7, 0.1, 0, 0, 0.3, 0.2, 0], np.float32)
    assert pick_frames(worth, 2) == [1, 7]
    assert pick_frames(worth, 0) == []
    assert pick_frames(np.zeros(5, np.float32), 3) == []


def _written() -> dict[str, Any]:
    people = TrackedPoses(_person(10), np.array([7]))
    return {
        "images": [{"id": 3, "file_name": "dance_000003.jpg", "video": "dance.mp4", "frame": 3}],
        "annotations": annotations_of(people, 3, 1, kpt_thr=0.3),
        "categories": [category_of(COCO17)],
    }


def test_corrections_become_a_persons_labels_whatever_the_tool_renumbers() -> None:
    corrected = copy.deepcopy(_written())
    corrected["images"][0] = {"id": 1, "file_name": "job_12/images/dance_000003.jpg"}
    row = corrected["annotations"][0]
    row["image_id"] = 1
    row["keypoints"][:3] = [120.0, 50.0, 2]  # the nose, now far outside of the box
    content, changes = take_back(_written(), corrected)
    assert changes == {"pictures": 1, "people": 1, "people added": 0, "people removed": 0,
                       "joints corrected": 1}  # fmt: skip
    (back,) = content["annotations"]
    assert back["label"] == "human"
    assert "keypoint_scores" not in back
    assert back["image_id"] == 3
    assert back["bbox"][0] == 10.0
    assert back["bbox"][0] + back["bbox"][2] > 120
    assert content["images"][0]["video"] == "dance.mp4"


def test_changes_are_told_of_people_whom_a_tool_has_numbered_anew() -> None:
    """The second person's old number is the first one's new one."""
    people = [TrackedPoses(_person(x), np.array([7])) for x in (10, 400, 800)]
    written = _written()
    written["annotations"] = [
        row for n, one in enumerate(people) for row in annotations_of(one, 3, n + 1, kpt_thr=0.3)
    ]
    corrected = copy.deepcopy(written)
    del corrected["annotations"][2]
    for row, number in zip(corrected["annotations"], (2, 90), strict=True):
        row["id"] = number
        del row["track_id"]
    corrected["annotations"][1]["keypoints"][:3] = [420.0, 50.0, 2]
    assert take_back(written, corrected)[1] == {
        "pictures": 1, "people": 2, "people added": 0, "people removed": 1, "joints corrected": 1
    }  # fmt: skip


def test_a_box_that_a_tool_left_at_zero_is_made_from_the_joints() -> None:
    corrected = json.loads(json.dumps(_written()))
    corrected["annotations"][0] |= {"bbox": [0, 0, 0, 0], "area": 0}
    (person,) = take_back(_written(), corrected)[0]["annotations"]
    joints = np.array(person["keypoints"]).reshape(-1, 3)[:, :2]
    low, extent = joints.min(0), np.ptp(joints, axis=0)
    np.testing.assert_allclose(person["bbox"][:2], low - 0.1 * extent, atol=0.06)
    np.testing.assert_allclose(person["bbox"][2:], 1.2 * extent, atol=0.11)


def test_labels_of_other_joints_are_refused() -> None:
    corrected = copy.deepcopy(_written())
    corrected["categories"][0]["keypoints"][0] = "snout"
    with pytest.raises(LabelsError, match="the corrected labels have the joints snout"):
        take_back(_written(), corrected)


def test_pictures_that_were_never_written_are_refused() -> None:
    corrected = copy.deepcopy(_written())
    corrected["images"][0]["file_name"] = "other.jpg"
    with pytest.raises(LabelsError, match="none of the corrected pictures"):
        take_back(_written(), corrected)


def test_folders_before_a_name_may_be_those_of_windows() -> None:
    corrected = copy.deepcopy(_written())
    corrected["images"][0]["file_name"] = r"C:\jobs\12\dance_000003.jpg"
    assert take_back(_written(), corrected)[1]["people"] == 1


@pytest.mark.parametrize("number", [1e300, float("nan"), 10**400])
@pytest.mark.parametrize("where", ["keypoints", "bbox"])
def test_a_number_that_is_no_place_is_told(number: float, where: str) -> None:
    corrected = copy.deepcopy(_written())
    corrected["annotations"][0][where][0] = number
    with pytest.raises((ContentError, OverflowError)):  # each is one line below `reading`
        take_back(_written(), corrected)


def test_a_person_with_too_few_joints_is_told_and_a_box_alone_is_left_out() -> None:
    corrected = copy.deepcopy(_written())
    corrected["annotations"][0]["keypoints"] = [1, 2, 2]
    with pytest.raises(ContentError, match="3 numbers of joints, expected 51"):
        take_back(_written(), corrected)
    corrected["annotations"][0]["keypoints"] = []
    assert take_back(_written(), corrected)[1]["people"] == 0


def test_a_skeleton_of_ones_own_survives_the_round_trip() -> None:
    own = Skeleton("skater", ("left_skate", "right_skate", "hat"), ((0, 2),), (1, 0, 2),
                   (0.05, 0.05, 0.1))  # fmt: skip
    assert skeleton_of_category(category_of(own)) == own
    assert skeleton_of_category(category_of(COCO17)) is COCO17


class _Detector:
    def __call__(self, frame: Frame) -> Detections:
        return Detections(np.array([[10, 5, 50, 85]]), np.ones(1))


class _Estimator:
    skeleton = COCO17

    def __call__(self, frame: Frame, detections: Detections) -> Poses:
        return _person(10.0 + frame.index, 0.5 + 0.01 * frame.index)


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    video = tmp_path / "dance.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 96, 112, "yuv420p"
        for number in range(20):
            image = np.full((112, 96, 3), 10 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    monkeypatch.setattr(
        label, "build_pipeline", lambda config: Pipeline(_Detector(), _Estimator(), config)
    )
    assert PipelineConfig().pose == "posse-pose"
    return video


@pytest.mark.parametrize(
    ("pose", "start"),
    [("mine.safetensors", "mine.safetensors"), ("exported.onnx", "posse-pose")],
)
def test_the_command_writes_frames_that_training_reads(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], pose: str, start: str
) -> None:
    out = tmp_path / "labels"
    words = ["label", str(video), "-o", str(out), "--frames", "4", "--pose", pose]
    assert main(words) == 0
    written = json.loads((out / "labels.json").read_text())
    assert len(written["images"]) == 4 == len(list((out / "images").glob("*.jpg")))
    assert all(row["track_id"] >= 1 for row in written["annotations"])

    fixed = tmp_path / "fixed.json"
    fixed.write_text(json.dumps(written | {"info": "of the tool"}))
    assert main(["label", str(video), "-o", str(out), "--corrected", str(fixed)]) == 0
    said = capsys.readouterr().out
    assert "joints corrected: 0" in said
    assert f"--from {start} --out my-pose" in said
    content = read_content(out / "train.json")
    for split, people in (("train", 3), ("val", 1)):
        assert len(choose_people(content, out / "images", split, DataReport())) == people


def test_of_a_video_that_breaks_off_what_there_is_can_be_labelled(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = make_video(tmp_path / "cut.ts", 40)
    cut.write_bytes(cut.read_bytes()[:-50])
    assert main(["label", str(cut), "-o", str(tmp_path / "out"), "--frames", "4"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("4 of ") and "posse: " in said.err and "breaks off" in said.err


def test_labels_may_be_corrected_in_place(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "labels"
    labels = out / "labels.json"
    assert main(["label", str(video), "-o", str(out), "--frames", "4"]) == 0
    content = json.loads(labels.read_text())
    content["annotations"][0]["keypoints"][0] += 9
    labels.write_text(json.dumps(content))
    assert main(["label", str(video), "-o", str(out), "--corrected", str(labels)]) == 0
    assert "joints corrected: 1" in capsys.readouterr().out
    (out / "as-written.json").unlink()  # as folders of before have it
    assert main(["label", str(video), "-o", str(out), "--corrected", str(labels)]) == 1
    assert f"{labels} is what corrections are compared with" in capsys.readouterr().err


def test_labels_that_are_there_are_not_written_over(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", str(video), "-o", str(tmp_path), "--frames", "4"]) == 0
    labels = tmp_path / "labels.json"
    labels.write_text("corrected by hand")
    capsys.readouterr()
    assert main(["label", str(video), "-o", str(tmp_path), "--frames", "4"]) == 1
    assert capsys.readouterr().err == (
        f"posse: {labels} is there already, and may hold corrections; choose another folder, or "
        "remove it to begin anew\n"
    )
    assert labels.read_text() == "corrected by hand"


def test_what_cannot_be_done_is_one_line_before_the_work_begins(
    video: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delattr(label, "build_pipeline")  # nothing is tracked
    out = tmp_path / "out"
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(_written()))  # as folders of before have it, without as-written.json
    nameless = tmp_path / "nameless.json"
    nameless.write_text(json.dumps({"images": [{"id": 1}], "annotations": []}))
    for words, said in (
        ([str(video), "-o", str(file)], "a part of its name is a file"),
        ([str(video), "-o", str(file / "out")], "cannot be written"),
        (["gone.mp4", "-o", str(out)], "gone.mp4"),
        (["gone.mp4", "-o", str(tmp_path), "--corrected", "gone.json"], "gone.json: no such file"),
        (["gone.mp4", "-o", str(tmp_path), "--corrected", str(nameless)], "'file_name' is missing"),
    ):
        assert main(["label", *words]) == 1
        told = capsys.readouterr().err
        assert said in told and told.count("\n") == 1
    assert not out.exists()
