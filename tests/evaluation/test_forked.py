"""Work shared among forked processes gives the plain loop's results and errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluation.forked import forked_map

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # about idle threads
]


@pytest.fixture(autouse=True)
def beside_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier tests may leave threads (a progress bar's), and then nothing would be forked."""
    monkeypatch.setattr("evaluation.forked.threading.active_count", lambda: 1)


def _backwards(count: int) -> list[int]:
    return list(range(count))[::-1]


def _with_process(item: int) -> tuple[int, int]:
    time.sleep(0.05)
    return item * item, os.getpid()


def test_results_come_in_the_order_of_the_items_from_several_processes() -> None:
    results = forked_map(_with_process, range(8), 3, _backwards(8))
    assert [square for square, _ in results] == [item * item for item in range(8)]
    assert len({process for _, process in results}) == 3


def test_more_items_than_fit_into_a_pipe_are_all_done() -> None:
    assert forked_map(str, range(5000), 2, _backwards(5000)) == [str(n) for n in range(5000)]


def _no_odd_ones(item: int) -> int:
    if item % 2:
        raise ValueError(f"{item} is odd")
    return item


def test_the_first_item_s_error_comes_first_however_the_work_is_shared() -> None:
    with pytest.raises(ValueError, match=r"^3 is odd$"):
        forked_map(_no_odd_ones, [0, 2, 3, 4, 5, 6, 7], 3, _backwards(7))


def test_what_a_killed_process_leaves_undone_is_done_by_the_parent() -> None:
    parent = os.getpid()

    def deadly_elsewhere(item: int) -> int:
        time.sleep(0.02)
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert forked_map(deadly_elsewhere, range(6), 3, range(6)) == list(range(6))


def test_an_interrupt_leaves_no_process_behind(tmp_path: Path) -> None:
    code = f"""
import os, signal, time
from pathlib import Path
from evaluation.forked import forked_map
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
def wait(item):
    (Path({str(tmp_path)!r}) / str(os.getpid())).touch()
    time.sleep(60)
forked_map(wait, range(2), 2, range(2))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)  # to the parent only
    assert process.wait(30) != 0
    started = [int(path.name) for path in tmp_path.iterdir()]
    assert len(started) == 2
    for copy in started:
        with pytest.raises(ProcessLookupError):
            os.kill(copy, 0)
