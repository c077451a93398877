"""The limiter under a clock of its own, where a minute goes by at once."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.models.api.limiter import Limiter
from tasks.models.api.minute import Minute


class Clock:
    """Seconds that go by when everybody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def at_once(work: Callable[[Clock], Coroutine[Any, Any, None]]) -> None:
    """Run some work on an event loop whose time is a clock of its own."""
    clock = Clock()
    loop = asyncio.new_event_loop()
    real = loop.call_at
    loop.time = clock  # type: ignore[method-assign]
    selector = loop._selector  # type: ignore[attr-defined]
    select = selector.select

    def no_waiting(timeout: float | None = None) -> Any:
        if timeout:
            clock.now += timeout
        return select(0)

    selector.select = no_waiting
    assert real
    try:
        loop.run_until_complete(work(clock))
    finally:
        loop.close()


@given(
    st.integers(1, 30), st.integers(50, 2000), st.lists(st.tuples(st.integers(1, 50), st.floats(0.01, 5)), max_size=80)
)
@settings(max_examples=60, deadline=None)
def test_no_minute_has_more_than_is_allowed(requests: int, tokens: int, asked: list[tuple[int, float]]) -> None:
    sent: list[tuple[float, int]] = []

    async def work(clock: Clock) -> None:
        limiter = Limiter(requests, tokens, 8, minute=Minute(clock=clock), clock=clock)

        async def one(count: int, seconds: float) -> None:
            ticket = await limiter.acquire(count)
            sent.append((clock.now, count))
            await asyncio.sleep(seconds)
            limiter.went_well()
            limiter.release(ticket, count)

        await asyncio.gather(*(one(*each) for each in asked))

    at_once(work)
    assert len(sent) == len(asked)
    for begin, _ in sent:
        minute = [count for at, count in sent if begin <= at < begin + 60]
        assert len(minute) <= requests
        assert sum(minute) <= tokens


def test_nearly_all_that_is_allowed_is_used() -> None:
    sent: list[tuple[float, int]] = []

    async def work(clock: Clock) -> None:
        limiter = Limiter(None, 10_000, 16, minute=Minute(clock=clock), clock=clock)

        async def one(i: int) -> None:
            ticket = await limiter.acquire(100)
            await asyncio.sleep(0.3)
            failed = i % 7 == 0
            if failed:
                limiter.was_too_much(0.5)
            else:
                sent.append((clock.now, 100))
                limiter.went_well()
            limiter.release(ticket, 0 if failed else 100)

        await asyncio.gather(*(one(i) for i in range(1000)))

    at_once(work)
    last = max(at for at, _ in sent)
    assert sum(count for _, count in sent) / (10_000 * last / 60) > 0.95


def test_fewer_go_at_once_after_a_refusal_and_more_after_answers() -> None:
    async def work(clock: Clock) -> None:
        limiter = Limiter(None, None, 32, minute=Minute(clock=clock), clock=clock)
        for _ in range(12):
            limiter.went_well()
        grown = limiter.window
        assert grown == 16
        limiter.was_too_much(1.0)
        limiter.was_too_much(1.0)  # of the same moment
        assert limiter.window == pytest.approx(grown * 0.7)
        began = clock.now
        await limiter.acquire(1)  # two refusals on end: the service is left alone for as long as it asks
        assert clock.now - began == pytest.approx(1.0, abs=0.01)
        for _ in range(12):
            limiter.went_well()
        assert grown * 0.7 < limiter.window < grown * 0.7 + 2

    at_once(work)


def test_limits_are_learned_unless_the_settings_give_them() -> None:
    async def work(clock: Clock) -> None:
        told = {"x-ratelimit-limit-requests": "500", "x-ratelimit-limit-tokens": "1000000"}
        free, fixed = (
            Limiter(None, None, 4, minute=Minute(clock=clock), clock=clock),
            Limiter(7, None, 4, minute=Minute(clock=clock), clock=clock),
        )
        free.learn(told)
        fixed.learn(told)
        assert (free.requests, free.tokens) == (500, 1_000_000)
        assert (fixed.requests, fixed.tokens) == (7, 1_000_000)
        free.learn({"x-ratelimit-limit-requests": "many"})
        assert free.requests == 500

    at_once(work)


def test_an_answer_that_took_longer_than_a_minute_counts_no_more() -> None:
    waited: list[float] = []

    async def work(clock: Clock) -> None:
        limiter = Limiter(None, 100, 8, minute=Minute(clock=clock), clock=clock)
        slow = [await limiter.acquire(50) for _ in range(2)]
        await asyncio.sleep(90)
        sent = [await limiter.acquire(50)]  # by now the slow ones are of another minute
        for one in slow:
            limiter.release(one, 0)
        sent += [await limiter.acquire(50) for _ in range(3)]
        waited.extend(one.at for one in sent)

    at_once(work)
    assert [round(at) for at in waited] == [90, 90, 150, 150]


def test_who_gives_up_leaves_its_place_to_others() -> None:
    async def work(clock: Clock) -> None:
        limiter = Limiter(2, None, 8, minute=Minute(clock=clock), clock=clock)
        for _ in range(2):
            limiter.release(await limiter.acquire(1), 1)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(limiter.acquire(1), 15)
        await limiter.acquire(1)
        assert clock.now == pytest.approx(60.3, abs=0.1)

    at_once(work)


def test_where_all_has_ended_whoever_waits_is_told_and_the_next_run_finds_room(tmp_path: Path) -> None:
    async def work(clock: Clock) -> None:
        limiter = Limiter(2, None, 8, minute=Minute(tmp_path / "shared.sqlite", clock=clock), clock=clock)
        waiting = [asyncio.create_task(limiter.acquire(1)) for _ in range(12)]
        await asyncio.sleep(1)
        limiter.end(KeyError("no such key"), 30)
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert sum(isinstance(one, KeyError) for one in told) == 10
        assert Minute(tmp_path / "shared.sqlite", clock=clock).place(1, 2, None).at == pytest.approx(60.3)

    at_once(work)
