"""Counts add up, and a rate counts gaps, not stamps."""

from __future__ import annotations

from collections import deque

import numpy as np

from app.live.gauges import Gauges, rate_of
from app.live.latest import Latest


def test_a_rate_is_gaps_over_time() -> None:
    assert rate_of(deque([0.0, 0.1, 0.2, 0.3]), 0.3) == np.float64(3 / 0.3)
    assert np.isnan(rate_of(deque([0.0]), 0.0))
    assert np.isnan(rate_of(deque([0.0, 0.1]), 50.0))


def test_what_is_neither_shown_nor_dropped_is_in_flight() -> None:
    gauges = Gauges()
    for moment in range(5):
        gauges.captured(float(moment))
    gauges.shown()
    gauges.dropped(2)
    assert gauges.counts().in_flight == 2


def test_latency_is_given_as_median_and_95th_percentile() -> None:
    gauges = Gauges()
    for latency_ms in range(101):
        gauges.latency(0.0, float(latency_ms))
    flow = gauges.flow(0.0)
    assert (flow.latency_median_ms, flow.latency_p95_ms) == (50.0, 95.0)


def test_latency_covers_the_last_seconds_however_few_frames_there_were() -> None:
    gauges = Gauges()
    for second in range(20):  # a slow camera that was shown with a delay until a moment ago
        gauges.latency(float(second), 2000.0 if second < 9 else 40.0)
    assert gauges.flow(19.0).latency_p95_ms == 40.0
    assert np.isnan(gauges.flow(60.0).latency_p95_ms)


def test_a_mailbox_keeps_the_newest_item_and_returns_the_others() -> None:
    mailbox: Latest[int] = Latest()
    assert mailbox.put(1) is None
    assert mailbox.put(2) == 1
    assert mailbox.take() == 2
    assert mailbox.take() is None
    mailbox.put(3)
    assert mailbox.close() == 3
    assert mailbox.put(4) == 4
    assert mailbox.take(timeout_s=10) is None  # without waiting
