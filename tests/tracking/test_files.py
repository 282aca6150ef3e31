"""Tracks written and read back in every format, and what is said of files that cannot be read."""

from __future__ import annotations

import json
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from dance import INFO, JOINTS_KEPT, OPTIONAL, results, unfinished, write_frame, written

from pose.people import Poses
from pose.skeleton import COCO17
from tracking.files import (
    FORMATS,
    ClipInfo,
    TracksFileError,
    open_writer,
    read_tracks,
)
from tracking.formats.whole import JsonLists


@pytest.mark.parametrize("name", [name for name, value in FORMATS.items() if value.readable])
def test_what_was_written_is_recognised_and_read_back(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    tracks = read_tracks(str(path))
    expected = {result.frame.index: result for result in results()}
    assert [r.frame.index for r in tracks.frames if len(r.people)] == [0, 2, 3]
    for result in tracks.frames:
        truth = expected[result.frame.index]
        assert sorted(result.people.ids) == sorted(truth.people.ids)
        order = [result.people.ids.tolist().index(i) for i in truth.people.ids]
        got = result.people.select(order).poses
        if name in JOINTS_KEPT:
            np.testing.assert_allclose(got.keypoints, truth.people.poses.keypoints, atol=0.006)
            np.testing.assert_allclose(
                got.keypoint_scores, truth.people.poses.keypoint_scores, atol=6e-5
            )
            assert got.skeleton == COCO17
        if name not in ("openpose", "trc"):  # these have no boxes
            np.testing.assert_allclose(got.boxes, truth.people.poses.boxes, atol=0.02)
        if name != "mot":  # frames only: times follow the nominal rate
            assert result.frame.time_s == pytest.approx(truth.frame.time_s, abs=1e-6)
    assert tracks.info.size_wh == INFO.size_wh
    assert tracks.info.frame_rate == INFO.frame_rate


@pytest.mark.parametrize("name", list(FORMATS))
def test_aborting_leaves_nothing(tmp_path: Path, name: str) -> None:
    writer, _ = unfinished(tmp_path, name)
    writer.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_aborting_on_a_full_disk_leaves_nothing_and_hides_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115  the writer closes it
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *_, **__: full)
    lists = JsonLists(tmp_path / "dance.json", ("images",))
    lists.append("images", {"id": 1})  # waits in memory; closing must write it
    lists.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in FORMATS if not FORMATS[name].is_folder])
def test_a_file_that_cannot_be_moved_into_place_leaves_nothing(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, _ = unfinished(tmp_path, name)

    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(TracksFileError, match="the disk is full"):
        writer.close()
    writer.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_clip_without_people_gives_a_file(tmp_path: Path, name: str) -> None:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    path = tmp_path / f"dance{FORMATS[name].suffix}"
    write_frame(name, path, INFO, Poses.empty(COCO17), [])
    assert path.exists()
    if FORMATS[name].readable and name not in ("trc",):  # no person, no file in the folder
        read = read_tracks(path, name)
        assert sum(len(result.people) for result in read.frames) == 0


@pytest.mark.parametrize("name", [name for name, value in FORMATS.items() if value.readable])
def test_our_own_files_are_read_without_notes(tmp_path: Path, name: str) -> None:
    assert read_tracks(written(tmp_path, name)).notes == ()


@pytest.mark.parametrize(
    "rate", [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(240), Fraction(5)]
)
def test_the_frame_rate_of_a_table_follows_from_its_times(tmp_path: Path, rate: Fraction) -> None:
    rows = [f"{frame},{float(frame / rate):.6f},1,1,0,0,9,9\n" for frame in (0, 1, 2, 7, 8, 9)]
    head = "frame,time_s,id,score,x1,y1,x2,y2\n"
    (tmp_path / "x.csv").write_text("".join([head, *rows]))
    tracks = read_tracks(tmp_path / "x.csv")
    assert (tracks.info.frame_rate, tracks.notes) == (rate, ())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.txt", "1,1,0,0,9,9\n3,1,0,0,9,9\n"),
        ("x.coco.json", '[{"image_id": 0, "keypoints": %s}, {"image_id": 2, "keypoints": %s}]'),
    ],
)
def test_missing_times_are_taken_as_25_frames_a_second_and_noted(
    tmp_path: Path, name: str, content: str
) -> None:
    joints = json.dumps([1.0] * 51)
    (tmp_path / name).write_text(content.replace("%s", joints))
    tracks = read_tracks(tmp_path / name)
    assert [result.frame.time_s for result in tracks.frames] == [0, 0.08]
    assert tracks.notes == ("it has no times; 25 frames a second are taken",)


def test_tracks_of_every_fifth_frame_get_the_times_of_their_frame_numbers(tmp_path: Path) -> None:
    info = ClipInfo("x", (64, 48), COCO17, Fraction(5), {"clip": {"every": 5}})  # at 25 a second
    (tmp_path / "x.info.json").write_text(json.dumps(info.to_json()))
    (tmp_path / "x.txt").write_text("1,1,0,0,9,9\n6,1,0,0,9,9\n")
    times = [result.frame.time_s for result in read_tracks(tmp_path / "x.txt").frames]
    assert times == pytest.approx([0, 0.2])


def test_a_file_that_goes_with_tracks_is_not_called_damaged(tmp_path: Path) -> None:
    for name in ("walk.info.json", "walk.measures.csv"):
        (tmp_path / name).write_text("frame,time_s,id,name\n0,0,1,\n")
        with pytest.raises(TracksFileError, match=r"not tracks, but about them; name walk\.json"):
            read_tracks(tmp_path / name)
    (tmp_path / "measures.csv").write_text("frame,time_s,id,name\n0,0,1,\n")
    with pytest.raises(TracksFileError, match="its first columns are not frame, time_s, id, score"):
        read_tracks(tmp_path / "measures.csv")


def test_damaged_and_foreign_files_give_one_line(tmp_path: Path) -> None:
    whole = written(tmp_path, "posetrack18").read_text()
    for name, content in {
        "cut.json": whole[: len(whole) // 2],
        "other.json": '{"hello": 1}',
        "rows.csv": "a,b\n1,2\n",
        "letters.csv": "frame,time_s,id,score,x1,y1,x2,y2\n0,zero,1,1,0,0,1,1\n",
        "short.csv": "frame,time_s,id,score,x1,y1,x2,y2\n0,0,1,1,0,0,1,1\n1,0,1,1,0\n",
        "what.xyz": "",
    }.items():
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(TracksFileError, match=name.replace(".", r"\.")) as caught:
            read_tracks(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(TracksFileError, match="line 3 has 5 columns, not 8"):
        read_tracks(tmp_path / "short.csv")
    with pytest.raises(TracksFileError, match="no such file"):
        read_tracks(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.json", b"", "the file is empty"),
        ("x.json", b"\0\0\0\x18ftypmp42\0\0\0\0", "it is not text"),
        ("x.json", b"[" * 100_000, "its lists are too deep"),
        ("x.json", b'{"images": [], "annotations": []}', "'categories' is missing"),
        ("x.json", b"null", "not a list of people"),
        ("x.coco.json", b'[{"image_id": 0, "keypoints": null}]', "the people of image_id 0: "),
        (
            "x.coco.json",
            b'[{"image_id": 0, "keypoints": [1, 2]}]',
            "2 numbers, expected",
        ),
        ("x.coco.json", b"[null]", "person 0 of the list: not built"),
        ("x.posetrack17.json", b'{"annolist": [{"annorect": 7}]}', "frame 0: not built"),
        ("x.csv", "frame,time_s".encode("utf-16"), "in UTF-16; save it as UTF-8"),
        ("x.csv", b"\xd0\xcf\x11\xe0", "not a text file in UTF-8"),
        ("x.txt", b"1,1,0,0,x,9", 'line 1: "x" is not a number'),
        ("x.txt", b"0,1,0,0,9,9", "line 1: frame 0, but they count from 1"),
        (
            "x.txt",
            b"1,1,,0,9,9,1",
            'line 1: "" is not a number',
        ),  # an empty cell does not shift the others
        ("x.txt", b"1.5,1,0,0,9,9", "line 1: 1.5 is not a whole number"),
        ("x.csv", b"frame,time_s,id,score,x1,y1,x2,y2\n0.5,0,1,1,0,0,9,9", "or not whole"),
        (
            "x.csv",
            b"frame,time_s,id,score,x1,y1,x2,y2,nose_score,nose_x,nose_y\n0,0,1,1,0,0,9,9,1,2,3",
            "columns are not NAME_x, NAME_y and NAME_score",
        ),
        ("x.trc", b"PathFileType", "names no joints"),
    ],
)
def test_faults_of_a_file_are_reported_in_our_own_words(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TracksFileError, match=said) as caught:
        read_tracks(tmp_path / name)
    text = str(caught.value)
    assert text.startswith(str(tmp_path / name))
    assert not any(word in text for word in ("Error", "codec", "NoneType", "reshape", "object"))


def test_times_that_do_not_rise_are_noted_and_two_times_of_a_frame_refused(tmp_path: Path) -> None:
    head = "frame,time_s,id,score,x1,y1,x2,y2\n"
    (tmp_path / "a.csv").write_text(head + "0,0.0,1,1,0,0,9,9\n4,0.2,1,1,0,0,9,9\n")
    assert not read_tracks(tmp_path / "a.csv").notes
    (tmp_path / "a.csv").write_text(head + "0,0.2,1,1,0,0,9,9\n4,0.2,1,1,0,0,9,9\n")
    (note,) = read_tracks(tmp_path / "a.csv").notes
    assert note.startswith("times do not always rise (first in frame 4)")
    (tmp_path / "a.csv").write_text(head + "4,0.1,1,1,0,0,9,9\n4,0.2,2,1,0,0,9,9\n")
    with pytest.raises(TracksFileError, match="frame 4 has more than one time"):
        read_tracks(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ('{"frame_rate": "1/0"}', '"1/0" is not a frame rate'),
        ('{"skeleton": {"name": "horse"}}', 'no skeleton "horse"; known are coco17'),
    ],
)
def test_a_damaged_header_beside_the_tracks_is_named_instead_of_the_tracks(
    tmp_path: Path, header: str, said: str
) -> None:
    path = written(tmp_path, "csv")
    (tmp_path / "dance.info.json").write_text(header)
    with pytest.raises(TracksFileError, match=rf"dance\.info\.json: {said}"):
        read_tracks(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TracksFileError, match="file"):
        open_writer("csv", tmp_path / "file" / "x.csv", INFO)


def test_ids_of_a_file_that_counts_from_0_become_one_higher(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1,0,10,10,50,100,0.9\n1,4,90,10,50,100,0.8\n2,0,12,10,50,100,0.9\n")
    ids = [result.people.ids.tolist() for result in read_tracks(path).frames]
    assert ids == [[1, 5], [1]]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("1,-1,10,10,50,100,0.9\n1,-2,90,10,50,100,0.8\n", "a person's id is -2: these are detec"),
        ("1,3,10,10,50,100,0.9\n1,3,90,10,50,100,0.8\n", "frame 0 has the person 3 twice"),
    ],
)
def test_people_whose_ids_do_not_distinguish_them_are_refused(
    rows: str, line: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(rows)
    with pytest.raises(TracksFileError, match=line):
        read_tracks(path)
