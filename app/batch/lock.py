"""One run at a time per clip: two that write the same unfinished files would corrupt them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from app.video.source import MediaError
from pose.writing import writing

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextlib.contextmanager
def held(path: Path, source: str) -> Iterator[None]:
    """Hold the lock file `path`, removed afterwards, while a run works on `source`.

    The system releases it when the process ends, however it ends. Raises MediaError if another run
    holds it or if it cannot be created.
    """
    with writing(path, MediaError):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        if not _taken(file, path):
            raise MediaError(
                f"{source}: another run into this folder is at it; "
                "wait until that has ended, or choose another folder"
            )
        try:
            yield
        finally:
            if sys.platform != "win32":  # before another run can hold it
                with contextlib.suppress(OSError):
                    path.unlink()
    finally:
        os.close(file)
        if sys.platform == "win32":  # which does not delete a file that anybody has open
            with contextlib.suppress(OSError):
                path.unlink()


def _taken(file: int, path: Path) -> bool:
    """Whether we now hold the lock on the open file, and it is still the one that `path` names."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second on Windows
        return False
    except OSError:
        return True  # a network file system without locks
    # The last holder has deleted the file: a third run may hold a new one of the same name
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
