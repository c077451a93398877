"""The best hits of a search in another order: raised by what their documents have, or as different as possible."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tasks.models.interface import Vectors
from tasks.search.boost import boosted
from tasks.search.diverse import diversified
from tasks.search.options import Asked
from tasks.search.retrieve import Hit

POOL = 100
"""So many of the best may change places; always the same ones, whatever page is asked for."""


def rearranged(
    hits: Sequence[Hit], pool: int, asked: Asked, vectors: Callable[[Sequence[Hit]], Vectors], background: float
) -> list[Hit]:
    """Hits in the order that is asked for, with their new ranks.

    Args:
        hits: the list from its beginning.
        pool: so many of its best may change places.
        asked: boosts and diversity.
        vectors: gives those of hits.
        background: cosine similarity of two passages taken at random.
    """
    best, others = list(hits[:pool]), hits[pool:]
    if asked.boost:
        best = boosted(best, asked.boosts)
        best = [replace(hit, rank=rank) for rank, hit in enumerate(best, 1)]
    if asked.diverse and best:
        best = diversified(best, vectors(best), asked.diverse, background)
    return [replace(hit, rank=rank) for rank, hit in enumerate([*best, *others], 1)]
