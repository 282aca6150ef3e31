"""The picture with its overlay: zoom, pan, fit, clicks on people."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.drawing import Drawing
from app.gui.painting import paint_shapes, paint_texts, shown_image
from app.gui.theme import current_theme
from app.gui.translation import tr
from app.gui.viewport import Viewport
from app.live.run import View
from app.overlay import colour_of
from app.paint import blurred
from app.picking import person_at

CLICK_PX = 4  # a press that moves less is a click, not a pan


class Canvas(QWidget):
    """Shows one View: poses only ever on the frame that they belong to."""

    person_clicked = pyqtSignal(int, bool)  # id, 0 for nobody; whether to add to the selection
    person_double_clicked = pyqtSignal(int)
    menu_wanted = pyqtSignal(int, QPointF)  # id under the pointer, global position

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Picture"))
        self.setMinimumSize(320, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._view: View | None = None
        self._waiting = ""
        self._drawing: Drawing | None = None
        self._viewport = Viewport((1, 1), (1, 1))
        self._scaled: tuple[QImage, QRectF] | None = None  # kept while only the overlay changes
        self._selected: tuple[int, ...] = ()
        self._locked = 0
        self._pressed: QPointF | None = None
        self._panning = False

    def show_view(self, view: View | None, drawing: Drawing | None) -> None:
        """Repaint at once with a frame and its overlay; None shows an empty stage."""
        changed = (view and view.result.frame.image) is not (
            self._view and self._view.result.frame.image
        )
        self._view, self._drawing = view, drawing
        if view is not None:
            self._set_viewport(replace(self._viewport, frame_wh=view.result.frame.size_wh))
        if changed or (drawing is not None and len(drawing.blurred)):
            self._scaled = None
        self.repaint()

    def set_people(self, selected: tuple[int, ...], locked: int) -> None:
        """Mark the selected people; dim everything but the locked one, if any (0: none)."""
        self._selected, self._locked = selected, locked
        self.update()

    def show_waiting(self, text: str) -> None:
        """Show what the first picture is waiting for; no effect once there is a picture."""
        if text != self._waiting:
            self._waiting = text
            self.update()

    def set_busy(self, busy: bool) -> None:
        """Show a busy cursor while another picture is on its way."""
        if busy:
            self.setCursor(Qt.CursorShape.BusyCursor)
        else:
            self.unsetCursor()

    def set_mirror(self, mirror: bool) -> None:
        """Show the picture mirrored, or not."""
        self._set_viewport(replace(self._viewport, mirror=mirror))

    def fit(self) -> None:
        """Show the whole frame."""
        self._set_viewport(replace(self._viewport, zoom=None))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom about a point of the canvas, or about its centre."""
        at = at or QPointF(self.width() / 2, self.height() / 2)
        self._set_viewport(self._viewport.zoomed(factor, at.x(), at.y()))

    @property
    def viewport(self) -> Viewport:
        """How the frame is placed on the canvas."""
        return self._viewport

    def _set_viewport(self, viewport: Viewport) -> None:
        if viewport != self._viewport:
            self._viewport, self._scaled = viewport, None
            self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        self._set_viewport(replace(self._viewport, canvas_wh=(self.width(), self.height())))

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(current_theme().stage))
        if self._view is None or self._view.result.frame.image.size == 0:
            painter.setPen(QColor(current_theme().muted))
            how = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 0, -16, 0), how, self._waiting)
            return
        drawing = self._drawing
        if self._scaled is None:
            image = self._view.result.frame.image
            if drawing is not None and len(drawing.blurred):
                image = blurred(image, drawing.blurred)
            self._scaled = shown_image(image, self._viewport, self.devicePixelRatioF())
        picture, target = self._scaled
        if drawing is not None and drawing.black_background:
            painter.fillRect(target, QColor("black"))
        else:
            painter.drawImage(target, picture)
        if drawing is not None:
            paint_shapes(painter, drawing, self._viewport)
            if self._locked:
                self._dim_all_but(painter, target)
            self._mark_selected(painter)  # below the labels, so as not to cross them out
            paint_texts(painter, drawing, self._viewport)

    def _box_on_canvas(self, person: int) -> QRectF | None:
        if self._view is None:
            return None
        people = self._view.result.people
        for box, i in zip(people.poses.boxes.tolist(), people.ids.tolist(), strict=True):
            if i == person:
                first = QPointF(*self._viewport.to_canvas(box[0], box[1]))
                return QRectF(
                    first, QPointF(*self._viewport.to_canvas(box[2], box[3]))
                ).normalized()
        return None

    def _dim_all_but(self, painter: QPainter, target: QRectF) -> None:
        shade = QPainterPath()
        shade.addRect(target)
        box = self._box_on_canvas(self._locked)
        if box is not None:
            margin = 0.08 * box.height()
            spot = QPainterPath()
            spot.addRoundedRect(box.adjusted(-margin, -margin, margin, margin), margin, margin)
            shade -= spot
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(shade, QColor(8, 10, 14, 150))

    def _mark_selected(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for person in self._selected:
            box = self._box_on_canvas(person)
            if box is not None:
                for colour, width in ((QColor(0, 0, 0, 130), 4.0), (QColor("white"), 1.8)):
                    painter.setPen(QPen(colour, width))
                    painter.drawRoundedRect(box.adjusted(-5, -5, 5, 5), 7, 7)
                dot = QPointF(box.right() + 5, box.top() - 5)
                painter.setPen(QPen(QColor("white"), 1.8))
                painter.setBrush(QColor(*colour_of(person)))
                painter.drawEllipse(dot, 5, 5)
                painter.setBrush(Qt.BrushStyle.NoBrush)

    def _person_under(self, place: QPointF) -> int:
        if self._view is None:
            return 0
        x, y = self._viewport.to_frame(place.x(), place.y())
        return person_at(self._view.result.people, x, y)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802  Qt's name
        if event is not None:
            self.zoom_by(1.0015 ** event.angleDelta().y(), event.position())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  Qt's name
        if event is not None:
            self._pressed, self._panning = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  Qt's name
        if event is None or self._pressed is None:
            return
        moved = event.position() - self._pressed
        if self._panning or moved.manhattanLength() > CLICK_PX:
            self._panning = True
            self._set_viewport(self._viewport.panned(moved.x(), moved.y()))
            self._pressed = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  Qt's name
        if event is None or self._pressed is None or self._panning:
            self._pressed = None
            return
        self._pressed = None
        person = self._person_under(event.position())
        if event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(person, event.globalPosition())
        else:
            more = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
            self.person_clicked.emit(person, bool(event.modifiers() & more))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  Qt's name
        if event is not None:
            self.person_double_clicked.emit(self._person_under(event.position()))
