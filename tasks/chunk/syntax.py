"""The structure of source code, by tree-sitter: where definitions begin, and what they are called."""

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
    cuts: list[list[int]] = [[] for _ in range(_DEEPEST)]
    definitions = []
    stack: list[tuple[Node, int]] = [(parser.parse(data).root_node, 0)]
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
            begin = _line_start(text, character(child.start_byte))
            if not after_comment and begin is not None:
                cuts[depth].append(begin)
            after_comment = "comment" in child.type or child.type in ("decorator", "attribute_item")
            stack.append((child, depth + 1))
    return [sorted(set(level)) for level in cuts], sorted(definitions, key=lambda d: (d.start, -d.end))


def _line_start(text: str, offset: int) -> int | None:
    """The start of the line that begins with what stands there, or None where something stands before it."""
    begin = text.rfind("\n", 0, offset) + 1
    return begin if begin == offset or text[begin:offset].isspace() else None


def _character_offsets(text: str, data: bytes) -> Callable[[int], int]:
    """A function from byte to character offsets."""
    if len(text) == len(data):
        return lambda offset: offset
    begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    before = np.concatenate([[0], np.cumsum(begins)])
    return lambda offset: int(before[offset])
