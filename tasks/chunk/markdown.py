"""The structure of Markdown: sections with their headings, and blocks within them, by markdown-it."""

from dataclasses import dataclass

from markdown_it import MarkdownIt


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a text under one heading.

    Attributes:
        start: where it begins, in characters; the heading's line belongs to it.
        headings: the headings above and including its own, outermost first.
    """

    start: int
    headings: tuple[str, ...]


def nest(found: list[tuple[int, int, str]]) -> list[Section]:
    """Sections from headings as (offset, depth, title): each one's path is the shallower headings before it."""
    sections, path = [Section(0, ())], list[tuple[int, str]]()
    for offset, depth, title in found:
        path = [(d, t) for d, t in path if d < depth] + [(depth, title)]
        section = Section(offset, tuple(t for _, t in path))
        if offset == sections[-1].start:
            sections.pop()
        sections.append(section)
    return sections


def outline(text: str) -> tuple[list[Section], list[int]]:
    """The sections of a Markdown text, and the offsets where its top-level blocks begin, ascending."""
    line_starts = [0]
    for line in text.split("\n"):
        line_starts.append(line_starts[-1] + len(line) + 1)
    parsed = MarkdownIt("commonmark").enable("table").parse(text)
    headings, blocks = [], []
    for i, token in enumerate(parsed):
        if token.level or token.map is None or token.nesting < 0:
            continue
        offset = line_starts[token.map[0]]
        blocks.append(offset)
        if token.type == "heading_open":
            title = "".join(part.content for part in parsed[i + 1].children or []).strip()
            headings.append((offset, int(token.tag[1]), title))
    return nest(headings), blocks
