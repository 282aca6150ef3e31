"""One run at a time at a clip: two that write the same unfinished files leave none that plays."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from app.video.recorder import write_error
from app.video.source import MediaError

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def held(path: Path, source: str) -> Iterator[None]:
    """Hold the file `path`, which is gone afterwards, while a run is at `source`.

    The system lets go of it when the process ends, however it ends. Raises MediaError where another
    run holds it, or where it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise write_error(path, error) from None
    try:
        if not _taken(file, path):
            raise MediaError(
                f"{source}: another run into this folder is at it; "
                "wait until that has ended, or choose another folder"
            )
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows keeps it while it is open
                path.unlink()
    finally:
        os.close(file)


def _taken(file: int, path: Path) -> bool:
    """Whether the open file is now ours alone, and still the one that `path` names."""
    if sys.platform == "win32":
        return True  # there, nobody replaces what another has open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a disk in the network that knows no locks
    # Who held it until now has removed it: a third run may hold the next file of that name
    return path.exists() and os.path.samestat(os.fstat(file), path.stat())
