"""What a task makes of labels: targets, scores, and weights that the program can use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_data import (
    PLAIN,
    SIZE_WH,
    TINY,
    small_detector_task,
    small_people,
    small_recipe,
    small_task,
    write_data,
)
from torch import nn

from pose.detector import load_detector
from pose.estimator import load_estimator
from pose.people import Detections, Frame
from pose.skeleton import COCO17, Skeleton
from pose.training.check import draw_first_batch
from pose.training.loop import Run
from pose.training.losses import detection_loss
from pose.training.pictures import Pictures
from pose.training.pose_task import PoseTask
from pose.training.processes import Processes
from pose.training.readers import TrainingDataError
from pose.training.recipes import Recipe, Stage
from pose.training.scores import oks_of
from pose.training.starts import Start, build_pose, detector_start
from pose.weights import load_weights, save_weights
from pose.yolox import YOLOX, cell_grid, decode_boxes

CPU = Processes(torch.device("cpu"))
YOLOX_TINY: dict[str, Any] = {"depth": 0.33, "width": 0.0625, "depthwise": True, "classes": 80}


SKATER = Skeleton("skater", ("left_skate", "right_skate", "hat"), ((0, 2), (1, 2)), (1, 0, 2),
                  (0.05, 0.05, 0.1))  # fmt: skip


def test_a_network_of_other_joints_can_be_used_at_once(tmp_path: Path) -> None:
    file = write_data(tmp_path)
    content = json.loads(file.read_text())
    content["categories"] = [
        {"id": 1, "name": "skater", "keypoints": list(SKATER.names), "skeleton": [[1, 3], [2, 3]],
         "sigmas": list(SKATER.sigmas)}
    ]  # fmt: skip
    for row in content["annotations"]:
        row["keypoints"] = [15, 70, 2, 45, 70, 2, 30, 10, 2]
    file.write_text(json.dumps(content))
    task = small_task(file)
    Run(task, small_recipe(1), tmp_path / "out", CPU).train()
    estimate = load_estimator(str(tmp_path / "out" / "best.safetensors"), "cpu")
    assert estimate.skeleton == SKATER
    frame = Frame(0, 0.0, np.zeros((80, 60, 3), np.uint8))
    poses = estimate(frame, Detections(np.array([[10.0, 5.0, 50.0, 75.0]]), np.ones(1)))
    assert poses.keypoints.shape == (1, 3, 2)


def test_the_estimator_finds_what_the_trainer_scored(tmp_path: Path) -> None:
    """The same network gives the same poses in training's evaluation and in use."""
    file = write_data(tmp_path)
    task = small_task(file)
    # Otherwise heatmaps are nearly flat after so few steps, and any rounding moves their peaks.
    task.augmentation = PLAIN
    Run(task, small_recipe(3, average_decay=0.0), tmp_path / "out", CPU).train()
    best = tmp_path / "out" / "best.safetensors"
    state, metadata = load_weights(best)
    network = build_pose(Start(TINY, state), COCO17).eval()
    with torch.inference_mode():
        expected = task.evaluate(network, SIZE_WH)["oks"]
    estimate = load_estimator(str(best), "cpu")
    found = []
    for index in range(len(task.val)):
        image = Pictures(task.val.places)[int(task.val.image_of[index])]
        assert image is not None
        boxes = Detections(task.val.boxes[index : index + 1], np.ones(1))
        found.append(estimate(Frame(0, 0.0, image), boxes).keypoints[0])
    # Reduced precision in the runtime may move a joint a little.
    np.testing.assert_allclose(float(oks_of(np.array(found), task.val).mean()), expected, atol=0.03)
    assert (metadata["input_wh"], metadata["padding"]) == ("32x64", "1.15")


def test_a_missing_picture_in_mid_run_teaches_nothing(tmp_path: Path) -> None:
    file = write_data(tmp_path)
    task = small_task(file)
    for place in task.train.places:
        place.file.write_bytes(b"damaged")
    batch = task.collate([task.samples(SIZE_WH)[0, 0, index] for index in range(2)])
    assert float(batch[2].sum()) == 0
    assert float(task.loss(task.network, batch).detach()) == 0


def test_samples_depend_on_seed_epoch_and_index_alone(tmp_path: Path) -> None:
    samples = small_task(write_data(tmp_path)).samples(SIZE_WH)
    first, other, again = (samples[key][0] for key in ((5, 1, 2), (5, 2, 2), (5, 1, 2)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_ignore_regions_give_no_loss_except_for_the_people_in_them() -> None:
    cells = cell_grid((64, 64), CPU.device)
    torch.manual_seed(0)
    start = torch.randn(1, len(cells), 6) * 0.1
    person, place = [8.0, 8.0, 28.0, 40.0, 1.0], [0.0, 0.0, 40.0, 64.0, 0.0]

    def learned(*labels: list[float]) -> torch.Tensor:
        raw = start.clone().requires_grad_()
        detection_loss(raw, [torch.tensor(labels).reshape(-1, 5)], cells).backward()  # type: ignore[no-untyped-call]
        assert raw.grad is not None
        return raw.grad[0, :, 4]

    boxes = decode_boxes(start, cells)[0]
    inside = ((boxes >= 0) & (boxes <= torch.tensor([40.0, 64.0, 40.0, 64.0]))).all(1)
    outside = boxes[:, 0] > 40
    assert inside.any()
    assert outside.any()
    assert (learned() > 0).all()
    assert (learned(place)[inside] == 0).all()
    assert (learned(place)[outside] > 0).all()
    alone, there = learned(person), learned(person, place)
    assert (alone < 0).any()  # the cells assigned to the person
    torch.testing.assert_close(there[alone < 0], alone[alone < 0])
    assert (there[inside & (alone > 0)] == 0).all()


def test_a_yolox_of_80_classes_is_tuned_and_can_be_used_at_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    start_file = tmp_path / "start.safetensors"
    header = {"kind": "detector", "network": json.dumps(YOLOX_TINY), "input_wh": "64x64"}
    save_weights(start_file, YOLOX(**YOLOX_TINY).state_dict(), header)
    start = detector_start(str(start_file))
    task = small_detector_task(write_data(tmp_path), start)
    recipe = Recipe((Stage((64, 64), 1, 2),), precision="fp32", backbone_rate=0.3)
    Run(task, recipe, tmp_path / "out", CPU).train()
    best = tmp_path / "out" / "best.safetensors"
    before, after = load_weights(start_file)[0], load_weights(best)[0]
    rows = before["head.cls_preds.0.weight"] != after["head.cls_preds.0.weight"]
    assert rows[0].any()
    detect = load_detector(str(best), "cpu", score_thr=0.0)
    assert len(detect(Frame(0, 0.0, np.zeros((80, 60, 3), np.uint8)))) > 0


@pytest.mark.parametrize(("split", "use"), [("train", "learn from"), ("val", "score on")])
def test_boxes_without_joints_leave_nobody_to_train_or_score_on(
    tmp_path: Path, split: str, use: str
) -> None:
    file = write_data(tmp_path)
    content = json.loads(file.read_text())
    for image, row in zip(content["images"], content["annotations"], strict=True):
        if image["split"] == split:
            row["keypoints"] = [0] * 51
    file.write_text(json.dumps(content))
    with pytest.raises(TrainingDataError, match=f"nobody is left to {use}"):
        draw_first_batch(small_task(file), Stage(SIZE_WH, 1, 2), 0, tmp_path / "check.png")


def test_pose_task_keeps_people_with_few_joints_for_small_skeletons(tmp_path: Path) -> None:
    people = small_people(tmp_path)
    small = people.as_skeleton(Skeleton("two", ("nose", "left_eye"), (), (0, 1), (0.1, 0.1)))
    task = PoseTask(nn.Identity(), TINY, small, small)
    assert len(task.train) == 4
