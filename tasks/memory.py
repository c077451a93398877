"""Memory that a reader may take, so that a document that needs too much ends its reader and not the machine."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

_SHARE = 0.75  # of the machine's memory, for all readers together
_LEAST = 4 * 2**30  # bytes for one, up to half of the machine's memory; readers seldom need much all at once
_RESERVED = 2**30  # bytes of addresses that Arrow's allocator reserves at once; they count and are not filled
_CONTROL_GROUPS = Path("/sys/fs/cgroup")

OUT_OF_MEMORY = errno.ENOMEM
"""The exit code of a reader that needed more than it may take."""

P = ParamSpec("P")
T = TypeVar("T")


def share_of_memory(readers: int, memory: int | None = None) -> int:
    """Bytes that one of several readers may take.

    Args:
        readers: how many there are on this machine.
        memory: of the machine, in bytes; by default it is looked up.
    """
    memory = memory or memory_of_machine()
    return max(int(_SHARE * memory) // readers, min(_LEAST, memory // 2))


def memory_of_machine() -> int:
    """Bytes of memory that this machine, or the container that this process is in, has."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_limits_of_groups()])


def _limits_of_groups() -> Iterator[int]:
    """What Linux's control groups allow: version 2 by a file in each folder up to the root, version 1 in one place."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    folder = _CONTROL_GROUPS / own
    found = [f / "memory.max" for f in (folder, *folder.parents) if f.is_relative_to(_CONTROL_GROUPS)]
    for file in (*found, _CONTROL_GROUPS / "memory/memory.limit_in_bytes"):
        try:
            limit = file.read_text().strip()
        except OSError:
            continue
        if limit.isdecimal() and int(limit):
            yield int(limit)


def call_within(most: int, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """What a function returns; where it needs more memory, the process ends with `OUT_OF_MEMORY`, or by what the
    library does that was refused it.

    The process ends because what is left in it may be much, and the next document is not to blame for that.

    Args:
        most: bytes.
        function: to call.
        arguments: of it.
        keywords: of it.
    """
    try:
        with _limited(most):
            return function(*arguments, **keywords)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


@contextmanager
def _limited(most: int) -> Iterator[None]:
    """Refuse this process more memory of its own (what files are mapped to for reading does not count)."""
    most += _RESERVED
    before, highest = resource.getrlimit(resource.RLIMIT_DATA)
    if highest != resource.RLIM_INFINITY:
        most = min(most, highest)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (most, highest))
    except (OSError, ValueError):  # macOS and others refuse some values; there it has no effect anyway
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, highest))
