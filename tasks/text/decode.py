"""Text from bytes in whatever encoding."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tasks.errors import BrokenDocument
from tasks.text.encodings import CONTROLS, Encoding, detect, is_single_byte

_ZEROS = re.compile(r"\0+")
_OUTER_ZEROS = re.compile(rb"\A\0+|\0+(?=[\r\n]*\Z)")
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_FEW = 0.1  # of the characters beyond ASCII: where more are broken, some lines are in another encoding

OCR = "ocr"
"""Stands for the encoding of a document of which OCR read pages."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of some bytes.

    Attributes:
        text: as it stands there, with U+FFFD for bytes that are no text.
        encoding: that it was read in.
        confidence: how sure that is, from 0 to 1.
    """

    text: str
    encoding: str
    confidence: float


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    """The text of some bytes, in the encoding that is said or that fits best.

    In UTF-8 and encodings of a byte for each character, lines are read one by one: a damaged byte changes nothing but
    itself, and a line of valid UTF-8 is read as that also among others. A run of zero bytes, as a loss of power leaves
    it in a log, is dropped at a line's beginning and end, and U+FFFD within.

    Args:
        data: the bytes.
        encoding: theirs; None to find it.

    Raises:
        BrokenDocument: the bytes are no text.
    """
    if encoding is not None:
        return Decoded(data.decode(encoding, "replace").removeprefix("\ufeff"), encoding, 1.0)
    if b"\0" not in data and b"\x1b" not in data:
        try:
            return Decoded(data.decode("utf-8-sig"), "utf-8", 1.0)
        except UnicodeDecodeError:
            pass
    found = detect(data)
    if found is None:
        raise BrokenDocument(
            _no_text(data), "Leave it out with `exclude`, give its true format, or say its `encoding`."
        )
    text = _read(data, found)
    if "\0" in text:
        text = _ZEROS.sub(_left_of_zeros, text)
    return Decoded(text, found.name, found.confidence)


def decode_lines(data: bytes, split: Callable[[bytes], list[bytes]]) -> tuple[Decoded, dict[int, BrokenDocument]]:
    """The text of some lines, and what is wrong with those that are no text, by their places from 0: blank lines stand
    for them. Where all together are text, each one is.

    Args:
        data: the lines.
        split: makes them into single ones, with their ends; called where they are not text as a whole.
    """
    try:
        return decode(data), {}
    except BrokenDocument:
        pass
    left: list[bytes] = []
    broken: dict[int, BrokenDocument] = {}
    for place, line in enumerate(split(data)):
        bare = _OUTER_ZEROS.sub(b"", line)  # which a loss of power leaves
        if bare == bare.translate(None, CONTROLS) and (bare.strip() or bare == line):
            left.append(bare)
        else:
            broken[place] = BrokenDocument(_no_text(line), "Correct that line.")
            left.append(b" " + line[len(line.rstrip(b"\r\n")) :])
    return decode(b"".join(left)), broken


def _no_text(data: bytes) -> str:
    return f"not text: it holds {'NUL bytes' if bytes(1) in data else 'control characters'}"


def _left_of_zeros(match: re.Match[str]) -> str:
    """Nothing where a line begins or ends with them, else U+FFFD."""
    before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    return "" if before in "\r\n" or after in "\r\n" else "\ufffd"


class Guess(Protocol):
    """What was read in an encoding that may be guessed."""

    @property
    def encoding(self) -> str | None:
        """Its encoding."""

    @property
    def confidence(self) -> float:
        """How sure that is, from 0 to 1."""


def check_guess(found: Guess, least: float) -> None:
    """Refuse a text whose encoding is too unsure a guess.

    Raises:
        BrokenDocument: so it is.
    """
    if found.confidence < least and found.encoding == OCR:
        raise BrokenDocument(
            f"OCR is not sure enough of its pages: its confidence is {found.confidence:.2f}",
            "Store a sharper scan, or lower `extraction.least_confidence`.",
        )
    if found.confidence < least:
        raise BrokenDocument(
            f"its encoding is not sure enough: {found.encoding}, with a confidence of {found.confidence:.2f}",
            "Say the source's `encoding`, or lower `extraction.least_confidence`.",
        )


def _read(data: bytes, found: Encoding) -> str:
    if found.name == "utf-8" and found.confidence < 1 - _FEW:
        other = detect(b"".join(line for line in data.splitlines(keepends=True) if not is_utf8(line)))
        if other is not None and other.name != "utf-8":
            found = other
    if not is_single_byte(found.name) or not _UTF8.search(data):
        return data.decode(found.name, "replace")
    return "".join(
        line.decode("utf-8" if is_utf8(line) else found.name, "replace") for line in data.splitlines(keepends=True)
    )


def is_utf8(data: bytes) -> bool:
    """Whether some bytes are valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
