"""Load the libraries of torch and OpenVINO while other threads keep running.

Python's `import` holds the GIL while the system links a library: half a second for torch, in which
no other thread runs, not even the window's. A call through ctypes releases the GIL; the import that
follows finds the libraries already loaded.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from pathlib import Path

log = logging.getLogger(__name__)

# Most of what the package's import links, as patterns below its folder. Never Python extension
# modules themselves: they must not be initialised without the GIL
_LINKED = {
    "torch": ("lib/libtorch_global_deps.*", "lib/libtorch.*"),
    "openvino": ("libs/libopenvino.*", "libs/libopenvino_intel_cpu_plugin.*"),
}


def preload_libraries() -> None:
    """Link what the networks' packages need; if that fails, their import does it, or says why.

    Works on Linux and macOS; does nothing elsewhere, nor for packages already imported.
    """
    if os.name != "posix":
        return
    link = ctypes.CDLL(None).dlopen
    link.argtypes, link.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    for package, patterns in _LINKED.items():
        if package in sys.modules:
            continue
        for file in (file for pattern in patterns for file in _files(package, pattern)):
            # As torch itself does: its dependencies are visible to all libraries, the rest are not
            visible = os.RTLD_GLOBAL if "global_deps" in file.name else os.RTLD_LOCAL
            if not link(os.fsencode(file), os.RTLD_NOW | visible):
                log.debug("%s cannot be linked ahead", file)


def _files(package: str, pattern: str) -> list[Path]:
    """The matching libraries of a package; none if it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    found = sorted(Path(spec.origin).parent.glob(pattern))
    return [file for file in found if {".so", ".dylib"} & set(file.suffixes)]
