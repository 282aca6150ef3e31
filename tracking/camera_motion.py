"""How the camera moved between two frames, from the background alone.

Corners outside people are tracked from frame to frame (pyramidal Lucas-Kanade), and a rotation,
scale and shift is fitted to most of them (RANSAC), as in BoT-SORT (Aharon et al., 2022, section
3.2). The picture is shrunk first, which keeps the cost at a few milliseconds, and a camera that
stands still is looked at now and then only.
"""

from __future__ import annotations

import cv2
import numpy as np

from pose.people import DoubleArray, FloatArray, ImageArray

LONG_SIDE_PX = 320  # of the small pictures
_CORNERS = 150
_WINDOW_PX = 11  # around a corner; in OpenCV's 21, twice the time finds the motion no better
_FEWEST_INLIERS = 12  # fewer may agree by chance
_FEWEST_SHARE = 0.4  # of the tracked corners that must be inliers
_MOST_SCALE = 1.2  # between two frames; more is a cut, not a zoom
_PEOPLE_MARGIN = 0.1  # of a box's size: limbs reach out of boxes
_STILL_PX = 0.4  # of the small picture: what tripods seem to move stays below, by twice
_KEY_PX = 2.0  # of the small picture; from further away, warps fit less well where the camera turns
_STILL_FRAMES = 25  # in a row, after which the camera is on a tripod
_REST_FRAMES = 4  # not looked at, between two looks at a camera on a tripod
_NO_MOTION = np.eye(3)
_NOBODY = np.zeros((0, 4), np.float32)


def small_grey(image: ImageArray) -> ImageArray:
    """The frame (H, W, 3) shrunk, in grey, as `camera_warp` compares it."""
    height, width = image.shape[:2]
    scale = max(LONG_SIDE_PX / max(height, width), 1 / min(height, width))  # a pixel at least
    if scale < 1:
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    else:
        small = image
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def camera_warp(
    before: ImageArray, after: ImageArray, people: FloatArray, scale: float
) -> FloatArray | None:
    """Affine (2, 3) that takes frame pixels of `before` to `after`; None where it is unknown.

    before and after: `small_grey` of two frames, `scale` times the frame's size. people (N, 4):
    boxes in `before`, in frame pixels; corners inside them are ignored. None where too little of
    the background can be tracked (a cut, darkness, a crowd) or the motion is not a camera's.
    """
    if before.shape != after.shape:
        return None
    corners = cv2.goodFeaturesToTrack(
        before, _CORNERS, qualityLevel=0.01, minDistance=7, mask=_background(before, people, scale)
    )
    if corners is None or len(corners) < _FEWEST_INLIERS:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, np.empty_like(corners), winSize=(_WINDOW_PX, _WINDOW_PX)
    )
    good = found[:, 0] == 1
    if good.sum() < _FEWEST_INLIERS:
        return None
    warp, inliers = cv2.estimateAffinePartial2D(
        corners[good], moved[good], ransacReprojThreshold=1.0, maxIters=200
    )
    if warp is None or inliers.sum() < max(_FEWEST_INLIERS, _FEWEST_SHARE * good.sum()):
        return None
    zoom = float(np.hypot(warp[0, 0], warp[1, 0]))
    if not 1 / _MOST_SCALE < zoom < _MOST_SCALE:
        return None
    warp[:, 2] /= scale
    return warp.astype(np.float32)


def _background(grey: ImageArray, people: FloatArray, scale: float) -> ImageArray:
    """Mask (h, w), 0 inside the people's boxes and 255 elsewhere."""
    mask = np.full(grey.shape, 255, np.uint8)
    margin = _PEOPLE_MARGIN * (people[:, 2:] - people[:, :2])
    boxes = np.concatenate([people[:, :2] - margin, people[:, 2:] + margin], axis=1) * scale
    for x1, y1, x2, y2 in np.maximum(np.nan_to_num(boxes), 0).astype(int).tolist():
        mask[y1 : y2 + 1, x1 : x2 + 1] = 0
    return mask


class CameraMotion:
    """The camera's motion from each frame to the next: call it once per frame, in order.

    A frame is compared with an earlier one for as long as the camera is near it. From each frame to
    the next, a slow pan would not show, and errors would add up. What has not added up to a pixel
    or so is no motion, so that on a tripod nothing changes. A camera that has stood still for a
    while is looked at on every fifth frame: its first motion is found late.
    """

    def __init__(self) -> None:
        # (3, 3), all motion so far; in float64, lest a long pan be rounded to pixels
        self.so_far: DoubleArray | None = None
        self._moved = _NO_MOTION  # (3, 3), when the camera was last seen to move
        self._last: ImageArray | None = None  # the last picture looked at
        self._camera = _NO_MOTION  # (3, 3), there
        self._key: ImageArray | None = None  # the picture to compare with
        self._key_people = _NOBODY
        self._key_camera = _NO_MOTION
        self._still_frames = 0  # in a row
        self._rest_frames = 0  # still to be passed over

    def begin_shot(self) -> None:
        """Forget all motion: the next frame is the first of a shot."""
        self.so_far, self._camera, self._moved = None, _NO_MOTION, _NO_MOTION
        self.skip()

    def skip(self) -> None:
        """Pass over a frame, as if the camera stood still from the last one to the next."""
        self._last = self._key = None
        self._still_frames = self._rest_frames = 0

    def __call__(self, image: ImageArray, people: FloatArray) -> FloatArray | None:
        """Warp (2, 3) from the last frame to `image`.

        None on the first frame, where the camera stands still, and where its motion is unknown.
        people (N, 4): boxes of the last frame's people.
        """
        if self._rest_frames:
            self._rest_frames -= 1
            return None
        now = small_grey(image)
        scale = now.shape[1] / image.shape[1]
        warp = self._warp_to(now, people, scale)
        self._last = now
        if warp is None:
            self._still_frames = 0
            return None
        camera = self._camera = np.vstack([warp, [0, 0, 1]]) @ self._key_camera
        step = (camera @ np.linalg.inv(self._moved))[:2]
        on_tripod = self._still_frames >= _STILL_FRAMES
        moved = _largest_shift(step, image) * scale >= _STILL_PX
        if moved or (self.so_far is not None and not on_tripod):
            self.so_far = camera
        if not moved:
            self._still_frames += 1
            self._rest_frames = _REST_FRAMES if on_tripod else 0
            return None
        self._still_frames, self._moved = 0, camera
        if _largest_shift(warp, image) * scale >= _KEY_PX:
            self._key = None
        # From a tripod, it is the motion of several frames
        return None if on_tripod else step.astype(np.float32)

    def _warp_to(self, now: ImageArray, people: FloatArray, scale: float) -> FloatArray | None:
        """Warp (2, 3) from the key picture to `now`; without one, the last picture becomes it."""
        if self._last is None:
            return None
        if self._key is not None:
            # As bright as the key picture, or nightfall would look like motion in the end
            gain = float(self._key.mean() / max(now.mean(), 1.0))
            alike = np.asarray(cv2.convertScaleAbs(now, alpha=gain), np.uint8)
            warp = camera_warp(self._key, alike, self._key_people, scale)
            if warp is not None or self._key is self._last:
                return warp
        self._key, self._key_people, self._key_camera = self._last, people, self._camera
        return camera_warp(self._key, now, people, scale)


def _largest_shift(warp: FloatArray | DoubleArray, image: ImageArray) -> float:
    """How far, in pixels, the corner of the image (H, W, 3) moves that moves most."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    return float(np.abs(corners @ warp.T - corners[:, :2]).max())
