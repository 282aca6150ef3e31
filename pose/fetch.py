"""Fetch published weights into the user's cache; resume broken downloads, and check the hash."""

from __future__ import annotations

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from pose.catalogue import Published
from pose.weight_files import WeightsError, cache_dir, check_hash

_BLOCK = 1 << 18
_TIMEOUT_S = 30.0

Report = Callable[[int, int | None], None]  # bytes so far, bytes in total (None if not known)


def fetch(published: Published, report: Report = lambda done, total: None) -> Path:
    """Download `published` into the cache, unless it is there undamaged; returns its path.

    An interrupted download stays in a `.part` file, from which the next call continues.
    Raises WeightsError if the server or network fails, or the hash is wrong.
    """
    target = cache_dir() / "weights" / published.file_name
    if target.is_file():
        with contextlib.suppress(WeightsError):  # a damaged file is replaced
            check_hash(target, published)
            return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"{target.parent}: cannot be written ({error.strerror}); "
            "name another folder in the variable POSSE_CACHE"
        ) from error
    try:
        part = target.with_name(target.name + ".part")
        _download(published.url, part, report)
        try:
            check_hash(part, published)
        except WeightsError:
            part.unlink()  # not worth continuing from
            raise
        part.replace(target)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise WeightsError(
            f"{published.url}: the server says {error.code} {error.reason}; {_by_hand(published)}"
        ) from error
    except urllib.error.URLError as error:
        raise WeightsError(
            f"{published.url} cannot be reached ({error.reason}); {_by_hand(published)}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(
            f"{published.url}: fetching broke off ({error}); run it again to go on from there"
        ) from error
    return target


def _by_hand(published: Published) -> str:
    return (
        "check the network, or download it elsewhere and bring it here with "
        f"'posse models add {published.file_name}'"
    )


def _download(url: str, part: Path, report: Report) -> None:
    """Download the rest of `part`; OSError if the connection breaks off."""
    begun = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "posse"})
    if begun:
        request.add_header("Range", f"bytes={begun}-")
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416 and begun:  # range not satisfiable: we have the whole file
            error.close()
            return
        raise
    with contextlib.closing(answer):
        resumed = answer.status == 206
        done = begun if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        with part.open("ab" if resumed else "wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
                done += len(block)
                report(done, total)
    if total is not None and done < total:
        raise OSError(f"{done} of {total} bytes came")
