"""What is known of a text's structure: sections, where pieces may begin and where they never do."""

import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

Span = tuple[int, int]
"""Start and end in characters."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a text under one heading.

    Attributes:
        start: where it begins, in characters; the heading's line belongs to it.
        headings: the headings above and including its own, outermost first.
    """

    start: int
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A named part of a text, such as a function of a program or of a manual: start and end in characters, its name."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure of a text, all offsets in characters and ascending.

    Attributes:
        sections: that it consists of, without gaps.
        boundaries: offsets where a piece may begin, from coarse to fine; finer ones are sentences.
        code: offsets of paragraphs of code, finer than sentences.
        bound: offsets where no piece may begin, as what stands before belongs to what follows: a heading, a term, a
            signature, the head of a table.
        solid: spans without sentences, which are cut between lines: code and tables.
        definitions: parts that a piece is in if most of it is.
        tables: the rows of each table after its head, with the names of its columns.
    """

    sections: list[Section]
    boundaries: list[list[int]]
    code: list[int] = field(default_factory=list)
    bound: list[int] = field(default_factory=list)
    solid: list[Span] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    tables: list[Definition] = field(default_factory=list)


def nest(found: Sequence[tuple[int, int, str]]) -> list[Section]:
    """Sections from headings as (offset, depth, title): each one's path is the shallower headings before it."""
    sections, path = [Section(0, ())], list[tuple[int, str]]()
    for offset, depth, title in found:
        path = [(d, t) for d, t in path if d < depth] + [(depth, title)]
        section = Section(offset, tuple(t for _, t in path))
        if offset == sections[-1].start:
            sections.pop()
        sections.append(section)
    return sections


def within(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Whether a span lies in one of some spans, ascending and apart."""
    at = bisect_right(spans, (start, sys.maxsize)) - 1
    return at >= 0 and end <= spans[at][1]


def enclosing(definitions: list[Definition], start: int, end: int) -> tuple[str, ...]:
    """Names of the definitions that hold a span or most of it, outermost first."""
    return tuple(d.name for d in definitions if d.start < end and d.end > start and _covers(d, start, end))


def _covers(definition: Definition, start: int, end: int) -> bool:
    shared = min(definition.end, end) - max(definition.start, start)
    return shared * 2 > end - start
