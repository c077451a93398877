"""The structure of source code, by tree-sitter: where definitions begin, and what they are called."""

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cache
from importlib import import_module

import numpy as np
from tree_sitter import Language, Node, Parser

from tasks.chunk.structure import Definition

_GRAMMARS = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "java": ("tree_sitter_java", "language"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "bash": ("tree_sitter_bash", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
}
_DEEPEST = 12  # levels of the tree that are offered as cuts; deeper ones are lines and words
_INDENT = re.compile(r"^[^\S\n]*", re.MULTILINE)
_COMMENTS = re.compile(rb"(?:^[ \t]*#[^\n]*\n)+", re.MULTILINE)
_MANY_COMMENTS = 2**14  # bytes; at each of its comments, the Python grammar looks through all that follow it


@cache
def parser_for(language: str) -> Parser | None:
    """The parser for a language, or None where there is no grammar for it."""
    if language not in _GRAMMARS:
        return None
    module, function = _GRAMMARS[language]
    return Parser(Language(getattr(import_module(module), function)()))


def outline(text: str, parser: Parser, worth: Callable[[int, int], bool]) -> tuple[list[list[int]], list[Definition]]:
    """The cuts that the syntax tree offers, one ascending list for each depth, and the definitions met.

    Args:
        text: a program.
        parser: of its language.
        worth: whether a span (in characters) is long enough to be cut.
    """
    data = text.encode()
    character = _character_offsets(text, data)
    line_start = _line_starts(text)
    source = _COMMENTS.sub(_first_comment, data) if parser.language and parser.language.name == "python" else data
    cuts: list[list[int]] = [[] for _ in range(_DEEPEST)]
    definitions = []
    stack: list[tuple[Node, int]] = [(parser.parse(source).root_node, 0)]
    while stack:
        node, depth = stack.pop()
        start, end = character(node.start_byte), character(node.end_byte)
        name = node.child_by_field_name("name")
        if name is not None and node.is_named and name.text:
            definitions.append(Definition(start, end, name.text.decode(errors="replace")))
        if depth == _DEEPEST or not worth(start, end):
            continue
        after_comment = False
        for child in node.children:
            begin = line_start(character(child.start_byte))
            if not after_comment and begin is not None:
                cuts[depth].append(begin)
            after_comment = "comment" in child.type or child.type in ("decorator", "attribute_item")
            stack.append((child, depth + 1))
    return [sorted(set(level)) for level in cuts], sorted(definitions, key=lambda d: (d.start, -d.end))


def _first_comment(lines: re.Match[bytes]) -> bytes:
    """Lines of comments; of very many, the first and blanks, which offer the same cuts."""
    if len(lines[0]) < _MANY_COMMENTS:
        return lines[0]
    first = lines[0].index(b"\n")
    return lines[0][:first] + re.sub(rb"[^\n]", b" ", lines[0][first:])


def _line_starts(text: str) -> Callable[[int], int | None]:
    """A function from what stands somewhere to the start of the line that begins with it, or None where something
    stands before it."""
    lines = [found.span() for found in _INDENT.finditer(text)]
    begins = [begin for begin, _ in lines]

    def start(offset: int) -> int | None:
        begin, ink = lines[bisect_right(begins, offset) - 1]
        return begin if offset <= ink else None

    return start


def _character_offsets(text: str, data: bytes) -> Callable[[int], int]:
    """A function from byte to character offsets."""
    if len(text) == len(data):
        return lambda offset: offset
    begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    before = np.concatenate([[0], np.cumsum(begins)])
    return lambda offset: int(before[offset])
