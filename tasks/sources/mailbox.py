"""The messages of an mbox file, read from a stream one at a time; and what is attached to a message."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tasks.errors import BrokenDocument, DocumentError, OversizedDocument
from tasks.hashing import hash_bytes
from tasks.sources.disk import readable

_PIECE = 2**20
_LONGEST_LINE = 4096  # bytes of a line that begins a message, and the name of the header after it
FROM_LINE = re.compile(rb"^(?=From [^\n]*?\d{2}:\d{2})[^\n]*+\n(?=[A-Za-z][A-Za-z0-9-]*+:)", re.MULTILINE)
"""The line that begins a message; it has a time, and a header follows it."""

_BEGINNING = re.compile(rb"(?:From [^\n]*\r?\n)?[!-9;-~]+:")  # of a message: a header, also after its own line
_ID = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?<?([^\s<>]+)>?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_LONGEST_ID = 200  # characters


class Attached(NamedTuple):
    """What is attached to a message.

    Attributes:
        name: of the file, made up where it has none.
        content: its bytes.
    """

    name: str
    content: bytes


def begins_mailbox(head: bytes) -> bool:
    """Whether the first bytes are of an mbox file."""
    return FROM_LINE.match(head) is not None


def messages_of(stream: Any, max_bytes: int) -> Iterator[tuple[str, bytes | DocumentError]]:
    """Each message, with the line that begins it; and what tells it in its file: its Message-ID, else a hash of it.

    Args:
        stream: with `read`.
        max_bytes: of a message; of a longer one, what is wrong with it comes in its place.

    Raises:
        BrokenDocument: it does not begin as a message does.
    """
    begun = False
    for message, is_whole in _split(stream, max_bytes):
        if not message.strip():
            continue
        if not (begun or _BEGINNING.match(message.lstrip())):
            raise BrokenDocument("not a readable mailbox: no message begins it", "Is it complete? Store it again.")
        begun = True
        headers = _END_OF_HEADERS.split(message, maxsplit=1)[0]
        found = _ID.search(headers)
        identity = readable(found[1].decode("utf-8", "backslashreplace"))[:_LONGEST_ID] if found else ""
        identity = identity.replace("!/", "!_")  # after which stands what is attached to another message
        if is_whole:
            yield identity or hash_bytes(message)[:16], message
        else:
            error = OversizedDocument(
                f"the message has more than {max_bytes:,} bytes", "Raise `extraction.max_bytes`, or leave it out."
            )
            yield identity or hash_bytes(headers)[:16], error


def _split(stream: Any, max_bytes: int) -> Iterator[tuple[bytes, bool]]:
    """Each message, or as much of it as is at hand where it is too long, and whether it is whole."""
    begun: list[bytes] = []  # of a message whose end was not met yet
    size = 0
    rest = b""
    at_line = True  # whether a line begins with the rest
    while True:
        data = stream.read(_PIECE)
        text = rest + data
        end = max(len(text) - _LONGEST_LINE, 0) if data else len(text)
        at = 0
        for match in FROM_LINE.finditer(text):
            start = match.start()
            if start >= end:
                break
            if start == 0 and not at_line:
                continue
            begun.append(text[at:start] if size <= max_bytes else b"")
            size += start - at
            if size:
                yield b"".join(begun), size <= max_bytes
            begun, size, at = [], 0, start
        if size <= max_bytes:
            begun.append(text[at:end])
        size += end - at
        at_line = text[end - 1 : end] == b"\n" if end else at_line
        rest = text[end:]
        if not data:
            break
    yield b"".join(begun), size <= max_bytes
