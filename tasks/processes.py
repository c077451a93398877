"""Processes that work for a run, so that what crashes or never ends takes only them."""

import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import ModuleType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from pebble import ProcessPool

from tasks.memory import call_within, share_of_memory

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Begun(Protocol, Generic[T_co]):
    """Work that a process has."""

    def result(self) -> T_co:
        """What it gave, when it is done; raises what it raised, or what tells of the process's end."""
        ...


class _Process(ForkServerProcess):
    """A process that does not begin with the script of the one that started it: run again, that would start a run."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return ForkServerProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = script


class _Context(ForkServerContext):
    Process = _Process


class Processes:
    """Some processes on this machine.

    Args:
        count: how many.
        timeout: seconds that a call may take.
        preload: modules that they begin with.
        memory: most bytes that each may take; by default a share of the machine's.
    """

    def __init__(self, count: int, timeout: float, preload: Sequence[str], memory: int | None = None) -> None:
        self.count = count
        self._timeout = timeout
        self._memory = memory or share_of_memory(count)
        context = _Context()
        context.set_forkserver_preload(list(preload))
        self._pool = ProcessPool(count, context=context, initializer=quiet_worker)

    def start(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Begun[T]:
        """Have a function called as soon as a process is free; a call that takes too long raises TimeoutError, and one
        that needs more memory than a process may take ends it."""
        begun: Begun[T] = self._pool.submit(
            call_within,  # type: ignore[arg-type]
            self._timeout,
            self._memory,
            function,
            *arguments,
            **keywords,
        )
        return begun

    def close(self) -> None:
        """End them, done or not."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def quiet_worker() -> None:
    """Set up a process: one thread for each library, since there is a process for each core."""
    os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")
    import gc
    import logging
    import resource
    import signal

    gc.freeze()  # what was imported stays; looking through it took 6 % of the time
    gc.set_threshold(10_000, 10, 10)  # in place of 700: rows are many objects, and nearly none in cycles
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a process that crashes leaves no dump of its gigabytes
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run; it ends its processes itself
    logging.disable(logging.ERROR)
    if not os.environ.get("EMBEDLAKE_DEBUG"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries that crash fill the terminal; failures have reasons
