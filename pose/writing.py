"""Files that appear whole or not at all: written beside their place, and renamed at the end."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from pose.errors import UserError

# How texts show the bytes of a file name that is not UTF-8, as old disks have them: in JSON this is
# the string that Python reads back
UNCODED = "backslashreplace"

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOTDIR: "a part of its name is a file; choose another folder",
    errno.EEXIST: "a file is in the folder's place; choose another folder",
}


@contextlib.contextmanager
def writing(path: Path, failure: type[UserError] = UserError) -> Iterator[None]:
    """Turn an OSError into a `failure` of one line: why `path` cannot be written, what to do."""
    try:
        yield
    except OSError as error:
        raise failure(unwritable(path, error.errno, error.strerror or str(error))) from error


def unwritable(path: Path, number: int | None, reason: str) -> str:
    """One line for the error of a `number` of `errno`; the system's `reason` is the last resort."""
    return f"{path}: cannot be written: {_ADVICE.get(number or 0, reason)}"


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the name to write under; its file becomes `path` at the end, or is deleted on failure.

    Errors, OSErrors included, pass unchanged.
    """
    partial = partial_name(path)
    try:
        yield partial
        put_in_place(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to report
            partial.unlink(missing_ok=True)
        raise


def partial_name(path: Path) -> Path:
    """The name a file has until it is whole."""
    return path.with_name(f".{path.name}.part")


def put_in_place(partial: Path, path: Path) -> None:
    """Rename a finished file to `path`, once its content is on the disk.

    Otherwise the name may be there before the content, and a power cut would leave an empty file.
    """
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)
