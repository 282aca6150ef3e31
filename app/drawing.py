"""Plain shapes to paint over a frame, in pixels of the frame; colours are RGBA."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pose.people import FloatArray

Box = tuple[float, float, float, float]  # x1 y1 x2 y2
Colour = tuple[int, int, int]
ColourArray = NDArray[np.uint8]

DIGITS_A_PERSON = 16  # a person less tall, in heights of digits, would vanish below the numbers


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


@dataclass(frozen=True, slots=True)
class Number:
    """A few characters on a rounded plate beside a place."""

    text: str
    x: float  # where the plate begins
    y: float
    towards: tuple[float, float]  # where the plate lies from there, a unit vector
    size_px: float  # height of the digits
    colour: Colour  # of the plate
    text_colour: Colour

    @property
    def plate(self) -> Box:
        """The plate's x1 y1 x2 y2: as long as its text is at most, which is painted in its middle.

        A digit is four fifths as wide as it is high, in the fonts of files and of the window.
        """
        width, height = self.size_px * (0.6 + 0.8 * len(self.text)), 1.7 * self.size_px
        x1 = self.x + (self.towards[0] - 1) * width / 2
        y1 = self.y + (self.towards[1] - 1) * height / 2
        return x1, y1, x1 + width, y1 + height


@dataclass(frozen=True, slots=True, eq=False)
class Angle:
    """An arc at a joint with its degrees."""

    outline: Polyline
    arc: Polyline
    number: Number
    person_px: float  # the longer side of the person's box

    def legible(self, least_px: float, most_px: float) -> Number | None:
        """The number in digits of this height; None if the person is too small for such digits."""
        size_px = min(max(least_px, self.number.size_px), most_px)
        if size_px * DIGITS_A_PERSON > self.person_px:
            return None
        return replace(self.number, size_px=size_px)


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
    angles: tuple[Angle, ...] = ()  # below the labels; the nearest person's first
