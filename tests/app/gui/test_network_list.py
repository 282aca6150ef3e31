"""The tracking panel lists the networks that can be chosen, and what must be fetched first."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_session import FakeFile

from app.gui.main_window import MainWindow
from app.gui.network_list import NetworkList
from pose.catalogue import by_name
from pose.weight_files import BUNDLED


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of weights."""
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "weights"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def look(qtbot, open_window, cache: Path):
    """Open the tracking panel of a window, and wait until it knows the networks."""
    window = open_window(FakeFile(100))

    def look() -> MainWindow:
        window.tabs.setCurrentWidget(window.people)
        window.tabs.setCurrentWidget(window.tracking)
        qtbot.waitUntil(lambda: not window.networks._work.busy)
        return window

    return look


def names(box: NetworkList) -> list[str]:
    return [box.itemText(row) for row in range(box.count())]


def test_networks_that_must_be_fetched_are_marked_until_they_are_here(look, cache) -> None:
    panel = look().tracking
    assert panel.detector.note_of("yolox-s") == "69 MB to fetch"
    assert panel.pose.note_of("hrnet-w32-256x192") == "110 MB to fetch"
    assert panel.pose.note_of("posse-pose") == ""

    published = by_name("yolox-s")
    assert published is not None
    (cache / published.file_name).write_bytes(b"not read: only its name counts")
    look()
    assert panel.detector.note_of("yolox-s") == ""
    assert panel.detector.note_of("yolox-m") == "194 MB to fetch"


def test_networks_that_were_added_are_listed_with_their_kind(qtbot, look, cache) -> None:
    shutil.copy(BUNDLED / "posse-pose.safetensors", cache / "studio.safetensors")
    shutil.copy(BUNDLED / "posse-detector.safetensors", cache / "stage.safetensors")
    (cache / "broken.safetensors").write_bytes(b"damaged")
    window = look()
    panel = window.tracking
    assert names(panel.pose)[:5] == [
        "posse-pose", "posse-pose-large", "posse-pose-small", "studio", "hrnet-w32-256x192",
    ]  # fmt: skip
    assert names(panel.detector)[:3] == ["posse-detector", "stage", "yolox-nano"]
    assert panel.pose.chosen == "posse-pose" and not panel._settling.isActive()

    panel.pose.setCurrentIndex(panel.pose.findText("studio"))
    qtbot.waitUntil(lambda: window.session.config.pose == "studio")
    look()
    assert panel.pose.chosen == "studio" and names(panel.pose).count("studio") == 1


def test_our_networks_are_listed_without_torch(cache) -> None:
    shutil.copy(BUNDLED / "posse-pose.safetensors", cache / "studio.safetensors")
    program = (
        "import sys; from app.gui.networks import _own_files; found = list(_own_files({}))\n"
        "assert [kind for *_, kind in found] == ['pose'], found\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_chosen_network_stays_when_others_are_listed_before_it(look, cache) -> None:
    window = look()
    panel = window.tracking
    panel.pose.choose("hrnet-w48-256x192")
    shutil.copy(BUNDLED / "posse-pose.safetensors", cache / "studio.safetensors")
    look()
    assert panel.pose.chosen == "hrnet-w48-256x192"
