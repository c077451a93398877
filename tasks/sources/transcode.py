"""Streams whose bytes can be cut at line feeds: what is declared, and UTF-16, UTF-32, ISO-2022, becomes UTF-8."""

import codecs
import io
from typing import Any

from tasks.text.encodings import SAMPLE, detect

_ZEROS: dict[tuple[bool, ...], str] = {
    (True, True, True, False): "utf-32-be", (False, True, True, True): "utf-32-le",
    (True, False, True, False): "utf-16-be", (False, True, False, True): "utf-16-le",
}  # fmt: skip
_BEGINS_JSON = tuple(bytes([byte]) for byte in b'{["\x1e \t\r\n')
_CUT_ELSEWHERE = ("utf-16", "utf-32", "iso2022")  # where the byte of a line feed may be part of another character


def with_plain_lines(stream: Any, encoding: str | None) -> Any:
    """The stream, or one that gives its text as UTF-8 where its encoding is declared or hides where lines end.

    Args:
        stream: with `read`.
        encoding: that the source declares, or None.
    """
    buffered = io.BufferedReader(Raw(stream), SAMPLE)
    if encoding is None:
        head = buffered.peek(SAMPLE)[:SAMPLE]
        if b"\0" not in head and b"\x1b$" not in head:
            return buffered
        found = detect(head)
        name = found.name if found else ""
        encoding = name if name.startswith(_CUT_ELSEWHERE) else _of_json(head)
        if encoding is None:
            return buffered
    return io.BufferedReader(_Utf8(buffered, encoding), SAMPLE)


def in_plain_lines(head: bytes, encoding: str | None) -> bytes:
    """The first bytes of a stream as `with_plain_lines` gives them."""
    plain: bytes = with_plain_lines(io.BytesIO(head), encoding).read()
    return plain


def _of_json(head: bytes) -> str | None:
    """UTF-16 or UTF-32 of JSON, whose first characters are ASCII (RFC 4627, 3), however few more there are."""
    zeros = tuple(byte == 0 for byte in head[:4])
    return _ZEROS.get(zeros) if head[:4].strip(b"\0")[:1] in _BEGINS_JSON else None


class Raw(io.RawIOBase):
    """Whatever can be read, as a stream that can be buffered."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As much as fits, or less; 0 at the end."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Utf8(io.RawIOBase):
    """What a stream says, in UTF-8."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            data = self._stream.read(SAMPLE)
            self._ended = not data
            self._ready = self._decoder.decode(data, self._ended).removeprefix("\ufeff").encode()
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
