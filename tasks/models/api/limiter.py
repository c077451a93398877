"""How many requests may be under way and how many tokens go out in a minute, learned as it goes.

Of any minute, no more requests and tokens are sent than the settings or the service's answers allow, whoever on this
machine asks with the same key; see `minute`. How many requests are under way is found by additive increase and
multiplicative decrease (Chiu and Jain, 1989): one more for each round that goes well, doubled until the first refusal;
less after a 429.

It lives on one event loop and needs no lock.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tasks.models.api.minute import Minute, Sent

_FIRST = 4.0  # requests at once
_LESS = 0.7  # of them after a refusal
_COOL = 1.0  # seconds in which several refusals count as one
_LOOK = 0.5  # seconds after which it is looked again whether others need less than they might have
_TICK = 0.001  # seconds, which clocks can tell apart


class Limiter:
    """Lets requests go.

    Args:
        requests, tokens: a minute; None for any number until an answer tells.
        concurrency: most requests at once.
        minute: what is sent in one; by default what this limiter lets go.
        clock: seconds, going on.
    """

    def __init__(
        self,
        requests: int | None,
        tokens: int | None,
        concurrency: int,
        minute: Minute | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = (requests is not None, tokens is not None)
        self.requests, self.tokens = requests, tokens
        self._most = concurrency
        self._minute = minute or Minute()
        self._clock = clock
        self.window = min(_FIRST, concurrency)
        self._steady = False  # whether a refusal was met
        self._refused_last = False
        self._decreased = -math.inf
        self._closed_until = -math.inf
        self._running = 0
        self._ended: Exception | None = None
        self._ended_until = -math.inf
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def acquire(self, tokens: int, urgent: bool = False) -> Sent:
        """Wait until a request of so many tokens may go; first come, first served. Whoever gives up leaves no trace.

        Args:
            tokens: of the request.
            urgent: whether somebody waits for it: then it does not wait for what other runs send.

        Raises:
            Exception: what `end` was given.
        """
        async with self._turn:
            while True:
                while wait := self._wait():
                    await self._freed_within(wait)
                sent = self._minute.place(tokens, self.requests, self.tokens, urgent)
                goes = False
                try:
                    while (wait := sent.at - self._minute.clock()) > 0:
                        await self._freed_within(min(wait, _LOOK))
                        self._check()
                        sent = replace(sent, at=self._minute.when(sent))
                    goes = not self._wait()  # else a refusal came meanwhile
                finally:
                    if not goes:
                        self._minute.withdraw(sent)
                if goes:
                    self._running += 1
                    return sent

    def release(self, sent: Sent, tokens: int) -> None:
        """A request is over, and counts as so many tokens."""
        self._minute.settle(sent, tokens)
        self._running -= 1
        self._freed.set()

    def went_well(self) -> None:
        """An answer came: more may be asked at once."""
        self._refused_last = False
        more = 1.0 if not self._steady else 1.0 / self.window
        self.window = min(self.window + more, self._most)
        self._freed.set()

    def was_too_much(self, retry_after: float) -> None:
        """The service had enough: less is asked at once. After a second refusal on end, nothing is for as long as it
        asks."""
        now = self._clock()
        if self._refused_last:
            self._closed_until = max(self._closed_until, now + retry_after)
        self._refused_last = self._steady = True
        if now - self._decreased >= _COOL:
            self._decreased = now
            self.window = max(self.window * _LESS, 1.0)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take limits from an answer, where the settings give none."""
        requests, tokens = (_number(headers.get(f"x-ratelimit-limit-{what}")) for what in ("requests", "tokens"))
        if requests and not self._fixed[0]:
            self.requests = requests
        if tokens and not self._fixed[1]:
            self.tokens = tokens

    def end(self, error: Exception, seconds: float) -> None:
        """Let nobody go for so long: it is of no use to wait, and who does is told why."""
        self._ended, self._ended_until = error, self._clock() + seconds
        self._freed.set()

    async def _freed_within(self, seconds: float) -> None:
        """Wait until a request is over, or nobody may go, but no longer than so many seconds."""
        self._freed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._freed.wait(), None if math.isinf(seconds) else max(seconds, _TICK))

    def _wait(self) -> float:
        """Seconds until the service is to be asked again, infinite until another request is over, 0 for now."""
        self._check()
        if self._running >= max(int(self.window), 1):
            return math.inf
        return max(self._closed_until - self._clock(), 0.0)

    def _check(self) -> None:
        """Raise what ended everything, if something did."""
        if self._ended is not None and self._clock() < self._ended_until:
            raise self._ended


def _number(told: str | None) -> int | None:
    return int(told) if told and told.strip().isdecimal() else None
