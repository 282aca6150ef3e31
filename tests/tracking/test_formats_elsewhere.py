"""The programs that our tracks files are for open them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dance import written


def test_pycocotools_reads_the_coco_results(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    path = written(tmp_path, "coco")
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": index} for index in range(4)],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [],
    }
    truth.createIndex()
    loaded = truth.loadRes(str(path))
    assert sorted({entry["image_id"] for entry in loaded.anns.values()}) == [0, 2, 3]
    assert len(loaded.anns) == 5


def test_trackeval_scores_the_mot_file_as_perfect_against_itself(tmp_path: Path) -> None:
    # Its package requires opencv-python, which breaks PyQt6: pip install --no-deps trackeval
    trackeval = pytest.importorskip("trackeval", reason="trackeval is not installed")
    results = written(tmp_path / "trackers" / "posse" / "data", "mot")
    truth = tmp_path / "truth" / "dance" / "gt"
    truth.mkdir(parents=True)
    rows = [line.split(",")[:6] for line in results.read_text().splitlines()]
    (truth / "gt.txt").write_text("".join(",".join([*row, "1", "1", "1"]) + "\n" for row in rows))
    (truth.parent / "seqinfo.ini").write_text("[Sequence]\nname=dance\nseqLength=4\n")
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(tmp_path / "truth"), "TRACKERS_FOLDER": str(tmp_path / "trackers"),
            "SEQ_INFO": {"dance": 4}, "SKIP_SPLIT_FOL": True, "TRACKERS_TO_EVAL": ["posse"],
            "PRINT_CONFIG": False,
        }
    )  # fmt: skip
    raw = dataset.get_raw_seq_data("posse", "dance")
    data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
    scores = trackeval.metrics.HOTA().eval_sequence(data)
    assert data["num_tracker_dets"] == 5
    assert (scores["HOTA"] == 1).all()


def test_pandas_reads_the_tables(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    from_csv = pandas.read_csv(written(tmp_path, "csv"))
    assert from_csv["id"].tolist() == [1, 2, 2, 2, 5]
    assert from_csv["left_knee_score"].between(0, 1).all()
    from_parquet = pandas.read_parquet(written(tmp_path, "parquet"))
    np.testing.assert_allclose(from_csv.to_numpy(), from_parquet.to_numpy(), atol=0.01)


def test_rerun_reads_the_recording(tmp_path: Path) -> None:
    path = written(tmp_path, "rerun")
    shown = subprocess.run(
        [sys.executable, "-m", "rerun", "rrd", "stats", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
