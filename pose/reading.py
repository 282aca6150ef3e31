"""Read the files that users give: text, JSON and numbers, and one line for what is wrong with them.

None of Python's own messages reach the user. Code that reads from a file's content does so inside
`with reading(...)`, which says where it was when something was wrong.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import math
from collections.abc import Iterator, Sequence
from itertools import filterfalse
from pathlib import Path
from typing import Any

import orjson

from pose.errors import UserError

# What malformed content raises when code reads from it
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ", b"7z\xbc\xaf")  # gzip, zip, xz, 7z begin so


class ContentError(ValueError):
    """Content that cannot be used; its text says why in our words."""


@contextlib.contextmanager
def reading(where: str, failure: type[UserError]) -> Iterator[None]:
    """Turn MALFORMED errors into a `failure` that begins with `where`; the innermost one wins.

    UserErrors pass unchanged.
    """
    try:
        yield
    except MALFORMED as error:
        raise failure(f"{where}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Say what a MALFORMED error means."""
    if isinstance(error, ContentError):
        return str(error)
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, IndexError):
        return "a list is too short"
    if isinstance(error, OverflowError):
        return "a number is too large"
    return "not built as it should be: a value is of another kind, or a list of another length"


def read_bytes(path: Path, failure: type[UserError]) -> bytes:
    """The content of a text file; raises `failure` where it is missing, unreadable or packed."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise failure(f"{path}: no such file; check the name") from None
    except OSError as error:
        raise failure(f"{path}: cannot be read ({error.strerror})") from error
    if content.startswith(_PACKED):
        raise failure(f"{path}: a compressed file; unpack it first")
    return content


def read_text(path: Path, failure: type[UserError]) -> str:
    """The content of a UTF-8 text file, with or without a byte order mark; or a `failure`."""
    content = read_bytes(path, failure)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        what = "a text file in UTF-16; save it as UTF-8" if wide else "not a text file in UTF-8"
        raise failure(f"{path}: {what}") from error


def read_json(path: Path, failure: type[UserError]) -> Any:
    """The content of a JSON file, NaN and numbers of any size included, or a `failure`."""
    content = read_bytes(path, failure)
    if not content.strip():
        raise failure(f"{path}: the file is empty")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass  # NaN is not JSON, but other programs write it; and the slow parser says more
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise failure(
            f"{path}: not a whole JSON file (line {error.lineno}, column {error.colno}: "
            f"{error.msg}); was it cut off while being written?"
        ) from error
    except UnicodeDecodeError as error:
        raise failure(f"{path}: not a JSON file; it is not text") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, deep nesting
        raise failure(f"{path}: not a JSON file that can be read: {_beyond(error)}") from error


def _beyond(error: Exception) -> str:
    deep = isinstance(error, RecursionError)
    return "its lists are too deep" if deep else "a number has too many digits"


def shown(value: Any) -> str:
    """A value of a file as JSON text, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."


def number(value: Any) -> float:
    """A value of a JSON file that must be a finite number. Raises ContentError."""
    if type(value) not in (int, float) or not math.isfinite(result := float(value)):
        raise ContentError(f"{shown(value)} is not a finite number")
    return result


def whole(value: Any) -> int:
    """A value of a JSON file that must be a whole number of 64 bits. Raises ContentError."""
    if not number(value).is_integer() or abs(value) >= 2**63:
        raise ContentError(f"{shown(value)} is not a whole number of 64 bits")
    return int(value)


def floats(cells: Sequence[str]) -> list[float]:
    """The numbers of a line of text. Raises ContentError naming the cell that is not one."""
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        raise ContentError(
            f"{shown(next(filterfalse(_is_number, cells)))} is not a number"
        ) from None


def _is_number(cell: str) -> bool:
    with contextlib.suppress(ValueError):
        float(cell)
        return True
    return False
