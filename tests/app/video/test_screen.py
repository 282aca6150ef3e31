"""The screen as a source: grabbed under a virtual X server, and from a test picture elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from app.video import screen
from app.video.camera import CameraSource
from app.video.screen import Grabber, grabber_here
from app.video.source import SCREENS, MediaError, is_live, open_source

# A window that fills the screen, its left half red; then what the sources give
SHOW_AND_GRAB = """
import time
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QApplication, QWidget
from app.video.source import SCREENS, open_source

class Halves(QWidget):
    def paintEvent(self, event):
        painter = QPainter(self)
        painter.fillRect(0, 0, 160, 240, QColor(200, 0, 0))
        painter.fillRect(160, 0, 160, 240, QColor(0, 100, 0))

app = QApplication(["halves"])
window = Halves()
window.setGeometry(0, 0, 320, 240)
window.show()
until_s = time.monotonic() + 1
while time.monotonic() < until_s:
    app.processEvents()
for spec in SCREENS:
    with open_source(spec) as source:
        frames = [frame for frame, _ in zip(source, range(4))]
        image = frames[-1].image
        print(source.live, source.size_wh, image.shape, frames[-1].time_s > frames[0].time_s,
              image[120, 5].tolist(), image[120, -5].tolist())
"""


@pytest.mark.skipif(not shutil.which("xvfb-run"), reason="no xvfb-run: no virtual X server")
@pytest.mark.skipif("x11grab" not in av.formats_available, reason="this PyAV has no x11grab")
def test_what_is_on_an_x11_screen_is_read_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    server = ["xvfb-run", "-a", "-s", "-screen 0 320x240x24"]
    done = subprocess.run(
        [*server, sys.executable, "-c", SHOW_AND_GRAB], capture_output=True, text=True, timeout=120
    )
    red, green = [0, 0, 200], [0, 100, 0]
    assert done.stdout.splitlines() == [
        f"True (320, 240) (240, 320, 3) True {red} {green}",
        f"True (160, 240) (240, 160, 3) True {red} {red}",
        f"True (160, 240) (240, 160, 3) True {green} {green}",
    ], done.stderr


@pytest.fixture
def test_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen 65 pixels wide that ends after five pictures."""
    source = "testsrc=size=65x48:rate=30:duration=0.1667"
    monkeypatch.setattr(screen, "grabber_here", lambda: Grabber("lavfi", source))
    real = av.open
    # lavfi knows no option of a grabber
    monkeypatch.setattr(av, "open", lambda file, format, options: real(file, format=format))


@pytest.mark.usefixtures("test_picture")
def test_two_halves_make_the_whole() -> None:
    images = []
    for spec in SCREENS:
        with open_source(spec) as source:
            images.append(next(iter(source)).image)
            assert source.size_wh == images[-1].shape[1::-1]
            assert (source.live, source.frame_rate, source.frame_count) == (True, 30, None)
    whole, left, right = images
    assert (left.shape[1], right.shape[1]) == (32, 33)
    np.testing.assert_array_equal(np.concatenate([left, right], axis=1), whole)


@pytest.mark.usefixtures("test_picture")
def test_a_screen_that_goes_away_is_one_clear_line_and_can_be_closed_twice() -> None:
    source = CameraSource("screen")
    assert source.skip(5) == 5
    with pytest.raises(MediaError, match="screen: the screen gives no more pictures") as error:
        list(source)
    assert "\n" not in str(error.value)
    source.close()
    source.close()


@pytest.mark.parametrize(
    ("platform", "variables", "name", "called"),
    [
        ("linux", {"DISPLAY": ":1"}, "x11grab", ":1"),
        ("win32", {}, "gdigrab", "desktop"),
        ("darwin", {}, "avfoundation", "Capture screen 0:none"),
    ],
)
def test_each_system_has_its_own_grabber(
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variables: dict[str, str],
    name: str,
    called: str,
) -> None:
    only(monkeypatch, variables)
    monkeypatch.setattr(sys, "platform", platform)
    grabber = grabber_here()
    assert (grabber.name, grabber.screen) == (name, called)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "there is none here"),
        ({"DISPLAY": ":1", "WAYLAND_DISPLAY": "wayland-0"}, "under Wayland no program sees it"),
        ({"DISPLAY": ":77"}, r"cannot be grabbed \(.*\); check that this program may see it"),
    ],
)
@pytest.mark.skipif("x11grab" not in av.formats_available, reason="this PyAV has no x11grab")
def test_where_there_is_no_screen_to_see_it_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variables: dict[str, str],
    said: str,
) -> None:
    only(monkeypatch, variables)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(MediaError, match=f"screen: {said}") as error:
        CameraSource("screen")
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""  # FFmpeg, too, leaves it at that


def test_a_pyav_that_cannot_grab_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, {"DISPLAY": ":1"})
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(av, "formats_available", {"mp4"})
    with pytest.raises(MediaError, match="it lacks x11grab"):
        CameraSource("screen")


def test_a_folder_called_screen_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_live("screen") and is_live("screen:left")
    (tmp_path / "screen").mkdir()
    assert not is_live("screen")
    with pytest.raises(MediaError, match="no pictures"):
        open_source("screen")


def only(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Leave these of the variables that name a screen."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
