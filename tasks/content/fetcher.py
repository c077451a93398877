"""Contents fetched by processes, some ahead of what is used, and no more of them held than a bound allows."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tasks.config.settings import Corpus
from tasks.content.fetching import Fetched, fetch
from tasks.content.finding import Origin, origins_of
from tasks.content.items import Content
from tasks.errors import DocumentError, UnfinishedDocument
from tasks.models.takes import TEXT_ONLY, Takes
from tasks.processes import Begun, Processes

_AT_ONCE = 2**13  # tokens in a piece of work: of images 2 million pixels, 6 MiB as they travel
_MOST_HELD = 2**18  # tokens that are fetched ahead, beside one piece of work: 192 MiB of pixels
_OF_ONE = 4  # times as many of one sound or film, which is read anew for each piece of work
_FILES = 16  # in a piece of work


class Fetcher:
    """Fetches the contents of chunks that are no text. Its processes start with the first that is wanted.

    Args:
        corpus: whose they are.
        takes: what the model takes that they are for.
    """

    def __init__(self, corpus: Corpus, takes: Takes = TEXT_ONLY) -> None:
        self._corpus = corpus
        self._takes = takes
        self._processes: Processes | None = None

    def fetch(self, rows: list[dict[str, Any]]) -> Iterator[tuple[int, Content | DocumentError]]:
        """The content of each row by its place among them, in any order; or what is wrong with it: `LostContent` where
        it is not to be had as it was read.

        Args:
            rows: with the columns `finding.COLUMNS`.
        """
        if self._processes is None:
            count = self._corpus.resources.readers or os.cpu_count() or 1
            self._processes = Processes(count, self._corpus.extraction.timeout, ["tasks.content.fetching"])
        begun: deque[tuple[list[Origin], Begun[Fetched]]] = deque()
        held = 0
        for found in _grouped(origins_of(rows, self._corpus)):
            if isinstance(found, tuple):
                yield found
                continue
            begun.append((found, self._begin(found)))
            held += _size(found)
            while len(begun) > 2 * self._processes.count or (held > _MOST_HELD and len(begun) > 1):
                held -= _size(begun[0][0])
                yield from self._finish(*begun.popleft())
        while begun:
            yield from self._finish(*begun.popleft())

    def close(self) -> None:
        """End the processes."""
        if self._processes:
            self._processes.close()
            self._processes = None

    def _begin(self, origins: list[Origin]) -> Begun[Fetched]:
        assert self._processes is not None
        return self._processes.start(fetch, origins, self._corpus, self._takes)

    def _finish(self, origins: list[Origin], begun: Begun[Fetched]) -> Fetched:
        """What a process gave; what ends it, or takes too long, is found by halves."""
        try:
            return begun.result()
        except ImportError:  # the installation's fault
            raise
        except Exception as error:  # whatever a decoder raises, or the end of the process
            halves = _halves(origins)
            if len(halves) == 1:
                return [(one.key, _cause(error)) for one in origins[0].wanted]
            return [one for half in halves for one in self._finish(half, self._begin(half))]


def _grouped(found: Iterator[Any]) -> Iterator[list[Origin] | tuple[int, DocumentError]]:
    """Work of a few origins or tokens; what has many pieces in parts."""
    group: list[Origin] = []
    for one in found:
        if isinstance(one, tuple):
            yield one
            continue
        for part in _parts(one):
            if group and (len(group) == _FILES or _size(group) + part.size > _AT_ONCE):
                yield group
                group = []
            group.append(part)
    if group:
        yield group


def _parts(origin: Origin) -> Iterator[Origin]:
    part: list[Any] = []
    size = 0
    for one in origin.wanted:
        if part and size + one.size > _AT_ONCE * (_OF_ONE if one.reference.time else 1):
            yield replace(origin, wanted=part)
            part, size = [], 0
        part.append(one)
        size += one.size
    yield replace(origin, wanted=part)


def _size(origins: list[Origin]) -> int:
    return sum(origin.size for origin in origins)


def _halves(origins: list[Origin]) -> list[list[Origin]]:
    if len(origins) > 1:
        middle = len(origins) // 2
        return [origins[:middle], origins[middle:]]
    [origin] = origins
    middle = len(origin.wanted) // 2
    parts = (origin.wanted[:middle], origin.wanted[middle:]) if middle else (origin.wanted,)
    return [[replace(origin, wanted=part)] for part in parts]


def _cause(error: Exception) -> DocumentError:
    told = "takes too long to decode" if isinstance(error, TimeoutError) else f"cannot be decoded: {error}"[:500]
    return UnfinishedDocument(f"it {told} ({type(error).__name__})", "Leave it out with `exclude`.")
