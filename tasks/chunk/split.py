"""A document's text into chunks."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tasks.chunk import boundaries, markdown, plain, restructured, syntax
from tasks.chunk.above import Above, Path, paths_within
from tasks.chunk.pack import pack
from tasks.chunk.structure import Section, Span, Structure, enclosing
from tasks.chunk.tokens import Tokens
from tasks.config.settings import Chunking

_LONGEST_OUTLINE = 4_000_000  # characters; longer texts are cut without parsing them as a whole
_MOST_OF_A_CHARACTER = 32  # tokens, the special ones apart; its compatibility form has 18 letters at most
_OUTLINES: dict[str, Callable[[str], Structure | None]] = {
    "markdown": markdown.outline, "rst": restructured.outline, "text": plain.outline,
}  # fmt: skip
Left = Callable[[int, Sequence[Sequence[Path]]], list[int]]
"""What is left of a size for texts under some heading paths each; see `Above.left`."""
_INK = re.compile(r"\S")


class Cut(NamedTuple):
    """A span of a document's text that becomes a chunk.

    Attributes:
        start, end: offsets in characters; `text[start:end]` is the chunk's text.
        headings: the headings or definitions it stands under, outermost first.
        token_count: tokens, the model's special tokens included.
    """

    start: int
    end: int
    headings: tuple[str, ...]
    token_count: int


def split(text: str, kind: str, chunking: Chunking, tokens: Tokens, above: Above | None = None) -> list[Cut]:
    """Cut a text into chunks of at most `chunking.size` tokens, what stands above them included; with strategy
    `document`, into one.

    Args:
        text: an extracted text.
        kind: what it is: text, markdown, rst, or code:<language>.
        chunking: strategy, size and overlap, both in tokens.
        tokens: of the text.
        above: what stands above it; by default nothing goes to that.
    """
    left, room = (above.left, above.left_by_title(chunking.size)) if above else (_all, chunking.size)
    if chunking.strategy == "document" or (kind == "text" and tokens.total <= room):
        start, end = _trim(text, 0, len(text))
        return [Cut(start, end, (), tokens.total)] if start < end else []
    found = [(_trim(text, *span), headings) for span, headings in _spans(text, kind, chunking, tokens, left)]
    edges = np.array([span for span, _ in found], np.int64).reshape(-1, 2)
    counts = tokens.count(edges[:, 0], edges[:, 1]).tolist()
    return [
        Cut(start, end, headings, count)
        for ((start, end), headings), count in zip(found, counts, strict=True)
        if start < end
    ]


def _spans(
    text: str, kind: str, chunking: Chunking, tokens: Tokens, left: Left
) -> Iterator[tuple[Span, tuple[str, ...]]]:
    strategy = chunking.strategy
    if strategy == "auto":
        strategy = "headings" if kind in _OUTLINES else "syntax"
    if len(text) > _LONGEST_OUTLINE and kind != "text":
        strategy = "recursive"
    size = chunking.size - chunking.overlap
    whole = (0, len(text))
    last = [boundaries.characters(text, tokens), boundaries.every_unit(tokens)]
    fine = [boundaries.lines(text), boundaries.words(text), *last]
    parser = syntax.parser_for(kind.removeprefix("code:")) if strategy == "syntax" else None
    structure = _OUTLINES[kind](text) if strategy == "headings" and kind in _OUTLINES else None
    if structure is not None:
        coarse = [boundaries.by_offsets(offsets) for offsets in structure.boundaries]
        finer = [boundaries.sentences(text, structure.solid), boundaries.by_offsets(structure.code), *fine[:2]]
        within = [*(boundaries.unbound(found, text, structure.bound) for found in (*coarse, *finer)), *last]
        sections = list(_with_ends(text, structure.sections))
        defined = sorted([*structure.definitions, *structure.tables], key=lambda one: (one.start, -one.end))
        paths = [[*paths_within(section.headings, section.start, end, defined)] for section, end in sections]
        for (section, end), room in zip(sections, left(size, paths), strict=True):
            for span in pack((section.start, end), within, tokens, room):
                headings = section.headings + _context(structure, *_trim(text, *span))
                yield _overlapped(span, section.start, within, tokens, chunking.overlap), headings
    elif parser is not None:

        def worth(start: int, end: int) -> bool:
            return (end - start) * _MOST_OF_A_CHARACTER > size and bool(tokens.count(start, end) > size)

        found = syntax.outline(text, parser, worth)
        offered = [*(boundaries.by_offsets(depth) for depth in found.cuts if depth), *fine[:2]]
        within = [*(boundaries.unbound(cuts, text, found.bound) for cuts in offered), *last]
        [room] = left(size, [[*paths_within((), *whole, found.definitions)]])
        for span in pack(whole, within, tokens, room):
            yield (
                _overlapped(span, 0, [boundaries.lines(text), *fine], tokens, chunking.overlap),
                enclosing(found.definitions, *_trim(text, *span)),
            )
    else:
        within = [boundaries.sentences(text), *fine]
        within = within if strategy == "sentences" else [boundaries.paragraphs(text), *within]
        for span in pack(whole, within, tokens, left(size, [[()]])[0]):
            yield _overlapped(span, 0, within, tokens, chunking.overlap), ()


def _all(size: int, paths: Sequence[Sequence[Path]]) -> list[int]:
    """What is left of a size for texts under heading paths that nothing goes to."""
    return [size] * len(paths)


def _context(structure: Structure, start: int, end: int) -> tuple[str, ...]:
    """What a piece needs to be understood beside its headings: what it describes, and the columns of its table."""
    table = bisect_right(structure.tables, start, key=lambda rows: rows.start) - 1
    columns = structure.tables[table : table + 1] if table >= 0 and start < structure.tables[table].end else []
    return enclosing(structure.definitions, start, end) + tuple(rows.name for rows in columns)


def _with_ends(text: str, sections: list[Section]) -> Iterator[tuple[Section, int]]:
    """Sections with where they end. One that is only a heading is joined to the one after it."""
    begin: int | None = None
    for section, after in zip(sections, [*(s.start for s in sections[1:]), len(text)], strict=True):
        start = section.start if begin is None else begin
        bare = len(_body(text[section.start : after]).split("\n")) == 1 and section.headings and after < len(text)
        if bare:
            begin = start
            continue
        begin = None
        yield Section(start, section.headings), after


def _body(text: str) -> str:
    """A section without the lines that only underline its title."""
    return re.sub(r"\n[^\w\s]{3,}[ \t]*(?=\n|$)", "", "\n" + text.strip()).strip()


def _overlapped(span: Span, floor: int, within: list[boundaries.Boundaries], tokens: Tokens, overlap: int) -> Span:
    """The span, begun up to `overlap` tokens earlier, at the coarsest boundary that allows it."""
    start, end = span
    if not overlap or start <= floor:
        return span
    unit = int(np.searchsorted(tokens.before, max(int(tokens.index(start)) - overlap, 0)))
    earliest = int(tokens.starts[unit])
    earliest = max(earliest, floor)
    for boundary in within:
        found = boundary(max(earliest - 1, floor), start)
        position = bisect_right(found, earliest - 1)
        if position < len(found):
            return int(found[position]), end
    return earliest, end


def _trim(text: str, start: int, end: int) -> Span:
    """Without blank lines before and white space after; the first line keeps its indentation."""
    ink = _INK.search(text, start, end)
    if ink is None:
        return start, start
    start = max(start, text.rfind("\n", start, ink.start()) + 1)
    while text[end - 1].isspace():
        end -= 1
    return start, end
