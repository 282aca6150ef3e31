"""The window under load: bounded latency, exact counts, flat memory, a responsive interface.

The short run judges the median: a pause of the machine may delay a frame or two, but a queue or a
blocked interface would delay all of them. `POSSE_ENDURANCE=120 pytest
tests/app/gui/test_endurance.py -s` runs two minutes and two hundred changes, on a machine that does
nothing else, and judges the worst.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from clips import make_video
from fake_session import FakeCamera, FakeFile, burnt_number
from PyQt6.QtCore import QTimer

FULL = bool(os.environ.get("POSSE_ENDURANCE"))
SECONDS = float(os.environ.get("POSSE_ENDURANCE", "3"))
CHANGES = 200 if FULL else 12


def resident_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Heartbeat:
    """Measures gaps in the event loop with a timer of 5 ms."""

    def __init__(self) -> None:
        self.gaps_ms: list[float] = []
        self._last_s = time.monotonic()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now_s = time.monotonic()
        self.gaps_ms.append((now_s - self._last_s) * 1000)
        self._last_s = now_s


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "beside"), [(30, False), (60, False), (30, True)])
def test_the_view_stays_live_when_inference_is_ten_times_too_slow(
    qtbot, open_window, tmp_path, rate, beside
) -> None:
    inference_ms = 10_000 / rate
    camera = FakeCamera(rate, size_wh=(640, 480))
    window = open_window(camera, delay_s=inference_ms / 1000, specs=("0",))
    qtbot.waitUntil(lambda: window.presenter.view is not None, timeout=20_000)
    if beside:
        window.actions_by_name["loop"].setChecked(True)
        window.reference.open(str(make_video(tmp_path / "teacher.mp4", 60, (1280, 720), rate=30)))
    qtbot.wait(500)
    gauges = window.session.gauges
    latencies_ms: list[float] = []
    canvas = window.stage.canvas
    show = canvas.show_view

    def measured(view, drawing) -> None:
        """Paint, then compare the time burnt into the picture with the clock."""
        show(view, drawing)
        taken_s = burnt_number(view.result.frame.image) / 1e6
        latencies_ms.append((time.monotonic() - camera.began_s - taken_s) * 1000)

    window.presenter._show = measured
    gc.collect()
    before_mb = resident_mb()
    heartbeat = Heartbeat()  # last: anything before the wait would count as a gap
    qtbot.wait(round(SECONDS * 1000))
    after_mb = resident_mb()
    window.session.stop()
    # A frame that the camera was just giving may still arrive.
    qtbot.waitUntil(lambda: gauges.counts().captured == camera.given)
    qtbot.waitUntil(lambda: gauges.counts().in_flight == 0)

    counts = gauges.counts()
    assert counts.captured == counts.shown + counts.dropped == camera.given
    median_ms, worst_ms = np.median(latencies_ms), max(latencies_ms)
    bound_ms = 2 * inference_ms + 50
    gaps_ms = heartbeat.gaps_ms
    print(
        f"\n{rate} fps{', a reference beside it' * beside}, inference {inference_ms:.0f} ms, "
        f"{SECONDS:.0f} s: "
        f"latency median {median_ms:.0f} ms, p95 "
        f"{np.percentile(latencies_ms, 95):.0f}, worst {worst_ms:.0f} (bound {bound_ms:.0f}); "
        f"captured {counts.captured} = shown {counts.shown} + dropped {counts.dropped}; memory "
        f"{before_mb:.0f} -> {after_mb:.0f} MB; event loop gap p99 "
        f"{np.percentile(gaps_ms, 99):.0f} ms, worst {max(gaps_ms):.0f} ms"
    )
    assert after_mb - before_mb < 40
    # If frames waited behind each other, each would take two inferences.
    assert median_ms < 1.5 * inference_ms + 50
    assert np.percentile(gaps_ms, 95) < 100
    if FULL:
        assert worst_ms < bound_ms
        assert max(gaps_ms) < 100


def test_many_quick_starts_stops_and_changes_leave_nothing_behind(qtbot, open_window) -> None:
    sources = [FakeCamera(60) if turn % 2 else FakeFile(20) for turn in range(CHANGES + 1)]
    window = open_window(*sources, specs=("0",))
    threads = threading.active_count()
    before_mb = resident_mb()
    for turn in range(CHANGES):
        window.open(["0" if turn % 2 else "a.mp4"])
        if turn % 4 == 0:
            qtbot.wait(15)
        if turn % 5 == 0:
            window.library.close()
        if turn % 7 == 0:
            window.library.reopen()
    window.library.close()
    qtbot.waitUntil(lambda: threading.active_count() <= threads, timeout=20_000)
    grown_mb = resident_mb() - before_mb
    assert grown_mb < 60
    if FULL:
        print(f"\n{CHANGES} changes: no hang, no thread left, memory grew by {grown_mb:.0f} MB")
