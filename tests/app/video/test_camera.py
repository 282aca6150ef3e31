"""Cameras: a real MJPEG stream over HTTP that hangs up, dies and comes back; the device list."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from fake_session import make_pipeline, wait_for

from app.session import Session
from app.video import camera as camera_module
from app.video import devices
from app.video.camera import CameraSource, parse_spec
from app.video.devices import Camera, Mode, list_cameras
from app.video.source import MediaError, open_source
from tracking.pipeline import PipelineConfig

SERVER = Path(__file__).parents[1] / "mjpeg_server.py"
SLOW_S = 30.0  # how long a busy machine may take


class Server:
    """A camera in a process of its own, that can be killed and started again at its port."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start; at the same port as before."""
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), str(self.port), str(self._frames)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill it, in the middle of whatever it does; safe to call twice."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def url(self) -> str:
        """Where its stream is."""
        return f"http://127.0.0.1:{self.port}/video.mjpg"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Server]]:
    """Start servers that end with the test; reconnecting is quick."""
    monkeypatch.setattr(camera_module, "RETRY_S", (0.05,))
    servers: list[Server] = []

    def start(frames: int) -> Server:
        servers.append(Server(frames))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def test_a_stream_that_hangs_up_in_the_middle_of_a_picture_is_connected_anew(serve) -> None:
    server = serve(10)
    with open_source(server.url) as source:
        frames = list(itertools.islice(source, 35))
        assert source.live and source.size_wh == (160, 120)
    assert [frame.index for frame in frames] == list(range(35))
    times_s = [frame.time_s for frame in frames]
    assert times_s[0] == 0 and times_s == sorted(times_s)


def test_a_camera_whose_process_is_killed_is_waited_for_and_comes_back(serve) -> None:
    server = serve(10**6)
    session = Session(PipelineConfig(), make_pipeline)
    try:
        session.open(server.url)

        def shown(more_than: int) -> bool:
            session.take()
            return session.status().counts.shown > more_than

        wait_for(lambda: shown(5), SLOW_S)
        server.kill()
        wait_for(lambda: "connection lost" in session.status().problem, SLOW_S)
        assert session.status().state == "running"
        before = session.status().counts.shown
        server.start()
        wait_for(lambda: shown(before + 5), SLOW_S)
        assert session.status().problem == ""
        gauges = session.gauges
    finally:
        session.close()
    assert gauges.counts().in_flight == 0


def test_waiting_to_reconnect_ends_at_once_when_it_is_stopped(serve) -> None:
    server = serve(3)
    source = CameraSource(server.url)
    server.kill()
    reader = threading.Thread(target=lambda: list(source))
    reader.start()
    wait_for(lambda: source.trouble != "", SLOW_S)
    source.stop()
    reader.join(SLOW_S)
    assert not reader.is_alive()
    source.close()
    source.close()


def test_an_address_that_does_not_answer_is_one_clear_line() -> None:
    with pytest.raises(MediaError, match="no connection") as error:
        CameraSource("http://127.0.0.1:1/none.mjpg")
    assert "\n" not in str(error.value)


def test_a_camera_has_no_past(serve) -> None:
    with CameraSource(serve(10**6).url) as source:
        assert source.skip(2) == 2
        with pytest.raises(MediaError, match="cannot be sent"):
            source.seek(0)


def test_a_camera_that_is_not_there_is_one_clear_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MediaError, match="camera 77: cannot be opened"):
        CameraSource("77")
    assert capfd.readouterr().err == ""  # OpenCV, too, leaves it at that


def test_a_mode_is_part_of_the_camera_s_name() -> None:
    mode = Mode((1280, 720), Fraction(30000, 1001))
    camera = Camera(1, "Front", (mode,))
    assert camera.spec(mode) == "camera://1?size=1280x720&rate=30000/1001"
    assert parse_spec(camera.spec(mode)) == (1, (1280, 720), Fraction(30000, 1001))
    assert camera.spec() == "1"
    assert parse_spec("1") == parse_spec("/dev/video1") == (1, None, None)
    assert str(mode) == "1280 × 720, 29.97 fps"


@pytest.mark.parametrize(
    "spec", ["camera://front", "/dev/video", "camera://0?size=1280", "camera://0?rate=30/0"]
)
def test_what_names_no_camera_is_one_clear_line(spec: str) -> None:
    with pytest.raises(MediaError, match="not a camera; write its number") as error:
        CameraSource(spec)
    assert "\n" not in str(error.value)


def test_listing_cameras_works_where_there_are_none() -> None:
    assert isinstance(list_cameras(), list)


@pytest.mark.skipif(sys.platform != "linux", reason="V4L2 is Linux's")
def test_a_camera_whose_name_is_cut_off_within_a_letter_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "video3").mkdir()
    (tmp_path / "video3" / "name").write_bytes("Kamera für".encode()[:-2] + b"\n")
    monkeypatch.setattr(devices, "SYSFS", tmp_path)
    monkeypatch.setattr(devices, "_v4l2_modes", lambda device: set())
    assert list_cameras() == [Camera(3, "Kamera f", ())]
