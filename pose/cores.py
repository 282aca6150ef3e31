"""How many cores there are to work with. Nothing heavy is imported."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")  # in a container its own


def core_count() -> int:
    """Cores that this process may use: those it may run on, and no more than its container has.

    `docker --cpus 2` shows all cores and stops who uses more than two for the rest of each 100 ms.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, math.ceil(min(cores or 1, _allotted())))


def _allotted() -> float:
    """The cores whose time the container has; infinite where nothing limits it."""
    with contextlib.suppress(OSError, ValueError):  # control groups version 2
        quota, period = (_CONTROL_GROUP / "cpu.max").read_text().split()
        return int(quota) / int(period)  # "max" is not a number
    with contextlib.suppress(OSError, ValueError):  # version 1
        quota, period = (
            (_CONTROL_GROUP / "cpu" / f"cpu.cfs_{name}_us").read_text()
            for name in ("quota", "period")
        )
        if int(quota) > 0:  # -1: no limit
            return int(quota) / int(period)
    return math.inf
