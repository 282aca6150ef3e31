"""Which measures of a clip are computed and what is written about them."""

from __future__ import annotations

from dataclasses import dataclass

from app.measures.angles import MEASURES, Measure


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """Which measures are computed and written for a clip."""

    angles: bool = False
    speeds: bool = False
    plots: bool = False  # NAME_person3.png
    report: bool = False  # NAME.html
    metres_per_pixel: float | None = None  # None: speeds in pixels a second
    in_heights: bool = False  # speeds in the person's own heights a second, as in the charts

    @property
    def wanted(self) -> bool:
        """Whether anything is requested."""
        return self.angles or self.speeds or self.plots or self.report

    @property
    def by_person(self) -> bool:
        """Whether an output is requested that shows a person over the whole clip."""
        return self.plots or self.report

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is measured: everything, unless angles or speeds are chosen."""
        everything = not (self.angles or self.speeds)
        return tuple(
            measure
            for measure in MEASURES
            if everything or (self.angles if measure.is_angle else self.speeds)
        )

    def unit_of(self, measure: Measure) -> str:
        """The unit of a measure."""
        if measure.is_angle or self.in_heights:
            return measure.unit
        return "px/s" if self.metres_per_pixel is None else "m/s"

    @property
    def unit_per_pixel(self) -> float | None:
        """A pixel's length in the unit of length that speeds use; None if that is heights."""
        return None if self.in_heights else self.metres_per_pixel or 1.0
