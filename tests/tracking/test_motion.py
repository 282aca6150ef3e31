"""The batched filter is the textbook filter: filterpy gives the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter, rts_smoother

from tracking import motion

TAU_S, DIFFUSION, NOISE, SPEED_VAR = 0.7, 50.0, 4.0, 100.0
TIMES_S = np.array([0.0, 0.04, 0.08, 0.2, 0.24, 0.9, 1.0])
SEEN = np.array([3.0, 4.1, 4.9, 9.0, 8.0, 20.0, 21.0])


def reference() -> KalmanFilter:
    filter_ = KalmanFilter(dim_x=2, dim_z=1)
    filter_.x = np.array([[SEEN[0]], [0.0]])
    filter_.P = np.diag([NOISE, SPEED_VAR])
    filter_.H = np.array([[1.0, 0.0]])
    filter_.R = np.array([[NOISE]])
    return filter_


def model(step_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Transition F and noise Q by numerical integration of the process over `step_s`."""
    reach = TAU_S * (1 - np.exp(-step_s / TAU_S))
    ahead = np.array([[1.0, reach], [0.0, np.exp(-step_s / TAU_S)]])
    moments = (np.arange(20000) + 0.5) * step_s / 20000
    push = np.stack([TAU_S * (1 - np.exp(-moments / TAU_S)), np.exp(-moments / TAU_S)])
    return ahead, DIFFUSION * push @ push.T * step_s / 20000


def test_filter_and_predictions_equal_filterpy() -> None:
    filter_ = reference()
    state = motion.started(SEEN[None, :1], np.array([[NOISE]]), np.array([[SPEED_VAR]]))
    for step_s, seen in zip(np.diff(TIMES_S), SEEN[1:], strict=True):
        ahead, noise = model(step_s)
        filter_.predict(F=ahead, Q=noise)
        filter_.update(seen)
        state = motion.predicted(state, np.array([step_s]), TAU_S, np.array([[DIFFUSION]]))
        state = motion.corrected(state, np.array([[seen]]), np.array([[NOISE]]))
        expected = (*filter_.x[:, 0], filter_.P[0, 0], filter_.P[0, 1], filter_.P[1, 1])
        np.testing.assert_allclose(state[:, 0, 0], expected, rtol=1e-6)


def test_smoother_equals_filterpy() -> None:
    filter_ = reference()
    means, covariances, steps = [filter_.x], [filter_.P], []
    for step_s, seen in zip(np.diff(TIMES_S), SEEN[1:], strict=True):
        ahead, noise = model(step_s)
        filter_.predict(F=ahead, Q=noise)
        filter_.update(seen)
        means.append(filter_.x)
        covariances.append(filter_.P)
        steps.append((ahead, noise))
    transitions, noises = zip(*steps, steps[-1], strict=True)  # filterpy wants one more
    expected = rts_smoother(np.array(means), np.array(covariances), transitions, noises)[0]
    noise = np.full((len(SEEN), 1), NOISE)
    found = motion.smoothed(TIMES_S, SEEN[:, None], noise, TAU_S, DIFFUSION, SPEED_VAR)
    np.testing.assert_allclose(found[:, 0], expected[:, 0, 0], rtol=1e-5)


def test_two_short_steps_are_one_long_one() -> None:
    state = np.array([5.0, 3.0, 2.0, 0.5, 9.0]).reshape(5, 1, 1)
    push = np.array([[DIFFUSION]])
    long = motion.predicted(state, np.array([0.5]), TAU_S, push)
    half = motion.predicted(state, np.array([0.2]), TAU_S, push)
    np.testing.assert_allclose(long, motion.predicted(half, np.array([0.3]), TAU_S, push))


def test_what_was_not_seen_stays_as_predicted() -> None:
    state = np.random.default_rng(0).uniform(1, 2, (5, 2, 3))
    unseen = motion.corrected(state, np.zeros((2, 3)), np.full((2, 3), np.inf))
    np.testing.assert_array_equal(unseen, state)


def test_a_prediction_far_ahead_comes_to_rest() -> None:
    state = np.array([100.0, 40.0, 1.0, 0.0, 1.0]).reshape(5, 1, 1)
    ahead = motion.predicted(state, np.array([60.0]), TAU_S, np.array([[DIFFUSION]]))
    assert ahead[0, 0, 0] == pytest.approx(100 + 40 * TAU_S)
    assert ahead[1, 0, 0] == pytest.approx(0, abs=1e-9)


def test_the_camera_turns_positions_speeds_and_sizes() -> None:
    """A quarter turn with twice the zoom and a shift of (10, 20)."""
    state = np.zeros((5, 1, 6))
    state[0, 0] = 3, 4, 5, 6, 1, 0  # centre, width and height, one joint
    state[1, 0] = 1, 0, 0, 0, 0, 1
    state[2:] = 1
    after = motion.warped(state, np.array([[0, -2, 10], [2, 0, 20]], np.float32))
    np.testing.assert_allclose(after[0, 0], [10 - 8, 20 + 6, 10, 12, 10, 22])
    np.testing.assert_allclose(after[1, 0], [0, 2, 0, 0, -2, 0])
    np.testing.assert_allclose(after[2:], 4)
