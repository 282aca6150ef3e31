"""Do independent pieces of work in parallel, in copies of this process.

A copy made by `os.fork` has everything imported already: it starts within a millisecond or two,
where a pool of new processes takes longer than scoring a small set.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from pose.cores import core_count

Item = TypeVar("Item")
Result = TypeVar("Result")

_NUMBER = struct.Struct("i")
_TURNS = 1024  # this many numbers fit into any pipe at once


def worth_forking() -> int:
    """How many processes are worth starting: the cores we may use, 1 where forking is not safe."""
    return core_count() if sys.platform == "linux" else 1


def forked_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    processes: int,
    order: Sequence[int],
) -> list[Result]:
    """`[function(item) for item in items]`, done by this process and by forked copies of it.

    `order` lists the items' indices in the order they are started, long ones best first. Errors are
    those of the plain loop, from the first item that fails: what a copy could not do, whatever the
    reason, this process does afterwards. Where forking is not safe (not on Linux, or beside other
    threads) this process does everything.
    """
    processes = min(processes, len(items))
    if processes <= 1 or sys.platform != "linux" or threading.active_count() > 1:
        return [function(item) for item in items]
    turns = _filled_pipe(min(len(items), _TURNS))
    copies: list[tuple[int, int]] = []  # process, pipe of its results
    try:
        for _ in range(processes - 1):
            copies.append(_fork(function, items, order, turns))
        results = _share(function, items, order, turns)
        for _, pipe in copies:
            results |= _received(pipe)
        return [
            results[number] if number in results else function(item)
            for number, item in enumerate(items)
        ]
    finally:
        os.close(turns)
        for process, pipe in copies:
            os.close(pipe)
            os.kill(process, signal.SIGKILL)  # it is done, or nobody waits for it any more
            os.waitpid(process, 0)


def _filled_pipe(count: int) -> int:
    """A pipe that gives each of the numbers below `count` to one reader, then ends."""
    reader, writer = os.pipe()
    os.write(writer, b"".join(map(_NUMBER.pack, range(count))))
    os.close(writer)
    return reader


def _share(
    function: Callable[[Item], Result], items: Sequence[Item], order: Sequence[int], turns: int
) -> dict[int, Result]:
    """This process's share of the results, by index; it ends early where an item fails."""
    results = {}
    step = min(len(items), _TURNS)
    while turn := os.read(turns, _NUMBER.size):
        for number in order[_NUMBER.unpack(turn)[0] :: step]:
            try:
                results[number] = function(items[number])
            except Exception:  # raised again when the item's turn comes in the plain order
                os.read(turns, step * _NUMBER.size)  # the others need not go on either
                return results
    return results


def _fork(
    function: Callable[[Item], Result], items: Sequence[Item], order: Sequence[int], turns: int
) -> tuple[int, int]:
    """Start a copy that does its share; returns its process id and the pipe of its results."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # only the parent reports Ctrl-C
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(_share(function, items, order, turns), pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)  # neither the parent's clean-up nor its buffers are ours


def _received(pipe: int) -> dict[int, Result]:
    """The results of a copy, none if it died."""
    try:
        with os.fdopen(pipe, "rb", closefd=False) as stream:
            return pickle.load(stream)  # our own process wrote it
    except (EOFError, pickle.UnpicklingError):
        return {}
