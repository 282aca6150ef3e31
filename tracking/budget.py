"""Budget: limit the detector's work so that a frame does not take too long."""

from __future__ import annotations

import logging
from collections import deque
from statistics import median

_log = logging.getLogger(__name__)

# Share of the detector's input size, and n where it runs on every n-th frame; best to cheapest.
# A smaller input shortens the slowest frames; after that, detecting less often cuts the average.
STEPS = ((1.0, 1), (0.75, 1), (0.5, 1), (0.5, 2), (0.5, 4))
_FRAMES = 20  # measured before each decision
_ROOM = 0.5  # share of the limit below which the previous step is tried again


class Budget:
    """Moves down STEPS while frames take longer than `limit_ms`, and up when there is room again.

    A limit of 0 is none: the detector may do all. Every step is logged.
    """

    def __init__(self, limit_ms: float) -> None:
        self.limit_ms = limit_ms
        self._step = 0
        self._recent: deque[float] = deque(maxlen=_FRAMES)

    @property
    def effort(self) -> float:
        """Share of the detector's input size that may be used."""
        return STEPS[self._step][0]

    @property
    def detect_every(self) -> int:
        """The n for which the detector may run on every n-th frame."""
        return STEPS[self._step][1]

    def spend(self, elapsed_ms: float) -> None:
        """Record how long a frame took."""
        if not self.limit_ms:  # perhaps just switched off
            self._step = 0
            self._recent.clear()
            return
        self._recent.append(elapsed_ms)
        if len(self._recent) < _FRAMES:
            return
        usual_ms = median(self._recent)
        if usual_ms > self.limit_ms and self._step < len(STEPS) - 1:
            self._move(1, usual_ms)
        elif usual_ms < _ROOM * self.limit_ms and self._step > 0:
            self._move(-1, usual_ms)

    def _move(self, direction: int, usual_ms: float) -> None:
        self._step += direction
        self._recent.clear()
        _log.warning(
            "a frame takes %.0f ms, the limit is %.0f: the detector now sees %.0f%% of its size, "
            "on %s frame",
            usual_ms,
            self.limit_ms,
            100 * self.effort,
            {1: "every", 2: "every second", 4: "every fourth"}[self.detect_every],
        )
