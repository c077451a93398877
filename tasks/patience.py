"""Waiting for what may never come."""

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class WaitedInVain(Exception):
    """What was waited for did not come."""


def each_within(items: Iterator[T], seconds: float) -> Iterator[T]:
    """The items of an iterator, each one waited for so long. One that does not come is left to a thread of its own,
    which ends with the process.

    Raises:
        WaitedInVain: an item did not come.
    """
    asked: SimpleQueue[bool] = SimpleQueue()
    given: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def work() -> None:
        while asked.get():
            try:
                given.put((next(items), None))
            except BaseException as error:
                given.put((None, error))

    threading.Thread(target=work, name="reading", daemon=True).start()
    try:
        while True:
            asked.put(True)
            try:
                item, error = given.get(timeout=seconds)
            except Empty:
                raise WaitedInVain from None
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        asked.put(False)
