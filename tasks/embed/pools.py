"""Pools of encoders: where batches are embedded. Here the run's own process; tasks.embed.ray_pool has Ray's actors."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from tasks.embed.batches import Batch
from tasks.models.interface import Encoded, Encoder, Vectors, encode_checked


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of a batch.

    Attributes:
        batch: it.
        vectors: float32 of shape (n_items, dimension); empty where it failed.
        costs: of each item, as the model counts, before it cuts.
        error: why it failed, or None.
    """

    batch: Batch
    vectors: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    costs: list[int] = field(default_factory=list)
    error: Exception | None = None


class Pool(Protocol):
    """Embeds batches. A `None` among the batches means that none is there yet, and results may be looked for.

    Attributes:
        dimension, max_cost, backend, batch_cost: of its encoders.
        content_cost: as batch_cost, of what is no text.
        batch_items: most items in a batch; None for any number.
        billed: tokens that were paid for.
        cost: USD that were paid; None where nobody knows.
    """

    dimension: int
    max_cost: int
    backend: str
    batch_cost: int
    content_cost: int
    batch_items: int | None

    @property
    def billed(self) -> int: ...  # noqa: D102

    @property
    def cost(self) -> float | None: ...  # noqa: D102

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        """Results in any order; takes a further batch only when there is room for it."""
        ...

    def landed(self, contents: pa.ChunkedArray) -> None:
        """What has these hashes is in the table, or failed for good."""
        ...

    def counted(self, texts: Sequence[str]) -> list[int] | None:
        """Tokens of each text, where they are counted before it is paid for; None where a vector tells its own."""
        ...

    def close(self) -> None:
        """Let go of the encoders."""
        ...


class Unpaid:
    """What pools of models of one's own have in common: nothing is paid."""

    batch_items: int | None = None

    @property
    def billed(self) -> int:
        """None are."""
        return 0

    @property
    def cost(self) -> float | None:
        """Nothing, beside time."""
        return None

    def counted(self, texts: Sequence[str]) -> list[int] | None:
        """The encoder counts."""
        return None

    def landed(self, contents: pa.ChunkedArray) -> None:
        """Nothing is kept."""


class LocalPool(Unpaid):
    """One encoder in the run's own process, on threads beside the one that lands what it gives."""

    def __init__(self, make_encoder: Callable[[], Encoder]) -> None:
        self._encoder = make_encoder()
        self.dimension = self._encoder.dimension
        self.max_cost = self._encoder.max_cost
        self.backend = self._encoder.backend
        self.batch_cost = self.content_cost = self._encoder.batch_cost
        self._threads = ThreadPoolExecutor(self._encoder.concurrency, thread_name_prefix="encode")

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        """Results as they come; one batch more than are encoded at once waits, so that encoding never does."""
        running: dict[Future[Encoded], Batch] = {}
        exhausted = False
        while running or not exhausted:
            while not exhausted and len(running) <= self._encoder.concurrency:
                batch = next(batches, StopIteration)
                if batch is StopIteration:
                    exhausted = True
                elif isinstance(batch, Batch):
                    running[self._threads.submit(encode_checked, self._encoder, batch.items)] = batch
                else:
                    break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                batch = running.pop(future)
                try:
                    yield Embedded(batch, *future.result())
                except Exception as error:  # whatever the model raises; the batch is split to find the cause
                    yield Embedded(batch, error=error)

    def close(self) -> None:
        """End the threads; what they have begun is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
