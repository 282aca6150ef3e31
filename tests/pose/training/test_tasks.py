"""What a task makes of labels: targets, scores, and weights that the program can use."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from small_data import (
    SIZE_WH,
    TINY,
    person,
    read_split,
    small_detector_task,
    small_recipe,
    small_task,
    write_data,
)
from torch import nn

from pose.detector import load_detector
from pose.errors import UserError
from pose.estimator import load_estimator
from pose.people import Detections, FloatArray, Frame, ImageArray
from pose.skeleton import COCO17, POSETRACK15, Skeleton
from pose.training import command, options, posetrack15
from pose.training.augment import AnotherPicture, PoseAugmentation, warp_person
from pose.training.check import draw_first_batch
from pose.training.cutouts import cut_out
from pose.training.loop import Run
from pose.training.losses import detection_loss, distillation_loss, person_scores
from pose.training.mosaic import (
    MosaicAugmentation,
    MosaicSamples,
    paste,
    place_picture,
    turned,
)
from pose.training.people_file import LabelledPeople
from pose.training.pictures import Pictures
from pose.training.pose_task import PoseTask
from pose.training.posetrack15 import to_posetrack15
from pose.training.processes import Processes
from pose.training.readers import TrainingDataError
from pose.training.recipes import Recipe, Stage
from pose.training.scores import box_ap, oks_ap, oks_of, pckh
from pose.training.starts import (
    Start,
    build_detector,
    build_pose,
    detector_start,
    new_joints,
    pose_start,
)
from pose.training.teacher import DetectorTeacher, PoseTeacher
from pose.weights import WeightsError, load_weights, save_weights
from pose.yolox import YOLOX, cell_grid, decode_boxes

CPU = Processes(torch.device("cpu"))
PLAIN = PoseAugmentation(
    scale=0, shift=0, rotation_chance=0, turn_chance=0, cut_chance=0, half_body_chance=0,
    occlusion_chance=0, low_resolution_chance=0, colour=False,
)  # fmt: skip
YOLOX_TINY: dict[str, Any] = {"depth": 0.33, "width": 0.0625, "depthwise": True, "classes": 80}


def _people(tmp_path: Path, pictures: int = 4) -> LabelledPeople:
    return read_split(write_data(tmp_path, pictures), None)


def test_perfect_poses_score_1_and_distant_ones_0(tmp_path: Path) -> None:
    people = _people(tmp_path)
    scores = np.ones(len(people), np.float32)
    np.testing.assert_allclose(oks_of(people.keypoints, people), 1, atol=1e-6)
    np.testing.assert_allclose(oks_ap(people.keypoints, scores, people), 1)
    assert oks_ap(people.keypoints + 500, scores, people) == 0


def test_oks_ap_counts_the_thresholds_that_are_passed(tmp_path: Path) -> None:
    people = _people(tmp_path)
    # Every joint is so far off that OKS is 0.72: right at 0.5 to 0.7, wrong at 0.75 to 0.95.
    spread = 2 * np.array(COCO17.sigmas) * np.sqrt(people.areas[0])
    off = np.sqrt(-2 * np.log(0.72)) * spread  # (K,)
    moved = people.keypoints + np.stack([off, np.zeros(17)], axis=1)
    np.testing.assert_allclose(oks_of(moved.astype(np.float32), people), 0.72, atol=1e-4)
    np.testing.assert_allclose(oks_ap(moved, np.ones(4, np.float32), people), 0.5)


def test_pckh_measures_in_heads(tmp_path: Path) -> None:
    people = replace(_people(tmp_path, 1), head_px=np.array([20.0], np.float32))
    points = people.keypoints.copy()
    points[0, :4, 0] += 9.0
    points[0, 4:8, 0] += 11.0
    np.testing.assert_allclose(pckh(points, people), 13 / 17)
    assert np.isnan(pckh(points, _people(tmp_path, 1)))  # no head size is known


def test_boxes_that_are_all_found_score_1(tmp_path: Path) -> None:
    people = _people(tmp_path)
    found = [
        {"image_id": index, "category_id": 1, "bbox": [10.0, 5.0, 40.0, 70.0], "score": 0.9}
        for index in range(4)
    ]
    np.testing.assert_allclose(box_ap(people, found), 1)
    assert box_ap(people, found[:2]) < 0.6
    assert box_ap(people, []) == 0


def test_joints_of_the_same_name_keep_their_weights() -> None:
    torch.manual_seed(0)
    old = build_pose(Start(TINY), COCO17)
    state = {name: value.clone() for name, value in old.state_dict().items()}
    new = build_pose(Start(TINY, state, skeleton=COCO17), POSETRACK15)
    images = torch.randn(1, 3, 64, 32)
    with torch.inference_mode():
        before, after = old.eval()(images), new.eval()(images)
    assert after.shape[1] == 15
    for name in ("left_wrist", "nose", "right_hip"):
        torch.testing.assert_close(after[:, POSETRACK15.index(name)], before[:, COCO17.index(name)])


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


def test_a_network_that_cannot_teach_is_refused_in_one_line(tmp_path: Path, shared: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(UserError, match="cannot teach: expected"):  # takes 1 picture, gives boxes
        PoseTeacher(shared / "teachers" / "yolox_nano.onnx", COCO17)
    with pytest.raises(UserError, match="no such teacher"):
        PoseTeacher(tmp_path / "none.onnx", COCO17)


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


def test_only_a_detector_teaches_detectors() -> None:
    with pytest.raises(UserError, match="posse-pose cannot teach: it is no detector"):
        DetectorTeacher("posse-pose")
    with pytest.raises(UserError, match="no-such"):
        DetectorTeacher("no-such")


def test_pasted_people_stand_in_front(tmp_path: Path) -> None:
    image = np.full((100, 60, 3), 200, np.uint8)
    joints = np.array([[10.0, 10.0], [50.0, 10.0], [50.0, 90.0], [10.0, 90.0]], np.float32)
    patch, mask = cut_out(image, np.array([5, 5, 55, 95], np.float32), joints, 45.0)
    assert patch.shape == (45, 25, 3)
    canvas = np.zeros((100, 100, 3), np.uint8)
    others = np.array([[12, 12, 30, 50, 1], [80, 10, 95, 60, 0]], np.float32)
    labels = paste(canvas, others, patch, mask, (10, 10))
    # The first person is now mostly hidden; the newcomer comes last.
    assert labels.tolist() == [[12, 12, 30, 50, 0], [80, 10, 95, 60, 0], [10, 10, 35, 55, 1]]
    assert canvas[32, 22].tolist() == [200, 200, 200]
    assert canvas[80, 80].tolist() == [0, 0, 0]


def test_boxes_follow_their_picture_into_the_mosaic() -> None:
    canvas = np.zeros((100, 100, 3), np.uint8)
    image = np.full((40, 80, 3), 255, np.uint8)
    labels = np.array([[0, 0, 20, 40, 1]], np.float32)
    placed = place_picture(canvas, (50, 0, 100, 100), image, labels, 0.5, (0.0, 0.0), flip=True)
    np.testing.assert_allclose(placed, [[80, 0, 90, 20, 1]])
    assert canvas[10, 85].tolist() == [255, 255, 255]
    assert canvas[10, 45].tolist() == [0, 0, 0]


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("flip", [False, True])
def test_boxes_are_where_their_pixels_are_drawn(scale: float, flip: bool) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30, 20:40] = 255
    canvas = np.zeros((200, 200, 3), np.uint8)
    labels = np.array([[20, 10, 40, 30, 1]], np.float32)
    area = (0, 0, 200, 200)
    ((x1, y1, x2, y2, _),) = place_picture(canvas, area, image, labels, scale, (0.3, 0.6), flip)
    rows, columns = np.nonzero(canvas[..., 0] > 127)
    drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert drawn == [x1, y1, x2, y2]


def test_a_person_cut_off_still_counts_if_they_fill_much_of_the_picture() -> None:
    image = np.full((100, 100, 3), 255, np.uint8)
    labels = np.array([[0, 0, 100, 100, 1]], np.float32)
    canvas = np.zeros((100, 100, 3), np.uint8)
    for corner, counts in ((0, 1), (70, 1), (80, 0), (97, 0)):
        area = (corner, corner, 100, 100)
        placed = place_picture(canvas, area, image, labels, 2.0, (0.0, 0.0), flip=False)
        assert placed.tolist() == [[*area, counts]]


def test_a_person_outside_the_picture_has_no_label() -> None:
    canvas, image = np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100, 3), np.uint8)
    far = np.array([[60, 60, 90, 90, 1]], np.float32)
    area = (0, 0, 100, 100)
    assert place_picture(canvas, area, image, far, 2.0, (0.0, 0.0), flip=False).shape == (0, 5)


def test_boxes_turn_with_their_picture() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20, 45:60] = 255
    for quarters in range(5):
        picture, labels = turned(image, np.array([[45, 10, 60, 20, 1]], np.float32), quarters)
        x1, y1, x2, y2, counts = labels[0].astype(int)
        assert counts == 1
        assert (picture[y1:y2, x1:x2] == 255).all()
        assert picture.sum() == image.sum() == picture[y1:y2, x1:x2].sum()


def test_close_ups_are_of_the_tallest_person(tmp_path: Path) -> None:
    people = _people(tmp_path, 1)
    closer = MosaicAugmentation(mosaic_chance=0, close_up_chance=1.0)
    mosaics = MosaicSamples(people, Pictures(people.places), (128, 96), closer)
    samples = [mosaics[seed, 0, 0] for seed in range(8)]
    for image, boxes in samples:
        assert image.shape == (96, 128, 3)
        assert len(boxes) == 1
        assert boxes[0, 3] - boxes[0, 1] > 40  # the person, less what is out of the picture
    assert len({tuple(boxes[0]) for _, boxes in samples}) > 4


def _warped(
    people: LabelledPeople, change: PoseAugmentation, another: AnotherPicture | None = None
) -> list[tuple[ImageArray, FloatArray, FloatArray]]:
    """Crops of the first person with their joints and weights, for 20 seeds."""
    image = Pictures(people.places)[0]
    assert image is not None
    person = (people.boxes[0], people.keypoints[0], people.weights[0], people.skeleton, SIZE_WH)
    seeds = map(np.random.default_rng, range(20))
    return [warp_person(image, *person, seed, change, another) for seed in seeds]


def test_a_picture_cut_off_across_a_person_keeps_the_visible_joints(tmp_path: Path) -> None:
    for crop, points, weights in _warped(_people(tmp_path, 1), replace(PLAIN, cut_chance=1.0)):
        seen = weights > 0
        assert seen.sum() >= 2
        # The crop is not black at the joints, and it is centred on what is left of the person.
        rows, columns = points[seen].round().astype(int)[:, ::-1].T
        assert (crop[rows, columns].sum(1) > 0).all()
        if not seen.all():
            assert (crop.sum(2) == 0).any()


def test_pieces_of_other_pictures_hide_people(tmp_path: Path) -> None:
    people = _people(tmp_path, 1)
    other = np.zeros((5, 300, 3), np.uint8)
    other[..., 2] = 251  # a red that occurs nowhere else
    red = []
    for crop, _, weights in _warped(people, replace(PLAIN, occlusion_chance=1.0), lambda: other):
        assert (weights == people.weights[0]).all()  # hidden joints are still to be found
        red.append((crop == other[0, 0]).all(2).mean())
    assert min(red) > 0
    assert max(red) < 0.2


def test_a_person_who_is_turned_stays_inside_the_crop(tmp_path: Path) -> None:
    people = _people(tmp_path, 1)
    heads_up = 0
    for _, points, weights in _warped(people, replace(PLAIN, turn_chance=1.0)):
        assert (weights == people.weights[0]).all()  # every joint is inside the crop
        heads_up += points[0, 1] < points[-1, 1]
    assert 5 <= heads_up <= 15


def test_feet_belong_to_the_lower_half_of_a_body() -> None:
    upper = ("nose", "left_shoulder", "right_shoulder", "left_elbow")
    lower = ("left_hip", "left_knee", "left_ankle", "left_heel", "left_big_toe")
    names = upper + lower
    alone = tuple(range(len(names)))
    skeleton = Skeleton("feet", names, (), alone, (0.1,) * len(names))
    points = np.array([[40 + 5 * (i % 2), 10 + 20 * i] for i in range(len(names))], np.float32)
    halves = set()
    for seed in range(20):
        _, _, weights = warp_person(
            np.zeros((200, 90, 3), np.uint8),
            np.array([30, 0, 60, 190], np.float32),
            points,
            np.ones(len(names), np.float32),
            skeleton,
            SIZE_WH,
            np.random.default_rng(seed),
            replace(PLAIN, half_body_chance=1.0),
        )
        halves.add((bool(weights[0] > 0), bool(weights[-1] > 0)))
    assert halves == {(True, False), (False, True)}  # with the nose or with the toe, never both


def test_crowds_have_boxes_for_everybody_pasted(tmp_path: Path) -> None:
    people = _people(tmp_path)
    always = MosaicAugmentation(mosaic_chance=0, close_up_chance=0, paste_chance=1.0, most_pasted=4)
    never = replace(always, paste_chance=0.0)
    pictures = Pictures(people.places)
    counts = []
    for augmentation in (always, never):
        samples = MosaicSamples(people, pictures, (128, 128), augmentation)
        counts.append(sum(len(samples[0, 0, index][1]) for index in range(4)))
    assert counts[0] > counts[1] > 0


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


def test_a_crowd_is_an_ignore_region(tmp_path: Path) -> None:
    people = _people(tmp_path, 1)
    people = replace(people, crowd=np.ones(len(people), bool))
    always = MosaicAugmentation(mosaic_chance=0, close_up_chance=1.0, paste_chance=1.0)
    _, labels = MosaicSamples(people, Pictures(people.places), (128, 96), always)[0, 0, 0]
    assert labels[:, 4].tolist() == [0]


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


def test_a_detector_starts_from_a_pose_networks_backbone(tmp_path: Path) -> None:
    file = tmp_path / "pose.safetensors"
    network = build_pose(Start(TINY), COCO17)
    header = {"kind": "pose", "network": json.dumps(TINY), "input_wh": "32x64"}
    save_weights(file, network.state_dict(), header)
    detector = build_detector(detector_start(str(file)))
    own = network.conv1.weight.half().float()
    torch.testing.assert_close(detector.state_dict()["backbone.conv1.weight"], own)


def test_training_can_start_from_an_official_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "pose_hrnet_64x32.pth"
    network = build_pose(Start(TINY), POSETRACK15)
    torch.save(network.state_dict(), file)
    start = pose_start(str(file))
    assert start.size_wh == (32, 64)
    assert start.name == str(file)
    again = build_pose(start, start.skeleton).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())


def test_training_can_start_from_an_imagenet_hrnet_with_a_new_head(tmp_path: Path) -> None:
    own = build_pose(Start(TINY), COCO17).state_dict()
    classes = {name: value for name, value in own.items() if not name.startswith("final_layer.")}
    classes |= {  # as in hrnet_w32-36af842e.pth, from which the released recipes start
        "stage4.0.fuse_layers.3.0.0.0.weight": torch.zeros(32, 4, 3, 3),
        "head.0.0.0.conv1.weight": torch.zeros(8, 4, 1, 1),
        "final_layer.0.weight": torch.zeros(16, 8, 1, 1),  # as in HRNet-Image-Classification
    }
    file = tmp_path / "hrnet_w4-imagenet.pth"
    torch.save(classes, file)
    start = pose_start(str(file))
    assert new_joints(start, COCO17) == list(COCO17.names)
    network = build_pose(start, COCO17)
    assert torch.equal(network.state_dict()["stage4.0.branches.0.0.conv1.weight"],
                       own["stage4.0.branches.0.0.conv1.weight"])  # fmt: skip
    del classes["conv1.weight"]
    torch.save(classes, file)
    with pytest.raises(WeightsError, match=r"1 key is missing \(conv1\.weight\)"):
        pose_start(str(file))


def test_exported_networks_cannot_be_trained(tmp_path: Path) -> None:
    file = tmp_path / "exported.onnx"
    file.write_bytes(b"onnx")
    with pytest.raises(WeightsError, match="start from its weights"):
        pose_start(str(file))


def test_the_check_draws_the_targets_on_the_joints(tmp_path: Path) -> None:
    task = small_task(write_data(tmp_path))
    assert draw_first_batch(task, Stage(SIZE_WH, 1, 4), 0, tmp_path / "check.png") == 4
    sheet = cv2.imread(str(tmp_path / "check.png"))
    assert sheet is not None
    assert sheet.shape == (384, 4 * 192, 3)  # the same for every crop size
    green = (np.abs(sheet.astype(int) - [80, 200, 60]) < 12).all(2)
    assert green.sum() > 20  # left joints; noise has hardly any such pixels


def test_the_command_checks_trains_and_leaves_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.cli import main

    monkeypatch.setattr(command, "POSE_HRNET", TINY)
    file = write_data(tmp_path)
    content = json.loads(file.read_text())
    content["annotations"].append({**person(0, [5.0, 5.0, 0.0, 9.0]), "id": 77})
    content["images"].append({"id": 99, "file_name": "caf\udce9.png"})  # not UTF-8, and missing
    file.write_text(json.dumps(content))
    out = tmp_path / "out"
    words = ["train", "pose", "--data", str(file), "--images", str(tmp_path), "--out", str(out),
             "--stage", "32x64:1:2", "--stage", "64x96:1:2",
             "--device", "cpu"]  # fmt: skip
    assert main([*words, "--check"]) == 0
    assert (out / "check.png").is_file()
    assert not (out / "best.safetensors").exists()
    said = capsys.readouterr().out
    assert "train: 6 people in 6 pictures" in said
    assert "joints without a left or right twin: nose\n" in said
    assert "left out, a box without area: 1 (000.png (annotation 77))" in said
    assert r"missing: 1 (caf\udce9.png)" in (out / "left-out.txt").read_text()

    assert main(words) == 0
    card = (out / "model-card.md").read_text()
    assert "| train |" in card and "oks-ap" in card and "a box without area" in card
    assert "- stages: 32x64:1:2, 64x96:1:2\n" in card and "- drops: none\n" in card
    assert "- augmentation: scale 0.3, " in card
    assert "Epoch 1, with the labelled boxes" in card  # the last stage, whatever scored more
    can = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert f"- precision: {'bf16' if can else 'fp32 (bf16 is no quicker on this cpu)'}\n" in card
    assert (out / "curves.png").is_file()

    again, best = tmp_path / "again", str(out / "best.safetensors")
    assert main([*words, "--from", best, "--out", str(again)]) == 0
    lines = [json.loads(line) for line in (again / "log.jsonl").read_text().splitlines()]
    start = next(line for line in lines if "score" in line)  # at the last stage's size
    end = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert end.pop("epoch") == 1
    assert start == pytest.approx({**end, "step": 0}, abs=1e-3)
    assert f"| measure | value | {best}, before |" in (again / "model-card.md").read_text()

    assert main([*words, "--from", "no-such-weights"]) == 1
    assert "no weights are called 'no-such-weights'" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main([*words, "--out", str(tmp_path / "file" / "out"), "--check"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_wrong_stage_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from app.cli import main

    with pytest.raises(SystemExit):
        main(
            ["train", "pose", "--data", "a", "--images", "b", "--out", "c", "--stage", "100x64:1:1"]
        )
    assert "multiples of 32" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("detector", ["--rotation", "30"], "--rotation is for pose networks"),
        ("detector", ["--best-by", "oks"], "--best-by is for pose networks"),
        ("detector", ["--recipe", "hrnet-coco"], "hrnet-coco is not for a detector"),
        ("pose", ["--recipe", "detector-tune"], "detector-tune is not for a pose"),
        ("pose", ["--val-images", "v"], "--val-data, which is missing"),
        ("pose", ["--exclude", "ccp"], "no picture has the source ccp"),
        ("pose", ["--best-by", "pckh"], "PCKh needs head boxes"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, options: list[str], said: str
) -> None:
    from app.cli import main

    words = ["--data", str(write_data(tmp_path)), "--images", str(tmp_path)]
    assert main(["train", kind, *words, "--out", str(tmp_path / "out"), "--check", *options]) == 1
    assert said in capsys.readouterr().err


def test_rotation_says_how_far_crops_are_turned() -> None:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    words = ["pose", "--data", "a", "--images", "b", "--out", "c"]
    usual = options.recipe_of(parser.parse_args(words), Start(TINY)).augmentation
    level = options.recipe_of(parser.parse_args([*words, "--rotation", "0"]), Start(TINY))
    assert usual.turn_chance > 0
    assert (level.augmentation.turn_chance, level.augmentation.rotation_deg) == (0, 0)


def test_people_outside_their_picture_are_not_pasted(tmp_path: Path) -> None:
    people = _people(tmp_path)
    people = replace(people, boxes=people.boxes + np.float32(500))
    always = MosaicAugmentation(mosaic_chance=0, close_up_chance=0, paste_chance=1.0)
    samples = MosaicSamples(people, Pictures(people.places), (128, 96), always)
    assert len(samples[0, 0, 0][1]) == 0


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


def test_files_that_cannot_be_converted_are_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.json").write_text("{}")
    for name in ("nope.json", "other.json"):
        assert posetrack15.main([str(tmp_path / name), str(tmp_path / "out.json")]) == 1
        said = capsys.readouterr().err
        assert name in said
        assert said.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


def test_pose_task_keeps_people_with_few_joints_for_small_skeletons(tmp_path: Path) -> None:
    people = _people(tmp_path)
    small = people.as_skeleton(Skeleton("two", ("nose", "left_eye"), (), (0, 1), (0.1, 0.1)))
    task = PoseTask(nn.Identity(), TINY, small, small)
    assert len(task.train) == 4
