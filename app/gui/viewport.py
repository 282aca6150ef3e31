"""How a frame is placed on the canvas: fit, zoom, pan, mirror. Plain numbers, no widget."""

from __future__ import annotations

from dataclasses import dataclass, replace

MOST_ZOOM = 32.0  # canvas pixels per frame pixel


@dataclass(frozen=True, slots=True)
class Viewport:
    """Maps pixels of the frame to pixels of the canvas. A `zoom` of None fits the whole frame."""

    canvas_wh: tuple[int, int]
    frame_wh: tuple[int, int]
    zoom: float | None = None  # canvas pixels per frame pixel
    centre: tuple[float, float] = (0.5, 0.5)  # the canvas's centre, as a share of the frame
    mirror: bool = False

    @property
    def scale(self) -> float:
        """Canvas pixels per frame pixel."""
        return self.fit_scale if self.zoom is None else self.zoom

    @property
    def fit_scale(self) -> float:
        """The scale at which the whole frame is visible."""
        across = self.canvas_wh[0] / max(1, self.frame_wh[0])
        down = self.canvas_wh[1] / max(1, self.frame_wh[1])
        return max(1e-3, min(across, down))

    @property
    def origin(self) -> tuple[float, float]:
        """The frame's top left corner on the canvas (as shown, mirrored or not)."""
        centre = (0.5, 0.5) if self.zoom is None else self.centre
        return (
            self.canvas_wh[0] / 2 - centre[0] * self.frame_wh[0] * self.scale,
            self.canvas_wh[1] / 2 - centre[1] * self.frame_wh[1] * self.scale,
        )

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """A frame point on the canvas; an integer frame coordinate is the centre of a pixel."""
        shown_x = self.frame_wh[0] - 1 - x if self.mirror else x
        left, top = self.origin
        return left + (shown_x + 0.5) * self.scale, top + (y + 0.5) * self.scale

    def to_frame(self, x: float, y: float) -> tuple[float, float]:
        """The point of the frame under a point of the canvas."""
        left, top = self.origin
        shown_x, frame_y = (x - left) / self.scale - 0.5, (y - top) / self.scale - 0.5
        return (self.frame_wh[0] - 1 - shown_x if self.mirror else shown_x), frame_y

    def zoomed(self, factor: float, x: float, y: float) -> Viewport:
        """Enlarged by `factor`, with the canvas point (x, y) fixed."""
        scale = min(MOST_ZOOM, max(self.fit_scale, self.scale * factor))
        if scale <= self.fit_scale * 1.001:
            return replace(self, zoom=None)
        left, top = self.origin
        ratio = scale / self.scale
        left, top = x - (x - left) * ratio, y - (y - top) * ratio
        return replace(self, zoom=scale)._with_origin(left, top)

    def panned(self, dx: float, dy: float) -> Viewport:
        """Moved by canvas pixels; the canvas's centre stays on the frame."""
        if self.zoom is None:
            return self
        left, top = self.origin
        return self._with_origin(left + dx, top + dy)

    def visible(self) -> tuple[int, int, int, int]:
        """x1 y1 x2 y2 of the frame pixels on the canvas, whole or in part, as shown."""
        left, top = self.origin
        width, height = self.frame_wh
        x1, y1 = max(0, int(-left / self.scale)), max(0, int(-top / self.scale))
        x2 = min(width, int((self.canvas_wh[0] - left) / self.scale) + 1)
        y2 = min(height, int((self.canvas_wh[1] - top) / self.scale) + 1)
        return x1, y1, max(x1 + 1, x2), max(y1 + 1, y2)

    def _with_origin(self, left: float, top: float) -> Viewport:
        across, down = (side * self.scale for side in self.frame_wh)
        x = min(1.0, max(0.0, (self.canvas_wh[0] / 2 - left) / across))
        y = min(1.0, max(0.0, (self.canvas_wh[1] / 2 - top) / down))
        return replace(self, centre=(x, y))
