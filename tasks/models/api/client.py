"""Asking a service for vectors: what an answer lacks is asked for again, and no answer is paid twice."""

import asyncio
import math
from collections.abc import Callable, Sequence

import orjson

from tasks.errors import ServiceError
from tasks.models.api.answers import Reply, UnusableAnswer, Vector, of_dimension
from tasks.models.api.bill import Bill
from tasks.models.api.connection import Connection, Question
from tasks.models.api.limiter import Limiter
from tasks.models.api.wire import Asked, Kind, Wire
from tasks.services import what_it_says

TRIES = 8  # of a request that fails in passing, or is answered only in part
_SHORT = 10_000  # bytes of an answer that is no more than a message

Got = Callable[[list[int], list[Vector], float | None], None]
"""Takes what an answer has, as soon as it is there: positions of texts, their vectors, and how many tokens the provider
counted to one that was expected, where it says so."""


class Client:
    """A service that is asked for vectors.

    Args:
        wire: its protocol.
        asked: of which model.
        base: its address.
        key: sent with every request; None where there is none.
        limiter: lets requests go.
        bill: of all requests.
        seconds: longest wait for an answer.

    Attributes:
        dimension: that vectors must have; None until one has come.
        scale: tokens that the provider may count to one that is expected, at most.
        unusable: what was wrong with the last answer that could not be used; empty where there was none.
    """

    def __init__(
        self, wire: Wire, asked: Asked, base: str, key: str | None, limiter: Limiter, bill: Bill, seconds: float
    ) -> None:
        self._wire, self._asked, self.bill = wire, asked, bill
        url = base.rstrip("/") + wire.path(asked)
        self._connection = Connection(wire.name, url, wire.headers(key), limiter, bill, seconds)
        self.dimension: int | None = asked.dimension
        self.scale = 1.0
        self.unusable = ""

    async def ask(self, texts: Sequence[str], tokens: Sequence[int], kind: Kind, tries: int, got: Got) -> None:
        """Have texts embedded. Those that no usable vector came for, however often they were asked for, are left out.

        Args:
            texts: not empty.
            tokens: of each, about.
            kind: what they are.
            tries: of a request.
            got: is given vectors as they come.

        Raises:
            ServiceError: the service fails as a whole.
            BudgetSpent: it would cost too much.
            Exception: what `faults` says of a text or of the request.
        """
        left, tried = list(range(len(texts))), 0
        while left:
            expected = sum(tokens[i] for i in left)
            question = self._question([texts[i] for i in left], expected, kind)
            reply = await self._connection.ask(question, tries - tried)
            tried += 1
            if reply is not None:
                vectors = self._fitting(reply)
                here = [at for at, vector in enumerate(vectors) if vector is not None]
                ratio = None if reply.tokens is None else reply.tokens / expected
                got([left[at] for at in here], [vector for vector in vectors if vector is not None], ratio)
                left = [i for i, vector in zip(left, vectors, strict=True) if vector is None]
            if tried >= tries:
                return
            if left:
                await asyncio.sleep(self._connection.pause(tried))

    async def stop(self) -> None:
        """Send nothing any more."""
        await self._connection.stop()

    def _question(self, texts: list[str], tokens: int, kind: Kind) -> Question[Reply | None]:
        """A request, whose answer is None where it cannot be used."""

        def read(content: bytes) -> tuple[Reply | None, int | None]:
            reply = self._read(content, len(texts))
            return reply, reply.tokens if reply else None

        body = self._wire.body(self._asked, texts, kind)
        return Question(
            body, tokens, math.ceil(tokens * self.scale), read,
            lambda status, headers, content: self._wire.fault(status, headers, content, len(texts)), kind == "query",
        )  # fmt: skip

    def _read(self, content: bytes, count: int) -> Reply | None:
        try:
            return self._wire.reply(orjson.loads(content), count)
        except orjson.JSONDecodeError:
            self.unusable = "it is no JSON"
        except UnusableAnswer as error:
            why = what_it_says(content) if len(content) < _SHORT else ""
            self.unusable = f"{error}{why}"
        return None

    def _fitting(self, reply: Reply) -> list[Vector | None]:
        """The vectors of the right length; the first answer with vectors of one length tells which that is.

        Raises:
            ServiceError: all have another length than was asked for.
        """
        lengths = {len(vector) for vector in reply.vectors if vector is not None}
        if self.dimension is None and len(lengths) == 1:
            [self.dimension] = lengths
        if self.dimension is not None and lengths and self.dimension not in lengths:
            raise ServiceError(
                f"{self._wire.name} gives vectors of {min(lengths)} numbers, not of {self.dimension}",
                "Take out `dimension`, should the service have no others.",
            )
        return [None] * len(reply.vectors) if self.dimension is None else of_dimension(reply.vectors, self.dimension)
