"""Which batch is taken for the cause when actors die; the actors are made up here."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest
from ray.exceptions import ActorDiedError

from tasks.embed import ray_pool
from tasks.embed.batches import Batch
from tasks.embed.pools import Embedded
from tasks.embed.ray_pool import RayPool
from tasks.models.interface import Encoded, Item, text_items


class Actor:
    """Gives each text's vector, or what it raises."""

    def __init__(self, embed: Callable[[list[Item]], Encoded]) -> None:
        self.encode = self
        self.remote = lambda items: lambda: embed(items)


def embedded(
    monkeypatch: pytest.MonkeyPatch, batches: Iterator[Batch | None], embed: Callable[[list[Item]], Encoded]
) -> Iterator[Embedded]:
    monkeypatch.setattr(ray_pool.ray_cluster, "ready", lambda references: references[:1])
    monkeypatch.setattr(ray_pool.ray, "get", lambda reference: reference())
    monkeypatch.setattr(RayPool, "_alive", lambda _: True)
    pool = object.__new__(RayPool)
    pool._actors = [Actor(embed)]
    return pool.embed(batches)


def test_a_death_is_counted_for_its_batch_and_for_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    died: set[str | bytes] = set()

    def embed(items: list[Item]) -> Encoded:
        text = items[0].content
        if text not in died or text == "7":
            died.add(text)
            raise ActorDiedError
        return Encoded(np.ones((1, 2), np.float32), [1])

    batches = (Batch(pa.table({"n": [i]}), text_items([str(i)]), [0]) for i in range(40))
    failed = [result.batch.items for result in embedded(monkeypatch, batches, embed) if result.error]
    assert failed == [text_items(["7"])]
    assert len(died) == 40
