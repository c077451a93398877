"""Pools of encoders: where batches are embedded. Here the run's own process; tasks.ray_pool has Ray's actors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tasks.batches import Batch
from tasks.encode import Encoder, Vectors
from tasks.errors import UnusableVector


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of a batch.

    Attributes:
        batch: it.
        vectors: float32 of shape (n_texts, dimension); empty where it failed.
        token_counts: of each text, as the model counts, before it cuts.
        error: why it failed, or None.
    """

    batch: Batch
    vectors: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    token_counts: list[int] = field(default_factory=list)
    error: Exception | None = None


class Pool(Protocol):
    """Embeds batches. A `None` among the batches means that none is there yet, and results may be looked for."""

    dimension: int
    max_tokens: int

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        """Results in any order; takes a further batch only when there is room for it."""
        ...

    def close(self) -> None:
        """Let go of the encoders."""
        ...


class LocalPool:
    """One encoder in the run's own process."""

    def __init__(self, make_encoder: Callable[[], Encoder]) -> None:
        self._encoder = make_encoder()
        self.dimension = self._encoder.dimension
        self.max_tokens = self._encoder.max_tokens

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        """Each batch's result before the next is taken."""
        for batch in batches:
            if batch is None:
                continue
            try:
                vectors, token_counts = encode_checked(self._encoder, batch.texts)
                yield Embedded(batch, vectors, token_counts)
            except Exception as error:  # whatever the model raises; the batch is split to find the cause
                yield Embedded(batch, error=error)

    def close(self) -> None:
        """Nothing to let go of."""


def encode_checked(encoder: Encoder, texts: list[str]) -> tuple[Vectors, list[int]]:
    """Vectors and token counts of some texts.

    Raises:
        UnusableVector: a vector has another shape than it must, is not finite, or is zero.
    """
    vectors = encoder.encode(texts)
    if vectors.shape != (len(texts), encoder.dimension):
        raise UnusableVector(f"expected vectors of shape {(len(texts), encoder.dimension)}; came {vectors.shape}")
    if not (np.isfinite(vectors).all() and np.abs(vectors).max(axis=1).min() > 0):
        raise UnusableVector("the model gave a vector that is zero or not finite")
    return vectors, encoder.count_tokens(texts)
