"""How far two searches give the same, and how much of what one gives says the same twice."""

import re
from collections.abc import Sequence

_PERSISTENCE = 0.9  # of the reader whom rank-biased overlap assumes: nine of ten go on to the next rank
_SHINGLE = 3  # words
_NEAR = 0.8  # share of the shingles of two texts that both have, from which on one nearly repeats the other
_WORD = re.compile(r"\w+")


def overlap(these: Sequence[str], those: Sequence[str], depth: int = 10) -> float:
    """The share of the first places of two lists that both have; 1 for two empty ones."""
    first, second = set(these[:depth]), set(those[:depth])
    longest = max(len(first), len(second))
    return len(first & second) / longest if longest else 1.0


def rank_biased_overlap(these: Sequence[str], those: Sequence[str], depth: int = 10) -> float:
    """The overlap at each depth, the first ones counting most; from 0 to 1, cut at a depth and scaled to it (after
    Webber, Moffat and Zobel, "A Similarity Measure for Indefinite Rankings", 2010)."""
    if not these and not those:
        return 1.0
    weights = [_PERSISTENCE**place for place in range(depth)]
    shares = [len({*these[: place + 1]} & {*those[: place + 1]}) / (place + 1) for place in range(depth)]
    longest = max(len(these), len(those))
    if longest < depth:  # nothing more could be shared
        weights, shares = weights[:longest], shares[:longest]
    return sum(w * s for w, s in zip(weights, shares, strict=True)) / sum(weights)


def repeating(texts: Sequence[str]) -> int:
    """How many of some texts, best first, nearly repeat one above them: by the Jaccard similarity of their sets of
    three words each (Broder, 1997)."""
    seen: list[frozenset[tuple[str, ...]]] = []
    count = 0
    for text in texts:
        shingles = _shingles(text)
        count += any(_alike(shingles, other) for other in seen)
        seen.append(shingles)
    return count


def _alike(these: frozenset[tuple[str, ...]], those: frozenset[tuple[str, ...]]) -> bool:
    together = len(these | those)
    return bool(together) and len(these & those) / together >= _NEAR


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    size = min(_SHINGLE, len(words))
    return frozenset(tuple(words[at : at + size]) for at in range(len(words) - size + 1)) if words else frozenset()
