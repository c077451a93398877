"""A document's text into chunks."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tasks.chunk import boundaries, markdown, restructured, syntax
from tasks.chunk.pack import Span, pack
from tasks.chunk.tokens import Tokens
from tasks.config.settings import Chunking

_LONGEST_OUTLINE = 4_000_000  # characters; longer texts are cut without parsing them as a whole
_INK = re.compile(r"\S")


class Cut(NamedTuple):
    """A span of a document's text that becomes a chunk.

    Attributes:
        start, end: offsets in characters; `text[start:end]` is the chunk's text.
        headings: the headings or definitions it stands under, outermost first.
        token_count: tokens, the model's marks included.
    """

    start: int
    end: int
    headings: tuple[str, ...]
    token_count: int


def split(text: str, kind: str, chunking: Chunking, tokens: Tokens) -> list[Cut]:
    """Cut a text into chunks of at most `chunking.size` tokens; with strategy `document`, into one.

    Args:
        text: an extracted text.
        kind: what it is: text, markdown, rst, or code:<language>.
        chunking: strategy, size and overlap, both in tokens.
        tokens: of the text.
    """
    if chunking.strategy == "document" or (kind == "text" and tokens.total <= chunking.size):
        start, end = _trim(text, 0, len(text))
        return [Cut(start, end, (), tokens.total)] if start < end else []
    found = [(_trim(text, *span), headings) for span, headings in _spans(text, kind, chunking, tokens)]
    edges = np.array([span for span, _ in found], np.int64).reshape(-1, 2)
    counts = tokens.count(edges[:, 0], edges[:, 1]).tolist()
    return [
        Cut(start, end, headings, count)
        for ((start, end), headings), count in zip(found, counts, strict=True)
        if start < end
    ]


def _spans(text: str, kind: str, chunking: Chunking, tokens: Tokens) -> Iterator[tuple[Span, tuple[str, ...]]]:
    strategy = chunking.strategy
    if strategy == "auto":
        strategy = {"text": "recursive", "markdown": "headings", "rst": "headings"}.get(kind, "syntax")  # type: ignore[assignment]
    if len(text) > _LONGEST_OUTLINE:
        strategy = "recursive"
    size = chunking.size - chunking.overlap
    whole = (0, len(text))
    fine = [boundaries.lines(text), boundaries.words(text), boundaries.every_unit(tokens)]
    prose = [boundaries.sentences(text), *fine]
    parser = syntax.parser_for(kind.removeprefix("code:")) if strategy == "syntax" else None
    if strategy == "headings" and kind in ("markdown", "rst"):
        if kind == "markdown":
            sections, blocks = markdown.outline(text)
            within = [boundaries.by_offsets(blocks), *prose]
        else:
            sections = restructured.sections(text)
            within = [boundaries.paragraphs(text), *prose]
        for section, end in _with_ends(text, sections):
            for span in pack((section.start, end), within, tokens, size):
                yield _overlapped(span, section.start, within, tokens, chunking.overlap), section.headings
    elif parser is not None:
        cuts, definitions = syntax.outline(text, parser, lambda start, end: bool(tokens.count(start, end) > size))
        within = [*(boundaries.by_offsets(depth) for depth in cuts if depth), *fine]
        for span in pack(whole, within, tokens, size):
            yield (
                _overlapped(span, 0, [boundaries.lines(text), *fine], tokens, chunking.overlap),
                syntax.enclosing(definitions, *_trim(text, *span)),
            )
    else:
        within = prose if strategy == "sentences" else [boundaries.paragraphs(text), *prose]
        for span in pack(whole, within, tokens, size):
            yield _overlapped(span, 0, within, tokens, chunking.overlap), ()


def _with_ends(text: str, sections: list[markdown.Section]) -> Iterator[tuple[markdown.Section, int]]:
    """Sections with where they end. One that is only a heading is joined to the one after it."""
    begin: int | None = None
    for section, after in zip(sections, [*(s.start for s in sections[1:]), len(text)], strict=True):
        start = section.start if begin is None else begin
        bare = len(_body(text[section.start : after]).split("\n")) == 1 and section.headings and after < len(text)
        if bare:
            begin = start
            continue
        begin = None
        yield markdown.Section(start, section.headings), after


def _body(text: str) -> str:
    """A section without the lines that only underline its title."""
    return re.sub(r"\n[^\w\s]{3,}[ \t]*(?=\n|$)", "", "\n" + text.strip()).strip()


def _overlapped(span: Span, floor: int, within: list[boundaries.Level], tokens: Tokens, overlap: int) -> Span:
    """The span, begun up to `overlap` tokens earlier, at the coarsest boundary that allows it."""
    start, end = span
    if not overlap or start <= floor:
        return span
    unit = int(np.searchsorted(tokens.before, max(int(tokens.index(start)) - overlap, 0)))
    earliest = int(tokens.starts[unit])
    earliest = max(earliest, floor)
    for level in within:
        found = level(max(earliest - 1, floor), start)
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
