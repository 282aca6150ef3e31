"""A network that is not on this machine is fetched on a click. The server is on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fake_session import FakeFile, make_pipeline
from PyQt6.QtCore import Qt

from app.gui.main_window import MainWindow
from pose import weight_files
from pose.catalogue import CATALOGUE, Published
from tracking.pipeline import Pipeline, PipelineConfig

CONTENT = bytes(range(256)) * 4096  # 1 MB


class Halting(BaseHTTPRequestHandler):
    """Sends CONTENT, halting in the middle until `go`; 404 while `closed`."""

    go = threading.Event()
    closed = False

    def do_GET(self) -> None:
        if self.closed:
            self.send_error(404)
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        middle = max(start, len(CONTENT) // 2)
        self.wfile.write(CONTENT[start:middle])
        self.go.wait(30)
        self.wfile.write(CONTENT[middle:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Halting]]:
    """A server with the network `far-away`, and an empty cache."""
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "cache"))
    Halting.go.clear()
    Halting.closed = False
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Halting)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    entry = replace(
        CATALOGUE[0],
        name="far-away",
        url=f"http://127.0.0.1:{httpd.server_port}/far-away.pth",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size_mb=1,
    )

    def by_name(name: str) -> Published | None:
        return entry if name == "far-away" else None

    monkeypatch.setattr(weight_files, "by_name", by_name)
    yield Halting
    Halting.go.set()
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def window(qtbot, open_window, shelf) -> MainWindow:
    """A window set to use `far-away`, which says that it is not on this machine."""

    def make(config: PipelineConfig) -> Pipeline:
        if config.pose == "far-away":
            weight_files.find_weights(config.pose)
        return make_pipeline(config)

    window = open_window(FakeFile(200))
    window.session._loader._make = make
    qtbot.waitUntil(lambda: window.presenter.view is not None)
    window.tuning.configure(replace(window.session.config, pose="far-away"))
    qtbot.waitUntil(window.stage.notice.fetch_button.isVisible)
    return window


def click(qtbot, window: MainWindow) -> None:
    qtbot.mouseClick(window.stage.notice.fetch_button, Qt.MouseButton.LeftButton)


def test_a_network_that_is_not_here_is_fetched_on_a_click(qtbot, window, shelf, tmp_path) -> None:
    notice = window.stage.notice
    assert "far-away is not on this machine" in notice._text.text()
    assert notice.fetch_button.text() == "Fetch (1 MB)"
    click(qtbot, window)
    qtbot.waitUntil(lambda: notice.fetch_button.text() == "Cancel (50% done)")
    assert notice._text.text() == "Fetching far-away…"
    shelf.go.set()
    qtbot.waitUntil(lambda: not notice.isVisible())  # the network is in use
    assert (tmp_path / "cache" / "weights" / "far-away.pth").read_bytes() == CONTENT
    assert not window.session.status().problem


def test_fetching_can_be_cancelled_and_resumes_where_it_stopped(
    qtbot, window, shelf, tmp_path
) -> None:
    notice = window.stage.notice
    click(qtbot, window)
    qtbot.waitUntil(lambda: notice.fetch_button.text() == "Cancel (50% done)")
    click(qtbot, window)
    shelf.go.set()  # the next block received ends it
    qtbot.waitUntil(lambda: notice.fetch_button.text() == "Fetch (1 MB)")
    assert "far-away is not on this machine" in notice._text.text()
    part = tmp_path / "cache" / "weights" / "far-away.pth.part"
    assert part.stat().st_size >= len(CONTENT) // 2
    click(qtbot, window)
    qtbot.waitUntil(lambda: not notice.isVisible())
    assert part.with_suffix("").read_bytes() == CONTENT


def test_a_failed_fetch_says_why_and_can_be_tried_again(qtbot, window, shelf) -> None:
    notice = window.stage.notice
    shelf.closed = True
    click(qtbot, window)
    qtbot.waitUntil(lambda: "the server says 404" in notice._text.text())
    shelf.closed = False
    shelf.go.set()
    click(qtbot, window)
    qtbot.waitUntil(lambda: not notice.isVisible())


def test_closing_the_window_aborts_fetching(qtbot, window, shelf, tmp_path) -> None:
    click(qtbot, window)
    qtbot.waitUntil(lambda: "50%" in window.stage.notice.fetch_button.text())
    threading.Timer(0.1, shelf.go.set).start()
    window.close()
    assert not (tmp_path / "cache" / "weights" / "far-away.pth").exists()
