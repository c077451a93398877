"""Images that a document shows, in their order, with what stands before each: which tells where in its text it is."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from tasks.extract.blocks import one_line

_TAIL = 200  # characters before an image that are kept to find its place
_TOLD_BY = (40, 24)  # letters and digits before an image that find its place; where the more do not, the fewer may
_LONGEST_CAPTION = 500  # characters
_FIGURE = re.compile(
    r"\s*(?:fig(?:ure|\.|ura|uur)?|abb(?:ildung|\.)?|bild|image|photo|chart|plate|scheme|图|図|рис(?:унок|\.)?)\s*"
    r"(?:[A-Z]\.?)?\d+(?:[.-]\d+)*\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """An image in a document.

    Attributes:
        part: which one it is, as a reference has it: `part=word/media/image1.png`, `page=3&image=2`, `image=2`.
        content: of its file; empty where that is not to be had.
        caption: what is said of it there; may be empty.
        before: the text that stands before it.
        page: on which it is, from 1, where the format knows pages.
    """

    part: str
    content: bytes
    caption: str = ""
    before: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Inline:
    """An image as it is met between paragraphs: which one it is, what is said of it, and what reads its content."""

    part: str
    caption: str
    read: Callable[[], bytes | None]


def shown_among(pieces: Iterable[str | Inline], wanted: Collection[str] | None = None) -> Iterator[Shown]:
    """The images among paragraphs. One of which nothing is said has the paragraph after it as its caption, if that
    begins as captions do (`Figure 2`).

    Args:
        pieces: paragraphs and images, as they follow on each other.
        wanted: parts; by default all.
    """
    before = ""
    waiting: list[tuple[Inline, str]] = []
    for piece in pieces:
        if isinstance(piece, Inline):
            if wanted is None or piece.part in wanted:
                waiting.append((piece, before))
        elif piece.strip():
            yield from _captioned(waiting, piece)
            waiting.clear()
            before = f"{before}\n{piece}"[-_TAIL:]
    yield from _captioned(waiting, "")


def _captioned(waiting: list[tuple[Inline, str]], after: str) -> Iterator[Shown]:
    caption = figure_caption(after)
    for image, before in waiting:
        yield Shown(image.part, image.read() or b"", image.caption or caption, before)


def figure_caption(text: str) -> str:
    """A paragraph on one line, if it is the caption of a figure; else nothing."""
    return one_line(text)[:_LONGEST_CAPTION] if _FIGURE.match(text) else ""


def places_of(shown: Sequence[Shown], text: str, pages: Sequence[int]) -> list[int]:
    """Where images stand in the extracted text: the offset of the last character before each, found by the letters and
    digits that stand there, on its page, or else in order. Where they are not found: that of the one before it, or the
    page's beginning.

    Args:
        shown: images, in their order.
        text: of the document.
        pages: where each page begins in it; empty where the format knows no pages.
    """
    told = np.fromiter(map(str.isalnum, text), bool, len(text))
    letters, offsets = "".join(compress(text, told)), np.flatnonzero(told)
    places: list[int] = []
    place = cursor = 0
    end = len(letters)
    for image in shown:
        if image.page is not None and image.page <= len(pages):
            first = pages[image.page - 1]
            begin = int(np.searchsorted(offsets, first))
            end = int(np.searchsorted(offsets, pages[image.page])) if image.page < len(pages) else len(letters)
            cursor, place = begin, first  # on a page they come in any order
        found = _find(letters, image.before, cursor, end)
        if found is not None:
            cursor, place = found, int(offsets[found - 1])
        places.append(place)
    return places


def _find(letters: str, before: str, cursor: int, end: int) -> int | None:
    """Where the first text like the one before an image ends, behind what stands before the last image."""
    key = _letters(before)
    last = _letters(before.rstrip().rpartition("\n")[2])
    for part in (*(key[-length:] for length in _TOLD_BY), last):
        if not part:
            return None
        found = letters.find(part, max(cursor - len(part), 0), end)
        if found >= 0:
            return found + len(part)
    return None


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
