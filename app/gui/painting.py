"""Paint a Drawing with Qt, as vectors: the same shapes that app.paint draws into files."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from app.drawing import Drawing, Label, Number, Polyline
from app.gui.viewport import Viewport
from app.paint import segment_quads
from app.plates import apart, with_room
from pose.people import ImageArray

LEAST_LABEL_PX = 11.0  # so that labels stay readable in a small picture
LEAST_NUMBER_PX = 9.0
MOST_LABEL_PX = 40.0


def shown_image(image: ImageArray, viewport: Viewport, pixel_ratio: float) -> tuple[QImage, QRectF]:
    """The part of `image` (H, W, 3) BGR that is on the canvas, at the screen's own resolution.

    Only the visible part is resampled and converted, so the size of the window sets the cost, even
    for 4K. Returns the picture and its place on the canvas.
    """
    x1, y1, x2, y2 = viewport.visible()
    width = viewport.frame_wh[0]
    part = image[y1:y2, width - x2 : width - x1] if viewport.mirror else image[y1:y2, x1:x2]
    left, top = viewport.origin
    target = QRectF(
        left + x1 * viewport.scale,
        top + y1 * viewport.scale,
        (x2 - x1) * viewport.scale,
        (y2 - y1) * viewport.scale,
    )
    wide = max(1, round(target.width() * pixel_ratio))
    high = max(1, round(target.height() * pixel_ratio))
    if wide <= 2 * part.shape[1]:  # beyond that, Qt magnifies, and single pixels are visible
        part = resized(part, (wide, high))
    if viewport.mirror:
        part = np.asarray(cv2.flip(part, 1), np.uint8)
    # RGB32 is the format that Qt paints fastest
    rgba = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2BGRA), np.uint8)
    return image_of(rgba, QImage.Format.Format_RGB32), target


def resized(image: ImageArray, size_wh: tuple[int, int]) -> ImageArray:
    """`image` (H, W, 3) at `size_wh`, without aliasing.

    Halves are averages of four pixels, and the rest is interpolated: hardly a level from the
    averages of INTER_AREA, which takes ten times as long.
    """
    wide, high = size_wh
    while wide * 2 <= image.shape[1] and high * 2 <= image.shape[0]:
        half_wh = image.shape[1] // 2, image.shape[0] // 2
        even = image[: 2 * half_wh[1], : 2 * half_wh[0]]
        image = np.asarray(cv2.resize(even, half_wh, interpolation=cv2.INTER_AREA), np.uint8)
    if size_wh == (image.shape[1], image.shape[0]):
        return image
    how = cv2.INTER_LINEAR if wide < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size_wh, interpolation=how), np.uint8)


def image_of(pixels: ImageArray, kind: QImage.Format) -> QImage:
    """A QImage with a copy of (H, W, C) `pixels`: Qt keeps no reference to an array."""
    height, width, channels = pixels.shape
    return QImage(pixels.tobytes(), width, height, channels * width, kind).copy()


def paint_shapes(painter: QPainter, drawing: Drawing, viewport: Viewport) -> None:
    """Paint the shapes of `drawing`, without its labels, where `viewport` puts them."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.save()
    left, top = viewport.origin
    painter.translate(left, top)
    painter.scale(viewport.scale, viewport.scale)
    if viewport.mirror:
        painter.translate(viewport.frame_wh[0], 0)
        painter.scale(-1, 1)
    painter.translate(0.5, 0.5)  # the centre of a pixel has an integer coordinate
    painter.setPen(Qt.PenStyle.NoPen)
    for line in drawing.polylines:
        _paint_polyline(painter, line)
    painter.setPen(Qt.PenStyle.NoPen)
    for quad, colour in zip(
        segment_quads(drawing.segments), drawing.segment_colours.tolist(), strict=True
    ):
        painter.setBrush(QColor(*colour))
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in quad.tolist()]))
    for (x, y, radius), colour in zip(
        drawing.circles.tolist(), drawing.circle_colours.tolist(), strict=True
    ):
        painter.setBrush(QColor(*colour))
        painter.drawEllipse(QPointF(x, y), radius, radius)
    for angle in drawing.angles:
        if angle.legible(*_digits_px(viewport)) is not None:
            for line in (angle.outline, angle.arc):
                _paint_polyline(painter, line)
    painter.restore()


def _paint_polyline(painter: QPainter, line: Polyline) -> None:
    places = [QPointF(x, y) for x, y in line.points.tolist()]
    if (line.colours[:, 3] == 255).all():
        pen = QPen(QColor(*line.colours[0].tolist()), float(line.widths[0]))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(places))
        return
    for i in range(1, len(places)):
        pen = QPen(QColor(*line.colours[i].tolist()), float(line.widths[i]))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)  # else ends would show through each other
        painter.setPen(pen)
        painter.drawLine(places[i - 1], places[i])


def paint_texts(painter: QPainter, drawing: Drawing, viewport: Viewport) -> None:
    """Paint labels, spread apart again: in a small picture they are larger than laid out.

    Numbers of angles go where these leave room.
    """
    plates = [_plate(painter, label, viewport) for label in drawing.labels]
    moves = apart([plate.getCoords() for plate in plates])
    plates = [plate.translated(0, move) for plate, move in zip(plates, moves, strict=True)]
    numbers = (angle.legible(*_digits_px(viewport)) for angle in drawing.angles)
    on_canvas = [_on_canvas(number, viewport) for number in numbers if number is not None]
    (left, top), (width, height) = viewport.origin, viewport.frame_wh
    picture = left, top, left + width * viewport.scale, top + height * viewport.scale
    for number, box in with_room(on_canvas, picture, [plate.getCoords() for plate in plates]):
        x1, y1, x2, y2 = box
        _paint_text(painter, number, QRectF(x1, y1, x2 - x1, y2 - y1), number.size_px)
    for label, plate in zip(drawing.labels, plates, strict=True):
        _paint_text(painter, label, plate, _letter_px(label, viewport))


def _on_canvas(number: Number, viewport: Viewport) -> Number:
    x, y = viewport.to_canvas(number.x, number.y)
    right, down = number.towards
    towards = (-right if viewport.mirror else right), down
    return replace(number, x=x, y=y, towards=towards, size_px=number.size_px * viewport.scale)


def _plate(painter: QPainter, label: Label, viewport: Viewport) -> QRectF:
    """Where a label goes on the canvas: inside the picture, if it fits."""
    size_px = _letter_px(label, viewport)
    wide = QFontMetricsF(_font(painter, size_px)).horizontalAdvance(label.text)
    pad = 0.45 * size_px
    x, y = viewport.to_canvas(label.x, label.y)
    if viewport.mirror:
        x -= wide + 2 * pad
    # In a small picture a label is larger than laid out, and would stick out of it
    left, right = viewport.origin[0], viewport.origin[0] + viewport.frame_wh[0] * viewport.scale
    x = max(left, min(x, right - wide - 2 * pad))
    return QRectF(x, y - size_px - 2 * pad, wide + 2 * pad, size_px + 2 * pad)


def _letter_px(label: Label, viewport: Viewport) -> float:
    """The height of a label's capitals on the canvas."""
    return min(max(LEAST_LABEL_PX, label.size_px * viewport.scale), MOST_LABEL_PX)


def _digits_px(viewport: Viewport) -> tuple[float, float]:
    """The least and the greatest height of the digits of angles, in pixels of the frame."""
    return LEAST_NUMBER_PX / viewport.scale, MOST_LABEL_PX / viewport.scale


def _font(painter: QPainter, size_px: float) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(round(size_px * 1.35))
    font.setWeight(QFont.Weight.DemiBold)
    return font


def _paint_text(painter: QPainter, text: Label | Number, plate: QRectF, size_px: float) -> None:
    painter.setFont(_font(painter, size_px))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(*text.colour))
    painter.drawRoundedRect(plate, 0.35 * size_px, 0.35 * size_px)
    painter.setPen(QColor(*text.text_colour))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text.text)
