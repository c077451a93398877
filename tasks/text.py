"""Text from bytes in whatever encoding, and the one normalisation that every text gets."""

import re
import unicodedata

from charset_normalizer import from_bytes

from tasks.errors import BrokenDocument

_OTHER_SPACES = [chr(code) for code in range(0x3001) if chr(code).isspace() and code not in (10, 32)]
_WIDE_SPACE = re.compile(r"[^\S\n](?<=\S\s)(?:(?<! )[^\S\n]*|[^\S\n]+)(?=\S)")  # within a line, not one space alone
_VERBATIM = re.compile(  # in Markdown: fenced code, to its end or that of the text, and indented lines
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?:.*?^ {0,3}(?P=fence)[`~]*[^\S\n]*$|.*)|^(?: {4}|\t)[^\n]*$",
    re.MULTILINE | re.DOTALL,
)
_SAMPLE = 256 * 1024  # bytes that encoding detection looks at


def decode(data: bytes) -> str:
    """The text of some bytes: by byte order mark, as UTF-8, or in the encoding that fits best.

    Raises:
        BrokenDocument: the bytes are no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:_SAMPLE]:
        raise BrokenDocument("not text: it holds NUL bytes", "Leave it out with `exclude`, or give its true format.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        around = max(error.start - _SAMPLE // 2, 0)
        best = from_bytes(data[around : around + _SAMPLE]).best()
    if best is None:
        raise BrokenDocument(
            "not text: it fits no known encoding", "Leave it out with `exclude`, or convert it to UTF-8."
        )
    return data.decode(best.encoding, errors="replace")


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for every lone surrogate."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        pass
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _outside_code(text: str) -> str:
    """Markdown with single spaces within its lines, but for those of code."""
    found, at = [], 0
    for verbatim in _VERBATIM.finditer(text):
        found += [_WIDE_SPACE.sub(" ", text[at : verbatim.start()]), verbatim[0]]
        at = verbatim.end()
    return "".join((*found, _WIDE_SPACE.sub(" ", text[at:])))


def normalise(text: str, code: bool = False, markdown: bool = False) -> str:
    """The text as it is stored, compared and embedded.

    Lines end with a line feed and without white space, at most two blank lines follow each other, the text
    neither begins nor ends with a blank line, lone surrogates and NULs become U+FFFD. Except in code, Unicode
    is composed (NFC); and except there and in the code of Markdown, spaces within a line are single.
    """
    if not text.isascii():
        text = without_surrogates(text)
        if not code and not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").replace("\ufeff", "")
    other_spaces = [space for space in _OTHER_SPACES if space in text]
    if not code and (other_spaces or "  " in text):
        text = _outside_code(text) if markdown else _WIDE_SPACE.sub(" ", text)
    if any(f"{space}\n" in text or text.endswith(space) for space in (" ", *other_spaces)):
        text = re.sub(r"[^\S\n]+$", "", text, flags=re.MULTILINE)
    if "\n\n\n\n" in text:
        text = re.sub(r"\n{4,}", "\n\n\n", text)
    return text.strip("\n")
