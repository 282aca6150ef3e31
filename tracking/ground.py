"""Where the ground lies in the pictures of a moving camera, and points on it.

`on_ground` takes pixels of a picture to those of the first picture of its shot, `in_picture` back:
what stands still in the world then stands still, however the camera moves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose.people import DoubleArray

Points = NDArray[np.floating]


class Ground(NamedTuple):
    """Where the ground lies in a frame's picture, compared with other frames of the same shot."""

    shot: int = 0
    camera: DoubleArray | None = None  # (3, 3) see FrameResult.camera


STILL = Ground()


def on_ground(points: Points, camera: Points | None) -> Points:
    """Points (P, 2) of a picture as pixels of the first picture of its shot; see Ground."""
    return points if camera is None else in_picture(points, np.linalg.inv(camera))


def in_picture(points: Points, camera: Points | None) -> Points:
    """Undo `on_ground`, for another picture of the shot."""
    return points if camera is None else points @ camera[:2, :2].T + camera[:2, 2]
