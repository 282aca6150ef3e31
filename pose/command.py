"""What all command-line programs share: mistakes in one line, numbers as arguments."""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

from pose.errors import UserError


class Parser(argparse.ArgumentParser):
    """Reports a mistake in one line with exit code 2, without the usual lines of usage."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", _Help)
        super().__init__(*args, **options)
        self.register("type", int, whole)  # argparse itself says "invalid int value"
        self.register("type", float, number)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def parse_known_args(self, *args: Any, **options: Any) -> Any:
        # Here, so that the error comes from the subcommand, not from the program above it
        namespace, unknown = super().parse_known_args(*args, **options)
        if unknown:
            extra = unknown[0]
            self.error(
                f"there is no option {extra}{meant(extra, self._option_string_actions)}"
                if extra[0] == "-"
                else f"{extra} is one argument too many"
            )
        return namespace, unknown


def meant(word: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` with the word of `known` that `word` resembles; empty for none."""
    close = nearest(word, known)
    return f" (did you mean {close}?)" if close else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The word of `known` that `word` resembles most; empty where none does."""
    from difflib import get_close_matches  # needed after a mistake only

    return next(iter(get_close_matches(word, known, 1)), "")


class LogLines(logging.StreamHandler[TextIO]):
    """Writes log lines to standard error, above the progress bars that tqdm draws there."""

    def emit(self, record: logging.LogRecord) -> None:
        if (tqdm := sys.modules.get("tqdm")) is None:  # slow to load, and without it no bars
            super().emit(record)
            return
        try:
            tqdm.tqdm.write(self.format(record), file=self.stream)
        except Exception:  # as every handler of logging does
            self.handleError(record)


def log_to_terminal(form: str) -> None:
    """Show warnings and errors on standard error, each in a line of the form `form`."""
    logging.basicConfig(level=logging.WARNING, format=form, handlers=[LogLines()])


def counted(number: int, one: str, many: str = "") -> str:
    """`1 frame`, `2 frames`; `many` where it is not `one` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def program_version() -> str:
    """Name and version of this program, as written into files."""
    from importlib import metadata  # here, since scoring needs none of it and starts sooner

    try:
        return f"posse {metadata.version('posse')}"
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "posse"


def run_command(
    module: str,
    description: str | None,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None = None,
) -> int:
    """Run `python -m MODULE`; a UserError becomes one line and exit code 1."""
    parser = Parser(f"python -m {module}", description=description)
    add_arguments(parser)
    return exit_code("error", lambda: run(parser.parse_args(argv)))


def say(text: str) -> None:
    """Print a result, at once: a program may read our output while we work on."""
    print(text, flush=True)  # noqa: T201  what a command line is for


def tell(line: str, name: str = "posse") -> None:
    """Report a problem in one line, which begins with the program's `name`."""
    sys.stderr.write(f"{name}: {line}\n")


def exit_code(name: str, run: Callable[[], int]) -> int:
    """What `run` returns; 1 after a UserError, reported in one line that begins with `name`.

    An OSError is treated likewise. Ctrl-C gives 130 and a pipe that nobody reads any more 141, as
    in a shell.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot show is no error
            stream.reconfigure(errors="backslashreplace")
    try:
        code = run()
        if sys.stdout is not None:  # a window without a console has none
            sys.stdout.flush()
        return code
    except UserError as error:
        tell(str(error), name)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `posse models | head` has read enough
        _finish_output()
        return 141
    except OSError as error:  # a full disk or a missing permission that nothing below reported
        _finish_output()
        place = f"{error.filename}: " if error.filename else ""
        tell(f"{place}{error.strerror or error}", name)
        return 1


def _finish_output() -> None:
    """Flush standard output, or drop what is left: Python would try again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def whole(text: str) -> int:
    """A whole number, as the type of an argument."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def number(text: str) -> float:
    """A finite number, as the type of an argument."""
    try:
        if math.isfinite(value := float(text)):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number")


def positive(text: str) -> int:
    """A whole number of 1 or more, as the type of an argument."""
    if (count := whole(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return count


def share(text: str) -> float:
    """A number from 0 to 1, as the type of an argument."""
    if not 0 <= (part := number(text)) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not 0 to 1")
    return part


def natural(text: str) -> int:
    """A whole number of 0 or more, as the type of an argument."""
    if (count := whole(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return count


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions, and ends an option's help with its default."""

    def __init__(self, prog: str) -> None:
        # Without a width argparse asks shutil, which loads four compressors: 5 ms of each start
        super().__init__(prog, width=80)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, value = action.help or "", action.default
        if "default" in text or not value or value is True or value is argparse.SUPPRESS:
            return text
        words = value if isinstance(value, list | tuple) else [value]
        shown = " ".join(map(str, words)).replace("%", "%%")
        return f"{text} (default: {shown})"
