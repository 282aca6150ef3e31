"""Files and folders that appear complete or not at all: renamed when all is in them."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import orjson

from pose.writing import UNCODED, partial_name, put_in_place, writing
from tracking.files import TracksFileError, TracksWriter


@contextlib.contextmanager
def completing(writers: Sequence[TracksWriter]) -> Iterator[None]:
    """Complete all that `writers` write at the end of the block; on failure, leave nothing behind.

    Writers may be added within the block, so that nothing is left if one of them cannot be opened.
    """
    try:
        yield
        for writer in writers:
            writer.close()
    except BaseException:
        for writer in writers:
            writer.abort()  # does nothing to a finished file
        raise


class WholeText:
    """A text file that gets its final name in `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = partial_name(path)
        with writing(path, TracksFileError):
            self._file: IO[str] | None = self._partial.open(
                "w", encoding="utf-8", errors=UNCODED, newline="\n"
            )

    def write(self, text: str) -> None:
        """Append `text`."""
        assert self._file is not None, f"{self.path} is already closed"
        with writing(self.path, TracksFileError):
            self._file.write(text)

    def copy_from(self, spool: IO[str]) -> None:
        """Append the content of `spool`."""
        assert self._file is not None, f"{self.path} is already closed"
        with writing(self.path, TracksFileError):
            spool.seek(0)
            shutil.copyfileobj(spool, self._file)

    def close(self) -> None:
        """Give the file its final name; safe to call twice."""
        if self._file is None:
            return
        with writing(self.path, TracksFileError):
            self._file.close()
            put_in_place(self._partial, self.path)
        self._file = None

    def abort(self) -> None:
        """Remove the unfinished file; safe to call twice and after `close`, failed or not."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with contextlib.suppress(OSError):
            file.close()
        self._partial.unlink(missing_ok=True)


class WholeFolder:
    """A folder of text files that gets its final name in `close`, replacing an older one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = False
        self._partial = partial_name(path)
        with writing(path, TracksFileError):
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)

    @contextlib.contextmanager
    def open(self, name: str, mode: str) -> Iterator[IO[str]]:
        """Open one of the files, as a context."""
        with (
            writing(self.path, TracksFileError),
            (self._partial / name).open(mode, encoding="utf-8", errors=UNCODED, newline="\n") as f,
        ):
            yield f

    def remove(self, name: str) -> None:
        """Delete one of the files."""
        with writing(self.path, TracksFileError):
            (self._partial / name).unlink()

    def close(self) -> None:
        """Give the folder its final name; safe to call twice."""
        if self.closed:
            return
        self.closed = True
        with writing(self.path, TracksFileError):
            if self.path.is_dir():
                shutil.rmtree(self.path)
            self._partial.replace(self.path)

    def abort(self) -> None:
        """Remove the unfinished folder; safe to call twice and after `close`, failed or not."""
        self.closed = True
        shutil.rmtree(self._partial, ignore_errors=True)


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Write `pieces` as a text file; a failure leaves nothing behind."""
    out = WholeText(path)
    try:
        for piece in pieces:
            out.write(piece)
        out.close()
    except BaseException:
        out.abort()
        raise


class JsonLists:
    """A JSON object of lists that grow in parallel, streamed through a temporary file per list."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self._out = WholeText(path)
        with writing(path, TracksFileError):
            self._spools = {
                name: tempfile.TemporaryFile(  # noqa: SIM115
                    "w+", encoding="utf-8", errors=UNCODED, dir=path.parent
                )
                for name in names
            }
        self._counts = dict.fromkeys(names, 0)
        self._closed = False

    def append(self, name: str, item: Any) -> None:
        """Add `item` to the list `name`."""
        with writing(self._out.path, TracksFileError):
            self._spools[name].write(",\n" if self._counts[name] else "\n")
            self._spools[name].write(dumps(item))
        self._counts[name] += 1

    def close(self, **rest: Any) -> None:
        """Write the object: the `rest` first, then the lists. Safe to call twice."""
        if self._closed:
            return
        self._out.write("{")
        for key, value in rest.items():
            self._out.write(f'"{key}": {dumps(value)},\n')
        for place, (name, spool) in enumerate(self._spools.items()):
            self._out.write(f'{"," if place else ""}"{name}": [')
            self._out.copy_from(spool)
            self._out.write("]\n")
            spool.close()
        self._out.write("}\n")
        self._out.close()
        self._closed = True

    def abort(self) -> None:
        """Leave nothing behind."""
        if self._closed:
            return
        self._closed = True
        for spool in self._spools.values():
            with contextlib.suppress(OSError):  # e.g. a full disk, the likely reason for aborting
                spool.close()
        self._out.abort()


def dumps(item: Any) -> str:
    """JSON on one line, without needless spaces; numbers finite."""
    try:
        return orjson.dumps(item).decode()  # a sixth of json's time, at the end of a batch
    except TypeError:  # orjson refuses a clip's name that is not valid UTF-8
        return json.dumps(item, separators=(",", ":"), ensure_ascii=False)
