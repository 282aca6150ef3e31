"""Fetching from a server that breaks off, lies, or is missing. The server is on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pose.catalogue import CATALOGUE, Published
from pose.fetch import fetch
from pose.weight_files import WeightsError

CONTENT = bytes(range(256)) * 4000  # 1 MB


class Shelf(BaseHTTPRequestHandler):
    """Serves CONTENT; the path says how badly."""

    asked: list[str | None] = []  # noqa: RUF012  the Range headers

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if "no-ranges" in self.path:
            wanted, start = None, 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        broken = "breaks" in self.path and len(self.asked) == 1
        self.wfile.write(CONTENT[start : 300_000 if broken else None])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path))
    Shelf.asked.clear()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def entry(url: str, sha256: str | None = None) -> Published:
    return replace(CATALOGUE[0], url=url, sha256=sha256 or hashlib.sha256(CONTENT).hexdigest()[:8])


def test_weights_are_fetched_checked_and_reported(server: str, tmp_path: Path) -> None:
    reports: list[tuple[int, int | None]] = []
    path = fetch(entry(f"{server}/net.pth"), lambda *report: reports.append(report))
    assert path == tmp_path / "weights" / "net.pth"
    assert path.read_bytes() == CONTENT
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert [file.name for file in path.parent.iterdir()] == ["net.pth"]


def test_weights_that_are_there_are_not_fetched_again(server: str) -> None:
    published = entry(f"{server}/net.pth")
    fetch(published)
    fetch(published)
    assert len(Shelf.asked) == 1


def test_damaged_weights_are_fetched_again(server: str) -> None:
    published = entry(f"{server}/net.pth")
    fetch(published).write_bytes(CONTENT[:1000])
    assert fetch(published).read_bytes() == CONTENT


def test_a_broken_fetch_goes_on_where_it_broke_off(server: str, tmp_path: Path) -> None:
    published = entry(f"{server}/breaks.pth")
    with pytest.raises(WeightsError, match="run it again to go on"):
        fetch(published)
    assert (tmp_path / "weights" / "breaks.pth.part").stat().st_size == 300_000
    assert fetch(published).read_bytes() == CONTENT
    assert Shelf.asked == [None, "bytes=300000-"]


def test_a_server_that_cannot_resume_starts_over(server: str, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "no-ranges.pth.part").write_bytes(b"old" * 1000)
    assert fetch(entry(f"{server}/no-ranges.pth")).read_bytes() == CONTENT


def test_a_part_that_is_already_complete_is_used(server: str, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.pth.part").write_bytes(CONTENT)
    assert fetch(entry(f"{server}/net.pth")).read_bytes() == CONTENT


def test_content_with_another_hash_is_thrown_away(server: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"not net.pth as published .* expected 00000000"):
        fetch(entry(f"{server}/net.pth", sha256="00000000"))
    assert list((tmp_path / "weights").iterdir()) == []


@pytest.mark.parametrize("path", ["/missing.pth", None])
def test_without_server_or_file_the_message_says_how_to_add_weights_by_hand(
    server: str, path: str | None
) -> None:
    url = f"{server}{path}" if path else "http://127.0.0.1:1/net.pth"
    with pytest.raises(WeightsError, match="posse models add") as caught:
        fetch(entry(url))
    assert ("404" in str(caught.value)) == bool(path)


def test_a_cache_that_cannot_be_written_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"weights: cannot be written \(.*POSSE_CACHE"):
        fetch(entry("http://127.0.0.1:9/net.pth"))


def test_every_entry_names_a_hash_and_a_file() -> None:
    names = [published.name for published in CATALOGUE]
    assert len(set(names)) == len(names)
    for published in CATALOGUE:
        assert published.url.startswith("https://")
        assert len(published.sha256) in (8, 64)
        assert int(published.sha256, 16)
        assert published.file_name.endswith(".pth")
