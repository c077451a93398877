"""Which paragraphs of a PDF are headings: by its bookmarks, else by the sizes of its fonts."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.extract.pdf_layout import Paragraph

_LARGER = 1.14  # times the size of the body's font
_LONGEST = 200  # characters of a heading
_MOST_LINES = 3
_LEVELS = 4


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of a document's outline: its level from 1, its title, and the page from 0."""

    level: int
    title: str
    page: int


def heading_levels(pages: Sequence[list[Paragraph]], bookmarks: Sequence[Bookmark]) -> dict[int, int]:
    """The level of each paragraph that is a heading, by its `id`.

    Args:
        pages: their paragraphs; one that begins with a heading's line is cut behind it.
        bookmarks: of the document, in order.
    """
    marked = _by_bookmarks(pages, bookmarks)
    return marked if marked and len(marked) * 2 >= len(bookmarks) else _by_fonts(pages) | marked


def shown_title(page: Sequence[Paragraph], others: Sequence[Sequence[Paragraph]]) -> str | None:
    """The title that the first page shows in larger letters than the body, or None."""
    large = max((p for p in page if _may_be(p)), key=lambda p: p.size, default=None)
    sizes = Counter(_rounded(p.size) for found in (page, *others) for p in found for _ in p.lines)
    if large is None or large.size < _LARGER * max(sizes, key=lambda size: sizes[size]):
        return None
    return " ".join(line.text for line in large.lines)


def _by_bookmarks(pages: Sequence[list[Paragraph]], bookmarks: Sequence[Bookmark]) -> dict[int, int]:
    levels: dict[int, int] = {}
    for mark in bookmarks:
        wanted = _letters(mark.title)
        near = [page for page in pages[max(mark.page, 0) : mark.page + 2] if wanted]
        found = next((p for page in near if (p := _shown_as(wanted, page, levels)) is not None), None)
        if found is not None:
            levels[id(found)] = mark.level
    return levels


def _shown_as(wanted: str, page: list[Paragraph], taken: dict[int, int]) -> Paragraph | None:
    """The paragraph of a page that shows a title; made one of its own where its first lines do."""
    for exact in (True, False):
        for number, paragraph in enumerate(page):
            if id(paragraph) in taken or paragraph.table:
                continue
            text = ""
            for lines, line in enumerate(paragraph.lines[:_MOST_LINES], 1):
                text += _letters(line.text)
                if not (_same(text, wanted) if exact else _similar(text, wanted)):
                    continue
                if lines < len(paragraph.lines):
                    if not exact:
                        break
                    page.insert(number + 1, Paragraph(paragraph.lines[lines:]))
                    del paragraph.lines[lines:]
                return paragraph
    return None


def _same(text: str, wanted: str) -> bool:
    """Whether a line shows a title of the outline; one may have a number before it."""
    return text == wanted or text.lstrip("0123456789") == wanted or wanted.lstrip("0123456789") == text


def _similar(text: str, wanted: str) -> bool:
    """Whether a line shows most of a title, or a title and a few words more."""
    more = len(text) - len(wanted)
    return (text.endswith(wanted) and 0 < more <= 10 and len(wanted) > 1) or (
        text.startswith(wanted) and 0 < more <= 40 and len(wanted) > 3) or (
        wanted.endswith(text) and -4 <= more < 0 and len(text) > 3
    )  # fmt: skip


def _by_fonts(pages: Sequence[Sequence[Paragraph]]) -> dict[int, int]:
    sizes: Counter[float] = Counter()
    bold = total = 0
    for paragraph in (paragraph for page in pages for paragraph in page):
        for line in paragraph.lines:
            sizes[_rounded(line.size)] += len(line.text)
            bold += len(line.text) * line.bold
            total += len(line.text)
    if not sizes:
        return {}
    body = max(sizes, key=lambda size: sizes[size])
    large = [p for page in pages for p in page if p.size >= _LARGER * body and _may_be(p)]
    ranks: list[float] = []
    for size in sorted({_rounded(p.size) for p in large}, reverse=True):
        if not ranks or size < 0.95 * ranks[-1]:
            ranks.append(size)
    levels = {id(p): min(sum(rank >= p.size * 1.05 for rank in ranks) + 1, _LEVELS) for p in large}
    if bold * 4 < total:
        least = min(len(ranks), _LEVELS) + 1
        levels |= {
            id(p): least + _depth(p) for page in pages for p, after in pairwise(page)
            if id(p) not in levels and _is_bold_title(p, body) and (_depth(p, -1) >= 0 or not after.lines[0].bold)
        }  # fmt: skip
    return levels


def _depth(paragraph: Paragraph, without: int = 0) -> int:
    """How deep a title's number (`2.1`) says that it lies, from 0; what is given where it has none."""
    number = re.match(r"\d+((?:\.\d+)*)\.?\s", paragraph.lines[0].text)
    return number[1].count(".") if number else without


def _is_bold_title(paragraph: Paragraph, body: float) -> bool:
    line = paragraph.lines[0]
    return (
        line.bold and line.alone and len(paragraph.lines) == 1 and line.size >= 0.97 * body and len(line.text) <= 80
        and _may_be(paragraph) and bool(re.match(r"[A-ZÀ-ÞА-Я0-9§]", line.text)) and line.text[-1] not in ".,;:"
    )  # fmt: skip


def _may_be(paragraph: Paragraph) -> bool:
    text = " ".join(line.text for line in paragraph.lines)
    letters = sum(map(str.isalpha, text))
    short = len(paragraph.lines) <= _MOST_LINES and len(text) <= _LONGEST
    return short and letters >= 2 and letters * 3 > len(text) and paragraph.table is None


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _letters(text: str) -> str:
    return "".join(re.findall(r"\w", text.casefold()))
