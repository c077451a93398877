"""The structure of reStructuredText: sections by the lines drawn under (and over) their titles, blocks by indentation.

Plain text that is indented is taken for blocks by the same rules.

The rules are docutils': the first style of line met is the outermost, and so on. Its own parser is not used
because it drops what stands in directives it does not know, and nearly every Sphinx document has some.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.chunk.structure import Definition, Span, Structure, nest, within

Title = tuple[int, int, int, str]
"""Where a title starts, where what follows it begins, its depth, its words."""

_TITLE = re.compile(
    r"^(?:(?P<over>([!-/:-@\[-`{-~])\2{2,})[ \t]*\n)?"
    r"[ \t]*(?P<title>[^\s].*?)[ \t]*\n"
    r"(?P<under>([!-/:-@\[-`{-~])\5{2,})[ \t]*$",
    re.MULTILINE,
)
_DIRECTIVE = re.compile(r"\.\. +(?P<name>[\w:+.-]+?)::(?: +(?P<argument>\S.*))?$")
_ANY_DIRECTIVE = re.compile(r"^\.\. [\w:-]+::(?: |$)", re.MULTILINE)
_DESCRIBES = re.compile(
    r"(?:[\w-]+:)?(?:function|method|classmethod|staticmethod|class|attribute|property|data|exception|decorator"
    r"|decoratormethod|module|option|cmdoption|envvar|describe|object|opcode|type|member|macro|struct|union|enum|enumerator"
    r"|var|cfunction|ctype|cmacro|cvar|cmember|confval|setting|fieldlookup|templatetag|templatefilter|django-admin"
    r"|django-admin-option|role|directive|rst:directive|pdbcommand|2to3fixer|index-entry|glossary)"
)
_CODE = ("code", "code-block", "sourcecode", "parsed-literal", "productionlist", "highlight", "literalinclude", "math")
_TABLE = re.compile(r"\+[-=+]{3,}\+$|=+(?: +=+)+$")
_BLOCK = re.compile(r"^[^\S\n]*+\S[^\n]*(?:\n[^\S\n]*+\S[^\n]*)*", re.MULTILINE)
_INDENTED = re.compile(r"\n[^\S\n]")
_INDENTS = (0, 4, 8)  # columns up to which blocks of a level begin; deeper ones are another level


class _Block(NamedTuple):
    """Lines without a blank one between them: where they start and end in characters, their first line, its indent."""

    start: int
    end: int
    line: str
    indent: int
    literal_next: bool  # whether it ends with two colons


def outline(text: str) -> Structure:
    """The structure of a reStructuredText document."""
    return structured(text, _titles(text), [])


def is_restructured(text: str) -> bool:
    """Whether a text has directives."""
    return (text.startswith(".. ") or "\n.. " in text) and _ANY_DIRECTIVE.search(text) is not None


def structured(text: str, titles: Sequence[Title], listings: Sequence[Span]) -> Structure:
    """The structure of a text of indented blocks.

    Args:
        text: it.
        titles: of its sections, as `Title` says.
        listings: spans of code between lines that mark them, ascending and apart.
    """
    headings = [(start, depth, title) for start, _, depth, title in titles]
    ends = {start: end for start, end, _, _ in titles}
    blocks, bound = _blocks(text)
    levels: list[list[int]] = [[] for _ in (*_INDENTS, None)]
    literal, code = list[int](), list[int]()  # where code begins after the words for it, and its other paragraphs
    open_blocks: list[tuple[_Block, bool, str | None]] = []  # around, whether code, and what is described
    solid = [*listings]
    definitions: list[Definition] = []
    before: _Block | None = None
    for block in blocks:
        while open_blocks and block.indent <= open_blocks[-1][0].indent:
            _close(open_blocks.pop(), block.start, solid, definitions)
        deeper = before is not None and block.indent > before.indent
        if before is not None and (
            (deeper and before.line.startswith(".. ")) or ends.get(before.start, -1) >= before.end
        ):
            bound.append(block.start)
        elif before is not None and deeper and before.literal_next:
            literal.append(block.start)
        elif any(is_code for _, is_code, _ in open_blocks) or within(block.start - 1, block.start, listings):
            code.append(block.start)
        else:
            levels[sum(block.indent > indent for indent in _INDENTS)].append(block.start)
        directive = _DIRECTIVE.match(block.line)
        name = directive["name"] if directive else ""
        described = directive["argument"] if directive and _DESCRIBES.fullmatch(name) else None
        open_blocks.append((block, block.literal_next or name in _CODE, described))
        if _TABLE.match(block.line):
            solid.append((block.start, block.end))
        before = block
    while open_blocks:
        _close(open_blocks.pop(), len(text), solid, definitions)
    bound += [end for start, end in ends.items() if end < len(text)]
    return Structure(
        nest(headings),
        [*levels, literal],
        code,
        sorted({*bound}),
        _apart(solid),
        sorted(definitions, key=lambda definition: (definition.start, -definition.end)),
    )


def _titles(text: str) -> list[Title]:
    styles: list[tuple[bool, str]] = []
    found = []
    for match in _TITLE.finditer(text):
        over, title, under = match["over"], match["title"], match["under"]
        if len(under) < len(title) or (over and over[0] != under[0]) or set(title) <= set(under):
            continue
        style = (bool(over), under[0])
        if style not in styles:
            styles.append(style)
        found.append((match.start(), match.end() + 1, styles.index(style), title))
    return found


def _blocks(text: str) -> tuple[list[_Block], list[int]]:
    """The blocks of a text, and the offsets of lines that are further in than the term or item before them, which is
    one line."""
    blocks: list[_Block] = []
    bound: list[int] = []
    for match in _BLOCK.finditer(text):
        start, end, lines = match.start(), match.end(), match[0]
        first = lines.partition("\n")[0]
        words = first.lstrip()
        blocks.append(_Block(start, end, words, len(first) - len(words), lines.rstrip().endswith("::")))
        if _INDENTED.search(lines):
            bound += _further_in(lines, start)
    return blocks, bound


def _further_in(block: str, offset: int) -> Iterator[int]:
    """Where lines of a block begin that are further in than the one line before them."""
    depth = before = sys.maxsize  # columns by which the last line and the one before it are further in
    for line in block.split("\n"):
        further = len(line) - len(line.lstrip())
        if further > depth < before:
            yield offset
        depth, before = further, depth
        offset += len(line) + 1


def _close(opened: tuple[_Block, bool, str | None], end: int, solid: list[Span], definitions: list[Definition]) -> None:
    block, code, described = opened
    if code and end > block.end:
        solid.append((block.end, end))
    if described:
        definitions.append(Definition(block.start, end, described))


def _apart(spans: list[Span]) -> list[Span]:
    """The spans in order, without those within others."""
    found: list[Span] = []
    for span in sorted(spans):
        if not found or span[0] >= found[-1][1]:
            found.append(span)
        elif span[1] > found[-1][1]:
            found[-1] = (found[-1][0], span[1])
    return found
