"""The structure of Markdown: sections with their headings, and blocks within them, by markdown-it."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tasks.chunk.structure import Definition, Span, Structure, nest

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*(?=\S)")
_LINE_END = re.compile(r"\r\n?|\n")
_TAG = re.compile(r"<[^>]*>")
_HTML_HEADING = re.compile(r"<h([1-6])\b[^>]*>(.*?)</h\1\s*>", re.IGNORECASE | re.DOTALL)
_DEFINITION = re.compile(r"(?<=\S\n): ")
_MARKUP = re.compile(
    r"<(?:!|/?(?:a|abbr|b|br|code|del|em|font|i|img|ins|kbd|mark|picture|q|s|small|source|span|strike|strong|sub|sup|tt|u)\b)",
    re.IGNORECASE,
)
_LONGEST_COLUMNS = 300  # characters


def outline(text: str) -> Structure:
    """The structure of a Markdown text: blocks, then items of lists and rows of tables."""
    starts = _line_starts(text)
    parsed = MarkdownIt("commonmark").enable("table").parse(text)
    headings: list[tuple[int, int, str]] = []
    blocks, glued, parts, code = list[int](), list[int](), list[int](), list[int]()
    bound, solid, tables = list[int](), list[Span](), list[Definition]()
    after_heading = False
    for i, token in enumerate(parsed):
        if token.map is None or token.nesting < 0 or token.type == "inline":
            continue
        start, end = starts[token.map[0]], starts[token.map[1]]
        if token.type == "table_open":
            solid.append((start, end))
            first = starts[min(token.map[0] + 2, token.map[1])]
            bound += [starts[token.map[0] + 1], first]
            columns = _columns(parsed, i)
            if columns and first < end:
                tables.append(Definition(first, end, f"columns: {columns}"))
        elif token.type in ("fence", "code_block"):
            solid.append((start, end))
            code += [match.end() for match in _BLANK_LINE.finditer(text, start, end)]
        if token.level:
            if token.type in ("tr_open", "list_item_open", "fence", "paragraph_open", "table_open"):
                parts.append(start)
            continue
        if after_heading:
            bound.append(start)
        else:
            (blocks if _apart(text, start) else glued).append(start)
        title = _heading(parsed, i)
        after_heading = title is not None
        if title is not None and title[1]:
            headings.append((start, *title))
    bound += _definitions(text)
    levels = [blocks, glued, sorted({*parts})]
    return Structure(nest(headings), levels, code, sorted({*bound}), solid, tables=tables)


def title_of(text: str) -> str | None:
    """The first heading of the first level near the beginning of a text."""
    if "# " not in text and "===" not in text and "<h1" not in text.lower():
        return None
    parsed = MarkdownIt("commonmark").parse(text)
    titles = (_heading(parsed, i) for i, token in enumerate(parsed) if not token.level)
    return next((title[1] for title in titles if title is not None and title[0] == 1 and title[1]), None)


def _heading(parsed: list[Token], i: int) -> tuple[int, str] | None:
    """The level and the words of a heading, if the token begins one."""
    token = parsed[i]
    if token.type == "heading_open":
        return int(token.tag[1]), _words(parsed[i + 1])
    if token.type == "html_block":
        found = _HTML_HEADING.search(token.content)
        if found:
            return int(found[1]), " ".join(_TAG.sub("", found[2]).split())
    return None


def _words(inline: Token) -> str:
    """The words of a line, without marks, addresses and tags, but with what only looks like them in names: __main__,
    List<T>."""
    found = []
    for part in inline.children or []:
        if part.type in ("softbreak", "hardbreak"):
            found.append(" ")
        elif part.type in ("text", "code_inline", "image", "text_special"):
            found.append(part.content)
        elif (part.type == "html_inline" and not _MARKUP.match(part.content)) or part.markup == "__":
            found.append(part.content or part.markup)
    return " ".join("".join(found).split())


def _columns(parsed: list[Token], table: int) -> str:
    """The names of a table's columns, with bars between them."""
    names = []
    for token in parsed[table + 1 :]:
        if token.type == "inline":
            names.append(_words(token))
        elif token.type == "thead_close":
            break
    joined = " | ".join(names) if any(names) else ""
    return joined if len(joined) <= _LONGEST_COLUMNS else joined[: _LONGEST_COLUMNS - 1] + "…"


def _definitions(text: str) -> list[int]:
    """Where definitions begin that stand on the line after their term, as tasks.extract.markup writes them."""
    return [match.start() for match in _DEFINITION.finditer(text)] if "\n: " in text else []


def _apart(text: str, start: int) -> bool:
    """Whether a blank line or nothing stands before a block; others belong to what is before them."""
    return text[max(start - 2, 0) : start].isspace() or not start


def _line_starts(text: str) -> list[int]:
    """Where lines begin as markdown-it counts them, and the text's end."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    return [*starts, len(text)]
