"""The structure of plain text: underlined and numbered titles, indented blocks, listings, and the entries of a log.

Text with directives is reStructuredText, whatever its file is called.
"""

import re
from itertools import islice

from tasks.chunk import restructured
from tasks.chunk.structure import Section, Structure, within

_SAMPLE = 20_000  # characters by which a text is told to be a log
_MOST = 0.6  # of its lines that are not indented
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ENTRY = re.compile(
    r"^(?:[\[(<]?(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4}|\d\d:\d\d:\d\d|\d{10}(?:\.\d+)?\b"
    rf"|\[ *\d+\.\d+\]|(?:[MTWFS][a-z][a-z],? )?{_MONTH} [ \d]?\d\b)"
    r"|[\[(<]?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE|VERBOSE)\b"
    rf"|\S++ \S++ \S++ \[\d\d?/{_MONTH}/\d{{4}}:)",
    re.MULTILINE,
)
"""A line that begins with a date, a time or a level, or a web server's."""

_UNDERLINED = re.compile(r"\n\n[ \t]*(\S.{0,198}?)[ \t]*\n[ \t]*([=\-~^*#_])\2{2,}[ \t]*(?=\n)")
_NUMBER = r"((?:\d{1,2}(?:\.\d{1,3}){0,4}|[IVX]{1,5}|[A-Z](?:\.\d{1,2})+)\.?)"
_NUMBERED = re.compile(rf"\n\n{_NUMBER}[ \t]+([^\W\d_a-z].{{0,78}}[^\s.:;,!?])[ \t]*(?=\n\n)")
_NUMBER_AHEAD = re.compile(rf"{_NUMBER}[ \t]")
_NUMBER_BEGINS = re.compile(r"^(?:\d[\d. \t]|[IVX][IVX. \t]|[A-Z]\.)", re.MULTILINE)
_INDENTED = re.compile(r"\n[ \t]+\S")
_LISTING = re.compile(r"\n(?:(?<=\n\n)|(?<=\n\+\n)|(?<=\]\n))(-{4,}+|`{3,}+)[^\n]*\n(?!\n)(?:[^\n]*\n){1,400}?\1(?=\n)")
"""Lines between two that are only dashes, as AsciiDoc has them, or backticks."""

_LINES = tuple(mark * 2 for mark in "=-~^*#_")
_LINE = re.compile(r"\n([=\-~^*#_])\1\1")
_WIDE = 60  # characters; a line this long goes across the page, whatever stands above it
_FEWEST_LINES = 3  # of a log
_FEWEST = 2  # titles; one alone may be anything


def outline(text: str) -> Structure | None:
    """The entries of a log, or the sections and blocks of a text; None where it has neither titles nor indentation."""
    if "\n" not in text:
        return None
    entries = _entries(text)
    if entries:
        return Structure([Section(0, ())], [entries], solid=[(0, len(text))])
    begin = {line[:2] for line in text.split("\n")}  # tells at once what the text has none of
    if ".." in begin and restructured.is_restructured(text):
        return restructured.outline(text)
    indented = any(two[:1] in (" ", "\t") for two in begin) and _INDENTED.search(text) is not None
    listed, underlined = not begin.isdisjoint(("--", "``")), not begin.isdisjoint(_LINES)
    numbered = _NUMBER_BEGINS.search("\n".join(begin)) is not None
    if not (indented or listed or underlined or numbered):
        return None
    framed = f"\n\n{text}\n"  # so that the first title and the last line are like all others
    listings = [(match.start() - 1, match.end() - 2) for match in _LISTING.finditer(framed)] if listed else []
    titles = [
        (start - 2, _next_line(text, end - 2), depth, title)
        for start, end, depth, title in (underlined and _underlined(framed)) or (numbered and _numbered(framed)) or ()
        if not within(start - 2, start - 1, listings)
    ]
    titles = titles if len(titles) >= _FEWEST else []
    return restructured.structured(text, titles, listings) if titles or listings or indented else None


def _entries(text: str) -> list[int]:
    """The offsets where entries of a log begin; none where the text is no log."""
    lines = [line for line in text[:_SAMPLE].split("\n") if line and not line[0].isspace()]
    others = (line for line in lines if _ENTRY.match(line) is None)
    too_many = islice(others, int(len(lines) - _MOST * len(lines)), None)
    if len(lines) < _FEWEST_LINES or next(too_many, None) is not None:
        return []
    return [match.start() for match in _ENTRY.finditer(text)]


def _underlined(text: str) -> list[tuple[int, int, int, str]]:
    """Titles by the lines under them: where they start and end, their depth, their words."""
    if _LINE.search(text) is None:
        return []
    styles: list[str] = []
    found = []
    for match in _UNDERLINED.finditer(text):
        title, line = match[1], match[0].rpartition("\n")[2].strip()
        unlike = abs(len(line) - len(title)) > max(3, len(title) // 4) and len(line) < _WIDE
        if unlike or not re.search(r"\w", title):
            continue
        if match[2] not in styles:
            styles.append(match[2])
        found.append((match.start() + 2, match.end(), styles.index(match[2]), title))
    return found


def _numbered(text: str) -> list[tuple[int, int, int, str]]:
    """Titles by their numbers, unless these are of a list's items, which follow each other without a text."""
    matches = list(_NUMBERED.finditer(text))
    items = sum(_is_item(match, _NUMBER_AHEAD.match(text, _next_line(text, match.end()))) for match in matches)
    if items * 2 >= len(matches):
        return []
    return [(match.start() + 2, match.end(), _depth(match), f"{match[1]} {match[2]}") for match in matches]


def _is_item(match: re.Match[str], after: re.Match[str] | None) -> bool:
    """Whether another number of the same depth follows at once."""
    return after is not None and _depth(match) == _depth(after)


def _depth(number: re.Match[str]) -> int:
    return number[1].rstrip(".").count(".")


def _next_line(text: str, offset: int) -> int:
    """Where the next line that is not blank begins."""
    while offset < len(text) and text[offset].isspace():
        offset += 1
    return text.rfind("\n", 0, offset) + 1 if offset < len(text) else offset
