"""Each kind of bad input ends in one line that names file, frame and person, and exit code 1."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation import (
    coco,
    failures,
    mot,
    networks,
    posetrack,
    run,
    scoring_speed,
    speed,
    tracking,
)
from evaluation.results import check_writable, write_figures
from pose.errors import UserError

Pair = Callable[..., tuple[Path, Path]]
IMAGES_2018 = [{"id": 1, "file_name": "a.jpg"}]
PERSON_2018 = {"image_id": 1, "track_id": 1, "keypoints": [1] * 51, "scores": [0.5] * 17}


@pytest.fixture
def error_of(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[Any, Any], str]:
    """Score a pair that must fail; returns its one line."""

    def score(truth: Any, predicted: Any) -> str:
        gt, pred = pair(truth, predicted)
        assert posetrack.main(["-g", str(gt), "-p", str(pred), "-o", str(tmp_path / "out")]) == 1
        assert not (tmp_path / "out").exists()
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        return err

    return score


ErrorOf = Callable[[Any, Any], str]


def test_different_frame_counts(error_of: ErrorOf, make_person: Any) -> None:
    line = error_of([[make_person()]] * 3, [[make_person()]] * 2)
    assert "pred/seq.json: 2 frames" in line
    assert "gt/seq.json has 3" in line


def test_truncated_json(error_of: ErrorOf, make_person: Any, make_file: Any) -> None:
    text = json.dumps(make_file([[make_person()]]))[:-20]
    assert "pred/seq.json: not a whole JSON file (line 1, column" in error_of(
        [[make_person()]], text
    )


def test_a_repeated_track_id(error_of: ErrorOf, make_person: Any) -> None:
    twice = [[make_person(4)], [make_person(4), make_person(7, 500), make_person(4, 900)]]
    line = error_of([[make_person()]] * 2, twice)
    assert "pred/seq.json: frame 1 (images/00001.jpg), person 2: track id 4 is twice" in line


def test_a_missing_track_id(error_of: ErrorOf, make_person: Any) -> None:
    line = error_of([[make_person()]], [[make_person(), make_person(None)]])
    assert "pred/seq.json: frame 0 (images/00000.jpg), person 1: no track_id" in line


def test_a_truth_person_without_head_box(error_of: ErrorOf, make_person: Any) -> None:
    line = error_of([[make_person(), make_person(2, head=None)]], [[make_person()]])
    assert "gt/seq.json: frame 0 (images/00000.jpg), person 1: no head box" in line


def test_a_truth_in_which_nobody_is_labelled(error_of: ErrorOf, make_person: Any) -> None:
    line = error_of([[], []], [[make_person()]] * 2)
    assert "gt: nobody is labelled there; there is nothing to score" in line


@pytest.mark.parametrize("content", [[], {}, {"images": []}, {"annolist_": []}, {"annolist": 7}, 7])
def test_an_unknown_format(error_of: ErrorOf, make_person: Any, content: Any) -> None:
    line = error_of([[make_person()]], json.dumps(content))
    assert "pred/seq.json: unknown format" in line


@pytest.mark.parametrize("track_id", ["7", None, 1.5, True, [1], {}, 2**63])
def test_ids_that_are_not_numbers(error_of: ErrorOf, make_person: Any, track_id: Any) -> None:
    line = error_of([[make_person()]], [[make_person(track_id=1) | {"track_id": [track_id]}]])
    assert "pred/seq.json: frame 0 (images/00000.jpg), person 0: track id" in line


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 1e200, 10**30, 10**400, "12", None, True, [1]]
)
@pytest.mark.parametrize("side", ["gt", "pred"])
def test_coordinates_that_are_not_finite_numbers(
    error_of: ErrorOf, make_person: Any, value: Any, side: str
) -> None:
    bad = make_person(2)
    bad["annopoints"][0]["point"][3]["x"] = [value]
    frames = {"gt": [[make_person(1)]], "pred": [[make_person(1)]]}
    frames[side] = [[make_person(1), bad]]
    line = error_of(frames["gt"], frames["pred"])
    assert f"{side}/seq.json: frame 0 (images/00000.jpg), person 1: a point has a value" in line


def test_a_head_box_that_is_not_finite(error_of: ErrorOf, make_person: Any) -> None:
    line = error_of([[make_person(head=(0, 0, float("nan"), 5))]], [[make_person()]])
    assert "gt/seq.json: frame 0 (images/00000.jpg), person 0: a head box" in line


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5_000])
def test_json_that_the_parser_gives_up_on(error_of: ErrorOf, make_person: Any, text: str) -> None:
    assert "pred/seq.json: not a JSON file that can be read" in error_of([[make_person()]], text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [1] * 45}, "45 keypoint values, expected 51"),
        (
            {"keypoints": [float("nan")] + [1] * 50},
            "a point has a value that is not a finite number",
        ),
        ({"keypoints": None}, "not built as it should be"),
        ({"scores": [0.5] * 15}, "15 scores, expected 17"),
        (
            {"scores": ["high"] * 17},
            'a score has a value that is not a finite number below 1e+15: "high"',
        ),
        ({"track_id": "a"}, 'track id "a" is not a whole number'),
    ],
)
def test_people_of_2018_files(
    error_of: ErrorOf, make_person: Any, change: dict[str, Any], message: str
) -> None:
    people = [PERSON_2018, PERSON_2018 | {"track_id": 2} | change]
    line = error_of([[make_person()]], {"images": IMAGES_2018, "annotations": people})
    assert f"pred/seq.json: frame 0 (a.jpg), person 1: {message}" in line


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (PERSON_2018 | {"image_id": "1"}, 'its image_id "1" is no image\'s id'),
        ({"track_id": 2}, "'image_id' is missing"),
        ("a", "not built as it should be"),
    ],
)
def test_annotations_of_2018_files_that_belong_to_no_frame(
    error_of: ErrorOf, make_person: Any, annotation: Any, message: str
) -> None:
    people = [PERSON_2018, annotation]
    line = error_of([[make_person()]], {"images": IMAGES_2018, "annotations": people})
    assert f"pred/seq.json: annotation 1: {message}" in line


@pytest.mark.parametrize("box", [[1, 2, 3], 7, ["1", 2, 3, 4]])
def test_a_head_box_of_2018_that_is_not_four_numbers(
    error_of: ErrorOf, make_person: Any, box: Any
) -> None:
    people = [PERSON_2018 | {"bbox_head": box}]
    line = error_of({"images": IMAGES_2018, "annotations": people}, [[make_person()]])
    assert f"gt/seq.json: frame 0 (a.jpg), person 0: bbox_head is {json.dumps(box)}, exp" in line


@pytest.mark.parametrize(
    "regions", [([1, 2, 3], [1, 2, 3]), ([[1, 2, 3]], [[1, 2]]), ([[1, 2, 3]], []), (7, [[1]])]
)
def test_ignore_regions_of_2018_that_are_no_polygons(
    error_of: ErrorOf, make_person: Any, regions: Any
) -> None:
    xs, ys = regions
    images = [IMAGES_2018[0] | {"ignore_regions_x": xs, "ignore_regions_y": ys}]
    people = [PERSON_2018 | {"bbox_head": [0, 0, 3, 4]}]
    line = error_of({"images": images, "annotations": people}, [[make_person()]])
    assert "gt/seq.json: frame 0 (a.jpg): ignore_regions_x and ignore_regions_y are not" in line


@pytest.mark.parametrize("regions", [[[]], {"point": []}, [{"point": {"x": [1]}}], [{}]])
def test_ignore_regions_of_2017_that_are_no_polygons(
    error_of: ErrorOf, make_person: Any, make_file: Any, regions: Any
) -> None:
    line = error_of(make_file([[make_person()]], ignore_regions=regions), [[make_person()]])
    assert "gt/seq.json: frame 0 (images/00000.jpg): ignore_regions is not a list of" in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"track_id": 7}, "track_id is 7"),
        ({"annopoints": {"point": []}}, 'annopoints is {"point": []}'),
        ({"annopoints": [{"point": [{"id": [0], "x": 5.0, "y": [5]}]}]}, "x is 5.0"),
    ],
)
def test_values_of_2017_files_that_are_in_no_list(
    error_of: ErrorOf, make_person: Any, change: dict[str, Any], message: str
) -> None:
    line = error_of([[make_person()]], [[make_person(1), make_person(2) | change]])
    place = "pred/seq.json: frame 0 (images/00000.jpg), person 1"
    assert f"{place}: {message}, expected a list of one value" in line


def test_a_frame_without_people_is_named(
    error_of: ErrorOf, make_person: Any, make_file: Any
) -> None:
    content = make_file([[make_person()]])
    del content["annolist"][0]["annorect"]
    line = error_of([[make_person()]], content)
    assert "pred/seq.json: frame 0 (images/00000.jpg): 'annorect' is missing" in line


def test_a_person_without_a_value(error_of: ErrorOf, make_person: Any) -> None:
    bad = make_person()
    del bad["annopoints"][0]["point"][0]["y"]
    line = error_of([[make_person()]], [[bad]])
    assert "pred/seq.json: frame 0 (images/00000.jpg), person 0: 'y' is missing" in line


def test_coco_joints_are_not_taken_for_posetrack_joints(
    error_of: ErrorOf, make_person: Any
) -> None:
    predicted = {
        "images": IMAGES_2018,
        "annotations": [],
        "categories": [
            {"name": "things"},
            {"name": "person", "keypoints": ["nose", "left_eye", "right_eye"]},
        ],
    }
    line = error_of([[make_person()]], predicted)
    assert "lack right_ankle" in line
    assert "COCO's joints are not PoseTrack's" in line


@pytest.mark.parametrize("missing", ["gt", "pred", "pred/seq.json"])
def test_a_missing_file(
    pair: Pair, make_person: Any, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    gt, pred = pair([[make_person()]], [[make_person()]])
    target = gt.parent / missing
    for path in [target] if target.is_file() else [*target.iterdir(), target]:
        path.unlink() if path.is_file() else path.rmdir()
    assert posetrack.main(["-g", str(gt), "-p", str(pred), "-o", str(gt.parent / "out")]) == 1
    assert f"{missing}: no such file" in capsys.readouterr().err


def test_a_zero_head_box_is_a_warning(
    pair: Pair, make_person: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = make_person(head=(5, 5, 5, 5))
    gt, pred = pair([[flat]] * 2, [[make_person()]] * 2)
    assert posetrack.main(["-g", str(gt), "-p", str(pred), "-o", str(tmp_path / "out")]) == 0
    err = capsys.readouterr().err
    assert "gt/seq.json: frame 0 (images/00000.jpg), person 0: the head box has no size" in err
    scores = json.loads((tmp_path / "out" / "summary.json").read_text())["total"]
    assert scores["AP"]["rec"][15] == 0


def test_an_earlier_result_survives_a_failed_run(
    pair: Pair, make_person: Any, tmp_path: Path
) -> None:
    gt, pred = pair([[make_person()]] * 2, [[make_person()]] * 2)
    arguments = ["-g", str(gt), "-p", str(pred), "-o", str(tmp_path / "out")]
    assert posetrack.main(arguments) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (pred / "seq.json").write_text("{")
    assert posetrack.main(arguments) == 1
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,0,0,10", "line 1: expected frame, id, x, y, width, height"),
        ("1,1,0,0,10,10\n1,x,0,0,10,10", 'line 2: "x" is not a number'),
        ("1,1,0,nan,10,10", "line 1: a number is too large, or NaN"),
        ("1,1,0,0,9,9\n1,1,5,5,9,9", "line 2: id 1 is twice in frame 1"),
    ],
)
def test_bad_mot_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert mot.main(["-g", str(tmp_path), "-p", str(tmp_path)]) == 1
    assert f"a.txt: {message}" in capsys.readouterr().err


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("program", [posetrack.main, coco.main, mot.main])
def test_a_compressed_file_is_called_that(
    program: Callable[[list[str]], int],
    pack: Callable[[bytes], bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(pack(b"{}"))
    assert program(["-g", str(path), "-p", str(path), "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"error: {path}: a compressed file; unpack it first\n"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"keypoints": [0] * 51}, "result 0: 'image_id' is missing"),
        ({"image_id": 1, "keypoints": [0] * 48, "score": 1}, "48 keypoint values"),
        ({"image_id": 9, "keypoints": [0] * 51, "score": 1}, "its image 9 is not in the truth"),
        ({"image_id": 1, "keypoints": [float("nan")] * 51, "score": 1}, "NaN, infinite"),
        ({"image_id": 1, "keypoints": [0] * 51, "score": float("inf")}, "score is not a finite"),
        (
            {"image_id": 1, "keypoints": [0] * 51, "score": 1, "bbox": "here"},
            'result 0: bbox is "here", expected x, y, width, height',
        ),
    ],
)
def test_bad_coco_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], result: Any, message: str
) -> None:
    truth, predicted = tmp_path / "gt.json", tmp_path / "pred.json"
    annotation = {"image_id": 1, "bbox": [0, 0, 9, 9], "keypoints": [1] * 51}
    truth.write_text(json.dumps({"images": [{"id": 1}], "annotations": [annotation]}))
    predicted.write_text(json.dumps([result]))
    arguments = ["-g", str(truth), "-p", str(predicted), "--skeleton", "coco17"]
    assert coco.main(arguments) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [0, 0, float("nan"), 9]}, "bbox is [0, 0, NaN, 9], expected x, y, width, height"),
        ({"bbox_head": [1, 2, 3]}, "bbox_head is [1, 2, 3], expected x, y, width, height"),
        ({"bbox": [9, 0, -9, 9]}, "bbox is [9, 0, -9, 9], of a negative size"),
        ({"area": "large"}, 'area is "large", expected a number'),
        # A file with NaN is read by Python's parser, which keeps whole numbers of any length
        ({"area": 10**30, "note": float("nan")}, f"area is {10**30}, expected a number"),
        ({"iscrowd": "no"}, 'iscrowd is "no", expected a number'),
        ({"num_keypoints": None}, "num_keypoints is null, expected a number"),
        ({"category_id": "1"}, 'category_id is "1", expected a number'),
    ],
)
def test_bad_coco_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, message: str
) -> None:
    path = tmp_path / "gt.json"
    person = {"image_id": 1, "bbox": [0, 0, 9, 9], "keypoints": [1] * 51}
    path.write_text(json.dumps({"images": [{"id": 1}], "annotations": [person, person | change]}))
    assert coco.main(["-g", str(path), "-p", "gone"]) == 1
    assert capsys.readouterr().err == f"error: {path}: annotation 1: {message}\n"


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (speed.main, ["--video", "{none}", "--json", "{result}"]),
        (networks.main, ["--coco", "{none}", "--json", "{result}"]),
        (tracking.main, ["--data", "{none}", "--json", "{result}"]),
        (failures.main, ["--data", "{none}", "{result}"]),
        (run.main, ["{config}"]),
    ],
    ids=["speed", "networks", "tracking", "failures", "run"],
)
def test_a_result_that_cannot_be_written_is_reported_before_the_work(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    program: Callable[[list[str]], int],
    arguments: list[str],
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "seq.json").touch()
    settings = {"truth": tmp_path, "frames": tmp_path, "output": tmp_path / "file"}
    text = "".join(f"{name} = {json.dumps(str(path))}\n" for name, path in settings.items())
    (tmp_path / "config.toml").write_text(text)
    places = {
        "none": tmp_path / "none",  # would be reported, had the work begun
        "result": tmp_path / "file" / "result",
        "config": tmp_path / "config.toml",
    }
    assert program([argument.format(**places) for argument in arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(" cannot be written: " + f"{tmp_path / 'file'} is not a folder\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("program", [posetrack.main, coco.main, mot.main])
def test_a_folder_that_cannot_be_made_is_reported_before_scoring(
    program: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = str(tmp_path / "file")
    assert program(["-g", "gone", "-p", "gone", "-o", out]) == 1  # would otherwise come first
    line = f"error: {out}: the results cannot be written: {out} is not a folder\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("option", ["--repeats", "--frames"])
@pytest.mark.parametrize("program", [speed.main, scoring_speed.main])
def test_timing_something_zero_times_is_refused(
    program: Callable[[list[str]], int], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program([option, "0"])
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert f"argument {option}: 0 is not 1 or more; see python -m evaluation." in err
    assert err.count("\n") == 1


def test_the_scorers_error_is_reported_when_it_cannot_be_timed(
    pair: Pair, make_person: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, pred = pair([[make_person()]] * 3, [[make_person()]] * 2)
    arguments = ["-g", str(gt), "-p", str(pred), "--repeats", "1", "--frames"]
    assert scoring_speed.main(arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {pred / 'seq.json'}: 2 frames, but the truth")
    assert err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "1,1,5,5,10,10\n", "people\n", "1,1,5,5,9,9,1\n2,1\n"])
def test_files_that_are_not_recordings_are_reported(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("gt.txt", "test.txt"):
        path = tmp_path / "mot15" / "a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    arguments = ["--data", str(tmp_path), "--sets", "mot15", "--no-speed"]
    assert tracking.main(arguments) == 1
    assert "gt.txt: no MOT text, expected lines of frame,id" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a whole JSON file"),
        ("[]", "unknown format, not a PoseTrack file"),
        (
            '{"annolist": [{"image": [{"name": "1.jpg"}], "annorect": [{"track_id": [1],'
            '"annopoints": [{"point": [{"id": [0]}]}]}]}]}',
            "frame 0 (1.jpg), person 0: 'x' is missing",
        ),
    ],
)
def test_poses_that_are_no_recording_are_reported(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tracker_truth" / "poses" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    arguments = ["--data", str(tmp_path), "--sets", "poses-mild", "--no-speed"]
    assert tracking.main(arguments) == 1
    assert capsys.readouterr().err.startswith(f"error: {path}: {message}")


def test_a_set_with_tuned_recordings_alone_has_nothing_to_report(
    tmp_path: Path, make_person: Any, make_file: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tracker_truth" / "poses" / "a.json"  # settings were chosen on the first
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(make_file([[make_person()]] * 2)))
    arguments = ["--data", str(tmp_path), "--sets", "poses-mild", "--no-speed"]
    assert tracking.main(arguments) == 0
    assert capsys.readouterr().out == "\n### poses-mild: too few recordings\n"


def test_missing_folders_are_reported_before_the_scorer_is_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scoring_speed.main(["-g", str(tmp_path / "gt"), "-p", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'gt'}: no such file or folder\n"


def test_a_result_may_replace_an_earlier_one_which_stays_till_then(tmp_path: Path) -> None:
    result = tmp_path / "new" / "figures.json"
    check_writable(result)
    assert list(tmp_path.iterdir()) == []  # a later failure leaves no folder behind
    write_figures(result, {"mAP": 62.5})
    check_writable(result)
    assert json.loads(result.read_text()) == {"mAP": 62.5}
    with pytest.raises(UserError, match="new: cannot be written: it is a folder"):
        check_writable(result.parent)
