"""The event loop on which all requests of a process run, on a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from tasks.errors import ServiceError

T = TypeVar("T")
_lock = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


def start(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Begin some work there, from any other thread."""
    with _lock:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="requests", daemon=True).start()
            _loops.append(loop)
    return asyncio.run_coroutine_threadsafe(work, _loops[0])


def within(seconds: float | None, name: str, work: Coroutine[Any, Any, T]) -> T:
    """What some work gives, waited for.

    Args:
        seconds: at most; None for as long as it takes.
        name: of the service that is asked.
        work: begun here.

    Raises:
        ServiceError: it took longer, and is given up.
    """
    asked = start(work)
    try:
        return asked.result(seconds)
    except TimeoutError:
        asked.cancel()
        raise ServiceError(f"{name} did not answer within {seconds:g} s", "Try again later.", True) from None
