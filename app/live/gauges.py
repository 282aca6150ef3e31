"""Measurements while frames flow: exact counts, rates, latency, stage times."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

WINDOW_S = 2.0  # rates are measured over this many last seconds
LATENCY_S = 10.0  # latencies are measured over this many last seconds
KEPT = 300  # items kept of each series: ten seconds at 30 frames a second


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the frames went. captured = shown + dropped + in_flight, at every moment."""

    captured: int = 0
    shown: int = 0
    dropped: int = 0  # replaced by newer ones, or discarded at a stop or a seek

    @property
    def in_flight(self) -> int:
        """Frames between source and screen right now."""
        return self.captured - self.shown - self.dropped


@dataclass(frozen=True, slots=True)
class Flow:
    """Recent rates and latency; nan where nothing was measured."""

    capture_fps: float = float("nan")
    inference_fps: float = float("nan")
    latency_median_ms: float = float("nan")  # from capture to screen
    latency_p95_ms: float = float("nan")


def rate_of(stamps_s: deque[float], now_s: float) -> float:
    """Events per second in the last WINDOW_S: gaps over time. nan for fewer than 2 events."""
    recent = [stamp for stamp in stamps_s if now_s - stamp <= WINDOW_S]
    if len(recent) < 2 or recent[-1] <= recent[0]:
        return float("nan")
    return (len(recent) - 1) / (recent[-1] - recent[0])


class Gauges:
    """The measurements of one source; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._captured = self._shown = self._dropped = 0
        self._captures_s: deque[float] = deque(maxlen=KEPT)
        self._inferences_s: deque[float] = deque(maxlen=KEPT)
        self._latencies: deque[tuple[float, float]] = deque(maxlen=KEPT)  # time in s, latency in ms
        self._stages: deque[Mapping[str, float]] = deque(maxlen=KEPT)

    def captured(self, now_s: float) -> None:
        """Count a captured frame."""
        with self._lock:
            self._captured += 1
            self._captures_s.append(now_s)

    def inferred(self, now_s: float, timings_ms: Mapping[str, float]) -> None:
        """Note that a frame went through the pipeline."""
        with self._lock:
            self._inferences_s.append(now_s)
            self._stages.append(timings_ms)

    def shown(self) -> None:
        """Count a frame handed to the screen."""
        with self._lock:
            self._shown += 1

    def dropped(self, count: int = 1) -> None:
        """Count frames that will never be shown."""
        with self._lock:
            self._dropped += count

    def latency(self, now_s: float, latency_ms: float) -> None:
        """Note that a frame reached the screen `latency_ms` after it was captured."""
        with self._lock:
            self._latencies.append((now_s, latency_ms))

    def counts(self) -> Counts:
        """The counts now."""
        with self._lock:
            return Counts(self._captured, self._shown, self._dropped)

    def flow(self, now_s: float) -> Flow:
        """Rates and latency now."""
        with self._lock:
            latencies = [ms for at_s, ms in self._latencies if now_s - at_s <= LATENCY_S]
            median, p95 = np.percentile(latencies or [np.nan], [50, 95])
            return Flow(
                rate_of(self._captures_s, now_s),
                rate_of(self._inferences_s, now_s),
                float(median),
                float(p95),
            )

    def stages(self) -> list[Mapping[str, float]]:
        """Milliseconds per stage of the last frames, oldest first."""
        with self._lock:
            return list(self._stages)
