"""Asking a service for vectors: sent when it may be, tried again where that helps, and no answer is paid twice.

It speaks HTTP/1.1 over connections that stay open: requests are few and large, which is what it is best at.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import orjson

from tasks.errors import ServiceError
from tasks.models.api.answers import Reply, UnusableAnswer, Vector, of_dimension
from tasks.models.api.bill import Bill
from tasks.models.api.limiter import Limiter
from tasks.models.api.wire import Asked, Kind, Wire
from tasks.services import not_set_up, pause_before, unreached, what_it_says

if TYPE_CHECKING:
    import httpx

TRIES = 8  # of a request that fails in passing, or is answered only in part
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 20.0  # seconds between them, where the service does not say
_LONGEST_WAIT = 300.0  # seconds that a service may ask to wait; after more, the run is to be run again later
_GRACE = 30.0  # seconds after an error of the whole, such as a key that is refused, in which nobody asks again
_SHORT = 10_000  # bytes of an answer that is no more than a message
_OVERLOADED = (429, 503, 529)

Got = Callable[[list[int], list[Vector], float | None], None]
"""Takes what an answer has, as soon as it is there: positions of texts, their vectors, and how many tokens the provider
counted to one that was expected, where it says so."""


class Client:
    """A connection to a service.

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
        self._wire, self._asked = wire, asked
        self._url = base.rstrip("/") + wire.path(asked)
        self._headers = wire.headers(key) | {"Content-Type": "application/json"}
        self._limiter, self.bill, self._seconds = limiter, bill, seconds
        self._http: httpx.AsyncClient | None = None
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
            reply = await self._reply([texts[i] for i in left], expected, kind, tries - tried)
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
                await asyncio.sleep(pause_before(tried, _FIRST_PAUSE, _LONGEST_PAUSE))

    async def _reply(self, texts: list[str], tokens: int, kind: Kind, tries: int) -> Reply | None:
        """An answer, waited for; None for one that cannot be used."""
        most = math.ceil(tokens * self.scale)
        for tried in range(1, max(tries, 1) + 1):
            sent = await self._limiter.acquire(most, after_others=kind != "query")
            paid = 0
            try:
                self.bill.reserve(most)
                try:
                    reply = await self._send(texts, kind)
                    paid = tokens if reply is None or reply.tokens is None else reply.tokens
                    return reply
                except (_Lost, asyncio.CancelledError):
                    paid = most  # nobody knows
                    raise
                finally:
                    self.bill.settle(most, paid)
            except ServiceError as error:
                if not error.transient:
                    self._limiter.end(error, _GRACE)
                if error.retry_after > _LONGEST_WAIT:
                    raise _too_late(error) from None
                if not error.transient or tried >= tries:
                    raise
                pause = max(pause_before(tried, _FIRST_PAUSE, _LONGEST_PAUSE), error.retry_after)
            finally:
                self._limiter.release(sent, paid)
            await asyncio.sleep(pause)
        raise AssertionError("a loop of at least one turn ends above")

    async def _send(self, texts: list[str], kind: Kind) -> Reply | None:
        import httpx

        body = orjson.dumps(self._wire.body(self._asked, texts, kind))
        try:
            response = await self._client().post(self._url, content=body)
        except (  # before anything was sent
            httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol,
            httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError,
        ) as error:  # fmt: skip
            raise unreached(self._wire.name, error) from None
        except httpx.HTTPError as error:
            raise _Lost(*unreached(self._wire.name, error).__reduce__()[1]) from None
        self._limiter.learn(response.headers)
        if response.status_code >= 300:
            fault = self._wire.fault(response.status_code, response.headers, response.content, len(texts))
            if response.status_code in _OVERLOADED and isinstance(fault, ServiceError) and fault.transient:
                self._limiter.was_too_much(fault.retry_after)
            raise fault
        self._limiter.went_well()
        try:
            return self._wire.reply(orjson.loads(response.content), len(texts))
        except orjson.JSONDecodeError:
            self.unusable = "it is no JSON"
        except UnusableAnswer as error:
            why = what_it_says(response.content) if len(response.content) < _SHORT else ""
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

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        if self._http is None:
            limits = httpx.Limits(max_connections=None)
            try:
                self._http = httpx.AsyncClient(headers=self._headers, timeout=self._seconds, limits=limits)
            except (ValueError, ImportError) as error:
                raise not_set_up(self._wire.name, error) from None
        return self._http

    async def stop(self) -> None:
        """Send nothing any more."""
        self._limiter.end(ServiceError(f"{self._wire.name} is not asked any more: the run ends"), math.inf)


def _too_late(error: ServiceError) -> ServiceError:
    """What it means that a service asks for a longer wait than a run waits."""
    return ServiceError(error.message, f"Run again in {error.retry_after / 60:.0f} minutes: it goes on from here.")


class _Lost(ServiceError):
    """An answer was on its way, perhaps: it may have been paid for."""
