"""The panels Overlay and Tracking: what a control changes, and nothing else."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import pytest
import torch
from fake_session import BoxJoints, FakeCamera, FakeFile, TwoWalkers
from PyQt6.QtGui import QColor
from window_user import ids_shown, number_shown, trigger

from app.gui.painting import LEAST_NUMBER_PX
from app.overlay import Overlay, OverlayStyle, colour_of
from pose.skeleton import COCO17
from tracking.pipeline import PipelineConfig
from tracking.tracker import TrackerConfig


@pytest.mark.parametrize("name", ["skeleton", "joints", "boxes", "labels"])
def test_the_overlay_s_parts_can_be_switched(qtbot, paused, name: str) -> None:
    before = getattr(paused.presenter.style, name)
    trigger(paused, name)
    assert getattr(paused.presenter.style, name) is not before
    drawing = paused.stage.canvas._drawing
    shapes = {
        "skeleton": len(drawing.segments),
        "joints": len(drawing.circles),
        "boxes": len(drawing.polylines),
        "labels": len(drawing.labels),
    }
    assert shapes[name] == 0


def angles_shown(window) -> list[tuple[int, int, int]]:
    """The colours, and so the people, of the angles on screen, each once."""
    return sorted({angle.number.colour for angle in window.stage.canvas._drawing.angles})


def test_angles_are_those_of_the_selected_people_or_of_the_locked_one_or_of_all(
    qtbot, paused
) -> None:
    one, both = [colour_of(1)], sorted([colour_of(1), colour_of(2)])
    assert angles_shown(paused) == []
    trigger(paused, "angles")
    assert paused.overlay._checks["angles"].isChecked()
    assert angles_shown(paused) == both
    paused.editing.select((1,))
    assert angles_shown(paused) == one
    trigger(paused, "lock")
    paused.editing.select(())
    assert angles_shown(paused) == one
    trigger(paused, "lock")
    assert angles_shown(paused) == both
    assert paused.tuning.style == OverlayStyle(angles=True)  # whose they are is not kept


@pytest.mark.parametrize("mirror", [False, True])
def test_the_number_of_an_angle_is_beside_its_joint_mirrored_or_not(paused, mirror: bool) -> None:
    canvas = paused.stage.canvas
    canvas.set_mirror(mirror)
    for name in ("skeleton", "joints", "boxes", "labels"):
        trigger(paused, name)
    before = canvas.grab().toImage()
    trigger(paused, "angles")
    after = canvas.grab().toImage()
    angle = canvas._drawing.angles[0]
    x1, y1, x2, y2 = replace(angle.number, size_px=LEAST_NUMBER_PX / canvas.viewport.scale).plate
    x, y = canvas.viewport.to_canvas((x1 + x2) / 2, (y1 + y2) / 2)
    around = {(round(x) + right, round(y) + down) for right in (-6, 0, 6) for down in (-6, 6)}
    plate = QColor(*angle.number.colour)
    assert plate in [after.pixelColor(*place) for place in around]
    assert plate not in [before.pixelColor(*place) for place in around]


def test_the_overlay_s_style_can_be_changed(qtbot, paused) -> None:
    panel = paused.overlay
    panel.trails.setValue(3)
    panel.thickness.setValue(7)
    panel.radius.setValue(5)
    for name in ("heat", "black_background", "blur_faces"):
        panel._checks[name].setChecked(True)
    style = paused.presenter.style
    assert (style.trails_s, style.thickness, style.radius) == (3, 7, 5)
    assert style.heat and style.black_background and style.blur_faces
    assert paused.stage.canvas._drawing.black_background


def test_tracking_settings_reach_the_pipeline_while_it_runs(qtbot, paused) -> None:
    panel = paused.tracking
    panel.max_people.setValue(1)
    panel.detect_every.setValue(3)
    panel.kpt_thr.set_share(0.5)
    panel.bbox_thr.set_share(0.4)
    panel.nms_thr.set_share(0.5)
    panel.flip.setChecked(True)
    panel.oks_weight.set_share(0.25)
    panel.birth_thr.set_share(0.7)
    panel.memory.setValue(5)
    panel.assignment.setCurrentIndex(1)
    panel.detector_size.setValue(448)
    panel.max_latency.setValue(80)
    for box in (panel.appearance, panel.find_missed):
        box.setChecked(True)
    panel.camera_motion.setChecked(False)
    qtbot.waitUntil(lambda: len(ids_shown(paused)) == 1)
    config = paused.session.config
    assert (config.detect_every, config.kpt_thr, config.bbox_thr) == (3, 0.5, 0.4)
    assert (config.nms_thr, config.flip) == (0.5, True)
    assert (config.tracker.oks_weight, config.tracker.birth_thr) == (0.25, 0.7)
    assert (config.tracker.memory_s, config.tracker.assignment) == (5, "greedy")
    assert (config.detector_size, config.max_latency_ms) == (448, 80)
    assert config.appearance and config.find_missed and not config.camera_motion
    assert paused.presenter.style.kpt_thr == 0.5
    panel.show_config(PipelineConfig())
    assert (panel.detector_size.value(), panel.max_latency.value()) == (0, 0)
    assert not panel.appearance.isChecked()


def test_a_control_that_is_touched_changes_nothing_else(qtbot, paused) -> None:
    exact = PipelineConfig(  # all values that a control cannot show exactly
        detector_size=2560,
        max_latency_ms=16.6,
        bbox_thr=0.125,
        nms_thr=0.655,
        tracker=TrackerConfig(memory_s=1.25, oks_weight=0.123, birth_thr=0.456),
    )
    panel = paused.tracking
    panel.show_config(exact)
    with qtbot.waitSignal(panel.config_changed) as changed:
        panel.flip.setChecked(True)
    assert changed.args == [replace(exact, flip=True)]
    with qtbot.waitSignal(panel.config_changed) as changed:
        panel.memory.setValue(3)
    assert changed.args[0] == replace(exact, flip=True, tracker=replace(exact.tracker, memory_s=3))


@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_where_people_are_small_a_larger_input_is_advised_once(
    qtbot, open_window, monkeypatch, tmp_path, scale: float
) -> None:
    monkeypatch.setattr(TwoWalkers, "scale_of", lambda self, size_wh: scale, raising=False)
    monkeypatch.setattr("app.live.inference.PEOPLE_COUNTED", 40)
    window = open_window(FakeFile(30), FakeFile(30))
    window.session.set_speed(math.inf)
    window.tabs.setCurrentWidget(window.tracking)
    said: list[str] = []
    window.status.messageChanged.connect(said.append)
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    window.presenter.report()
    advice = window.tracking.advice
    assert advice.isVisible() == (scale < 1)
    told = [text for text in said if text.startswith("People are small, 1")]
    assert len(told) == (scale < 1)
    window.open([str(tmp_path / "b.mp4")])
    qtbot.waitUntil(lambda: not advice.isVisible())
    qtbot.waitUntil(lambda: window.session.status().state == "ended")
    window.presenter.report()
    assert advice.isVisible() == (scale < 1)
    if scale < 1:
        assert "with 64 as “Detector input” (Tracking)" in told[0]
    assert sum(text.startswith("People are small") for text in said) == (scale < 1)


def test_a_control_that_was_just_touched_keeps_its_value_when_settings_change(
    qtbot, paused
) -> None:
    panel, other = paused.tracking, PipelineConfig(pose="other", flip=False, max_people=3)
    panel.detect_every.setValue(2)
    qtbot.waitUntil(lambda: paused.session.config.detect_every == 2)
    panel.flip.setChecked(True)
    with qtbot.waitSignal(panel.config_changed) as changed:
        panel.show_config(other)
    assert changed.args == [replace(other, flip=True)]  # values emitted before are replaced
    assert panel.flip.isChecked() and panel.detect_every.value() == 1


def test_a_half_typed_size_becomes_the_smallest_that_works(qtbot, paused) -> None:
    with qtbot.waitSignal(paused.tracking.config_changed) as changed:
        paused.tracking.detector_size.setValue(4)
    assert changed.args[0].detector_size == 64


def test_a_style_control_that_is_touched_changes_nothing_else(qtbot, paused) -> None:
    exact = OverlayStyle(trails_s=1.26, thickness=2.34, radius=3.21)
    paused.overlay.show_style(exact)
    with qtbot.waitSignal(paused.overlay.style_changed) as changed:
        paused.overlay.toggle("heat")
    assert changed.args == [replace(exact, heat=True)]


def test_networks_can_be_chosen_and_load_while_the_picture_runs(qtbot, open_window) -> None:
    window = open_window(FakeCamera(30), specs=("0",))
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.tracking.pose.setCurrentIndex(1)
    qtbot.waitUntil(lambda: window.session.config.pose == window.tracking.pose.itemData(1))
    shown = window.session.status().counts.shown
    qtbot.waitUntil(lambda: window.session.status().counts.shown > shown + 5)


def test_a_smoothed_drawing_has_the_angles_as_measured(qtbot, open_window, monkeypatch) -> None:
    def with_a_shaking_knee(self, frame, detections, plain=BoxJoints.__call__):
        poses = plain(self, frame, detections)
        poses.keypoints[:, COCO17.index("left_knee"), 0] += 8 * (round(25 * frame.time_s) % 2)
        return poses

    monkeypatch.setattr(BoxJoints, "__call__", with_a_shaking_knee)
    window = open_window(FakeFile(100))
    window.session.play(False)
    window.tracking.smoothing.set_share(1)
    trigger(window, "angles")
    qtbot.waitUntil(lambda: number_shown(window) == 0)
    trigger(window, "forward")
    qtbot.waitUntil(lambda: number_shown(window) == 1)
    shown = window.stage.canvas._drawing.angles
    window.editing.select((1,))  # drawn again, as it is
    window.editing.select(())
    again = window.stage.canvas._drawing.angles
    assert [each.number for each in again] == [each.number for each in shown]
    found = window.presenter.view.result
    measured = Overlay(OverlayStyle(angles=True)).layout(found).angles
    assert [each.number.text for each in shown] == [each.number.text for each in measured]
    smoothed = window.presenter._smoother.update(found.people, found.frame.time_s + 0.04)
    steady = Overlay(OverlayStyle(angles=True)).layout(replace(found, people=smoothed)).angles
    assert [each.number.text for each in shown] != [each.number.text for each in steady]


def test_smoothing_is_for_the_drawing_only(qtbot, paused) -> None:
    paused.tracking.smoothing.set_share(0.8)
    trigger(paused, "forward")
    qtbot.waitUntil(lambda: number_shown(paused) == 1)
    drawn = paused.stage.canvas._drawing.circles[:, :2]
    found = paused.presenter.view.result.people.poses.keypoints
    assert len(drawn) and len(found) == 2
    paused.tracking.smoothing.set_share(0)
    assert paused.presenter._smoother is None


@pytest.mark.parametrize(
    ("device", "pose"), [("cpu", "posse-pose-small"), ("auto", "posse-pose-large")]
)
def test_a_preset_is_read_for_the_device_in_use_on_another_thread(
    qtbot, open_window, monkeypatch, device: str, pose: str
) -> None:
    """As on a machine with CUDA, where the light preset uses the larger pose network."""
    asked: list[threading.Thread] = []

    def choose_device(name: str) -> torch.device:
        asked.append(threading.current_thread())
        return torch.device("cpu" if name == "cpu" else "cuda")

    monkeypatch.setattr("pose.runtime.choose_device", choose_device)
    window = open_window()
    window.session.configure(PipelineConfig(device=device, pose="other"))
    choice = window.tracking.preset
    choice.setCurrentIndex(choice.findData("lightweight"))
    choice.activated.emit(choice.currentIndex())
    qtbot.waitUntil(lambda: window.session.config.pose == pose)
    assert window.session.config.device == device
    assert window.tracking.pose.currentData() == pose
    assert threading.main_thread() not in asked


def test_a_preset_for_a_missing_device_gives_one_line(qtbot, open_window) -> None:
    window = open_window()
    window.session.configure(PipelineConfig(device="cuda:99"))
    with qtbot.waitSignal(window.work.failed) as failed:
        window.tracking.preset_chosen.emit("lightweight")
    assert "cuda:99" in failed.args[0]
