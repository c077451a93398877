"""XML and JSON into readable text: a line for each value, entities and escapes resolved."""

import html.entities
import json
import re
from typing import Any

from lxml import etree

from tasks.extract.blocks import Blocks, Converted, clean_title, one_line
from tasks.extract.package import Element, child, local
from tasks.extract.xml_repair import parse

_SECTIONS = {
    "book", "part", "chapter", "article", "preface", "appendix", "section", "sect1", "sect2", "sect3", "sect4", "sect5",
    "sec", "refentry", "refsect1", "refsect2", "refsection", "reference", "topic", "glossary", "simplesect", "set",
}  # fmt: skip
_VERBATIM = {"programlisting", "screen", "literallayout", "synopsis", "codeblock", "pre", "verbatim"}
_PROSE = {"p", "para", "simpara", "title", "text", "li", "td", "div", "body", "content", "seg", "note", "term"}
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]*);")
_DECLARED = re.compile(rb"<!ENTITY\s+(?!%)([\w.-]+)")
_TAGS = re.compile(r"</?(?:p|br|div|span|a|b|i|em|strong|ul|ol|li|img|h[1-6]|code|pre|table|tr|td|th)\b[^<>]*>", re.I)
_BLOB = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
_LONGEST_ATTRIBUTE = 300


def read_xml(data: bytes) -> Converted | None:
    """Each element's words on a line with its name; titles of sections as headings. None where it is no XML.

    Entities are resolved that the document declares itself, or HTML does; nothing is fetched.

    Args:
        data: the file.
    """
    declared = set(_DECLARED.findall(data[:100_000]))
    known = _ENTITY.sub(lambda m: _entity(m, declared), data)
    parser = etree.XMLParser(
        recover=True, resolve_entities="internal", no_network=True, remove_comments=True, remove_pis=True
    )
    root = parse(known, parser)
    if root is None:
        return None
    blocks = Blocks()
    lines: list[str] = []
    _add(root, blocks, lines, 0)
    _end(blocks, lines)
    return blocks.converted(clean_title(_title(root)))


def _entity(match: re.Match[bytes], declared: set[bytes]) -> bytes:
    name = match[1]
    if name in declared or name in (b"amp", b"lt", b"gt", b"quot", b"apos"):
        return match[0]
    character = html.entities.name2codepoint.get(name.decode())
    return b"&#%d;" % character if character else b"&amp;%s;" % name


def _title(root: Element) -> str | None:
    title = child(root, "title")
    title = child(root, "info", "title") if title is None else title
    return "".join(title.itertext()) if title is not None else None


def _add(element: Element, blocks: Blocks, lines: list[str], depth: int) -> None:
    """Add what an element says: a line where it has words of its own, else what its elements say.

    Lines of elements without paragraphs are collected, so that a record's values stand together.
    """
    name = local(element)
    if not name:
        return
    words = _has_words(element)
    facts = "" if words and name in _PROSE else _facts(element)
    if not words and len(element):
        if facts:
            lines.append(f"{name} {facts}")
        deeper = depth + (name in _SECTIONS)
        for inner in element:
            _add(inner, blocks, lines, deeper)
        if depth == 0 or name in _SECTIONS or any(len(inner) for inner in element):
            _end(blocks, lines)
        return
    raw = "".join(element.itertext())
    if name in _VERBATIM:
        _end(blocks, lines)
        blocks.code(raw)
        return
    text = one_line(_TAGS.sub(" ", raw)) if "<" in raw else one_line(raw)
    above = element.getparent()
    if name == "title" and above is not None and (local(above) in _SECTIONS or local(above).endswith("info")):
        _end(blocks, lines)
        blocks.heading(max(depth, 1), text)
    elif name in ("p", "para", "simpara") and text:
        _end(blocks, lines)
        blocks.paragraph(text)
    elif text or facts:
        label = f"{name} {facts}".strip() if name not in _PROSE or facts else ""
        lines.append(f"{label}: {text}" if label and text else label or text)


def _end(blocks: Blocks, lines: list[str]) -> None:
    if lines:
        blocks.paragraph("\n".join(lines))
        lines.clear()


def _has_words(element: Element) -> bool:
    """Whether there are words directly in an element, between its elements."""
    return bool((element.text or "").strip()) or any((inner.tail or "").strip() for inner in element)


def _facts(element: Element) -> str:
    """An element's attributes that say something to a reader."""
    found = []
    for key, value in element.attrib.items():
        text = one_line(value)
        if (
            text
            and len(text) <= _LONGEST_ATTRIBUTE
            and not key.startswith("{http://www.w3.org/2001/XMLSchema-instance")
        ):
            found.append(f"{key.rpartition('}')[2]}={text}")
    return " ".join(found)


def read_json(text: str) -> Converted | None:
    """Each value on a line after its name, what lies deeper indented; None where it is no JSON.

    Args:
        text: of the file.
    """
    try:
        value = json.loads(text)
        lines: list[str] = []
        _lines(value, 0, "", lines)
    except (ValueError, RecursionError):
        return None
    title = value.get("title") if isinstance(value, dict) else None
    return Converted("\n".join(lines), clean_title(title), "text")


def _lines(value: Any, depth: int, mark: str, lines: list[str]) -> None:
    pad = "  " * depth
    if isinstance(value, dict):
        for name, inner in value.items():
            _named(inner, depth, f"{mark}{name}:", lines)
            mark = "  " if mark else ""
    elif isinstance(value, list):
        plain = [_plain(inner) for inner in value if not isinstance(inner, dict | list)]
        if len(plain) == len(value) and sum(map(len, plain)) < 200 and not any("\n" in text for text in plain):
            lines.append(f"{pad}{mark}{', '.join(plain)}")
            return
        for inner in value:
            _lines(inner, depth, "- ", lines)
    else:
        lines.append(pad + mark + _plain(value).replace("\n", f"\n{pad}"))


def _named(value: Any, depth: int, label: str, lines: list[str]) -> None:
    short = (
        isinstance(value, list) and sum(len(_plain(v)) if not isinstance(v, dict | list) else 200 for v in value) < 200
    )
    if (isinstance(value, dict | list) and value) and not short:
        lines.append("  " * depth + label)
        _lines(value, depth + 1, "", lines)
    else:
        text = ", ".join(map(_plain, value)) if isinstance(value, list) else "" if value == {} else _plain(value)
        lines.append(("  " * depth + f"{label} {text}").rstrip())


def _plain(value: object) -> str:
    """A single value as text; one that is no words (a picture in base64) by its length."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else f"{value}"
    return _BLOB.sub(lambda m: f"({len(m[0])} characters)", text) if len(text) >= 200 else text
