"""A dry run's picture: the first batch as the network will see it, with its targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from pose.people import FloatArray, ImageArray
from pose.skeleton import Skeleton
from pose.training.pose_task import PoseTask, target_maps
from pose.training.readers import TrainingDataError
from pose.training.recipes import Stage
from pose.training.task import Task

_MOST_SHOWN = 24
_COLUMNS = 6
_TILE_PX = 384  # height of every crop in the picture, so that dots are equally easy to see
_LEFT, _RIGHT, _MIDDLE = (80, 200, 60), (60, 130, 255), (230, 200, 60)  # BGR
_NOTHING = (160, 160, 160)


def draw_first_batch(task: Task, stage: Stage, seed: int, picture: Path) -> int:
    """Write the first batch, with its targets drawn, to `picture`; how many samples it shows."""
    samples = task.samples(stage.size_wh)
    if not len(samples):
        raise TrainingDataError("nobody is left to learn from; see what was left out")
    order = np.random.default_rng([seed, 0]).permutation(len(samples))
    shown = order[: min(stage.batch, _MOST_SHOWN)]
    tiles = [_draw(task, samples[seed, 0, int(index)]) for index in shown]
    picture.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(picture), _sheet(tiles))
    return len(tiles)


def _draw(task: Task, sample: Any) -> ImageArray:
    if isinstance(task, PoseTask):
        crop, points, weights = sample
        maps = target_maps(torch.from_numpy(points)[None], crop.shape[:2], task.sigma)[0].numpy()
        return _draw_joints(crop, points, weights, maps, task.train.skeleton)
    image, labels = sample
    tile = image.copy()
    for x1, y1, x2, y2, counts in np.round(labels).astype(int).tolist():
        cv2.rectangle(tile, (x1, y1), (x2, y2), _LEFT if counts else _NOTHING, 2)
    return tile


def _draw_joints(
    crop: ImageArray,
    points: FloatArray,
    weights: FloatArray,
    maps: FloatArray,
    skeleton: Skeleton,
) -> ImageArray:
    """The crop, the heatmaps (K, h, w) as a red glow and the labelled joints."""
    glow = (maps * weights[:, None, None]).max(0, initial=0.0)  # (h, w)
    zoom = _TILE_PX / crop.shape[0]
    size = (round(crop.shape[1] * zoom), _TILE_PX)
    tile = cv2.resize(crop, size).astype(np.float32)
    tile[..., 2] += 120 * cv2.resize(glow, size)
    drawn = np.clip(tile, 0, 255).astype(np.uint8)
    places = np.round(points * zoom).astype(int)
    for a, b in skeleton.limbs:
        if weights[a] > 0 and weights[b] > 0:
            cv2.line(drawn, places[a].tolist(), places[b].tolist(), _MIDDLE, 1, cv2.LINE_AA)
    for joint in np.flatnonzero(weights > 0):
        name = skeleton.names[joint]
        colour = _LEFT if "left" in name else _RIGHT if "right" in name else _MIDDLE
        radius = 2 + round(2 * float(weights[joint]))  # a doubtful label is a small dot
        cv2.circle(drawn, places[joint].tolist(), radius, colour, -1, cv2.LINE_AA)
    return drawn


def _sheet(tiles: list[ImageArray]) -> ImageArray:
    columns = min(_COLUMNS, len(tiles))
    blank = np.full_like(tiles[0], 255)
    tiles = tiles + [blank] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[at : at + columns], 1) for at in range(0, len(tiles), columns)]
    return np.concatenate(rows)
