"""`posse gui`: open the window."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace

from app.config import read_preset
from pose.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `posse gui` to `parser`."""
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="videos, a folder of pictures, finished tracks (NAME.json), a camera (0) or its URL",
    )
    parser.add_argument("--mode", metavar="PRESET", help="lightweight, balanced or performance")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N")


def run(args: argparse.Namespace) -> int:
    """Open the window; returns when it is closed. Raises UserError where there is no screen."""
    _require_screen()
    from app.gui.main_window import run as run_window  # Qt takes a while to load

    device = args.device or "auto"
    config = read_preset(args.mode, device=device).pipeline if args.mode else None
    if args.device:
        from tracking.pipeline import PipelineConfig

        config = replace(config or PipelineConfig(), device=args.device)
    return run_window(args.sources, config)


def _require_screen() -> None:
    # Without one Qt ends the program by a signal, with advice to reinstall it
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in named):
        raise UserError("there is no screen for the window here; 'posse track' needs none")
