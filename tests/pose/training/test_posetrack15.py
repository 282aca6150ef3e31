"""A data set with the 15 joints of PoseTrack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_data import person

from pose.training.posetrack15 import main, to_posetrack15


def test_lsp_joints_become_posetracks(tmp_path: Path) -> None:
    lsp = [[float(index), 50.0, 1] for index in range(14)]
    lsp[0][2] = 0
    row = person(0, [0.0, 0.0, 60.0, 80.0], label="teacher", keypoint_scores=[0.3] * 17)
    content = {"images": [{"id": 0, "file_name": "a.jpg", "lsp14": lsp}],
               "annotations": [row], "categories": []}  # fmt: skip
    (mapped,) = to_posetrack15(content)["annotations"]
    joints = np.array(mapped["keypoints"]).reshape(15, 3)
    assert joints[:, 2].tolist() == [0.0] + [2.0] * 14
    assert joints[[12, 14], 0].tolist() == [12.0, 13.0]  # neck, head top
    np.testing.assert_allclose(joints[13, :2], row["keypoints"][:2])  # nose
    np.testing.assert_allclose(mapped["keypoint_scores"], [0] + [1] * 12 + [0.3, 1], atol=1e-6)
    content["annotations"] = [{"image_id": 1, "bbox": [0, 0, 9, 9], "label": "box"}]
    content["images"] = [{"id": 1, "file_name": "b.jpg"}]
    assert to_posetrack15(content)["annotations"][0]["num_keypoints"] == 0  # a box only


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("{", "not a whole JSON file"),
        ('{"images": []}', "'annotations' is missing"),
        (
            '{"images": [{"id": 1}], "annotations": [{"image_id": 1, "keypoints": [1, 2, 2]}]}',
            "annotation ? has not 17 joints",
        ),
    ],
)
def test_what_cannot_be_converted_is_told_in_one_line(
    content: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "people.json"
    if content is not None:
        data.write_text(content)
    assert main([str(data), str(tmp_path / "out.json")]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"error: {data}: ")
    assert words in told and told.count("\n") == 1
    assert not (tmp_path / "out.json").exists()
