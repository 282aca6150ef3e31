"""Paint a Drawing onto a picture with OpenCV, anti-aliased to a sixteenth of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.drawing import ColourArray, Drawing, Label, Polyline
from pose.people import FloatArray, ImageArray

SHIFT = 4  # coordinates are given to OpenCV in 1 / 2**SHIFT pixels
FONT = cv2.FONT_HERSHEY_DUPLEX  # OpenCV 5 draws it as a TrueType sans


def rasterise(drawing: Drawing, image: ImageArray) -> ImageArray:
    """Paint `drawing` on a copy of (H, W, 3) BGR `image`."""
    canvas = np.zeros_like(image) if drawing.black_background else image.copy()
    if not drawing.black_background:
        for x, y, radius in drawing.blurred:
            _blur(canvas, float(x), float(y), float(radius))
    for polyline in drawing.polylines:
        _polyline(canvas, polyline)
    quads = _fixed(segment_quads(drawing.segments))  # (S, 4, 2)
    for quad, colour in zip(quads, _bgr(drawing.segment_colours), strict=True):
        cv2.fillConvexPoly(canvas, quad, colour, cv2.LINE_AA, SHIFT)
    _discs(canvas, drawing.circles, drawing.circle_colours)
    for label in drawing.labels:
        _label(canvas, label)
    return canvas


def segment_quads(segments: FloatArray) -> FloatArray:
    """(S, 4, 2) corners of (S, 6) segments x1 y1 x2 y2 width1 width2."""
    start, end = segments[:, :2], segments[:, 2:4]  # (S, 2)
    along = end - start
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)  # (S, 1)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / length / 2  # (S, 2)
    first, second = across * segments[:, 4:5], across * segments[:, 5:6]  # (S, 2)
    return np.stack([start + first, end + second, end - second, start - first], axis=1)


def _fixed(points: FloatArray) -> NDArray[np.int32]:
    """Fixed-point coordinates, clipped to what OpenCV can add without overflow."""
    return np.round(np.clip(points, -16384, 16384) * (1 << SHIFT)).astype(np.int32)


def _bgr(colours: ColourArray) -> list[list[int]]:
    numbers: list[list[int]] = colours[:, 2::-1].tolist()
    return numbers


def _discs(canvas: ImageArray, circles: FloatArray, colours: ColourArray) -> None:
    # Polygons, because cv2.circle draws a small circle as a diamond
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)  # (16, 2)
    discs = _fixed(circles[:, None, :2] + ring * circles[:, None, 2:])  # (C, 16, 2)
    for disc, colour in zip(discs, _bgr(colours), strict=True):
        cv2.fillConvexPoly(canvas, disc, colour, cv2.LINE_AA, SHIFT)


def _polyline(canvas: ImageArray, line: Polyline) -> None:
    """Paint a line; a translucent one goes piece by piece into a mask, so that overlaps are
    painted only once."""
    if (line.colours[:, 3] == 255).all():
        width = max(1, round(float(line.widths[0])))
        path = [_fixed(line.points)]
        cv2.polylines(canvas, path, False, _bgr(line.colours[:1])[0], width, cv2.LINE_AA, SHIFT)
        return
    margin = float(line.widths.max()) + 2
    height, width = canvas.shape[:2]
    x1, y1 = np.floor(np.clip(line.points.min(0) - margin, 0, (width, height))).astype(int)
    x2, y2 = np.ceil(np.clip(line.points.max(0) + margin, 0, (width, height))).astype(int)
    if x2 <= x1 or y2 <= y1:
        return
    mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
    points: FloatArray = line.points - np.array([x1, y1], np.float32)
    segments: FloatArray = np.concatenate(
        [points[:-1], points[1:], line.widths[:-1, None], line.widths[1:, None]], axis=1
    )  # (P - 1, 6)
    corners, centres = _fixed(segment_quads(segments)), _fixed(points)
    radii = _fixed(line.widths / np.float32(2)).tolist()
    for piece, alpha in enumerate(line.colours[1:, 3].tolist()):
        cv2.circle(
            mask, centres[piece + 1].tolist(), radii[piece + 1], alpha, -1, cv2.LINE_AA, SHIFT
        )
        cv2.fillConvexPoly(mask, corners[piece], alpha, cv2.LINE_AA, SHIFT)
    part = canvas[y1:y2, x1:x2]
    opacity = mask.astype(np.float32) * (1 / 255)
    colour = np.full_like(part, _bgr(line.colours[:1])[0])
    part[:] = cv2.blendLinear(colour, part, opacity, 1 - opacity)


def _blur(canvas: ImageArray, x: float, y: float, radius: float) -> None:
    """Make the circle's content unrecognisable: reduce it to 6 x 6 blocks, then smooth."""
    height, width = canvas.shape[:2]
    x1, y1 = max(0, int(x - radius)), max(0, int(y - radius))
    x2, y2 = min(width, int(x + radius) + 1), min(height, int(y + radius) + 1)
    if x2 <= x1 or y2 <= y1:
        return
    part = canvas[y1:y2, x1:x2]
    coarse = cv2.resize(part, (6, 6), interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(coarse, (x2 - x1, y2 - y1), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros(part.shape[:2], np.uint8)
    centre = _fixed(np.array([x - x1, y - y1], np.float32)).tolist()
    cv2.circle(mask, centre, int(radius * (1 << SHIFT)), 255, cv2.FILLED, cv2.LINE_AA, SHIFT)
    opacity = mask.astype(np.float32) * (1 / 255)
    part[:] = cv2.blendLinear(hidden, part, opacity, 1 - opacity)


def _label(canvas: ImageArray, label: Label) -> None:
    scale = label.size_px / 21  # FONT's capitals are 21 pixels high at scale 1
    (text_width, text_height), _ = cv2.getTextSize(label.text, FONT, scale, 1)
    pad = 0.45 * label.size_px
    plate = np.array(
        [label.x, label.y - text_height - 2 * pad, label.x + text_width + 2 * pad, label.y],
        np.float32,
    )
    _rounded(canvas, plate, 0.35 * label.size_px, label.colour[::-1])
    origin = (round(label.x + pad), round(label.y - pad))
    cv2.putText(canvas, label.text, origin, FONT, scale, label.text_colour[::-1], 1, cv2.LINE_AA)


def _rounded(canvas: ImageArray, box: FloatArray, radius: float, colour: tuple[int, ...]) -> None:
    """Fill a rectangle x1 y1 x2 y2 with rounded corners."""
    turn = np.linspace(0, np.pi / 2, 6)  # six points make a corner this small look round
    arc = np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius  # (6, 2) right, down
    x1, y1, x2, y2 = box + np.array([radius, radius, -radius, -radius], np.float32)
    corners = [
        np.add(arc, (x2, y2)),
        arc[::-1] * (-1, 1) + (x1, y2),
        -arc + (x1, y1),
        arc[::-1] * (1, -1) + (x2, y1),
    ]
    outline = _fixed(np.concatenate(corners).astype(np.float32))
    cv2.fillConvexPoly(canvas, outline, colour, cv2.LINE_AA, SHIFT)
