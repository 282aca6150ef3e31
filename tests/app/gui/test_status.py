"""What the status bar says, and what the stage says while there is no picture."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from fractions import Fraction
from types import ModuleType, SimpleNamespace

import pytest
from fake_session import FakeFile

from app.gui.reporting import awaited, device_name
from app.live.feeds import SourceInfo
from app.live.gauges import Flow
from app.live.run import Status


def test_the_stage_says_what_the_first_picture_waits_for(qtbot, open_window) -> None:
    opened = threading.Event()

    class Slow(FakeFile):
        """A file on a slow disk."""

        def __enter__(self):
            opened.wait(5)
            return self

    window = open_window(Slow(20))
    canvas = window.stage.canvas
    qtbot.waitUntil(lambda: canvas._waiting in ("Opening a.mp4…", "Loading the networks…"))
    opened.set()
    qtbot.waitUntil(lambda: window.presenter.view is not None and canvas._waiting == "")


def test_before_the_first_picture_the_window_does_not_say_that_it_plays() -> None:
    assert awaited(Status("opening", "/clips/a.mp4")) == "Opening a.mp4…"
    assert awaited(Status("running", loading=True)) == "Loading the networks…"
    assert awaited(Status("running")) == "Finding people in the first picture…"
    assert awaited(Status("idle")) == awaited(Status("failed")) == ""


def test_a_status_bar_text_that_grows_is_not_cut_off(open_window) -> None:
    bar = open_window().status
    for flow in (Flow(), Flow(capture_fps=1.0), Flow(capture_fps=25.0, inference_fps=24.0)):
        bar.show_status(Status(state="running", flow=flow), 2, 2, "CPU")
        assert bar._rates.width() >= bar._rates.sizeHint().width()


def test_a_camera_is_not_called_live_while_it_is_reconnected(open_window) -> None:
    bar = open_window().status
    info = SourceInfo("camera", (160, 120), Fraction(30), None, live=True)
    live = Status("running", info=info, playing=True)
    bar.show_status(live, 0, 0, "CPU")
    green = bar._dot.styleSheet()
    assert bar._state.text().startswith("Live · camera")
    bar.show_status(replace(live, reconnecting=True), 0, 0, "CPU")
    assert bar._state.text().startswith("Reconnecting… · camera")
    assert bar._dot.styleSheet() != green


def test_a_long_name_does_not_widen_the_window(open_window) -> None:
    bar = open_window().status
    info = SourceInfo("a", (160, 120), Fraction(25), None, live=False)
    widths = []
    for name in ("a.mp4", 40 * "practice-" + ".mp4"):
        bar.show_status(Status("running", info=replace(info, name=name)), 0, 0, "CPU")
        widths.append(bar.minimumSizeHint().width())
    assert widths[0] == widths[1]


def test_a_message_too_long_to_fit_beside_the_numbers_hides_them(paused) -> None:
    paused.resize(900, 600)
    status, people = paused.status, paused.status._people
    status.say("Saved a.json")
    assert people.isVisible()
    status.say(f"{'four_women_dance_portrait' * 6}.json exists already: open it")
    assert not people.isVisible()
    status.clearMessage()
    assert people.isVisible()


def test_long_work_can_be_cancelled(qtbot, open_window) -> None:
    window = open_window()
    steps: list[int] = []

    def job(progress) -> None:
        while True:
            steps.append(1)
            progress(0.5)

    window.work.begin("Counting", job, lambda _: None)
    qtbot.waitUntil(window.status._work.isVisible)
    with qtbot.waitSignal(window.work.failed) as failed:
        window.status.cancelled.emit()
    assert failed.args == ["Counting: cancelled"]
    assert not window.work.busy


@pytest.mark.parametrize("loading", [True, False], ids=["by the networks", "by a preset"])
def test_torch_is_not_queried_for_a_device_while_half_imported(monkeypatch, loading) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))  # no torch.cuda yet
    assert device_name("auto", loading) == "CPU"
    assert device_name("cuda:1", loading) == "cuda:1"


class Cards:
    """torch.cuda of a machine with one card; fails, as torch does, if asked for another."""

    def __init__(self, begun: bool) -> None:
        self.is_available = lambda: True
        self.is_initialized = lambda: begun
        self.device_count = lambda: 1

    def get_device_name(self, index: int) -> str:
        assert self.is_initialized(), "the window waits until CUDA is begun"
        return ["Card 0"][index]

    def memory_reserved(self, index: int) -> int:
        return [5 * 2**20][index]


@pytest.mark.parametrize(
    ("device", "name", "before"),
    [
        ("auto", "Card 0, 5 MB", "CUDA"),
        ("cuda:0", "Card 0, 5 MB", "cuda:0"),
        ("cuda:1", "cuda:1", "cuda:1"),
        ("cuda:x", "cuda:x", "cuda:x"),
        ("cpu", "CPU", "CPU"),
    ],
)
def test_a_device_is_named_by_its_card_once_cuda_is_initialised(
    monkeypatch, device: str, name: str, before: str
) -> None:
    for begun, told in ((True, name), (False, before)):
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=Cards(begun)))
        assert device_name(device, loading=False) == told
