"""RTSP and HLS cameras on loopback, through the whole session; one that dies and comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import make_video
from fake_session import make_pipeline, wait_for
from stream_server import RATE, SIZE_WH, BreakingFilm, HlsCamera, RtspCamera

from app.session import Session
from app.video import camera as camera_module
from tracking.pipeline import PipelineConfig

SLOW_S = 30.0  # how long a busy machine may take


@pytest.fixture
def session():
    """A session, closed after the test."""
    made = Session(PipelineConfig(), make_pipeline)
    yield made
    made.close()


def wait_until_shown(session: Session, more_than: int) -> list[float]:
    """Wait until more than `more_than` frames were shown; return their times."""
    times_s: list[float] = []

    def look() -> bool:
        view = session.take()
        if view is not None:
            times_s.append(view.time_s)
        return len(times_s) > more_than

    wait_for(look, SLOW_S)
    return times_s


def test_an_rtsp_camera_is_shown_and_reconnected_when_it_drops(session, monkeypatch) -> None:
    monkeypatch.setattr(camera_module, "RETRY_S", (0.05,))
    camera = RtspCamera()
    try:
        session.open(camera.url)
        times_s = wait_until_shown(session, 10)
        assert times_s == sorted(times_s)
        info = session.status().info
        assert info is not None and info.live and info.size_wh == SIZE_WH
        camera.close()
        wait_for(lambda: "connection lost" in session.status().problem, SLOW_S)
        assert session.status().state == "running" and session.status().reconnecting
        camera = RtspCamera(camera.port)
        wait_until_shown(session, 5)
        wait_for(lambda: session.status().problem == "", SLOW_S)
        assert not session.status().reconnecting
    finally:
        session.stop()
        camera.close()


def test_an_hls_stream_is_live(session, tmp_path: Path) -> None:
    camera = HlsCamera(tmp_path)
    try:
        wait_for((tmp_path / "live.m3u8").exists, SLOW_S)
        session.open(camera.url)
        # Frames arrive in segments of half a second, and must still be shown one by one
        times_s = wait_until_shown(session, 2 * RATE)
        assert times_s == sorted(times_s)
        assert np.median(np.diff(times_s)) > 0.5 / RATE
        counts = session.status().counts
        assert counts.shown > counts.dropped
        status = session.status()
        assert status.info is not None and status.info.size_wh == SIZE_WH
        assert status.info.live and status.info.duration_s is None
        assert status.state == "running" and status.problem == ""
    finally:
        session.stop()
        camera.close()


def test_a_film_from_a_server_that_breaks_off_is_reported(session, tmp_path: Path) -> None:
    film = BreakingFilm(make_video(tmp_path / "film.mkv", 100))
    try:
        session.open(film.url)
        wait_for(lambda: session.status().state == "failed", SLOW_S)
        assert "breaks off" in session.status().problem
    finally:
        session.stop()
        film.close()
