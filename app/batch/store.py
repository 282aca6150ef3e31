"""Results in any place that fsspec reaches by a URL: s3://..., gs://..., sftp://..., memory://...

A clip is processed in a local folder. Its results move to the store when it ends, so the disk holds
only the clips in progress.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose.errors import UserError


class StoreError(UserError):
    """A store that cannot be reached, read or written."""


@dataclass(frozen=True, slots=True)
class Store:
    """The place at `url`; names are relative to it, with slashes."""

    url: str

    @property
    def scratch(self) -> Path:
        """The local folder in which this user's work for the store is done."""
        mark = hashlib.sha256(f"{getpass.getuser()} {self.url}".encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"posse-{mark}"

    def exists(self, name: str) -> bool:
        """Whether there is a file or folder of that name."""
        with self._opened() as (system, root):
            return bool(system.exists(f"{root}/{name}"))

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to `target`; remove `target` if the store has no such file."""
        with self._opened() as (system, root):
            if system.exists(f"{root}/{name}"):
                system.get_file(f"{root}/{name}", str(target))
            else:
                target.unlink(missing_ok=True)

    def send(self, path: Path, name: str) -> None:
        """Copy the file or folder `path` to `name`, replacing what had that name."""
        with self._opened() as (system, root):
            target = f"{root}/{name}"
            if path.is_dir() and system.exists(target):
                system.rm(target, recursive=True)
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in files:
                inside = file.relative_to(path).as_posix()
                to = target if inside == "." else f"{target}/{inside}"
                system.makedirs(to.rpartition("/")[0], exist_ok=True)
                system.put_file(str(file), to)

    def take(self, path: Path, name: str) -> None:
        """Move the file or folder `path` into the store."""
        self.send(path, name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """fsspec's file system and the path in it; any error becomes a StoreError."""
        from fsspec.core import url_to_fs  # slow to import, and most runs do without

        try:
            system, root = url_to_fs(self.url)
            yield system, root.rstrip("/")
        except Exception as error:  # each fsspec file system raises errors of its own types
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StoreError(f"{self.url}: {reason}; check the address and your access") from error
