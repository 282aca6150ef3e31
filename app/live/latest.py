"""A one-place mailbox between two threads: the newest item replaces one that nobody took.

What keeps a live view's lag bounded: a slow taker loses items, it never falls behind.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Latest(Generic[Item]):
    """Hold at most one item; every item put in is taken, handed back by a later put, or drained."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._closed = False

    def put(self, item: Item) -> Item | None:
        """Leave `item`; return the one that it replaces, or `item` itself once closed."""
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self._changed.notify()
            return replaced

    def take(self, timeout_s: float = 0.0) -> Item | None:
        """Take the item out, waiting up to `timeout_s`; None where none came, or once closed."""
        with self._changed:
            if self._item is None and timeout_s > 0 and not self._closed:
                self._changed.wait(timeout_s)
            item, self._item = self._item, None
            return item

    def close(self) -> Item | None:
        """Refuse further items, wake who waits, and return what was still inside."""
        with self._changed:
            self._closed = True
            item, self._item = self._item, None
            self._changed.notify_all()
            return item
