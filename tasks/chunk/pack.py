"""Choosing cuts so that an edit changes only the chunks around it.

Filling chunks from the top of a document moves every later boundary when a line is added near the top. Here
the boundaries that a text offers get ranks that depend on the few tokens after them alone, and a span that is
too long is cut at its lowest rank, then each half likewise, until every part fits. The parts are subtrees of
the treap over the ranks (Seidel and Aragon, Randomized Search Trees, 1996): inserting or removing a boundary
changes only the path to it. Then small neighbours are joined, each time where the boundary between them is the
weakest around, which looks no further than the next part. So a chunk a few chunks' size from an edit stays.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tasks.chunk.boundaries import Boundaries
from tasks.chunk.structure import Span
from tasks.chunk.tokens import Tokens

_ROUNDS = 4  # of joining: fills chunks to about 70 % of their size; each lets an edit reach one part further


class _Part(NamedTuple):
    """A span in characters, its first token and the one after its last, and the boundary that it begins at:
    how fine its kind is, then its rank."""

    start: int
    end: int
    first: int
    last: int
    boundary: tuple[int, int]


def pack(span: Span, boundaries: Sequence[Boundaries], tokens: Tokens, size: int) -> list[Span]:
    """Cut a span into parts of at most `size` tokens, in order and without gaps.

    Args:
        span: start and end in characters.
        boundaries: where it may be cut, from coarse to fine; finer ones are asked only about a part that the coarser
            ones left too long.
        tokens: of the whole text.
        size: most tokens in a part, the model's special tokens included.
    """
    room = max(size - tokens.special_tokens, 1)
    parts = list(_cut(span, boundaries, tokens, room))
    for _ in range(_ROUNDS):
        before, parts = parts, _join(parts, room)
        if len(parts) == len(before):
            break
    return [(part.start, part.end) for part in parts]


def _cut(span: Span, boundaries: Sequence[Boundaries], tokens: Tokens, room: int) -> Iterator[_Part]:
    first, last = tokens.index(np.array(span)).tolist()
    whole = _Part(*span, first, last, (-1, 0))
    stack = [(whole, 0)]
    while stack:
        part, kind = stack.pop()
        if part.last - part.first <= room or kind == len(boundaries):
            yield part
            continue
        cuts = boundaries[kind](part.start, part.end)
        if len(cuts):
            pieces = list(_group(part, np.array([part.start, *cuts, part.end]), tokens, room, kind))
            stack.extend((piece, kind + 1) for piece in reversed(pieces))
        else:
            stack.append((part, kind + 1))


def _group(part: _Part, places: np.ndarray, tokens: Tokens, room: int, kind: int) -> Iterator[_Part]:
    """Cut a part at its lowest ranks until what is left fits, or is a single piece."""
    units = tokens.unit(places)
    edges, at = places.tolist(), tokens.before[units].tolist()  # lists, as most parts have few places
    ranks = tokens.ranks[np.minimum(units, len(tokens.ranks) - 1)].tolist()
    stack = [(0, len(edges) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first == 1 or at[last] - at[first] <= room:
            boundary = (kind, ranks[first]) if first else part.boundary
            yield _Part(edges[first], edges[last], at[first], at[last], boundary)
            continue
        cut = first + 1 + _lowest(ranks[first + 1 : last])
        stack += [(cut, last), (first, cut)]


def _lowest(ranks: list[int]) -> int:
    """The index of the lowest rank; of equal ones, as in repetitive text, the one in the middle."""
    lowest = min(ranks)
    equal = ranks.count(lowest)
    if equal == 1:
        return ranks.index(lowest)
    return [i for i, rank in enumerate(ranks) if rank == lowest][equal // 2]


def _join(parts: list[_Part], room: int) -> list[_Part]:
    """Join neighbours that fit together, where the boundary between is weaker than those on both sides."""
    never = (-1, -1)
    strengths = [part.boundary if part.last - before.first <= room else never for before, part in pairwise(parts)]
    strengths = [never, *strengths, never]  # of the boundary before each part, and after the last
    joined: list[_Part] = []
    for i, part in enumerate(parts):
        if strengths[i] > never and strengths[i - 1] < strengths[i] > strengths[i + 1]:
            before = joined.pop()
            part = _Part(before.start, part.end, before.first, part.last, before.boundary)
        joined.append(part)
    return joined
