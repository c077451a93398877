"""Lists whose best passages differ from each other: maximal marginal relevance (Carbonell and Goldstein, 1998)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.models.interface import Vectors, unit
from tasks.search.retrieve import Hit


def diversified(hits: Sequence[Hit], vectors: Vectors, diverse: float, background: float) -> list[Hit]:
    """Hits in another order: each is next that answers best and is least like the likest of those before it.

    Both count from 0 to 1: how well it answers, between the worst and the best of these hits; how alike two are,
    between two passages taken at random and equal ones.

    Args:
        hits: best first.
        vectors: theirs, of shape (n_hits, dimension).
        diverse: how much the second counts against the first, from 0 to 1.
        background: cosine similarity of two passages taken at random.
    """
    if not hits:
        return []
    scores = np.array([hit.judged.score if hit.judged else hit.score for hit in hits], np.float64)
    span = scores.max() - scores.min()
    relevance = (scores - scores.min()) / span if span > 0 else np.zeros(len(hits))
    units = unit(vectors)
    alike = np.clip((units @ units.T - background) / max(1 - background, 1e-6), 0.0, 1.0)
    likest = np.zeros(len(hits))
    left = np.ones(len(hits), bool)
    order: list[int] = []
    for _ in hits:
        gain = np.where(left, (1 - diverse) * relevance - diverse * likest, -np.inf)
        best = int(np.argmax(np.round(gain, 9)))  # of equal ones the first
        order.append(best)
        left[best] = False
        likest = np.maximum(likest, alike[best])
    return [replace(hits[i], later=hits[i].later | {"diverse": {"before": float(hits[i].rank)}}) for i in order]
