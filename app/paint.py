"""Paint a Drawing onto a picture with OpenCV, anti-aliased to a sixteenth of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.drawing import Box, ColourArray, Drawing, Label, Number, Polyline
from app.plates import letters_px, with_room
from pose.people import FloatArray, ImageArray

SHIFT = 4  # coordinates are given to OpenCV in 1 / 2**SHIFT pixels
FONT = cv2.FONT_HERSHEY_DUPLEX  # OpenCV 5 draws it as a TrueType sans
DEGREES = int(cv2.__version__.partition(".")[0]) >= 5  # the font of OpenCV 4 has no degree sign

# A circle, four times six points: six make a corner this small look round. And the corners of a
# rectangle that these quarters belong to: column and row of each, 0 the lesser, 1 the greater
_TURN = np.linspace(0, np.pi / 2, 6) + np.arange(4)[:, None] * np.pi / 2
_ROUND = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=2).reshape(-1, 2).astype(np.float32)
_CORNER_OF = np.repeat([[1, 1], [0, 1], [0, 0], [1, 0]], 6, axis=0)


def rasterise(drawing: Drawing, image: ImageArray) -> ImageArray:
    """Paint `drawing` on a copy of (H, W, 3) BGR `image`."""
    canvas = np.zeros_like(image) if drawing.black_background else blurred(image, drawing.blurred)
    for polyline in drawing.polylines:
        _polyline(canvas, polyline)
    quads = _fixed(segment_quads(drawing.segments))  # (S, 4, 2)
    for quad, colour in zip(quads, _bgr(drawing.segment_colours), strict=True):
        cv2.fillConvexPoly(canvas, quad, colour, cv2.LINE_AA, SHIFT)
    _discs(canvas, drawing.circles, drawing.circle_colours)
    _angles(canvas, drawing)
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


def blurred(image: ImageArray, circles: FloatArray) -> ImageArray:
    """A copy of (H, W, 3) `image` with the circles (B, 3) x y radius made unrecognisable."""
    canvas = image.copy()
    for x, y, radius in circles.tolist():
        _blur(canvas, x, y, radius)
    return canvas


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


def _angles(canvas: ImageArray, drawing: Drawing) -> None:
    """Paint arcs, and those numbers that have room; all arcs first, or they would hide numbers."""
    if not drawing.angles:
        return
    least_px, most_px = letters_px(drawing.size_wh)
    numbers = []
    for angle in drawing.angles:
        number = angle.legible(least_px, most_px)
        if number is not None:
            _polyline(canvas, angle.outline)
            _polyline(canvas, angle.arc)
            numbers.append(number)
    picture = (0.0, 0.0, float(drawing.size_wh[0]), float(drawing.size_wh[1]))
    for number, plate in with_room(numbers, picture, map(_plate, drawing.labels)):
        _number(canvas, number, plate)


def _number(canvas: ImageArray, number: Number, plate: Box) -> None:
    text, scale = number.text if DEGREES else number.text.strip("°"), number.size_px / 21
    x1, y1, x2, y2 = plate
    _rounded(canvas, (x1, y1, x2, y2), 0.35 * number.size_px, number.colour[::-1])
    (width, _), _ = cv2.getTextSize(text, FONT, scale, 1)
    origin = (round((x1 + x2 - width) / 2), round((y1 + y2 + number.size_px) / 2))
    cv2.putText(canvas, text, origin, FONT, scale, number.text_colour[::-1], 1, cv2.LINE_AA)


def _plate(label: Label) -> Box:
    """Where the plate of a label is."""
    scale = label.size_px / 21  # FONT's capitals are 21 pixels high at scale 1
    (width, height), _ = cv2.getTextSize(label.text, FONT, scale, 1)
    pad = 0.45 * label.size_px
    return label.x, label.y - height - 2 * pad, label.x + width + 2 * pad, label.y


def _label(canvas: ImageArray, label: Label) -> None:
    _rounded(canvas, _plate(label), 0.35 * label.size_px, label.colour[::-1])
    pad = 0.45 * label.size_px
    origin, scale = (round(label.x + pad), round(label.y - pad)), label.size_px / 21
    cv2.putText(canvas, label.text, origin, FONT, scale, label.text_colour[::-1], 1, cv2.LINE_AA)


def _rounded(canvas: ImageArray, box: Box, radius: float, colour: tuple[int, ...]) -> None:
    """Fill a rectangle x1 y1 x2 y2 with rounded corners."""
    x1, y1, x2, y2 = box
    inner = np.array([[x1 + radius, y1 + radius], [x2 - radius, y2 - radius]], np.float32)
    outline = _fixed(inner[_CORNER_OF, (0, 1)] + radius * _ROUND)
    cv2.fillConvexPoly(canvas, outline, colour, cv2.LINE_AA, SHIFT)
