"""XML that is not well-formed, made so far right that a parser that recovers from faults loses no text of it.

libxml2 puts up with most faults and goes on, but an end tag without its start closes whatever is open, what stands
after the root is left out, and a reference to half of a character, as programs write that count in UTF-16, makes a
string that is none.
"""

import re
from collections import Counter
from collections.abc import Iterator

from lxml import etree

from tasks.errors import BrokenDocument

_HALVES = re.compile(rb"(?:&#(?:[xX]0*[dD][89a-fA-F][0-9a-fA-F]{2}|0*(?:5529[6-9]|55[3-9]\d\d|5[67]\d{3}));)+")
_REFERENCE = re.compile(rb"&#([xX]?)([0-9a-fA-F]+);")
_TAG = re.compile(rb"<(/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:\"[^<\"]*\"|'[^<']*'))*)\s*(/?)>")
_PROLOGUE = re.compile(rb"<\?xml\b[^<>]*>|<!DOCTYPE\b[^\[\]<>]*>")
_APART = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}
_FAULTS = (etree.ErrorTypes.ERR_TAG_NAME_MISMATCH, etree.ErrorTypes.ERR_DOCUMENT_END)


def parse(data: bytes, parser: etree.XMLParser) -> etree._Element | None:
    """The root of some XML, as far as it can be parsed, or None.

    Args:
        data: in UTF-8, or in the encoding that it declares.
        parser: one that recovers.

    Raises:
        BrokenDocument: it goes beyond what the parser allows, and is not read to its end.
    """
    if b"&#" in data:
        data = _HALVES.sub(_whole, data)
    try:
        root = etree.fromstring(data, parser)
        if any(error.type in _FAULTS for error in parser.error_log):
            root = etree.fromstring(_balanced(data), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log):
        raise BrokenDocument("its elements are too deep, or its values or entities too large", "Leave it out.")
    return root


def _whole(found: re.Match[bytes]) -> bytes:
    """References to halves of characters as references to the characters, or to U+FFFD."""
    codes = [int(digits, 16 if mark else 10) for mark, digits in _REFERENCE.findall(found[0])]
    text = "".join(map(chr, codes)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return b"".join(b"&#%d;" % ord(character) for character in text)


def _balanced(data: bytes) -> bytes:
    """The same elements under one root, each with its end, and no end without its start."""
    begun: list[bytes] = []
    counts: Counter[bytes] = Counter()

    def kept(tag: re.Match[bytes]) -> bytes:
        end, name, _, alone = tag.groups()
        if alone:
            return tag[0]
        if not end:
            begun.append(name)
            counts[name] += 1
            return tag[0]
        if not counts[name]:
            return b" "
        ends: list[bytes] = []
        while not ends or ends[-1] != name:
            ends.append(begun.pop())
            counts[ends[-1]] -= 1
        return b"".join(b"</%s>" % one for one in ends)

    parts = [part if apart else _TAG.sub(kept, _PROLOGUE.sub(b" ", part)) for part, apart in _parts(data)]
    return b"".join((b"<_>", *parts, *(b"</%s>" % name for name in reversed(begun)), b"</_>"))


def _parts(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """The data in parts, and whether each one is a comment or characters as they stand, in which no tags are."""
    nexts = {mark: data.find(mark) for mark in _APART}
    at = 0
    while there := {place: mark for mark, place in nexts.items() if place >= 0}:
        start = min(there)
        end = data.find(_APART[there[start]], start)
        if end < 0:  # it has no end: all others like it neither
            nexts[there[start]] = -1
            continue
        end += len(_APART[there[start]])
        yield data[at:start], False
        yield data[start:end], True
        at = end
        nexts = {mark: place if place < 0 or place >= at else data.find(mark, at) for mark, place in nexts.items()}
    yield data[at:], False
