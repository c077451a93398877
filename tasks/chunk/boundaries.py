"""Where a text may be cut: boundaries of several kinds, each a function from a span to offsets within it."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import regex
from sentencex import segment

from tasks.chunk.language import language_of
from tasks.chunk.structure import within
from tasks.chunk.tokens import Tokens

Boundaries = Callable[[int, int], "Sequence[int] | np.ndarray"]
"""Given start and end in characters, the offsets strictly between them where a piece may begin, ascending."""

_BLANK_LINE, _LINE_END = re.compile(r"\n[^\S\n]*\n\s*"), re.compile(r"\n")
_SPACE = re.compile(
    r"\s+(?![\u0300-\u036f\u200d\u20d0-\u20f0\ufe00-\ufe0f])"
)  # a space that carries an accent is its character
_INK = re.compile(r"\S")
_LONGEST_PARAGRAPH = 100_000  # characters; longer ones are no prose, and are cut at lines and words


def by_pattern(text: str, pattern: re.Pattern[str]) -> Boundaries:
    """A piece begins after each match of a pattern."""

    def cuts(start: int, end: int) -> list[int]:
        return [m.end() for m in pattern.finditer(text, start, end) if start < m.end() < end]

    return cuts


def by_offsets(offsets: Sequence[int]) -> Boundaries:
    """A piece begins at each of some offsets, ascending."""

    def cuts(start: int, end: int) -> Sequence[int]:
        return offsets[bisect_right(offsets, start) : bisect_left(offsets, end)]

    return cuts


def sentences(text: str, solid: Sequence[tuple[int, int]] = ()) -> Boundaries:
    """A piece begins with each sentence, by the rules of the Unicode-aware library sentencex for its language.

    Args:
        text: that is cut.
        solid: spans that have no sentences, ascending and apart.
    """

    def cuts(start: int, end: int) -> list[int]:
        if end - start > _LONGEST_PARAGRAPH or within(start, end, solid):
            return []
        part = text[start:end]
        begins = sorted({*accumulate(map(len, segment(language_of(part), part)), initial=start)} - {start, end})
        return [begin for begin in begins if not within(begin - 1, begin + 1, solid)] if solid else begins

    return cuts


def unbound(found: Boundaries, text: str, bound: Sequence[int]) -> Boundaries:
    """The boundaries but those from which only white space stands before some offsets."""
    if not bound:
        return found
    kept_together = frozenset(_next_ink(text, offset) for offset in bound)
    return lambda start, end: [cut for cut in found(start, end) if _next_ink(text, int(cut)) not in kept_together]


def _next_ink(text: str, offset: int) -> int:
    """Where the next character that is not white space stands."""
    found = _INK.search(text, offset)
    return found.start() if found else len(text)


def every_unit(tokens: Tokens) -> Boundaries:
    """A piece begins with each unit that tokens are counted in; the last resort."""

    def cuts(start: int, end: int) -> np.ndarray:
        first, last = np.searchsorted(tokens.starts, [start + 1, end])
        return np.unique(tokens.starts[first:last])

    return cuts


def characters(text: str, tokens: Tokens) -> Boundaries:
    """A piece begins with units that begin a character as readers see it (a grapheme cluster of Unicode)."""
    units = every_unit(tokens)

    def cuts(start: int, end: int) -> Sequence[int] | np.ndarray:
        found, part = units(start, end), text[start:end]
        if part.isascii():
            return found
        begins = [start + match.start() for match in regex.finditer(r"\X", part)]
        return np.intersect1d(found, np.array(begins, np.int64))

    return cuts


def paragraphs(text: str) -> Boundaries:
    """A piece begins after each blank line."""
    return by_pattern(text, _BLANK_LINE)


def lines(text: str) -> Boundaries:
    """A piece begins with each line."""
    return by_pattern(text, _LINE_END)


def words(text: str) -> Boundaries:
    """A piece begins with each word."""
    return by_pattern(text, _SPACE)
