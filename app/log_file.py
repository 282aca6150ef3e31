"""A log of one run, in a file of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pose.errors import UserError
from pose.writing import UNCODED, writing

log = logging.getLogger(__name__)


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Log to `path`, from level INFO up; the other handlers show no more than before."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8", errors=UNCODED)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    before, others = root.level, list(root.handlers)
    levels = [other.level for other in others]
    for other in others:
        other.setLevel(max(other.level, before))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    except UserError as error:
        log.info("ended by: %s", error)
        raise
    finally:
        root.removeHandler(handler)
        handler.close()
        root.setLevel(before)
        for other, level in zip(others, levels, strict=True):
            other.setLevel(level)
