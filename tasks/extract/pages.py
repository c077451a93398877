"""Which files are web pages, and their HTML: in the encoding that they name, or out of MHTML."""

import codecs
import email
import email.policy
import re
from typing import TypeGuard

from tasks.errors import EmptyDocument
from tasks.text.decode import Decoded, decode

_HEAD = 2048  # bytes in which a page says what it is
_BEGINNING = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*+(?:<\?xml[^>]*>\s*+)?(?:(?><!--.*?-->)\s*+)*+(?:<!doctype\s+html|<html[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_CHARSET = re.compile(rb"""<meta[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_AS_BROWSERS = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254"}  # by WHATWG's Encoding Standard
_FIELD = re.compile(rb"[a-z-]+:")


def looks_like_html(data: bytes) -> bool:
    """Whether a file begins as a page of HTML, or a page saved with its pictures (MHTML), does."""
    head = data[:_HEAD].replace(b"\0", b"")  # of UTF-16, too
    return _BEGINNING.match(head) is not None or _is_saved(head)


def html_of(data: bytes, encoding: str | None = None) -> Decoded:
    """The HTML of a file: out of MHTML, and in the encoding that the page names where it is not UTF-8.

    Args:
        data: the file.
        encoding: that is declared for it; it comes before what the page says.

    Raises:
        BrokenDocument: the bytes are no text.
    """
    if _is_saved(data[:_HEAD]):
        return _saved_page(data)
    named = _CHARSET.search(data[:_HEAD])
    if encoding is not None or named is None or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return decode(data, encoding)
    try:
        return Decoded(data.decode("utf-8-sig"), "utf-8", 1.0)
    except UnicodeDecodeError:
        pass
    name = named[1].decode("ascii")
    if not is_encoding(name):
        return decode(data)
    known = codecs.lookup(name).name
    return decode(data, None if known.startswith("utf") else _AS_BROWSERS.get(known, known))


def _is_saved(head: bytes) -> bool:
    """Whether a file begins as MHTML: the header of a mail whose parts are a page and what is in it."""
    header = head.lstrip().replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].lower()
    return b"mime-version:" in header and b"multipart/related" in header and _FIELD.match(header) is not None


def _saved_page(data: bytes) -> Decoded:
    """The page that is the first part of MHTML."""
    message = email.message_from_bytes(data.lstrip(), policy=email.policy.default)
    for part in message.walk():
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and content.strip():
                charset = part.get_content_charset()
                return decode(content, charset) if is_encoding(charset) else html_of(content)
    raise EmptyDocument("the saved page has no part that is HTML")


def is_encoding(name: str | None) -> TypeGuard[str]:
    """Whether a name is of an encoding that reads any bytes: Python also knows `hex`, `undefined` and the like."""
    try:
        return name is not None and bool(b"\xff".decode(name, "replace"))
    except (LookupError, ValueError):
        return False
