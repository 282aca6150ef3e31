"""How people move between frames: a Kalman filter per coordinate, all people in one array.

Every coordinate x of a person (box centre, size, joints) is filtered on its own. Its velocity v
decays towards zero and is pushed by white noise (an Ornstein-Uhlenbeck process):

    dx = v dt,   dv = -v / tau dt + sqrt(q) dW

People turn and stop, so a prediction far ahead must not run away on the last velocity: it ends at
x + v tau. The transition over any time is known in closed form, and two short steps make exactly
one long one; a person missed for ten frames is therefore predicted in one step from where it was
last seen, whatever the frame rate. `filterpy` gives the same numbers (see the test) and costs ten
times as much, as it filters one track at a time.
"""

from __future__ import annotations

import numpy as np

from pose.people import DoubleArray, FloatArray

MotionArray = DoubleArray
"""(5, T, C): position, velocity, and their variance, covariance, velocity variance."""


def started(measured: DoubleArray, noise: DoubleArray, velocity_var: DoubleArray) -> MotionArray:
    """State (5, T, C) of people seen once at `measured` (T, C), with variances as given."""
    zero = np.zeros_like(measured)
    return np.stack([measured, zero, noise, zero, np.broadcast_to(velocity_var, measured.shape)])


def transition(dt_s: DoubleArray, tau_s: float) -> tuple[DoubleArray, ...]:
    """The effect of `dt_s` seconds: reach and keep of the velocity, and noise per unit of q.

    x' = x + reach v, v' = keep v; the noise adds (q_x, q_xv, q_v) q to the covariance.
    Integrals of exp(-s / tau), see the module's equation.
    """
    keep = np.exp(-dt_s / tau_s)
    lost = 1 - keep
    reach = tau_s * lost
    q_v = tau_s / 2 * (1 - keep * keep)
    q_xv = reach * reach / 2
    q_x = tau_s * tau_s * (dt_s - 2 * reach + q_v)
    return reach, keep, q_x, q_xv, q_v


def predicted(
    motion: MotionArray, dt_s: DoubleArray, tau_s: float, diffusion: DoubleArray
) -> MotionArray:
    """State after `dt_s` (T,) seconds; `diffusion` is q, (T, C) or (T, 1), in pixels^2 / s^3."""
    x, v, var, cov, var_v = motion  # (T, C) each
    reach, keep, q_x, q_xv, q_v = transition(dt_s[:, None], tau_s)  # (T, 1) each
    drawn = cov + reach * var_v
    after = np.empty_like(motion)
    after[0] = x + reach * v
    after[1] = keep * v
    after[2] = var + reach * (cov + drawn) + q_x * diffusion
    after[3] = keep * drawn + q_xv * diffusion
    after[4] = keep * keep * var_v + q_v * diffusion
    return after


def corrected(motion: MotionArray, measured: DoubleArray, noise: DoubleArray) -> MotionArray:
    """State after measuring the positions `measured` (T, C) with variance `noise` (T, C).

    Infinite noise leaves a coordinate as it was predicted.
    """
    x, v, var, cov, var_v = motion
    inverse = 1 / (var + noise)
    gain, gain_v = var * inverse, cov * inverse  # (T, C)
    surprise = measured - x
    after = np.empty_like(motion)
    after[0] = x + gain * surprise
    after[1] = v + gain_v * surprise
    after[2] = var - gain * var
    after[3] = cov - gain * cov
    after[4] = var_v - gain_v * cov
    return after


def warped(motion: MotionArray, warp: FloatArray) -> MotionArray:
    """State after the camera moved: `warp` (2, 3) takes old pixels to new ones.

    Positions move with it, velocities turn with it, sizes and deviations grow with its zoom.
    """
    if warp.shape != (2, 3):
        raise ValueError(f"warp has shape {warp.shape}, expected (2, 3)")
    turn, shift = warp[:, :2].astype(np.float64), warp[:, 2].astype(np.float64)
    zoom = np.sqrt(abs(np.linalg.det(turn)))
    people, columns = motion.shape[1:]
    after = motion.copy()
    pairs = after[:2].reshape(2, people, columns // 2, 2) @ turn.T  # x y of each point
    pairs[0] += shift
    pairs[:, :, 1] = zoom * after[:2, :, 2:4]  # width and height do not rotate
    after[:2] = pairs.reshape(2, people, columns)
    after[2:] *= zoom * zoom
    return after


def smoothed(
    times_s: DoubleArray,
    measured: DoubleArray,
    noise: DoubleArray,
    tau_s: float,
    diffusion: float,
    velocity_var: float,
) -> DoubleArray:
    """Positions (M, C) of one person given all M measurements, past and future.

    times_s (M,) increasing; measured (M, C) with variance noise (M, C), infinite where not seen.
    Forward filter, then the backward pass of Rauch, Tung and Striebel (1965).
    """
    count, columns = measured.shape
    wide = np.where(np.isfinite(noise[0]), noise[0], 1e6)
    filtered = np.empty((count, 5, columns))
    ahead = np.empty((count, 5, columns))
    filtered[0] = started(measured[:1], wide[None], np.array([[velocity_var]]))[:, 0]
    steps = np.diff(times_s)
    push = np.array([[diffusion]])
    for n in range(1, count):
        state = predicted(filtered[n - 1][:, None], steps[n - 1 : n], tau_s, push)
        ahead[n] = state[:, 0]
        filtered[n] = corrected(state, measured[n : n + 1], noise[n : n + 1])[:, 0]
    position, velocity = filtered[-1, 0].copy(), filtered[-1, 1].copy()
    positions = np.empty((count, columns))
    positions[-1] = position
    reach, keep, *_ = transition(steps, tau_s)
    for n in range(count - 2, -1, -1):
        x, v, var, cov, var_v = filtered[n]
        ahead_x, ahead_v, a, b, c = ahead[n + 1]
        # Gain P F' S^-1 of the backward pass, S = [[a, b], [b, c]] the predicted covariance.
        to_x, to_v = var + reach[n] * cov, keep[n] * cov  # row of P F' for the position
        to_x_v, to_v_v = cov + reach[n] * var_v, keep[n] * var_v  # and for the velocity
        determinant = np.maximum(a * c - b * b, 1e-12)
        off_x, off_v = position - ahead_x, velocity - ahead_v
        pull_x = (c * off_x - b * off_v) / determinant  # S^-1 times the surprise
        pull_v = (a * off_v - b * off_x) / determinant
        position = x + to_x * pull_x + to_v * pull_v
        velocity = v + to_x_v * pull_x + to_v_v * pull_v
        positions[n] = position
    return positions
