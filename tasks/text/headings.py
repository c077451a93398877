"""What stands above a text, short enough to be put before it."""

import re
from collections.abc import Sequence

MOST = 256
"""Bytes of UTF-8 of all that stands above a text, so that it never crowds the text out; about 64 tokens."""
BETWEEN = "\n"
"""Headings that are put before a text."""
_BEGINNING = 4 * MOST  # characters of a text that may repeat what stands above it
_NO_WORD = re.compile(r"[\W_]+")
_MOST_OF_ONE = MOST // 2


def bounded(title: str | None, headings: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A title and the headings below it, of which the outermost go, the title among them, where they are too long. A
    first heading that says what the title says is no heading.

    Args:
        title: of a document, if it has one.
        headings: of a place in it, outermost first.

    Returns:
        Title and headings, of `MOST` bytes together; the title is empty where there is none left.
    """
    named = " ".join((title or "").split())
    path = [heading for heading in (" ".join(heading.split()) for heading in headings) if heading]
    if path and path[0].casefold() == named.casefold():
        path = path[1:]
    kept: list[str] = []
    room = MOST
    for part in reversed([named, *path]):
        part = _cut(part)
        room -= len(part.encode())
        if room < 0:
            return "", tuple(kept)
        kept.insert(0, part)
    return kept[0], tuple(kept[1:])


def unsaid(title: str | None, headings: Sequence[str], text: str) -> tuple[str | None, Sequence[str]]:
    """A title and headings without those that a text begins with, as the first piece of a section begins with its
    heading, and a record's text with its title where that is one of its columns."""
    parts = [_bare(part) for part in (title or "", *headings)]
    beginning = _bare(text[:_BEGINNING])
    for first in range(len(parts)):
        said = "".join(parts[first:])
        if said and beginning.startswith(said):
            return (title, headings[: first - 1]) if first else (None, ())
    return title, headings


def _bare(text: str) -> str:
    return _NO_WORD.sub("", text).casefold()


def joined(title: str | None, headings: Sequence[str]) -> str:
    """Title and headings as they are put before a text, a line each."""
    named, path = bounded(title, headings)
    return BETWEEN.join([named, *path] if named else path)


def _cut(part: str) -> str:
    """The beginning of a title, up to a space where it is too long."""
    data = part.encode()
    if len(data) <= _MOST_OF_ONE:
        return part
    beginning = data[:_MOST_OF_ONE].decode(errors="ignore")
    return beginning.rpartition(" ")[0] or beginning
