"""Threads that keep order: items pass through bounded queues, and failures come back.

Decoding, inference, drawing and encoding overlap because each runs on its own thread. The queues
between them hold a few items, so a slow stage makes the others wait and memory stays flat.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Conveyor(Generic[Item]):
    """Hand items to `take`, in order, on a separate thread; at most `depth` items wait.

    What `take` raises is raised by the next `put` or by `close`; items after the failure are
    dropped, so that a waiting `put` returns.
    """

    def __init__(self, take: Callable[[Item], None], depth: int, name: str) -> None:
        self._take = take
        self._waiting: queue.Queue[Item | None] = queue.Queue(depth)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over `item`; wait while the queue is full."""
        self._raise_failure()
        self._waiting.put(item)

    def close(self) -> None:
        """Wait until every item is taken; safe to call twice."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        # `take` is often a method of the conveyor's owner: that reference cycle would keep an
        # encoder's memory until the garbage collector's next full pass, many clips later
        self._take = _nobody
        self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        failed = False
        while (item := self._waiting.get()) is not None:
            if failed:
                continue  # keep emptying the queue, so that a waiting `put` returns
            try:
                self._take(item)
            except BaseException as error:
                self._failure, failed = error, True


def _nobody(_: object) -> None:
    """Ignore the item."""


@dataclass(frozen=True, slots=True)
class _End:
    """The last item of a prefetching queue, with the failure that ended it, if any."""

    failure: BaseException | None


def prefetch(items: Iterable[Item], depth: int) -> Generator[Item, None, None]:
    """Yield `items` in order, read ahead by up to `depth` on a separate thread.

    What reading raises is raised after the items read before it. Closing the generator ends the
    thread before `close` returns.
    """
    ready: queue.Queue[Item | _End] = queue.Queue(depth)
    stopped = threading.Event()

    def offer(item: Item | _End) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        failure: BaseException | None = None
        try:
            for item in items:
                offer(item)
                if stopped.is_set():
                    return
        except BaseException as error:
            failure = error
        offer(_End(failure))

    thread = threading.Thread(target=read, name="decode", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.failure is not None:
            raise item.failure
    finally:
        stopped.set()
        thread.join()
