"""Real networks load while the window keeps running; in its own process, for the imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[3] / "assets" / "sample.mp4"
PROGRAM = """
import json, os, sys, time
from pathlib import Path
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PyQt6.QtCore import QSettings, QTimer
from PyQt6.QtWidgets import QApplication
from app.config import Settings
from app.gui.main_window import MainWindow
from app.gui.program import discard, import_holding_libraries
from app.gui.settings import Memory
from app.session import Session

app = QApplication([])
import_holding_libraries()
settings = Settings()
session = Session(settings.pipeline)
kept = Memory(QSettings(sys.argv[2], QSettings.Format.IniFormat))
window = MainWindow(session, kept, settings)
window.show()
app.processEvents()
assert "torch" not in sys.modules  # or there is nothing to measure
gaps_ms, last_s, others_s = [], 0.0, 0.0

def used_by_others_s():
    user, nice, system, _, _, *rest = map(int, Path("/proc/stat").read_text().split()[1:9])
    everybody_s = (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
    return everybody_s - time.process_time()

def beat():
    global last_s
    now_s = time.monotonic()
    gaps_ms.append((now_s - last_s) * 1000)
    last_s = now_s
    view = window.presenter.view
    if view is not None and len(view.result.people):  # loaded, and at work
        app.quit()

timer = QTimer()
timer.setInterval(5)
timer.timeout.connect(beat)
QTimer.singleShot(100_000, lambda: app.exit(3))

def begin():
    global last_s, others_s
    last_s, others_s = time.monotonic(), used_by_others_s()
    timer.start()
    window.open([sys.argv[1]])

QTimer.singleShot(1000, begin)  # once the window itself is painted
code = app.exec()
others_s = used_by_others_s() - others_s
window.close()
discard(window)
told = {"code": code, "torch": "torch" in sys.modules, "gaps_ms": gaps_ms, "others_s": others_s}
print(json.dumps(told))
"""


@pytest.mark.slow
def test_the_window_keeps_running_while_networks_load(tmp_path: Path) -> None:
    # Linked by its import, torch's libraries alone blocked the window for longer, every time; a
    # delay caused by the machine itself does not happen twice
    worst_ms = longest_gap_ms(tmp_path)
    if worst_ms >= 100:
        worst_ms = longest_gap_ms(tmp_path)
    assert worst_ms < 100


def longest_gap_ms(folder: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(SAMPLE), str(folder / "posse.ini")],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == 0 and told["torch"]
    worst = sorted(told["gaps_ms"])[-3:]
    print(f"\nlongest gaps in the event loop while networks load: {worst} ms")
    if told["others_s"] > 0.1 * sum(told["gaps_ms"]) / 1000:
        pytest.skip(f"the machine is busy: other programs used {told['others_s']:.1f} s")
    return float(worst[-1])
