"""The structure of source code, by tree-sitter: where definitions begin, and what they are called."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple

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


class Outline(NamedTuple):
    """What the syntax tree says, all offsets in characters and ascending.

    Attributes:
        cuts: where a piece may begin, for each depth of the tree.
        bound: where none may: within a signature, and at what stands between it and the first line of its body, a
            docstring included; after a comment or a decorator.
        definitions: that were met.
    """

    cuts: list[list[int]]
    bound: list[int]
    definitions: list[Definition]


@cache
def parser_for(language: str) -> Parser | None:
    """The parser for a language, or None where there is no grammar for it."""
    if language not in _GRAMMARS:
        return None
    module, function = _GRAMMARS[language]
    return Parser(Language(getattr(import_module(module), function)()))


def outline(text: str, parser: Parser, worth: Callable[[int, int], bool]) -> Outline:
    """Where the syntax tree offers to cut a program.

    Args:
        text: a program.
        parser: of its language.
        worth: whether a span (in characters) is long enough to be cut.
    """
    data = text.encode()
    character = _character_offsets(text, data)
    lines = [found.span() for found in _INDENT.finditer(text)]
    line_start = _line_starts(lines)
    source = _COMMENTS.sub(_first_comment, data) if parser.language and parser.language.name == "python" else data
    cuts: list[list[int]] = [[] for _ in range(_DEEPEST)]
    bound: list[int] = []
    definitions = []
    stack: list[tuple[Node, int]] = [(parser.parse(source).root_node, 0)]
    while stack:
        node, depth = stack.pop()
        start, end = character(node.start_byte), character(node.end_byte)
        name = _name(node)
        if name:
            definitions.append(Definition(start, end, name))
            first, last = (bisect_left(lines, (place,)) for place in (start + 1, character(_head_end(node)) + 1))
            bound += [line for line, _ in lines[first:last]]
        if depth == _DEEPEST or (depth and not worth(start, end)):
            continue
        after_comment = False
        for child in node.children:
            begin = line_start(character(child.start_byte))
            if begin is not None:
                (bound if after_comment else cuts[depth]).append(begin)
            after_comment = "comment" in child.type or child.type in ("decorator", "attribute_item")
            stack.append((child, depth + 1))
    definitions.sort(key=lambda d: (d.start, -d.end))
    return Outline([sorted(set(level)) for level in cuts], sorted(set(bound)), definitions)


def _name(node: Node) -> str:
    """What a node defines; empty where it is no definition."""
    if not node.is_named or "parameter" in node.type or "argument" in node.type:
        return ""
    name = node.child_by_field_name("type" if node.type == "impl_item" else "name")
    if name is None and node.type == "function_definition":  # of C and C++: within what declares it
        name = node.child_by_field_name("declarator")
        while name is not None and (inner := _declared(name)) is not None:
            name = inner
    return name.text.decode(errors="replace") if name is not None and name.text else ""


def _declared(node: Node) -> Node | None:
    """What a declarator of C or C++ is around; a reference's has no field for it."""
    if node.type == "reference_declarator":
        return node.named_children[0] if node.named_children else None
    return node.child_by_field_name("declarator")


def _head_end(node: Node) -> int:
    """The byte up to which nothing is cut off from a definition's first line: where its first statement begins, or its
    docstring; where that is a definition of its own, or there is none, where its body is opened."""
    body = node.child_by_field_name("body")
    if body is None:
        return node.start_byte
    first = next(iter(body.named_children), None)
    if first is not None and first.type != "decorated_definition" and not _name(first):
        return first.start_byte
    opened = body.prev_sibling if first is not None and first.start_byte == body.start_byte else None
    return opened.end_byte if opened else body.start_byte


def _first_comment(lines: re.Match[bytes]) -> bytes:
    """Lines of comments; of very many, the first and blanks, which offer the same cuts."""
    if len(lines[0]) < _MANY_COMMENTS:
        return lines[0]
    first = lines[0].index(b"\n")
    return lines[0][:first] + re.sub(rb"[^\n]", b" ", lines[0][first:])


def _line_starts(lines: list[tuple[int, int]]) -> Callable[[int], int | None]:
    """A function from what stands somewhere to the start of the line that begins with it, or None where something
    stands before it.

    Args:
        lines: where each begins, and where its indentation ends.
    """
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
