"""Where a text may be cut: levels from coarse to fine, each a function from a span to offsets within it."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import numpy as np
from sentencex import get_sentence_boundaries

from tasks.chunk.tokens import Tokens

Level = Callable[[int, int], "Sequence[int] | np.ndarray"]
"""Given start and end in characters, the offsets strictly between them where a piece may begin, ascending."""

_BLANK_LINE, _LINE_END, _SPACE = re.compile(r"\n[^\S\n]*\n\s*"), re.compile(r"\n"), re.compile(r"\s+")
_LONGEST_PARAGRAPH = 100_000  # characters; longer ones are no prose, and are cut at lines and words


def by_pattern(text: str, pattern: re.Pattern[str]) -> Level:
    """A piece begins after each match of a pattern."""

    def cuts(start: int, end: int) -> list[int]:
        return [m.end() for m in pattern.finditer(text, start, end) if start < m.end() < end]

    return cuts


def by_offsets(offsets: Sequence[int]) -> Level:
    """A piece begins at each of some offsets, ascending."""

    def cuts(start: int, end: int) -> Sequence[int]:
        return offsets[bisect_right(offsets, start) : bisect_left(offsets, end)]

    return cuts


def sentences(text: str) -> Level:
    """A piece begins with each sentence, by the rules of the Unicode-aware library sentencex."""

    def cuts(start: int, end: int) -> list[int]:
        if end - start > _LONGEST_PARAGRAPH:
            return []
        found = (boundary["start_index"] for boundary in get_sentence_boundaries("en", text[start:end]))
        return sorted({start + begin for begin in found if 0 < begin < end - start})

    return cuts


def every_unit(tokens: Tokens) -> Level:
    """A piece begins with each unit that tokens are counted in; the last resort."""

    def cuts(start: int, end: int) -> np.ndarray:
        first, last = np.searchsorted(tokens.starts, [start + 1, end])
        return np.unique(tokens.starts[first:last])

    return cuts


def paragraphs(text: str) -> Level:
    """A piece begins after each blank line."""
    return by_pattern(text, _BLANK_LINE)


def lines(text: str) -> Level:
    """A piece begins with each line."""
    return by_pattern(text, _LINE_END)


def words(text: str) -> Level:
    """A piece begins with each word."""
    return by_pattern(text, _SPACE)
