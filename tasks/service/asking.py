"""What every route needs: the corpora, the limits of a query, and threads to search in."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tasks.service.guard import Limits, Refused
from tasks.service.warm import Corpora, WarmCorpus

T = TypeVar("T")


class Service:
    """What routes need: the corpora, the limits, and threads to search in.

    Args:
        corpora: that are served.
        limits: of each request.
    """

    def __init__(self, corpora: Corpora, limits: Limits) -> None:
        self.corpora, self.limits = corpora, limits
        self.threads = ThreadPoolExecutor(limits.requests, "search")
        self._decoders = ThreadPoolExecutor(os.cpu_count() or 1, "decode")  # each may hold a picture's pixels

    async def ask(self, corpus: WarmCorpus, call: Callable[[], T]) -> T:
        """Make a call that reads a corpus."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, corpus.asked, call)

    async def decode(self, corpus: WarmCorpus, call: Callable[[], T]) -> T:
        """Make a call that decodes images or sound: as many at once as there are cores, for the sake of memory."""
        return await asyncio.get_running_loop().run_in_executor(self._decoders, corpus.asked, call)

    def corpus(self, name: str | None) -> WarmCorpus:
        """The corpus of a name.

        Raises:
            Refused: there is none.
        """
        found = self.corpora.get(name)
        if found is None:
            served = ", ".join(self.corpora.names)
            what = f"no corpus {name!r} is served" if name else "several corpora are served, and none is named"
            raise Refused(404 if name else 400, what, f"Name one of: {served}.")
        return found

    def queries(self, given: str | list[str]) -> list[str]:
        """The queries of a request.

        Raises:
            Refused: one is too long, or there are too many.
        """
        queries = [given] if isinstance(given, str) else given
        if len(queries) > self.limits.queries:
            raise Refused(413, f"{len(queries):,} queries; at most {self.limits.queries:,} may be asked at once")
        longest = max(map(len, queries))
        if longest > self.limits.query:
            raise Refused(413, f"a query has {longest:,} characters; at most {self.limits.query:,} are read")
        return queries
