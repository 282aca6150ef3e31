"""The camera's motion is found from the background, and not from people."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.footage import frames_of
from tracking.camera_motion import CameraMotion, camera_warp, small_grey

NOBODY = np.zeros((0, 4), np.float32)
PAN = np.array([[1, 0, 24], [0, 1, -13]], np.float64)


def scene(seed: int = 0) -> np.ndarray:
    """A picture 720 x 1280 full of soft blobs."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (45, 80, 3), np.uint8)
    return cv2.resize(small, (1280, 720), interpolation=cv2.INTER_CUBIC)


def moved(image: np.ndarray, warp: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(image, warp, (1280, 720), borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize(
    "warp",
    [
        PAN,
        np.array([[1.03, -0.02, 5], [0.02, 1.03, 8]], np.float64),
        np.array([[1, 0, 2], [0, 1, 0]], np.float64),
    ],
    ids=["pan", "zoom and roll", "hardly"],
)
def test_a_moving_camera_is_followed(warp: np.ndarray) -> None:
    camera = CameraMotion()
    assert camera(scene(), NOBODY) is None
    found = camera(moved(scene(), warp), NOBODY)
    assert found is not None
    corner = np.array([[640, 360, 1], [1000, 200, 1]])
    np.testing.assert_allclose(corner @ found.T, corner @ warp.T, atol=2.0)


def test_a_person_who_fills_half_the_picture_is_not_taken_for_camera_motion() -> None:
    before, shifted = scene(), moved(scene(), np.array([[1, 0, 40], [0, 1, 0]], np.float64))
    after = before.copy()
    after[:, 300:1000] = shifted[:, 300:1000]
    person = np.array([[75, 0, 250, 180]], np.float32)
    found = camera_warp(small_grey(before), small_grey(after), 4 * person, 0.25)
    assert found is not None
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 1, 0]], atol=0.3)


def test_a_zoom_too_quick_for_a_camera_is_none() -> None:
    def zoomed(zoom: float) -> np.ndarray | None:
        camera = CameraMotion()
        camera(scene(), NOBODY)
        about_the_middle = np.array([[zoom, 0, 640 * (1 - zoom)], [0, zoom, 360 * (1 - zoom)]])
        return camera(moved(scene(), about_the_middle), NOBODY)

    assert zoomed(1.15) is not None
    assert zoomed(1.25) is None


def test_four_parts_that_move_four_ways_are_no_camera() -> None:
    """None of them is two fifths of the picture."""
    ways = [(24, 0), (-24, 0), (0, 24), (0, -24)]
    pictures = [moved(scene(), np.array([[1, 0, x], [0, 1, y]], np.float64)) for x, y in ways]
    parts = [picture[:, 320 * n : 320 * (n + 1)] for n, picture in enumerate(pictures)]
    camera = CameraMotion()
    camera(scene(), NOBODY)
    assert camera(np.concatenate(parts, axis=1), NOBODY) is None


@pytest.mark.parametrize("after", [scene(1), np.zeros((720, 1280, 3), np.uint8), scene()[:360]])
def test_a_cut_darkness_or_another_size_gives_no_motion(after: np.ndarray) -> None:
    camera = CameraMotion()
    camera(scene(), NOBODY)
    assert camera(after, NOBODY) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (5000, 2), (31, 17)])
def test_pictures_of_any_shape_are_taken(shape: tuple[int, int]) -> None:
    camera = CameraMotion()
    for seed in range(2):
        image = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
        assert camera(image, NOBODY) is None


def test_boxes_outside_the_picture_or_not_finite_are_harmless() -> None:
    camera = CameraMotion()
    camera(scene(), NOBODY)
    odd = np.array([[-50, -50, 20, 20], [5000, 0, 6000, 10], [np.nan] * 4], np.float32)
    assert camera(moved(scene(), PAN), odd) is not None


def test_a_camera_that_stands_still_does_not_move_anybody() -> None:
    camera, rng, picture = CameraMotion(), np.random.default_rng(0), scene()
    for _ in range(40):
        grain = rng.integers(-4, 5, picture.shape)
        assert camera(np.clip(picture + grain, 0, 255).astype(np.uint8), NOBODY) is None


def test_nightfall_is_no_motion(shared: Path) -> None:
    camera = CameraMotion()
    for number, frame in enumerate(islice(frames_of(shared / "clips" / "vtest.avi"), 200)):
        camera((frame.image * (1 - number / 250)).astype(np.uint8), NOBODY)
    assert camera.so_far is None


def test_real_clips_move_or_do_not_as_they_were_filmed(shared: Path) -> None:
    def moving(name: str) -> float:
        """The share of the first 150 frames that moved."""
        camera = CameraMotion()
        frames = islice(frames_of(shared / "clips" / name), 150)
        return float(np.mean([camera(frame.image, NOBODY) is not None for frame in frames]))

    assert moving("vtest.avi") == 0  # a tripod, though people walk everywhere
    assert moving("openpose_street_dance.avi") > 0.9  # held by hand


def test_the_slowest_pan_adds_up() -> None:
    """A fifth of a pixel of the small picture from frame to frame is less than can be seen."""
    camera = CameraMotion()
    for step in range(60):
        shift = np.array([[1, 0, 0.8 * step], [0, 1, 0]])
        camera(moved(scene(), shift), NOBODY)
        if step >= 5:
            assert camera.so_far is not None
            np.testing.assert_allclose(camera.so_far[:2], shift, atol=0.5)


def test_errors_do_not_add_up_while_the_camera_shakes() -> None:
    camera = CameraMotion()
    for step in range(100):
        away = 6 * np.sin(0.7 * step), 3 * np.sin(0.3 * step)
        camera(moved(scene(), np.array([[1, 0, away[0]], [0, 1, away[1]]])), NOBODY)
    assert camera.so_far is not None
    np.testing.assert_allclose(camera.so_far[:2], [[1, 0, away[0]], [0, 1, away[1]]], atol=0.5)


def test_a_shot_begins_without_motion() -> None:
    camera = CameraMotion()
    for step in range(3):
        camera(moved(scene(), PAN * step + np.eye(2, 3)), NOBODY)
    camera.begin_shot()
    assert camera(scene(), NOBODY) is None and camera.so_far is None
    found = camera(moved(scene(), PAN), NOBODY)
    assert found is not None and camera.so_far is not None
    np.testing.assert_allclose(camera.so_far[:2], found, atol=1e-5)


def test_from_a_tripod_the_first_motion_is_passed_over_and_the_next_is_followed() -> None:
    camera = CameraMotion()
    for _ in range(60):
        assert camera(scene(), NOBODY) is None
    shifts = [(step + 1) * PAN - step * np.eye(2, 3) for step in range(10)]
    found = [camera(moved(scene(), shift), NOBODY) for shift in shifts]
    seen = [warp is not None for warp in found]
    assert not seen[0] and all(seen[5:])
    for warp in found:  # what is found is the motion of one frame, never of several
        assert warp is None or abs(warp[0, 2] - PAN[0, 2]) < 2.0


def test_a_tripod_is_looked_at_on_every_fifth_frame_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def looked(image: np.ndarray) -> np.ndarray:
        looks.append(image)
        return small_grey(image)

    monkeypatch.setattr("tracking.camera_motion.small_grey", looked)
    camera = CameraMotion()
    for _ in range(126):
        camera(scene(), NOBODY)
    assert len(looks) == pytest.approx(26 + 100 / 5, abs=1)
