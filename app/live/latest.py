"""A one-item mailbox between two threads: the newest item replaces one that nobody took.

This bounds a live view's lag: a slow consumer loses items, but never falls behind.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Latest(Generic[Item]):
    """Holds at most one item; each one put is taken, or returned by a later `put` or `close`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._closed = False

    def put(self, item: Item) -> Item | None:
        """Store `item`; return the one that it replaces, or `item` itself once closed."""
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self._changed.notify()
            return replaced

    def take(self, timeout_s: float = 0.0) -> Item | None:
        """Take out the item, waiting up to `timeout_s`; None if none came or once closed."""
        with self._changed:
            if self._item is None and timeout_s > 0 and not self._closed:
                self._changed.wait(timeout_s)
            item, self._item = self._item, None
            return item

    def close(self) -> Item | None:
        """Refuse further items, wake waiting threads, and return the item still inside."""
        with self._changed:
            self._closed = True
            item, self._item = self._item, None
            self._changed.notify_all()
            return item
