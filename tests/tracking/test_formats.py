"""What is peculiar to each format of tracks, and to the files of the programs that use it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from dance import INFO, results, write_frame, written

from pose.people import Poses
from pose.skeleton import COCO17, MPII16, POSETRACK15, POSETRACK18, SKELETONS, Skeleton
from tracking.files import (
    ClipInfo,
    TracksFileError,
    frame_without_picture,
    open_writer,
    read_tracks,
)
from tracking.tracks import TrackedPoses


def test_a_table_may_be_sorted_in_any_order(tmp_path: Path) -> None:
    path = written(tmp_path, "csv")
    before = read_tracks(path)
    head, *lines = path.read_text().splitlines(keepends=True)
    lines.sort(key=lambda line: int(line.split(",")[2]))  # by person
    path.write_text("".join([head, *lines]))
    frames = read_tracks(path).frames
    assert [each.frame.index for each in frames] == [each.frame.index for each in before.frames]
    assert [len(each.people) for each in frames] == [len(each.people) for each in before.frames]


@pytest.mark.parametrize(("old", "new"), [(",1,0.9", ",-7,0.9"), (",1,0.9", ",1,nan")])
def test_a_table_with_impossible_numbers_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "dance.csv"
    header = "frame,time_s,id,score,x1,y1,x2,y2,nose_x,nose_y,nose_score\n"
    row = "0,0.0,1,0.9,1,2,3,4,5,6,0.5\n"
    path.write_text(header + row)
    assert len(read_tracks(path).frames) == 1
    path.write_text(header + row.replace(old, new))
    with pytest.raises(TracksFileError, match="not finite, or an id"):
        read_tracks(path)


def test_posetrack_files_have_posetracks_joints_in_its_order(tmp_path: Path) -> None:
    truth = results()[0].people.poses
    for name, skeleton in (("posetrack17", POSETRACK15), ("posetrack18", POSETRACK18)):
        poses = read_tracks(written(tmp_path, name)).frames[0].people.poses
        assert poses.skeleton == skeleton
        for joint in ("left_wrist", "right_ankle", "nose"):
            np.testing.assert_allclose(
                poses.keypoints[:, skeleton.index(joint)],
                truth.keypoints[:, COCO17.index(joint)],
                atol=0.01,
            )


def test_posetrack18_keeps_every_frame_and_its_header(tmp_path: Path) -> None:
    content = json.loads(written(tmp_path, "posetrack18").read_text())
    assert [image["frame_id"] for image in content["images"]] == [0, 1, 2, 3]
    first = content["annotations"][0]
    assert first["track_id"] == 1
    assert first["keypoints"][2::3] == first["scores"]
    assert content["info"]["weights_sha256"] == {"pose": "ab"}
    ears = [POSETRACK18.index(f"{side}_ear") for side in ("left", "right")]
    assert [first["scores"][ear] for ear in ears] == [0, 0]


def test_posetrack18_says_where_the_ground_is_if_the_camera_moved(tmp_path: Path) -> None:
    still = written(tmp_path / "still", "posetrack18")
    assert b"camera" not in still.read_bytes() and b"shot" not in still.read_bytes()
    pan = np.array([[1.01, -0.02, -1234.5678], [0.02, 1.01, 1 / 3], [0, 0, 1]])
    frames = results()
    frames[1:3] = [
        dataclasses.replace(frames[1], camera=pan),
        dataclasses.replace(frames[2], shot=4),
    ]
    path = tmp_path / "pan.json"
    writer = open_writer("posetrack18", path, INFO)
    for result in frames:
        writer.put(result)
    writer.close()
    again = read_tracks(path).frames
    assert [result.shot for result in again] == [0, 0, 4, 0]
    assert [result.camera is None for result in again] == [True, False, True, True]
    np.testing.assert_allclose(again[1].camera, pan, atol=1e-9)


@pytest.mark.parametrize(
    "camera", [[[1, 0, 5]], [[1, 0, 5], [2, 0, 0]], "left", [[1, 0, 5], [0, None, 0]]]
)
def test_an_impossible_motion_of_the_camera_is_refused(tmp_path: Path, camera: object) -> None:
    path = written(tmp_path, "posetrack18")
    content = json.loads(path.read_text())
    content["images"][2]["camera"] = camera
    path.write_text(json.dumps(content))
    with pytest.raises(TracksFileError, match=r"the people of image 2|image 2: "):
        read_tracks(path)


def test_posetrack17_lists_joints_that_are_there_and_a_head_of_neck_and_top(tmp_path: Path) -> None:
    neck, top = POSETRACK15.index("neck"), POSETRACK15.index("head_top")
    scores = np.full((2, 15), 0.5)
    scores[0, 3] = 0
    scores[1, top] = 0
    keypoints = np.full((2, 15, 2), 50.0)
    poses = Poses(np.tile([0, 0, 100, 100], (2, 1)), np.ones(2), keypoints, scores, POSETRACK15)
    path = tmp_path / "x.posetrack17.json"
    write_frame("posetrack17", path, ClipInfo("x", (640, 480), POSETRACK15), poses, [1, 2])
    whole, headless = json.loads(path.read_text())["annolist"][0]["annorect"]
    listed = [point["id"][0] for point in whole["annopoints"][0]["point"]]
    assert listed == [joint for joint in range(15) if joint != 3]
    assert {"x1", "y1", "x2", "y2"} <= whole.keys()
    assert not {"x1", "y1", "x2", "y2"} & headless.keys()
    read = read_tracks(path).frames[0].people.poses
    np.testing.assert_allclose(read.keypoint_scores, scores)
    assert read.keypoints[1, neck].tolist() == [50, 50]


def test_official_truth_is_read_and_what_is_not_kept_is_noted(tmp_path: Path) -> None:
    person = {"image_id": 10034180000, "track_id": 0, "keypoints": [5, 6, 1] * 17,
              "bbox": [0, 0, 9, 9], "scores": []}  # fmt: skip
    images = [
        {"id": 10034180000 + place, "is_labeled": place == 0, "ignore_regions_x": [[0, 9, 9]]}
        for place in range(3)
    ]
    category = {"keypoints": list(POSETRACK18.names)}
    content = {"images": images, "annotations": [person], "categories": [category]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    tracks = read_tracks(tmp_path / "a.json")
    assert tracks.frames[0].people.poses.keypoint_scores.tolist() == [[1] * 17]
    assert [result.frame.time_s for result in tracks.frames] == [0, 0.04, 0.08]
    lost = (
        "regions to be ignored (3 frames) and marks of frames that are not labelled (2 frames) "
        "are not kept"
    )
    untimed = "it has no times; 25 frames a second are taken"
    assert tracks.notes == (untimed, lost)

    joints = [{"id": [0], "x": [5], "y": [6], "score": []}]
    rects = [
        {"track_id": [0], "annopoints": [{"point": joints}], "score": []},
        {"track_id": [1], "annopoints": [{}]},
        {"track_id": [2], "annopoints": []},
    ]
    frames = [
        {"annorect": rects, "is_labeled": [1], "ignore_regions": [{"point": []}]},
        {"annorect": [], "is_labeled": [0], "ignore_regions": []},
    ]
    (tmp_path / "b.posetrack17.json").write_text(json.dumps({"annolist": frames}))
    tracks = read_tracks(tmp_path / "b.posetrack17.json")
    assert tracks.frames[0].people.ids.tolist() == [1]
    lost = (
        "regions to be ignored (1 frame) and marks of frames that are not labelled (1 frame) "
        "are not kept"
    )
    assert tracks.notes == (untimed, lost)


def test_mot_counts_frames_from_one(tmp_path: Path) -> None:
    lines = written(tmp_path, "mot").read_text().splitlines()
    fields = [line.split(",") for line in lines]
    assert [(row[0], row[1]) for row in fields] == [
        ("1", "1"), ("1", "2"), ("3", "2"), ("4", "2"), ("4", "5"),
    ]  # fmt: skip
    assert all(row[7:] == ["-1", "-1", "-1"] for row in fields)


def test_openpose_has_a_file_per_frame_with_25_joints(tmp_path: Path) -> None:
    folder = written(tmp_path, "openpose")
    assert sorted(path.name for path in folder.iterdir())[0] == (
        "dance_000000000000_keypoints.json"
    )
    person = json.loads(min(folder.iterdir()).read_text())["people"][1]
    assert person["person_id"] == [2]
    joints = np.array(person["pose_keypoints_2d"]).reshape(25, 3)
    truth = results()[0].people.poses
    np.testing.assert_allclose(joints[0, :2], truth.keypoints[1, 0], atol=1e-3)
    np.testing.assert_allclose(joints[1, :2], truth.keypoints[1, 5:7].mean(0), atol=1e-3)
    assert joints[19:].tolist() == [[0, 0, 0]] * 6
    assert person["hand_left_keypoints_2d"] == person["face_keypoints_3d"] == []


def test_a_joint_that_is_not_given_is_at_0_0_for_openpose(tmp_path: Path) -> None:
    (result, *_) = results()
    poses = result.people.poses
    scores = poses.keypoint_scores.copy()
    scores[:, 5] = 0  # the left shoulder, and with it the neck
    unseen = Poses(poses.boxes, poses.scores, poses.keypoints, scores, COCO17)
    write_frame("openpose", tmp_path / "x_openpose", INFO, unseen, [1, 2])
    (file,) = (tmp_path / "x_openpose").iterdir()
    joints = np.array(json.loads(file.read_text())["people"][0]["pose_keypoints_2d"]).reshape(25, 3)
    assert (joints == 0).all(axis=1).nonzero()[0].tolist() == [1, 5, *range(19, 25)]


@pytest.mark.parametrize("number", ["[3.0]", "[[3.0], [3.0]]", "3.0", "3"])
def test_alphapose_may_have_an_identity_in_lists(tmp_path: Path, number: str) -> None:
    joints = json.dumps([1.0] * 51)
    person = f'{{"image_id": "7.jpg", "keypoints": {joints}, "score": 3.1, "idx": {number}}}'
    (tmp_path / "alphapose-results.json").write_text(f"[{person}]")
    (frame,) = read_tracks(tmp_path / "alphapose-results.json").frames
    assert (frame.frame.index, frame.people.ids.tolist()) == (7, [3])


@pytest.mark.parametrize("name", ["openpose", "trc"])
def test_files_that_macos_adds_to_a_folder_of_tracks_are_ignored(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, name)
    before = len(read_tracks(folder).frames)
    (folder / f"._{min(folder.iterdir()).name}").write_bytes(b"Mac OS X")
    assert len(read_tracks(folder).frames) == before


def test_trc_has_a_file_per_person(tmp_path: Path) -> None:
    folder = written(tmp_path, "trc")
    assert sorted(path.name for path in folder.iterdir()) == [
        "dance_person1.trc", "dance_person2.trc", "dance_person5.trc",
    ]  # fmt: skip
    lines = (folder / "dance_person2.trc").read_text().split("\n")
    values = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert (values["NumFrames"], values["NumMarkers"]) == ("3", "17")
    assert len(lines[6].split("\t")) == 2 + 3 * 17


def test_a_marker_that_is_not_seen_is_nan_as_opensim_writes_it(tmp_path: Path) -> None:
    (result, *_) = results()
    poses = result.people.poses
    scores = poses.keypoint_scores.copy()
    scores[:, [3, 16]] = 0
    unseen = Poses(poses.boxes, poses.scores, poses.keypoints, scores, COCO17)
    writer = open_writer("trc", tmp_path / "dance_trc", INFO)
    writer.put(frame_without_picture(0, 0.0, TrackedPoses(unseen, result.people.ids)))
    writer.close()
    row = (tmp_path / "dance_trc" / "dance_person1.trc").read_text().split("\n")[6].split("\t")
    assert row[11:14] == row[50:53] == ["nan"] * 3  # OpenSim refuses a line that ends in blanks
    (frame,) = read_tracks(tmp_path / "dance_trc").frames
    assert (frame.people.poses.keypoint_scores == 0).nonzero()[1].tolist() == [3, 16, 3, 16]


def test_a_marker_below_the_threshold_of_the_clip_is_not_given(tmp_path: Path) -> None:
    """Elsewhere its score tells that it is a guess; here nothing would."""
    info = dataclasses.replace(INFO, settings={"pipeline": {"kpt_thr": 0.5}})
    written(tmp_path, "trc", info)
    read = {
        result.frame.index: result.people for result in read_tracks(tmp_path / "dance_trc").frames
    }
    for result in results():
        for row, person in enumerate(result.people.ids.tolist()):
            people = read[result.frame.index]
            given = people.poses.keypoint_scores[people.ids.tolist().index(person)] > 0
            assert (given == (result.people.poses.keypoint_scores[row] >= 0.5)).all()
    odd = dataclasses.replace(INFO, settings={"pipeline": {"kpt_thr": "high"}})
    with pytest.raises(
        TracksFileError, match='the clip\'s settings: "high" is not a finite number'
    ):
        open_writer("trc", tmp_path / "odd_trc", odd)


def markers(folder: Path, name: str, units: str, frames: str, row: str) -> Path:
    keys = "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits"
    head = f"PathFileType\t4\t(X/Y/Z)\t{name}\n{keys}\n50\t50\t{frames}\t2\t{units}\n"
    names = "Frame#\tTime\tnose\t\t\tneck\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n\n"
    path = folder / f"{name}.trc"
    path.write_text(head + names + row)
    return path


def test_markers_of_another_unit_or_another_length_than_told_are_noted(tmp_path: Path) -> None:
    path = markers(tmp_path, "gait", "mm", "2", "1\t0\t7\t8\t9\t\t\n")  # its end was trimmed
    tracks = read_tracks(path)
    assert tracks.frames[0].people.poses.keypoints[0, 0].tolist() == [7, 8]
    assert tracks.notes == (
        "x and y are taken as pixels, though they are in mm; z is left out",
        "gait.trc: its header says 2 frames, and it has 1",
    )
    assert not read_tracks(markers(tmp_path, "ours", "px", "1", "1\t0\t7\t8\t9\t\t\n")).notes


def test_marker_files_of_one_person_in_the_same_frame_are_refused(tmp_path: Path) -> None:
    for name in ("a_person1", "b_person1"):
        markers(tmp_path, name, "px", "1", "1\t0\t7\t8\t0\t1\t2\t0\n")
    with pytest.raises(TracksFileError, match=r"b_person1.*: frame 1 has the person 1 twice"):
        read_tracks(tmp_path)


@pytest.mark.parametrize("name", ["mpii16", "aic14", "crowdpose14", "wholebody133"])
def test_other_skeletons_reach_posetrack_by_the_names_of_their_joints(
    tmp_path: Path, name: str
) -> None:
    skeleton = SKELETONS[name]
    keypoints = np.random.default_rng(0).uniform(0, 400, (1, len(skeleton), 2))
    scores = np.full((1, len(skeleton)), 0.5)
    poses = Poses(np.array([[0, 0, 400, 400]]), np.ones(1), keypoints, scores, skeleton)
    info = ClipInfo("x", (640, 480), skeleton)
    write_frame("posetrack18", tmp_path / "x.json", info, poses, [3])
    read = read_tracks(tmp_path / "x.json").frames[0].people.poses
    for joint in ("left_wrist", "right_ankle"):
        found = read.keypoints[0, POSETRACK18.index(joint)]
        np.testing.assert_allclose(found, keypoints[0, skeleton.index(joint)], atol=0.01)
    assert (read.keypoint_scores[0, POSETRACK18.index("nose")] > 0) == ("nose" in skeleton.names)
    assert read.keypoint_scores[0, POSETRACK18.index("head_bottom")] == 0.5  # their neck


def test_a_skeleton_without_a_mapping_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TracksFileError, match="mpii16"):
        open_writer("openpose", tmp_path / "x_openpose", ClipInfo("dance", (640, 480), MPII16))
    hand = Skeleton("hand", ("thumb", "finger"), ((0, 1),), (0, 1), (0.05, 0.05))
    writer = open_writer("posetrack18", tmp_path / "x.json", ClipInfo("x", (640, 480), hand))
    with pytest.raises(TracksFileError, match="hand"):
        writer.put(frame_without_picture(0, 0.0, TrackedPoses.empty(hand)))
    writer.abort()


@pytest.mark.parametrize(
    ("separator", "decimal", "mark"), [(";", ",", "\ufeff"), (";", ".", ""), ("\t", ",", "")]
)
def test_a_table_that_a_spreadsheet_saved_is_read(
    tmp_path: Path, separator: str, decimal: str, mark: str
) -> None:
    path = written(tmp_path, "csv")
    before = [result.people for result in read_tracks(path).frames]
    lines = path.read_text().replace(",", separator).replace(".", decimal).splitlines()
    empty = separator * lines[0].count(separator)
    path.write_text("\r\n".join([mark + lines[0], *lines[1:], empty, ""]), newline="")
    after = [result.people for result in read_tracks(path).frames]
    assert [people.ids.tolist() for people in after] == [people.ids.tolist() for people in before]
    for one, other in zip(before, after, strict=True):
        assert (one.poses.keypoints == other.poses.keypoints).all()
        assert (one.poses.boxes == other.poses.boxes).all()


def test_only_pedestrians_of_mot_truth_are_read_and_a_missing_confidence_is_1(
    tmp_path: Path,
) -> None:
    (tmp_path / "gt.txt").write_text("1,1,0,0,9,9,1,1,0.9\n1,2,0,0,9,9,1,3,0.9\n")
    tracks = read_tracks(tmp_path / "gt.txt")
    assert [result.people.ids.tolist() for result in tracks.frames] == [[1]]
    assert "1 box of other classes than pedestrians left out" in tracks.notes
    (tmp_path / "sort.txt").write_text("1,7,0,0,9,9,-1,-1,-1,-1,\n")
    (frame,) = read_tracks(tmp_path / "sort.txt").frames
    assert frame.people.poses.scores.tolist() == [1]


def posetrack18(**content: list[dict[str, object]]) -> str:
    """A file of frames with one person each, unless `content` says otherwise."""
    images = content.get("images", [])
    people = [
        {"image_id": image["id"], "track_id": 1, "keypoints": [5, 6, 1] * 17} for image in images
    ]
    category = {"keypoints": list(POSETRACK18.names)}
    return json.dumps({"annotations": people, "categories": [category], **content})


@pytest.mark.parametrize(
    ("frame_ids", "indices", "times_s"),
    [
        ([10034180000, 10034180001], [0, 1], [0, 0.04]),  # numbered as in official files
        ([0, 4, 8], [0, 4, 8], [0, 0.16, 0.32]),  # every fourth frame is in the file
        ([1, 2, 3], [1, 2, 3], [0, 0.04, 0.08]),
        ([7, 7], [0, 1], [0, 0.04]),  # not frame numbers
    ],
)
def test_frames_are_at_the_times_of_their_numbers(
    tmp_path: Path, frame_ids: list[int], indices: list[int], times_s: list[float]
) -> None:
    images = [{"id": place, "frame_id": frame} for place, frame in enumerate(frame_ids)]
    (tmp_path / "a.json").write_text(posetrack18(images=images))
    frames = read_tracks(tmp_path / "a.json").frames
    assert [result.frame.index for result in frames] == indices
    assert [result.frame.time_s for result in frames] == pytest.approx(times_s)
    for image in images:
        image["image"], image["imgnum"] = [{"name": "x"}], [image["frame_id"] + 1]
        image["annorect"] = []
    (tmp_path / "a.posetrack17.json").write_text(json.dumps({"annolist": images}))
    frames = read_tracks(tmp_path / "a.posetrack17.json").frames
    assert [result.frame.index for result in frames] == indices


def test_people_without_a_frame_and_frames_of_two_videos_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    lost = {"image_id": 9, "track_id": 1, "keypoints": [5, 6, 1] * 17}
    path.write_text(posetrack18(images=[{"id": 1}], annotations=[lost]))
    with pytest.raises(TracksFileError, match="annotation 0: its image 9 is not listed"):
        read_tracks(path)
    path.write_text(posetrack18(images=[{"id": n, "vid_id": str(n)} for n in (1, 2)]))
    with pytest.raises(TracksFileError, match="it is of 2 videos; write a file for each"):
        read_tracks(path)


@pytest.mark.parametrize(
    ("joints", "name"), [(133, "wholebody133"), (15, "posetrack15"), (17, "coco17")]
)
def test_the_number_of_joints_gives_the_skeleton_of_another_programs_results(
    tmp_path: Path, joints: int, name: str
) -> None:
    person = {"image_id": 3, "score": 0.5, "keypoints": [5, 6, 1] * joints}
    (tmp_path / "a.coco.json").write_text(json.dumps([person]))
    assert read_tracks(tmp_path / "a.coco.json").info.skeleton.name == name
    (tmp_path / "b.json").write_text(json.dumps([{**person, "idx": 1}]))  # AlphaPose's
    assert read_tracks(tmp_path / "b.json").frames[0].people.poses.skeleton.name == name
