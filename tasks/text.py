"""Text from bytes in whatever encoding, and the one normalisation that every text gets."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Protocol

from tasks.encodings import Encoding, detect, is_single_byte
from tasks.errors import BrokenDocument

_OTHER_SPACES = [chr(code) for code in range(0x3001) if chr(code).isspace() and code not in (9, 10, 32)]
_WIDE_SPACE = re.compile(r"[^\S\n\t](?<=\S\s)(?:(?<! )[^\S\n\t]*|[^\S\n\t]+)(?=\S)")  # in a line, not one space alone
_BESIDE_TABS = re.compile(r"(?<=\S)[^\S\n]*\t[^\S\n]*(?=\S)")
_BREAKS = {"\u2029": "\n\n", "\u2028": "\n\n", "\f": "\n\n", "\v": "\n", "\x85": "\n"}
_VERBATIM = re.compile(  # in Markdown: fenced code, to its end or that of the text, and indented lines
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?:.*?^ {0,3}(?P=fence)[`~]*[^\S\n]*$|.*)|^(?: {4}|\t)[^\n]*$",
    re.MULTILINE | re.DOTALL,
)
_ZEROS = re.compile(r"\0+")
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_FEW = 0.1  # of the characters beyond ASCII: where more are broken, some lines are in another encoding


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
            f"not text: it holds {'NUL bytes' if bytes(1) in data else 'control characters'}",
            "Leave it out with `exclude`, give its true format, or say its `encoding`.",
        )
    text = _read(data, found)
    if "\0" in text:
        text = _ZEROS.sub(_left_of_zeros, text)
    return Decoded(text, found.name, found.confidence)


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
    if found.confidence < least:
        raise BrokenDocument(
            f"its encoding is not sure enough: {found.encoding}, with a confidence of {found.confidence:.2f}",
            "Say the source's `encoding`, or lower `extraction.least_confidence`.",
        )


def _read(data: bytes, found: Encoding) -> str:
    if found.name == "utf-8" and found.confidence < 1 - _FEW:
        other = detect(b"".join(line for line in data.splitlines(keepends=True) if not _is_utf8(line)))
        if other is not None and other.name != "utf-8":
            found = other
    if not is_single_byte(found.name) or not _UTF8.search(data):
        return data.decode(found.name, "replace")
    return "".join(
        line.decode("utf-8" if _is_utf8(line) else found.name, "replace") for line in data.splitlines(keepends=True)
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for every lone surrogate."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        pass
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _outside_code(text: str) -> str:
    """Markdown with its white space tidied, but for that of code."""
    found, at = [], 0
    for verbatim in _VERBATIM.finditer(text):
        found += [_tidy(text[at : verbatim.start()]), verbatim[0]]
        at = verbatim.end()
    return "".join((*found, _tidy(text[at:])))


def _tidy(text: str) -> str:
    """Single spaces within lines, and none beside tabs."""
    text = _WIDE_SPACE.sub(" ", text)
    return _BESIDE_TABS.sub(lambda match: "\t" * match[0].count("\t"), text) if "\t" in text else text


def normalise(text: str, code: bool = False, markdown: bool = False) -> str:
    """The text as it is stored, compared and embedded.

    Lines end with a line feed and without white space, at most two blank lines follow each other, the text
    neither begins nor ends with a blank line, lone surrogates and NULs become U+FFFD. Except in code, Unicode
    is composed (NFC), and form feeds and Unicode's separators of lines and paragraphs end a paragraph. Except there and
    in the code of Markdown, spaces within a line are single, and tabs have no spaces beside them and stay as many as
    they are: there may be an empty column.
    """
    if not text.isascii():
        text = without_surrogates(text)
        if not code and not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").replace("\ufeff", "")
    if not code:
        for mark, breaks in _BREAKS.items():
            if mark in text:
                text = text.replace(mark, breaks)
    other_spaces = [space for space in _OTHER_SPACES if space in text]
    if not code and (other_spaces or any(wide in text for wide in ("  ", " \t", "\t "))):
        text = _outside_code(text) if markdown else _tidy(text)
    if "\t" in text:
        other_spaces.append("\t")
    if any(f"{space}\n" in text or text.endswith(space) for space in (" ", *other_spaces)):
        text = re.sub(r"[^\S\n]+$", "", text, flags=re.MULTILINE)
    if "\n\n\n\n" in text:
        text = re.sub(r"\n{4,}", "\n\n\n", text)
    return text.strip("\n")
