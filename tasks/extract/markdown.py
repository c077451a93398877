"""Markdown without what no reader of it sees: comments, the addresses that links refer to, HTML's tags."""

import re
from itertools import groupby

import lxml.html
from lxml.etree import ParserError
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tasks.extract.furniture import without_code
from tasks.extract.markup import to_markdown

_HIDDEN = re.compile(r"<[a-zA-Z!/?]|^ {0,3}\[[^\]\n]+\]:", re.MULTILINE)
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_SPANS = re.compile(
    r"\\.|(?P<code>(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))|(?P<comment><!--)|(?P<br><br\b[^<>]*>)"
    r"|(?P<tag></?(?:a|abbr|b|big|cite|code|del|details|dfn|div|em|font|i|img|ins|kbd|mark|p|picture|q|s|samp|small|source"
    r"|span|strike|strong|sub|summary|sup|tt|u|var)(?:\s[^<>]*)?/?>)",
    re.IGNORECASE | re.DOTALL,
)
_WITH_LINES = ("paragraph_open", "heading_open", "table_open")
_Edit = tuple[int, int, str]
"""Lines from, to, and what stands in their place."""


def readable(text: str) -> str:
    """The text as its reader sees it: HTML in it as Markdown, without comments and definitions of links.

    Code, and what only looks like a tag (`List<T>`), stays as it stands, as do the addresses within lines.

    Args:
        text: Markdown, without front matter.
    """
    if not _HIDDEN.search(text):
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = _LINES.findall(text)
    environment: dict[str, dict[str, dict[str, list[int]]]] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse(text, environment)
    edits = [edit for edit in (*_pages(tokens, lines), *_spans(tokens, lines)) if edit[0] < edit[1]]
    defined = [*environment.get("references", {}).values(), *environment.get("duplicate_refs", [])]
    edits += [(*definition["map"], "") for definition in defined if "map" in definition]
    end = len(lines) + 1
    for first, after, instead in sorted(edits, reverse=True):
        if after <= end:  # one within another has gone with it
            lines[first:after] = [instead] if instead else []
            end = first
    seen = "".join(lines)
    return seen if seen.strip() else text  # a file of nothing but addresses is these


def _pages(tokens: list[Token], lines: list[str]) -> list[_Edit]:
    """Blocks of HTML that follow each other, as Markdown; within lists and quotations comments alone go."""
    edits: list[_Edit] = []
    blocks = [(token.type == "html_block" and not token.level, token) for token in tokens if token.nesting >= 0]
    for is_html, run in groupby(blocks, key=lambda block: block[0]):
        found = [token.map for _, token in run if token.map]
        if is_html and found:
            first, after = found[0][0], found[-1][1]
            text = _of_page("".join(lines[first:after]))
            edits.append((first, after, f"{text}\n\n" if text else "\n"))
    for token in tokens:
        if (
            token.type == "html_block"
            and token.level
            and token.map
            and re.fullmatch(r"\s*<!--.*-->\s*", token.content, re.S)
        ):
            edits.append((token.map[0], token.map[1], "\n"))
    return edits


def _of_page(page: str) -> str:
    try:
        tree = lxml.html.document_fromstring(f"<body>{page}</body>", lxml.html.HTMLParser(remove_comments=True))
        return to_markdown(without_code(tree))
    except (ParserError, ValueError):
        return ""


def _spans(tokens: list[Token], lines: list[str]) -> list[_Edit]:
    """Lines of text with tags in them, without these."""
    edits: list[_Edit] = []
    for token in tokens:
        if token.type in _WITH_LINES and token.map:
            first, after = token.map
            old = "".join(lines[first:after])
            new = _without_tags(old)
            if new != old:
                edits.append((first, after, new if new.strip() else "\n"))
    return edits


def _without_tags(text: str) -> str:
    """Lines of text without tags and comments. Where comments end is sought once, not from each that has no end."""
    parts: list[str] = []
    at, last = 0, text.rfind("-->")
    while found := _SPANS.search(text, at):
        parts.append(text[at : found.start()])
        at = found.end()
        if found["comment"] and at <= last:
            at = text.index("-->", at) + len("-->")
        elif found["br"]:
            parts.append(" ")
        elif not found["tag"]:
            parts.append(found[0])
    return "".join((*parts, text[at:]))
