"""Hand-over between threads: order, bounds, failures and endings."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from app.video.conveyor import Conveyor, prefetch


def test_items_are_taken_in_order_and_all_before_close_returns() -> None:
    taken: list[int] = []
    conveyor = Conveyor(taken.append, 2, "test")
    for number in range(50):
        conveyor.put(number)
    conveyor.close()
    conveyor.close()
    assert taken == list(range(50))


def test_a_failure_reaches_the_next_put_and_nobody_hangs() -> None:
    def take(number: int) -> None:
        if number == 3:
            raise OSError("full")

    conveyor = Conveyor(take, 1, "test")
    with pytest.raises(OSError, match="full"):
        for number in range(1000):
            conveyor.put(number)
    conveyor.close()


def test_a_failure_on_the_last_item_reaches_close() -> None:
    def take(_: int) -> None:
        raise OSError("full")

    conveyor = Conveyor(take, 4, "test")
    conveyor.put(1)
    with pytest.raises(OSError, match="full"):
        conveyor.close()


def test_prefetching_reads_ahead_by_no_more_than_its_depth() -> None:
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    ahead = prefetch(numbers(), 3)
    assert [next(ahead) for _ in range(5)] == [0, 1, 2, 3, 4]
    ahead.close()
    assert 5 <= len(read) <= 5 + 3 + 2  # the queue, one in the reader's hand, one taken out


def test_what_reading_raises_comes_after_what_was_read() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("torn")

    got = []
    with pytest.raises(OSError, match="torn"):
        for number in prefetch(numbers(), 5):
            got.append(number)
    assert got == [1, 2]


def test_closing_early_ends_the_thread() -> None:
    before = threading.active_count()
    ahead = prefetch(iter(range(1000)), 2)
    next(ahead)
    ahead.close()
    assert threading.active_count() == before


def test_who_takes_from_a_conveyor_of_its_own_is_freed_when_it_is_closed() -> None:
    class Owner:
        def __init__(self) -> None:
            self.conveyor = Conveyor(self.take, 2, "test")

        def take(self, item: int) -> None:
            pass

    gc.disable()  # a recorder holds an encoder's memory: too much to wait for a full pass
    try:
        owner = Owner()
        gone = weakref.ref(owner)
        owner.conveyor.put(1)
        owner.conveyor.close()
        del owner
        assert gone() is None
    finally:
        gc.enable()
