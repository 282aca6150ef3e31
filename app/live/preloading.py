"""Bring torch's and OpenVINO's libraries into memory while other threads go on.

Python's `import` holds the interpreter for as long as the system links a library, which for torch
is half a second in which no thread of ours runs, the window's least of all. A call through ctypes
lets go of the interpreter; the import that follows finds the libraries there.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from pathlib import Path

log = logging.getLogger(__name__)

# The large part of what is linked when the package is imported, as patterns below its folder; never
# the modules of Python themselves, which must not be started without holding the interpreter
_LINKED = {
    "torch": ("lib/libtorch_global_deps.*", "lib/libtorch.*"),
    "openvino": ("libs/libopenvino.*", "libs/libopenvino_intel_cpu_plugin.*"),
}


def preload_libraries() -> None:
    """Link what the networks' packages need; where that fails, their import does it, or says why.

    Of use on Linux and macOS; does nothing elsewhere, nor for what is imported already.
    """
    if os.name != "posix":
        return
    link = ctypes.CDLL(None).dlopen
    link.argtypes, link.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    for package, patterns in _LINKED.items():
        if package in sys.modules:
            continue
        for file in (file for pattern in patterns for file in _files(package, pattern)):
            # Torch itself links its dependencies for all to see, and the rest for itself alone
            visible = os.RTLD_GLOBAL if "global_deps" in file.name else os.RTLD_LOCAL
            if not link(os.fsencode(file), os.RTLD_NOW | visible):
                log.debug("%s cannot be linked ahead", file)


def _files(package: str, pattern: str) -> list[Path]:
    """The libraries of an installed package; none where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    found = sorted(Path(spec.origin).parent.glob(pattern))
    return [file for file in found if {".so", ".dylib"} & set(file.suffixes)]
