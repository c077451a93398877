"""One list of two: a convex combination of how near and how well matched each passage is.

Both scores are put on a scale that means the same for every query, so that words count little where a query has few of
them in the corpus. Meaning: how far of the way from two passages taken at random to equal ones. Words: of the score
that a passage would have with every word of the query, each of middling rarity. Of each list the first hundred count,
above the last of these (after Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

DEPTH = 100
"""So many of each list are fused."""
WEIGHT = 0.5
"""Of meaning against words, where nothing else is known of a corpus."""
_SATURATION = 2.2  # the most that BM25's term frequencies give, at k1 = 1.2

Scored = Sequence[tuple[str, float]]
"""Keys and scores, best first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one list has a passage.

    Attributes:
        rank: from 1.
        score: cosine similarity, or BM25.
        share: what it gives to a fused score, from 0 to 1, before it is weighted.
    """

    rank: int
    score: float
    share: float


@dataclass(frozen=True, slots=True)
class Fused:
    """A passage's place in a fused list.

    Attributes:
        key: of the passage.
        score: the weighted sum of what both lists give.
        vector, text: how each has it, or None.
    """

    key: str
    score: float
    vector: Standing | None
    text: Standing | None


def fuse(near: Scored, matching: Scored, weight: float, background: float, most: float) -> list[Fused]:
    """The passages of two lists, best first. Of passages with equal scores that comes first which stands higher in one
    of them; longer lists change nothing above.

    Args:
        near: cosine similarities.
        matching: BM25 scores.
        weight: of the first against the second, from 0 to 1.
        background: cosine similarity of two passages taken at random.
        most: see `most_words`.
    """
    vectors = _standings(near, near[min(DEPTH, len(near)) - 1][1] if near else 0.0, max(1 - background, 1e-6))
    texts = _standings(matching, matching[DEPTH - 1][1] if len(matching) >= DEPTH else 0.0, most)
    found = [
        Fused(
            key,
            weight * _share(vectors.get(key)) + (1 - weight) * _share(texts.get(key)),
            vectors.get(key),
            texts.get(key),
        )
        for key in {**vectors, **texts}
    ]
    return sorted(
        found, key=lambda one: (-one.score, min(s.rank for s in (one.vector, one.text) if s), one.vector is None)
    )


def most_words(words: int, rows: int) -> float:
    """The BM25 score of a passage with every word of a query, each of which the square root of all rows have.

    Args:
        words: of the query, distinct ones, known to the corpus or not.
        rows: of the table.
    """
    return max(words, 1) * _SATURATION * log(1 + max(rows, 1)) / 2


def _standings(scored: Scored, floor: float, scale: float) -> dict[str, Standing]:
    return {key: Standing(rank, score, max(score - floor, 0.0) / scale) for rank, (key, score) in enumerate(scored, 1)}


def _share(standing: Standing | None) -> float:
    return standing.share if standing else 0.0
