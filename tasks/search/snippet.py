"""Where a passage has the words of a query, and the part of it to show."""

import re
from collections.abc import Sequence
from itertools import pairwise

from tasks.lake.analysis import Analysis, words_of

_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_DENSE_FROM = 0x2E80  # characters from here on may be words without spaces around them

Span = tuple[int, int]


def matches(text: str, query: str, analysis: Analysis | None) -> list[Span]:
    """Where words of a query stand in a text, in whatever form the text index takes for the same; in order.

    Args:
        text: of a passage.
        query: in words.
        analysis: of the text index; without one, words are the same if their lower case is.
    """
    wanted = _forms(query, analysis)
    known: dict[str, bool] = {}
    found: list[Span] = []
    for word in _WORD.finditer(text):
        if word[0] not in known:
            known[word[0]] = bool(wanted & _forms(word[0], analysis))
        if known[word[0]]:
            found += _within(word, wanted) if max(map(ord, word[0])) >= _DENSE_FROM else [word.span()]
    return found


def excerpt(text: str, spans: Sequence[Span], length: int) -> Span:
    """The part of a text to show: it begins with the sentence from which on most different words of some spans can be
    shown; of equal ones, with that which has most of them itself, or the first. At the end of a text it begins earlier.

    Args:
        text: of a passage.
        spans: in order.
        length: of the part at most, in characters.
    """
    if len(text) <= length:
        return 0, len(text)
    starts = [0, *(gap.end() for gap in _SENTENCE.finditer(text) if gap.end() < len(text))]
    words = [(start, text[start:end].casefold()) for start, end in spans]

    ends = dict(pairwise([*starts, len(text)]))

    def among(first: int, last: int) -> int:
        return len({word for start, word in words if first <= start < last})

    begin = max(
        starts, key=lambda first: (among(first, first + length), among(first, min(ends[first], first + length)), -first)
    )
    if spans and not among(begin, begin + length):
        begin = spans[0][0]  # in a sentence that is longer than what can be shown
    begin = min([begin, *(first for first in starts if first + length >= len(text))])
    end = min(begin + length, len(text))
    space = max(text.rfind(" ", begin, end), text.rfind("\n", begin, end))
    return begin, end if end == len(text) or space <= begin + length // 2 else space


def _forms(text: str, analysis: Analysis | None) -> set[str]:
    return set(words_of(text, analysis)) if analysis else {word.casefold() for word in _WORD.findall(text)}


def _within(word: re.Match[str], wanted: set[str]) -> list[Span]:
    """Parts of what is written without spaces."""
    parts = re.finditer("|".join(map(re.escape, sorted(wanted, key=len, reverse=True))), word[0].lower())
    return [(word.start() + part.start(), word.start() + part.end()) for part in parts]
