"""Which batch is taken for the cause when actors die; the actors are made up here."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ray.exceptions import ActorDiedError

from tasks.embed import ray_pool
from tasks.embed.batches import Batch
from tasks.embed.pools import Embedded
from tasks.embed.ray_pool import RayPool
from tasks.models.interface import Vectors


class Actor:
    """Gives each text's vector, or what it raises."""

    def __init__(self, embed: Callable[[list[str]], tuple[Vectors, list[int]]]) -> None:
        self.encode = self
        self.remote = lambda texts: lambda: embed(texts)


def embedded(
    monkeypatch: pytest.MonkeyPatch, batches: Iterator[Batch | None], embed: Callable[[list[str]], Any]
) -> Iterator[Embedded]:
    monkeypatch.setattr(ray_pool.ray_cluster, "ready", lambda references: references[:1])
    monkeypatch.setattr(ray_pool.ray, "get", lambda reference: reference())
    monkeypatch.setattr(RayPool, "_alive", lambda _: True)
    pool = object.__new__(RayPool)
    pool._actors = [Actor(embed)]
    return pool.embed(batches)


def test_a_death_is_counted_for_its_batch_and_for_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    died: set[str] = set()

    def embed(texts: list[str]) -> tuple[Vectors, list[int]]:
        if texts[0] not in died or texts[0] == "7":
            died.add(texts[0])
            raise ActorDiedError
        return np.ones((1, 2), np.float32), [1]

    batches = (Batch(pa.table({"n": [i]}), [str(i)], [0]) for i in range(40))
    failed = [result.batch.texts for result in embedded(monkeypatch, batches, embed) if result.error]
    assert failed == [["7"]]
    assert len(died) == 40
