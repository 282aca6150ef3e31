"""The curves of a training run as a picture: loss and scores over steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose.people import FloatArray, ImageArray

_PANEL_WH = (720, 300)
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 130, 34, 34
_COLOURS = ((200, 110, 30), (40, 110, 220), (60, 150, 60), (150, 60, 150), (90, 90, 90))  # BGR
_INK, _GRID = (60, 60, 60), (225, 225, 225)


def draw_curves(log: Path, picture: Path) -> None:
    """Draw log.jsonl, one panel for the loss and one for the scores of every epoch."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    losses = _curves([line for line in lines if "loss" in line], ("loss",))
    scored = [line for line in lines if "score" in line]
    names = [name for name in (scored[0] if scored else {}) if name not in ("step", "epoch")]
    if len(names) > 1:
        names.remove("score")  # it repeats one of the others
    panels = [
        _panel("loss, over steps", losses, None),
        _panel(
            "scores on the validation people, over steps", _curves(scored, tuple(names)), (0.0, 1.0)
        ),
    ]
    cv2.imwrite(str(picture), np.concatenate(panels))


def _curves(lines: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Points (P, 2) of step and value for each name that has any."""
    points = {
        name: [[line["step"], line[name]] for line in lines if name in line] for name in names
    }
    return {name: np.array(rows, np.float32) for name, rows in points.items() if rows}


def _panel(
    title: str, curves: dict[str, FloatArray], limits: tuple[float, float] | None
) -> ImageArray:
    width, height = _PANEL_WH
    image = np.full((height, width, 3), 255, np.uint8)
    _text(image, title, (_LEFT, 22), _INK)
    if not curves:
        return image
    joined = np.concatenate(list(curves.values()))
    last_step = max(float(joined[:, 0].max()), 1.0)
    # A single wild value at the start must not flatten the rest.
    low, high = limits or (0.0, float(np.quantile(joined[:, 1], 0.98)) * 1.05 + 1e-9)
    plot_wh = np.array([width - _LEFT - _RIGHT, height - _TOP - _BOTTOM])

    def place(points: FloatArray) -> FloatArray:
        share = np.stack([points[:, 0] / last_step, (points[:, 1] - low) / (high - low)], axis=1)
        share = np.clip(share, 0, 1)
        return np.array([_LEFT, height - _BOTTOM]) + share * plot_wh * [1, -1]

    for part in np.linspace(0, 1, 5):
        y = int(height - _BOTTOM - part * plot_wh[1])
        cv2.line(image, (_LEFT, y), (width - _RIGHT, y), _GRID, 1)
        _text(image, f"{low + part * (high - low):.3g}", (8, y + 4), _INK)
    for step in np.unique(np.linspace(0, last_step, 5).round()):
        text, x = f"{step:.0f}", int(_LEFT + step / last_step * plot_wh[0])
        _text(image, text, (x - 4 * len(text), height - 10), _INK)
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        course = np.round(place(points)).astype(np.int32)
        cv2.polylines(image, [course], False, colour, 2, cv2.LINE_AA)
        for x, y in course if len(course) <= 40 else course[-1:]:
            cv2.circle(image, (int(x), int(y)), 3, colour, -1, cv2.LINE_AA)
        label = f"{name} {points[-1, 1]:.3f}"
        _text(image, label, (width - _RIGHT + 10, _TOP + 12 + 18 * number), colour)
    return image


def _text(image: ImageArray, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
