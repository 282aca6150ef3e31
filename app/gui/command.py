"""`posse gui`: open the window."""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from app.config import preset_names, read_preset
from pose.errors import UserError

# Packages that the window needs on a minimal Debian or Ubuntu, as in the README
_PACKAGES = (
    "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-keysyms1 libxcb-shape0"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `posse gui` to `parser`."""
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="videos, a folder of videos or of pictures, finished tracks (NAME.json), a camera (0) "
        "or its URL, the screen (screen)",
    )
    parser.add_argument(
        "--mode", metavar="NAME", help=f"{', '.join(preset_names())}, or a TOML file"
    )
    parser.add_argument("--device", metavar="DEV", help="auto, cpu, cuda or cuda:N (default: auto)")


def run(args: argparse.Namespace) -> int:
    """Open the window; returns its exit code when it is closed.

    Raises UserError if there is no screen, or the system lacks a library that Qt needs.
    """
    _require_screen()
    _require_libraries()
    from app.gui.program import run as run_window  # Qt takes a while to load

    preset = None
    if args.mode:
        preset = read_preset(args.mode, device=args.device or "auto").pipeline
    return run_window(args.sources, preset, args.device)


def _require_screen() -> None:
    # Without a screen Qt aborts the process by a signal, with advice to reinstall it
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in named):
        raise UserError("there is no screen for the window here; 'posse track' needs none")


def _require_libraries() -> None:
    """Load what Qt will load: if a library is missing, Qt aborts the process by a signal."""
    package = find_spec("PyQt6")
    if sys.platform != "linux" or package is None or not package.submodule_search_locations:
        return
    qt = Path(package.submodule_search_locations[0]) / "Qt6"
    needed = [qt / "lib" / "libQt6Widgets.so.6"]
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform.startswith("xcb") or not (platform or os.environ.get("WAYLAND_DISPLAY")):
        needed.append(qt / "plugins" / "platforms" / "libqxcb.so")
    for library in filter(Path.exists, needed):  # a distribution's Qt is elsewhere, complete
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            missing = str(error).partition(":")[0]
            raise UserError(
                f"the window needs {missing}, which this system lacks; on Debian and Ubuntu: "
                f"apt-get install {_PACKAGES}"
            ) from error
