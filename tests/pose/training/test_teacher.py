"""What networks learn from a teacher, and who can teach."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_data import SIZE_WH, small_detector_task, small_task, write_data
from torch import nn

from pose.errors import UserError
from pose.skeleton import COCO17, POSETRACK15
from pose.training.losses import detection_loss, distillation_loss, person_scores
from pose.training.teacher import DetectorTeacher, PoseTeacher
from pose.yolox import cell_grid


def test_a_pose_teacher_teaches_the_joints_that_it_knows(shared: Path) -> None:
    pytest.importorskip("onnxruntime")
    teacher = PoseTeacher(shared / "teachers" / "tinypose_256_192.onnx", POSETRACK15)
    assert len(teacher.joints) == 13  # those that COCO has as well
    images = torch.randn(1, 3, 64, 32)
    maps = teacher.heatmaps(images, (16, 8))
    assert maps.shape == (1, 13, 16, 8)


def test_a_student_learns_half_from_the_labels_and_half_from_a_teacher(
    tmp_path: Path, shared: Path
) -> None:
    pytest.importorskip("onnxruntime")
    teacher = PoseTeacher(shared / "teachers" / "tinypose_256_192.onnx", COCO17)

    class Repeat(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return teacher.heatmaps(images, (16, 8))

    task = small_task(write_data(tmp_path))
    batch = task.collate([task.samples(SIZE_WH)[0, 0, 0]])
    from_labels = float(task.loss(Repeat(), batch))
    task.teacher = teacher
    assert float(task.loss(Repeat(), batch)) == pytest.approx(from_labels / 2)
    assert teacher.name in task.identity()  # no other one goes on with the run


def test_a_network_that_cannot_teach_is_refused_in_one_line(shared: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(UserError, match="cannot teach: expected"):  # takes 1 picture, gives boxes
        PoseTeacher(shared / "teachers" / "yolox_nano.onnx", COCO17)
    with pytest.raises(UserError, match="no such file; the teacher of a pose network is an ONNX"):
        PoseTeacher(Path("posse-detector"), COCO17)


def test_a_detector_that_agrees_with_its_teacher_has_nothing_to_learn_from_it() -> None:
    torch.manual_seed(0)
    cells = cell_grid((64, 64), torch.device("cpu"))
    taught = torch.randn(2, len(cells), 6)
    student = taught.clone().requires_grad_()
    distillation_loss(student, taught, cells).backward()
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-5
    student = (taught + 0.5).requires_grad_()
    distillation_loss(student, taught, cells).backward()
    assert student.grad is not None
    scores = person_scores(taught) > 0.01
    assert (student.grad[..., 4][scores] > 0).all()  # too sure in every cell


def test_where_the_teacher_sees_somebody_missing_labels_teach_no_background(tmp_path: Path) -> None:
    task = small_detector_task(write_data(tmp_path))
    images = torch.full((1, 64, 64, 3), 114, dtype=torch.uint8)
    nobody = torch.zeros(0, 5)
    cells = cell_grid((64, 64), torch.device("cpu"))
    raw = torch.zeros(1, len(cells), 6)  # somebody may be anywhere
    undecided = torch.ones(1, len(cells), dtype=torch.bool)
    assert float(detection_loss(raw, [nobody], cells)) > 0
    assert float(detection_loss(raw, [nobody], cells, undecided=undecided)) == 0
    task.teacher = DetectorTeacher("posse-detector")
    assert task.loss(task.network, (images, nobody)).item() > 0
    assert "posse-detector" in task.identity()


def test_only_a_detectors_weights_teach_detectors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="posse-pose cannot teach: it is no detector"):
        DetectorTeacher("posse-pose")
    with pytest.raises(UserError, match="no-such"):
        DetectorTeacher("no-such")
    exported = tmp_path / "yolox.onnx"
    exported.touch()
    with pytest.raises(UserError, match="exported; training needs the weights that it was made"):
        DetectorTeacher(str(exported))
