"""The `posse` command: one subcommand per job, each in its own module, imported only when used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from pose.command import Parser, exit_code, log_to_terminal, meant, program_version

Commands = dict[str, tuple["str | Commands", str]]

# name -> (module or subcommands, what it does). A module has `add_arguments(parser)` and
# `run(args) -> exit code`.
COMMANDS: Commands = {
    "gui": ("app.gui.command", "open the window (the same as no command at all)"),
    "track": ("app.track", "follow the people in videos; write overlay videos and tracks"),
    "convert": ("app.convert", "turn a tracks file into another format"),
    "measure": (
        "app.measures.command",
        "joint angles and speeds of tracks, plots, a report",
    ),
    "models": ("app.models", "list, fetch and add weights"),
    "export": ("app.export", "write a network as ONNX, OpenVINO or TensorRT"),
    "label": ("app.label", "pick frames worth correcting, and take corrections back"),
    "train": ("pose.training.command", "train or fine-tune a network"),
    "eval": (
        {
            "posetrack": ("evaluation.posetrack", "PoseTrack MOTA and mAP of results"),
            "mot": ("evaluation.mot", "MOT Challenge scores of results"),
            "coco": ("evaluation.coco", "COCO keypoint AP and PCKh of results"),
            "run": ("evaluation.run", "run the pipeline on a data set and score it"),
            "networks": ("evaluation.networks", "the networks' scores, side by side"),
            "speed": ("evaluation.speed", "milliseconds per stage, frames per second"),
        },
        "score results against truth",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; 1 after a UserError, reported in one line."""
    words = list(sys.argv[1:] if argv is None else argv) or ["gui"]
    log_to_terminal("posse: %(message)s")

    def run() -> int:
        args = make_parser(words).parse_args(words)
        return int(args.run(args))

    return exit_code("posse", run)


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for `words`; imports only the module of the command that they name."""
    parser = Parser(
        prog="posse",
        description="Follow several people in video, live: HRNet poses with identities that stay.",
        epilog="posse COMMAND --help tells the options of a command.",
    )
    parser.add_argument("--version", action="version", version=program_version())
    _add_commands(parser, COMMANDS, words)
    return parser


def _no_command(word: str, commands: Commands) -> str:
    none = f"there is no command '{word}'"
    # Path raises without permission to look
    if commands is COMMANDS and os.path.exists(word):  # noqa: PTH110
        return f"{none}; 'posse gui FILE' opens a file, 'posse track FILE' tracks it"
    return none + (meant(word, commands) or f", only {', '.join(commands)}")


def _add_commands(
    parser: argparse.ArgumentParser, commands: Commands, words: Sequence[str]
) -> None:
    if words and words[0] not in commands and not words[0].startswith("-"):
        parser.error(_no_command(words[0], commands))
    below = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (target, summary) in commands.items():
        chosen = below.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
        )
        if not words or words[0] != name:
            continue
        if isinstance(target, dict):
            _add_commands(chosen, target, words[1:])
        else:
            module = import_module(target)
            module.add_arguments(chosen)
            chosen.set_defaults(run=module.run)
