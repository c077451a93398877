"""Queries of many threads, embedded together."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tasks.models.interface import Encoded, Item
from tasks.service.batching import Batcher


class Slow:
    """An encoder that gives a query's length, is not to be called twice at once, and waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.go = threading.Event()
        self._one = threading.Lock()

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        assert self._one.acquire(blocking=False), "two calls at once"
        try:
            texts = [str(item.content) for item in items]
            self.calls.append(texts)
            self.go.wait(10)
            if "bad" in texts:
                raise ValueError("bad")
            return Encoded(np.array([[len(text), 1] for text in texts], np.float32), [len(text) for text in texts])
        finally:
            self._one.release()


def test_what_arrives_during_a_call_is_the_next_one() -> None:
    encoder = Slow()
    batcher = Batcher(encoder)  # type: ignore[arg-type]
    queries = ["a" * length for length in range(1, 31)]
    with ThreadPoolExecutor(30) as threads:
        futures = [threads.submit(batcher.embed, [query]) for query in queries]
        while sum(map(len, encoder.calls)) + len(batcher._waiting) < len(queries):
            pass  # all have come
        encoder.go.set()
        for query, future in zip(queries, futures, strict=True):
            [vector], tokens = future.result()
            assert vector.tolist() == [len(query), 1]
            assert tokens == len(query)
    assert len(encoder.calls) == 2
    assert sorted(query for call in encoder.calls for query in call) == queries


def test_many_queries_of_one_request_keep_their_order() -> None:
    encoder = Slow()
    encoder.go.set()
    queries = ["a" * (n % 7 + 1) for n in range(150)]
    vectors, tokens = Batcher(encoder).embed(queries)  # type: ignore[arg-type]
    assert [vector.tolist() for vector in vectors] == [[len(query), 1] for query in queries]
    assert tokens == sum(map(len, queries))
    assert [len(call) for call in encoder.calls] == [64, 64, 22]


def test_nobody_pays_for_the_query_of_another() -> None:
    encoder = Slow()
    batcher = Batcher(encoder)  # type: ignore[arg-type]
    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(batcher.embed, [query]) for query in ("first", "bad", "good")]
        while sum(map(len, encoder.calls)) + len(batcher._waiting) < 3:
            pass
        encoder.go.set()
        assert futures[0].result()[1] == 5
        assert futures[2].result()[1] == 4
        with pytest.raises(ValueError, match="bad"):
            futures[1].result()
