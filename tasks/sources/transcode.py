"""Streams whose bytes can be cut at line feeds: what is declared, and UTF-16, UTF-32, ISO-2022, becomes UTF-8."""

import codecs
import io
from typing import Any

from tasks.text.encodings import SAMPLE, detect

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
        if found is None or not found.name.startswith(_CUT_ELSEWHERE):
            return buffered
        encoding = found.name
    return io.BufferedReader(_Utf8(buffered, encoding), SAMPLE)


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
