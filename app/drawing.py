"""Plain shapes to paint over a frame, in pixels of the frame; colours are RGBA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose.people import FloatArray

Colour = tuple[int, int, int]
ColourArray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Polyline:
    """A line through P points whose width and colour change along it."""

    points: FloatArray  # (P, 2)
    widths: FloatArray  # (P,)
    colours: ColourArray  # (P, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A line of text on a rounded plate."""

    text: str
    x: float  # left edge of the plate
    y: float  # bottom edge of the plate
    size_px: float  # height of the capitals
    colour: Colour  # of the plate
    text_colour: Colour


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What to paint over a frame, in this order."""

    size_wh: tuple[int, int]
    black_background: bool  # paint on black instead of the picture
    blurred: FloatArray  # (B, 3) x y radius: circles made unrecognisable
    polylines: tuple[Polyline, ...]  # trails and box corners
    segments: FloatArray  # (S, 6) x1 y1 x2 y2 width1 width2: limbs with their outlines
    segment_colours: ColourArray  # (S, 4)
    circles: FloatArray  # (C, 3) x y radius
    circle_colours: ColourArray  # (C, 4)
    labels: tuple[Label, ...]
