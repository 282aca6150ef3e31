"""How a program that is run as `python -m MODULE` meets the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from pose.errors import UserError


def run_command(
    module: str,
    description: str | None,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None = None,
) -> int:
    """Run `python -m MODULE`; a UserError becomes one line and exit code 1."""
    parser = argparse.ArgumentParser(
        f"python -m {module}", description=description, formatter_class=_help_formatter
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def positive(text: str) -> int:
    """A whole number from 1 on, as the type of an argument."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def share(text: str) -> float:
    """A number from 0 to 1, as the type of an argument."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not 0 to 1")
    return number


def natural(text: str) -> int:
    """A whole number from 0 on, as the type of an argument."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def _help_formatter(prog: str) -> argparse.HelpFormatter:
    # Without a width argparse asks shutil for it, which loads four compressors: 5 ms of each start.
    return argparse.RawDescriptionHelpFormatter(prog, width=80)
