"""The PoseTrack command: the reference's numbers, files and table; ways to call it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import posetrack
from evaluation.pose_scores import ScoreOptions, total
from evaluation.pose_summary import summary

POSEVAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "poseval"
SETS = ("plain", "ignore", "zero_head")


def _score(name: str, out: Path, *flags: str) -> Path:
    folder = POSEVAL / name
    arguments = ["-g", f"{folder / 'gt'}", "-p", f"{folder / 'pred'}", "-o", str(out), *flags]
    assert posetrack.main(arguments) == 0
    return out


@pytest.mark.parametrize("name", SETS)
def test_ap_and_mota_equal_the_reference_per_joint_sequence_and_set(
    name: str, shared: Path, tmp_path: Path
) -> None:
    out = _score(name, tmp_path, "-s", "-e", "-t")
    references = sorted((POSEVAL / name / "reference").glob("*.json"))
    assert references
    for path in references:
        expected, actual = (json.loads(p.read_text()) for p in (path, out / path.name))
        assert actual["names"] == expected["names"]
        for key in expected.keys() - {"names", "motp"}:
            np.testing.assert_allclose(actual[key], expected[key], rtol=0, atol=1e-9, err_msg=key)


@pytest.mark.parametrize("name", SETS)
def test_motp_as_the_reference_prints_it_can_be_asked_for(
    name: str, shared: Path, tmp_path: Path
) -> None:
    out = _score(name, tmp_path, "-t", "--poseval-motp")
    expected = json.loads((POSEVAL / name / "reference" / "total_MOT_metrics.json").read_text())
    actual = json.loads((out / "total_MOT_metrics.json").read_text())
    np.testing.assert_allclose(actual["motp"], expected["motp"], rtol=0, atol=1e-9)


def test_workers_change_nothing(shared: Path, tmp_path: Path) -> None:
    one = _score("ignore", tmp_path / "one", "-s", "--workers", "1")
    three = _score("ignore", tmp_path / "three", "-s", "--workers", "3")
    for path in one.iterdir():
        assert path.read_bytes() == (three / path.name).read_bytes()


def test_bad_input_ends_in_the_same_line_with_several_workers(
    shared: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    gt, pred = POSEVAL / "plain" / "gt", tmp_path / "pred"
    pred.mkdir()
    for path in (POSEVAL / "plain" / "pred").glob("*.json"):
        content = path.read_bytes()  # two are cut off at different places
        whole = path.name not in ("000010.json", "000017.json")
        (pred / path.name).write_bytes(content if whole else content[: len(content) // 2])
    lines = []
    for workers in ("1", "2", "3"):
        arguments = ["-g", str(gt), "-p", str(pred), "-o", str(tmp_path), "--workers", workers]
        assert posetrack.main(arguments) == 1
        lines.append(capfd.readouterr().err)
    assert lines[0].count("\n") == 1
    assert len(set(lines)) == 1


def test_a_single_file_works_like_a_folder_and_a_trailing_slash_changes_nothing(
    shared: Path, tmp_path: Path
) -> None:
    gt, pred = POSEVAL / "zero_head" / "gt", POSEVAL / "zero_head" / "pred"
    file = "001671109.json"
    ways = [(gt, pred), (f"{gt}/", f"{pred}/"), (gt / file, pred / file), (gt / file, pred)]
    ways.append((gt, pred / file))
    summaries = set()
    for number, (truth, predicted) in enumerate(ways):
        out = tmp_path / str(number)
        assert posetrack.main(["-g", str(truth), "-p", str(predicted), "-o", str(out)]) == 0
        summaries.add((out / "summary.json").read_text())
    assert len(summaries) == 1


def test_the_table_is_the_reference_s(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _score("plain", tmp_path, "-e", "-t")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "Average Precision (AP) metric:",
        "& Head & Shou & Elb  & Wri  & Hip  & Knee & Ankl & Total\\\\",
        "& 79.0 & 78.2 & 54.6 & 55.2 & 53.8 & 55.0 & 53.0 & 62.4 \\\\",
    ]
    assert lines[6] == (
        "& Head & Shou & Elb  & Wri  & Hip  & Knee & Ankl & Total& Total& Total& Total\\\\"
    )


def test_flags_choose_what_is_scored(shared: Path, tmp_path: Path) -> None:
    def scored(*flags: str) -> set[str]:
        out = _score("zero_head", tmp_path / "-".join(("x", *flags)), *flags)
        return set(json.loads((out / "summary.json").read_text())["total"]) - {"frames"}

    assert scored() == {"AP", "CLEAR", "HOTA", "Identity"}
    assert scored("-e") == {"AP"}
    assert scored("-t") == {"CLEAR"}
    assert scored("--metrics", "HOTA") == {"HOTA"}


def test_scores_are_written_as_a_table_too(shared: Path, tmp_path: Path) -> None:
    out = _score("plain", tmp_path)
    total = json.loads((out / "summary.json").read_text())["total"]
    with (out / "scores.csv").open(newline="") as file:
        rows = {row["sequence"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["000002", "000010", "000017", "000023", "all"]
    assert float(rows["all"]["mAP"]) == total["AP"]["ap"][15]
    assert float(rows["all"]["AP Ankl"]) == pytest.approx(np.mean(total["AP"]["ap"][0:6:5]))
    assert float(rows["all"]["MOTA"]) == total["CLEAR"]["mota"][15]
    assert float(rows["all"]["HOTA people"]) == total["HOTA"]["person"]["HOTA"]
    assert sum(int(rows[name]["switches"]) for name in list(rows)[:4]) == 645


def test_a_sweep_gives_mota_at_each_threshold_as_single_runs_do(
    shared: Path, tmp_path: Path
) -> None:
    sweep = _score("plain", tmp_path / "sweep", "-t", "--sweep", "0:1:0.25")
    rows = json.loads((sweep / "summary.json").read_text())["total"]["sweep"]
    assert [row["kpt_thr"] for row in rows] == [0, 0.25, 0.5, 0.75, 1]
    alone = _score("plain", tmp_path / "alone", "-t", "--kpt-thr", "0.5")
    single = json.loads((alone / "summary.json").read_text())["total"]["CLEAR"]
    assert rows[2]["mota"] == single["mota"][15]


def test_a_threshold_is_noted_beside_the_tables(
    pair: Any, make_person: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, pred = pair([[make_person()]] * 2, [[make_person()]] * 2)
    arguments = ["-g", str(gt), "-p", str(pred), "-o", str(tmp_path / "out"), "--compat", "strict"]
    assert posetrack.main([*arguments, "--kpt-thr", "0.2", "0.4"]) == 0
    line = "note: joints that score under 0.2 are not tracked; AP takes all\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--sweep", "0:1:1e-9"], "expected at most 1000"),
        (["--sweep", "0:nan:0.1"], "is not START:STOP:STEP"),
        (["--kpt-thr", "nan"], "is not a number"),
        (["--workers", "-3"], "not 1 or more"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        posetrack.main(["-g", "gt", "-p", "pred", *flags])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags", [["-e", "--sweep", "0:1:0.5"], ["--kpt-thr", "0", "1", "--sweep", "0:1:0.5"]]
)
def test_a_sweep_that_would_do_nothing_is_refused(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    folder = shared / "eval" / "poseval" / "plain"
    words = ["-g", str(folder / "gt"), "-p", str(folder / "pred"), "-o", str(tmp_path), *flags]
    assert posetrack.main(words) == 1
    assert "sweep" in capsys.readouterr().err


def test_sequences_add_up_to_the_set(shared: Path) -> None:
    options = ScoreOptions()
    gt, pred = POSEVAL / "ignore" / "gt", POSEVAL / "ignore" / "pred"
    scored = posetrack.score_set(gt, pred, options)
    parts = [sequence["CLEAR"]["truth"] for _, sequence in scored]
    whole = summary(total(score for score, _ in scored), options)["CLEAR"]["truth"]
    assert np.sum(parts, axis=0).tolist() == whole


def test_sequences_that_would_share_a_name_keep_their_files(
    tmp_path: Path, make_person: Any, make_file: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gt").mkdir()
    names = ("cam1.left.json", "cam1.right.json", "total.json", "танец.json", b"\xff.json")
    for number, name in enumerate(names):
        path = Path(os.fsdecode(tmp_path / "gt")) / os.fsdecode(name)
        content = make_file([[make_person(joints=range(14 - number))]] * 2)
        path.write_text(json.dumps(content))
    (tmp_path / "gt" / "._cam1.left.json").write_bytes(b"\0")  # what macOS leaves on other disks
    words = ["-g", str(tmp_path / "gt"), "-p", str(tmp_path / "gt"), "-o", str(tmp_path / "out")]
    assert posetrack.main([*words, "-s", "-t"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert {"cam1.left.json", "cam1.right.json", "total.json", "танец"} < summary[
        "sequences"
    ].keys()
    total = json.loads((tmp_path / "out" / "total_MOT_metrics.json").read_text())
    assert total["mota"][15] == summary["total"]["CLEAR"]["mota"][15]
    assert "cam1.left.json" in capsys.readouterr().out


def test_metrics_are_chosen_by_flags_or_by_name_but_not_both(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert posetrack.main(["-g", "gt", "-p", "pred", "-t", "--metrics", "AP"]) == 1
    assert "leave them or --metrics out" in capsys.readouterr().err


def test_the_scoring_modules_load_neither_torch_nor_cv2_nor_qt_nor_scipy() -> None:
    modules = "posetrack, mot, coco, hota, identity, mota, ap, report"
    code = (
        f"import sys; from evaluation import {modules}; "
        "heavy = {'torch', 'cv2', 'PyQt6', 'scipy', 'pycocotools', 'tracking.files', 'app', "
        "'importlib.metadata'}; sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
