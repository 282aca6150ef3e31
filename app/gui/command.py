"""`posse gui`: open the window."""

from __future__ import annotations

import argparse
from dataclasses import replace

from app.config import read_preset


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
    """Open the window; returns when it is closed."""
    from app.gui.main_window import run as run_window  # Qt takes a while to load

    config = read_preset(args.mode).pipeline if args.mode else None
    if args.device:
        from tracking.pipeline import PipelineConfig

        config = replace(config or PipelineConfig(), device=args.device)
    return run_window(args.sources, config)
