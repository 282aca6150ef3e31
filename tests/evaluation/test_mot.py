"""Boxes in MOT text files: the numbers that motmetrics and trackeval give."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from threading import Thread

import pytest

from evaluation import mot
from evaluation.annotations import AnnotationError

# motmetrics' published example; HOTA and its parts from trackeval 1.3.0, in percent.
EXPECTED = {
    "TUD-Campus": (52.6, 55.8, 39.13974378451, 41.80470301428, 36.91206812083, 77.00522270222),
    "TUD-Stadtmitte": (56.4, 64.5, 39.78490169928, 39.22675723693, 40.88407518113, 73.75211771781),
    "total": (55.5, 62.4, 39.99570912885, 39.76832912424, 41.24495298454, 73.24802580660),
}


def test_mot15_scores_as_the_references_do(shared: Path, tmp_path: Path) -> None:
    folder = str(shared / "eval" / "mot15")
    assert mot.main(["-g", folder, "-p", folder, "-o", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    for name, (mota, idf1, *hota) in EXPECTED.items():
        scores = summary["total"] if name == "total" else summary["sequences"][name]
        assert (round(scores["MOTA"], 1), round(scores["IDF1"], 1)) == (mota, idf1)
        assert [scores[key] for key in ("HOTA", "DetA", "AssA", "LocA")] == pytest.approx(
            hota, abs=1e-9
        )


def test_truth_marked_as_not_scored_is_left_out(tmp_path: Path) -> None:
    """That is, with confidence 0, or since MOT16 of a class other than pedestrian."""
    path = tmp_path / "gt.txt"
    lines = ["1,1,0,0,9,9,1,1", "1,2,0,0,9,9,0,1", "1,3,0,0,9,9,1,8"]
    for visibility in ("", ",1"):  # which labelling programs leave out
        path.write_text("".join(f"{line}{visibility}\n" for line in lines))
        truth = mot.read_boxes(path, truth=True)
        assert truth.ids[truth.scored].tolist() == [1]
        assert mot.read_boxes(path, truth=False).scored.tolist() == [True] * 3


@pytest.mark.parametrize("text", ["", "1,1,0,0,9,9,0\n", "1,1,0,0,9,9,1,0,1\n"])
def test_a_truth_without_a_box_to_find_is_an_error(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Empty, with confidence 0 alone, or of class 0, as detectors call people."""
    truth, predicted = tmp_path / "gt.txt", tmp_path / "pred.txt"
    truth.write_text(text)
    predicted.write_text("1,7,0,0,9,9,1\n")
    assert mot.main(["-g", str(truth), "-p", str(predicted)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {truth}: there is nothing to score; no box")
    assert err.count("\n") == 1


def test_a_detection_of_a_distractor_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    truth, predicted = tmp_path / "gt.txt", tmp_path / "pred.txt"
    truth.write_text("1,1,0,0,9,9,1,1,1\n1,2,50,0,9,9,0,8,1\n1,3,90,0,9,9,0,4,1\n")
    predicted.write_text("1,7,0,0,9,9,1\n1,8,50,1,9,9,1\n1,9,90,0,9,9,1\n")
    boxes = mot.read_boxes(truth, truth=True), mot.read_boxes(predicted, truth=False)
    counts = mot.score_boxes(*boxes).mot
    # Class 4, a bicycle, is no distractor: a detection of it is a false positive.
    assert (counts.truth[0], counts.misses[0], counts.false_positives[0]) == (1, 0, 1)


@pytest.mark.parametrize(("name", "false"), [("MOT17-02", 1), ("MOT20-02", 0)])
def test_vehicles_without_a_motor_are_distractors_in_mot20(
    name: str, false: int, tmp_path: Path
) -> None:
    truth, predicted = tmp_path / name / "gt" / "gt.txt", tmp_path / "pred.txt"
    truth.parent.mkdir(parents=True)
    truth.write_text("1,1,0,0,9,9,1,1,1\n1,2,50,0,9,9,0,6,1\n")
    predicted.write_text("1,7,0,0,9,9,1\n1,8,50,1,9,9,1\n")
    assert mot.score_files(truth, predicted).mot.false_positives[0] == false


def test_a_frame_number_must_be_whole(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1.5,1,0,0,9,9\n")
    with pytest.raises(AnnotationError, match=r"line 1: 1\.5 is not a whole number"):
        mot.read_boxes(path, truth=True)


@pytest.mark.parametrize("first", ["1,2,0,0,9,9,1,8,1", "1,2,0,0,9,9", "1 2 0 0 9 9 1 8 1"])
def test_lines_of_one_length_or_of_several_are_read_alike(first: str, tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    columns = "7,1,5,5,9.5,9,0.5,8,1\r\n\n2,4,0,0,9,9,0,1,1\n2,3,1,2,3,4,1,1,1"
    if len(first.split(",")) == 6:  # then the other lines mark no distractors either
        columns = "7,1,5,5,9.5,9\r\n\n2,4,0,0,9,9\n2,3,1,2,3,4"
    if " " in first:
        columns = columns.replace(",", " ")
    path.write_text(f"{first}\n{columns}\n")
    at_once = mot.read_boxes(path, truth=True)
    path.write_text(f"{first}\n{columns},\n")  # the last line ends in a comma
    by_line = mot.read_boxes(path, truth=True)
    for one, other in zip(at_once, by_line, strict=True):
        assert one.tolist() == other.tolist()
    assert at_once.frame.tolist() == [1, 2, 2, 7]
    assert at_once.ids.tolist() == [2, 3, 4, 1]
    assert at_once.boxes[3].tolist() == [5, 5, 14.5, 14]


def test_boxes_before_or_after_all_of_truth_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, predicted = tmp_path / "gt.txt", tmp_path / "pred.txt"
    truth.write_text("5,1,0,0,9,9\n7,1,0,0,9,9\n")
    predicted.write_text("4,1,0,0,9,9\n5,1,0,0,9,9\n6,1,0,0,9,9\n8,1,0,0,9,9\n")
    counts = mot.score_files(truth, predicted).mot
    assert (counts.misses[0], counts.false_positives[0]) == (1, 3)
    assert "pred.txt: 2 of 4 boxes lie outside frames 5 to 7, those of" in capsys.readouterr().err


def test_people_are_mostly_tracked_from_four_fifths_and_mostly_lost_below_one(
    tmp_path: Path,
) -> None:
    """Found in 8 (under two ids), 7, 2 and 1 of ten frames. motmetrics 1.4.0 gives the same."""
    found = {1: 8, 2: 7, 3: 2, 4: 1}
    line = "{},{},{},0,90,90,1,-1,-1,-1\n"
    truth, predicted = tmp_path / "gt.txt", tmp_path / "pred.txt"
    everything = [(frame, person) for frame in range(1, 11) for person in found]
    truth.write_text("".join(line.format(f, p, 100 * p) for f, p in everything))
    seen = [(f, p) for f, p in everything if f <= found[p]]
    predicted.write_text("".join(line.format(f, p + 10 * (f > 4), 100 * p) for f, p in seen))
    scores = mot.box_scores(mot.score_files(truth, predicted))
    assert (scores["mostly_tracked"], scores["mostly_lost"]) == (1, 1)


def test_files_may_lie_flat_or_in_folders(tmp_path: Path) -> None:
    places = ("a.txt", "b/test.txt", "data/c.txt")
    line = "1,1,0,0,9,9,1,-1,-1,-1\n"
    for name in ("a.txt", "b/gt/gt.txt", "c/gt.txt", *(f"pred/{place}" for place in places)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line)
    pairs = mot.file_pairs(tmp_path, tmp_path / "pred")
    names = {"a": "a.txt", "b": "gt.txt", "c": "gt.txt"}
    assert {name: path.name for name, (path, _) in pairs.items()} == names
    found = [str(path.relative_to(tmp_path / "pred").as_posix()) for _, path in pairs.values()]
    assert found == list(places)
    with pytest.raises(AnnotationError, match="one file, but"):
        mot.file_pairs(tmp_path, tmp_path / "pred" / "a.txt")
    (tmp_path / "b.txt").write_text(line)
    with pytest.raises(AnnotationError, match=r"b\.txt: .*gt\.txt is truth of the same sequence"):
        mot.file_pairs(tmp_path, tmp_path / "pred")


@pytest.mark.parametrize("given", ["dance", "dance/gt", "dance/gt/gt.txt", "."])
def test_truth_is_named_after_its_sequence_however_it_is_given(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dance" / "gt").mkdir(parents=True)
    (tmp_path / "dance" / "gt" / "gt.txt").write_text("1,1,0,0,9,9,1\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "dance.txt").write_text("1,1,0,0,9,9,1\n")
    monkeypatch.chdir(tmp_path / "dance" if given == "." else tmp_path)
    pairs = mot.file_pairs(Path(given), tmp_path / "results")
    assert [(name, path.name) for name, (_, path) in pairs.items()] == [("dance", "dance.txt")]


@pytest.mark.skipif(os.name == "nt", reason="named pipes are POSIX")
def test_a_pipe_is_taken_for_a_file(tmp_path: Path) -> None:
    """As in `-p <(awk ... tracks.txt)`."""
    pipe, truth = tmp_path / "pipe", tmp_path / "dance.txt"
    truth.write_text("1,1,0,0,9,9,1\n")
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=("1,1,0,0,9,9,1\n",))
    writer.start()
    (paths,) = mot.file_pairs(truth, pipe).values()
    assert mot.box_scores(mot.score_files(*paths))["MOTA"] == 100
    writer.join()


def test_boxes_without_an_area_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, predicted = tmp_path / "a.txt", tmp_path / "b.txt"
    truth.write_text("1,1,0,0,9,9\n")
    predicted.write_text("1,1,0,0,9,9\n1,2,9,9,-9,9\n1,3,9,9,9,0\n")
    assert mot.score_files(truth, predicted).mot.false_positives[0] == 2
    assert "b.txt: 2 of 3 boxes have no width or height" in capsys.readouterr().err


def test_scores_are_written_as_a_table_too(tmp_path: Path) -> None:
    truth, predicted = tmp_path / "dance.txt", tmp_path / "b.txt"
    truth.write_text("1,1,0,0,9,9\n")
    predicted.write_text("")
    assert mot.main(["-g", str(truth), "-p", str(predicted), "-o", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sequence"] for row in rows] == ["dance", "all"]
    assert (rows[0]["MOTA"], rows[0]["miss"], rows[0]["MOTP"]) == ("0.0", "1", "")


def test_frames_that_only_one_side_has_are_counted(tmp_path: Path) -> None:
    truth, predicted = tmp_path / "a.txt", tmp_path / "b.txt"
    truth.write_text("1,1,0,0,9,9\n2,1,0,0,9,9\n")
    predicted.write_text("2,5,0,0,9,9\n3,5,0,0,9,9\n")
    boxes = mot.read_boxes(truth, truth=True), mot.read_boxes(predicted, truth=False)
    scores = mot.box_scores(mot.score_boxes(*boxes))
    assert (scores["misses"], scores["false_positives"], scores["MOTA"]) == (1, 1, 0)


def test_files_that_macos_writes_beside_truth_are_ignored(tmp_path: Path) -> None:
    for name in ("a.txt", "._a.txt"):
        (tmp_path / name).write_text("1,1,0,0,9,9,1\n")
    assert list(mot.file_pairs(tmp_path, tmp_path)) == ["a"]
