"""JSON records of any form as JSON Lines: arrays, indented or concatenated objects, text sequences (RFC 7464), lines
that end with a carriage return.

Nothing holds more than a piece of the file and the record that is looked at. What is JSON Lines already passes as it
is. Where a record begins and ends is found in bytes in which ASCII is itself, so its letters are left to whoever
decodes them; UTF-16 and the like become UTF-8 before (tasks.sources.transcode).
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from tasks.errors import BrokenDocument, DocumentError, OversizedDocument

PIECE = 2**20
"""Bytes that are read at once, and the first that tell which form a file has."""

_BETWEEN = re.compile(r"[ \t\r\n,\x1e]*")  # also a comma at the end of each line
_REST_OF_LINE = re.compile(r"[ \t\r]*")
_BYTE_ORDER_MARK = "\xef\xbb\xbf"  # of UTF-8, each byte as a character
_LOOKED_AT = 3  # records that tell a file's form
_CUT = 32  # characters; an error so near to the end of what was read may be for want of more
_DECODER = json.JSONDecoder()


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def as_lines(stream: Readable, max_bytes: int) -> Readable:
    """The records of a stream as JSON Lines, the record of number n on line n.

    Args:
        stream: JSON in any form, from its start.
        max_bytes: of a record in a form other than JSON Lines.

    Raises:
        BrokenDocument: on reading, after the last record before what is no JSON.
        OversizedDocument: on reading, after the last record before one that is longer than `max_bytes`.
    """
    pieces = _pieces(stream)
    head = next(pieces, b"")
    if is_lines(head):
        return _Pieces(_after(head, pieces))
    return _Pieces(_joined(_values(_after(head, pieces), max_bytes)))


def holds_records(head: bytes) -> bool:
    """Whether the first bytes of JSON are of an array of objects, or of one object after another: not of a single
    one, as a file of settings is."""
    text = _text(head)
    start = _BETWEEN.match(text).end()  # type: ignore[union-attr]
    if text[start : start + 1] != "{":
        return not is_lines(head)
    try:
        end = _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return False
    return text[_BETWEEN.match(text, end).end() :][:1] == "{"  # type: ignore[union-attr]


def is_lines(head: bytes) -> bool:
    """Whether the first bytes are those of JSON Lines, or of what is no JSON: not of records in another form."""
    text = _text(head)
    start = len(text) - len(text.lstrip(" \t\r\n"))
    first = text[start : start + 1]
    if first == "[":
        return text[start + 1 :].lstrip(" \t\r\n")[:1] not in ("{", "]")
    if first != "{":
        return first != "\x1e"
    for _ in range(_LOOKED_AT):
        try:
            end = _DECODER.raw_decode(text, start)[1]
        except json.JSONDecodeError as error:
            return len(head) < PIECE or "\n" not in text[start:] or not _is_cut(error, text)
        except RecursionError:
            return True
        at = _REST_OF_LINE.match(text, end).end()  # type: ignore[union-attr]
        if "\n" in text[start:end] or text[at : at + 1] in ("{", "[", ",", "\x1e"):
            return False
        start = len(text) - len(text[at:].lstrip(" \t\r\n"))
        if text[start : start + 1] != "{":
            break
    return True


class _Pieces:
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def read(self, size: int, /) -> bytes:
        while self._at == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._at = piece, 0
        found = self._piece[self._at : self._at + size]
        self._at += len(found)
        return found


def _pieces(stream: Readable) -> Iterator[bytes]:
    """The bytes of a stream, the first piece as long as possible: some streams give less than they are asked for."""
    head = stream.read(PIECE)
    while len(head) < PIECE and (more := stream.read(PIECE - len(head))):
        head += more
    yield head
    while piece := stream.read(PIECE):
        yield piece


def _after(head: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


def _text(data: bytes) -> str:
    """A character for each byte: JSON's own are ASCII."""
    return data.decode("latin-1").removeprefix(_BYTE_ORDER_MARK)


def _values(pieces: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """Each value of a stream, those in an array at its top one by one, without line ends."""
    text = _text(next(pieces, b""))
    at = number = 0
    within = False  # an array
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        if at == len(text):
            piece = next(pieces, None)
            if piece is None:
                if within:
                    raise BrokenDocument(
                        f"its array has no end after {number:,} records", "Is it complete? Store it again."
                    )
                return
            text, at = piece.decode("latin-1"), 0
            continue
        if text[at] == ("]" if within else "["):
            within, at = not within, at + 1
            continue
        number += 1
        text, at, end = _value(text, at, pieces, number, max_bytes)
        if number == 1 and text[at] != "{":
            raise BrokenDocument(
                f"it holds JSON that is no object: {text[at : min(end, at + 40)]}", "A record is a JSON object."
            )
        found = text[at:end].encode("latin-1")
        yield found if text.find("\n", at, end) < 0 else found.replace(b"\n", b" ")
        at = end


def _value(text: str, at: int, pieces: Iterator[bytes], number: int, max_bytes: int) -> tuple[str, int, int]:
    """The text with as much read as a value needs, and where that begins and ends in it.

    Each time at least as much is read as is there already, so a long value costs time by its length.
    """
    while True:
        error: ValueError | RecursionError
        try:
            end = _DECODER.raw_decode(text, at)[1]
            if end < len(text) or text[at] == "{":
                return text, at, end
            error = ValueError("it has no end")
        except (ValueError, RecursionError) as wrong:
            error = wrong
            if not (isinstance(wrong, json.JSONDecodeError) and _is_cut(wrong, text)):
                raise _broken(number, wrong, text) from None
        text, at, wanted = text[at:], 0, max(len(text) - at, 1)
        if wanted > max_bytes:
            raise OversizedDocument(
                f"its record {number:,} has more than {max_bytes:,} bytes", "Raise `extraction.max_bytes`."
            )
        more = []
        while wanted > 0 and (piece := next(pieces, None)) is not None:
            more.append(piece)
            wanted -= len(piece)
        if not more:
            if text[0] not in '{["' and isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError):
                return text, 0, len(text)  # a number at the end
            raise _broken(number, error, text) from None
        text += b"".join(more).decode("latin-1")


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Whether a value may be whole with more text."""
    return error.pos > len(text) - _CUT or error.msg.startswith("Unterminated string")


def _broken(number: int, error: Exception, text: str) -> BrokenDocument:
    near = text[max(error.pos - 20, 0) : error.pos + 20] if isinstance(error, json.JSONDecodeError) else ""
    reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    where = f" at {' '.join(near.encode('latin-1').decode(errors='replace').split())!r}" if near.strip() else ""
    return BrokenDocument(
        f"record {number:,} is not valid JSON: {reason}{where}; what follows it cannot be told apart",
        "Correct it, or store one record a line: then only that line fails.",
    )


def _joined(values: Iterator[bytes]) -> Iterator[bytes]:
    """Values as lines, many in a piece; an error comes after the values before it."""
    lines: list[bytes] = []
    size = 0
    error: DocumentError | None = None
    try:
        for value in values:
            lines.append(value)
            size += len(value)
            if size > PIECE:
                yield b"\n".join((*lines, b""))
                lines, size = [], 0
    except DocumentError as wrong:
        error = wrong
    if lines:
        yield b"\n".join((*lines, b""))
    if error:
        raise error
