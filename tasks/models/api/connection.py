"""A connection to a service: requests sent when they may be, and tried again where that helps.

It speaks HTTP/1.1 over connections that stay open: requests are few and large, which is what it is best at.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from tasks.errors import ServiceError
from tasks.models.api.bill import Bill
from tasks.models.api.limiter import Limiter
from tasks.services import not_set_up, pause_before, unreached

if TYPE_CHECKING:
    import httpx

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 20.0  # seconds between tries, where the service does not say
_LONGEST_WAIT = 300.0  # seconds that a service may ask to wait; after more, the run is to be run again later
_GRACE = 30.0  # seconds after an error of the whole, such as a key that is refused, in which nobody asks again
_OVERLOADED = (429, 503, 529)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A request.

    Attributes:
        body: of it, to be sent as JSON.
        tokens: that the provider will count, about; most: at most.
        read: what its answer says, and the tokens that the provider counted, None where it does not say.
        fault: what an answer with a status of 300 or more means.
        urgent: whether somebody waits for it: then it does not wait for what other runs send.
    """

    body: Any
    tokens: int
    most: int
    read: Callable[[bytes], tuple[T, int | None]]
    fault: Callable[[int, Mapping[str, str], bytes], Exception]
    urgent: bool = False


class Connection:
    """A connection to a service.

    Args:
        service: what it is called in messages.
        url: where requests go.
        headers: of every request.
        limiter: lets requests go.
        bill: of all requests.
        seconds: longest wait for an answer.
    """

    def __init__(
        self, service: str, url: str, headers: Mapping[str, str], limiter: Limiter, bill: Bill, seconds: float
    ) -> None:
        self._service, self._url = service, url
        self._headers = {**headers, "Content-Type": "application/json"}
        self._limiter, self.bill, self._seconds = limiter, bill, seconds
        self._http: httpx.AsyncClient | None = None

    async def ask(self, question: Question[T], tries: int, until: float = math.inf) -> T:
        """What the service answers.

        Args:
            question: to be sent.
            tries: of it, one at least.
            until: by the monotonic clock, when nobody waits for an answer any more.

        Raises:
            ServiceError: the service fails as a whole; or in passing, and it is no use or too late to try again.
            BudgetSpent: it would cost too much.
            Exception: what the answer means, or the reader of it raises.
        """
        for tried in range(1, max(tries, 1) + 1):
            sent = await self._limiter.acquire(question.most, question.urgent)
            paid = 0
            try:
                self.bill.reserve(question.most)
                try:
                    answer, counted = await self._send(question)
                    paid = question.tokens if counted is None else counted
                    return answer
                except (_Lost, asyncio.CancelledError):
                    paid = question.most  # nobody knows
                    raise
                finally:
                    self.bill.settle(question.most, paid)
            except ServiceError as error:
                if not error.transient:
                    self._limiter.end(error, _GRACE)
                if error.retry_after > _LONGEST_WAIT:
                    raise _too_late(error) from None
                pause = max(self.pause(tried), error.retry_after)
                if not error.transient or tried >= tries or time.monotonic() + pause >= until:
                    raise
            finally:
                self._limiter.release(sent, paid)
            await asyncio.sleep(pause)
        raise AssertionError("a loop of at least one turn ends above")

    async def _send(self, question: Question[T]) -> tuple[T, int | None]:
        import httpx

        try:
            response = await self._client().post(self._url, content=orjson.dumps(question.body))
        except (  # before anything was sent
            httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol,
            httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError,
        ) as error:  # fmt: skip
            raise unreached(self._service, error) from None
        except httpx.HTTPError as error:
            raise _Lost(*unreached(self._service, error).__reduce__()[1]) from None
        self._limiter.learn(response.headers)
        if response.status_code >= 300:
            fault = question.fault(response.status_code, response.headers, response.content)
            if response.status_code in _OVERLOADED and isinstance(fault, ServiceError) and fault.transient:
                self._limiter.was_too_much(fault.retry_after)
            raise fault
        self._limiter.went_well()
        return question.read(response.content)

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        if self._http is None:
            limits = httpx.Limits(max_connections=None)
            try:
                self._http = httpx.AsyncClient(headers=self._headers, timeout=self._seconds, limits=limits)
            except (ValueError, ImportError) as error:
                raise not_set_up(self._service, error) from None
        return self._http

    def pause(self, tried: int) -> float:
        """Seconds before what was tried so often is asked again."""
        return pause_before(tried, _FIRST_PAUSE, _LONGEST_PAUSE)

    async def stop(self) -> None:
        """Send nothing any more."""
        self._limiter.end(ServiceError(f"{self._service} is not asked any more: the run ends"), math.inf)


def _too_late(error: ServiceError) -> ServiceError:
    """What it means that a service asks for a longer wait than a run waits."""
    return ServiceError(error.message, f"Run again in {error.retry_after / 60:.0f} minutes: it goes on from here.")


class _Lost(ServiceError):
    """An answer was on its way, perhaps: it may have been paid for."""
