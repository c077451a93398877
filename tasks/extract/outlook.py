"""Outlook's .msg files into Markdown ([MS-OXMSG]: a compound file with a stream for each property)."""

import io
import re
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import olefile

from tasks.errors import BrokenDocument, EmptyDocument
from tasks.extract.blocks import Blocks, Converted, one_line
from tasks.extract.mail import add_text, attachment_line, file_name
from tasks.sources.mailbox import Attached
from tasks.text.decode import decode

_SUBJECT, _BODY, _HTML = 0x0037, 0x1000, 0x1013
_SENDER, _SENDER_ADDRESS, _TO, _CC = 0x0C1A, 0x0C1F, 0x0E04, 0x0E03
_SENT, _DELIVERED = 0x0039, 0x0E06
_NAME, _SHORT_NAME, _DATA, _MEDIA_TYPE = 0x3707, 0x3704, 0x3701, 0x370E
_DEEPEST = 4


def read_msg(data: bytes) -> Converted:
    """A message with what is attached.

    Args:
        data: the file.

    Raises:
        BrokenDocument: it cannot be parsed.
        EmptyDocument: it has no text.
    """
    blocks = Blocks()
    attached: list[Attached] = []
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            facts = _add(blocks, file, [], attached, 1)
    except (OSError, ValueError, IndexError, AttributeError, TypeError, KeyError, struct.error) as error:
        raise BrokenDocument(f"not a readable .msg file: {error}"[:300], "Is it complete? Store it again.") from None
    if blocks.is_empty:
        raise EmptyDocument("there is no text in the mail")
    title = facts.get("subject")
    converted = blocks.converted(title if isinstance(title, str) else None, facts)
    return replace(converted, attached=tuple(attached))


def _add(
    blocks: Blocks, file: olefile.OleFileIO, folder: list[str], attached: list[Attached], level: int
) -> dict[str, object]:
    subject, sender, address = (_string(file, folder, key) for key in (_SUBJECT, _SENDER, _SENDER_ADDRESS))
    sent = _sent(file, folder)
    author = f"{sender} <{address}>" if sender and "@" in address and address != sender else sender or address
    headers = {
        "From": author, "To": _string(file, folder, _TO), "Cc": _string(file, folder, _CC),
        "Date": sent.isoformat(sep=" ", timespec="seconds") if sent else "",
    }  # fmt: skip
    names: list[str] = []
    messages: list[list[str]] = []
    begun = len(attached)
    for path in sorted({tuple(p[: len(folder) + 1]) for p in file.listdir()}):
        if len(path) <= len(folder) or not path[-1].lower().startswith("__attach_version1.0_"):
            continue
        name = _string(file, list(path), _NAME) or _string(file, list(path), _SHORT_NAME)
        names.append(name)
        message = [*path, f"__substg1.0_{_DATA:04X}000D"]
        content = _bytes(file, list(path), _DATA, "0102")
        if file.exists(message):
            messages.append(message)
        elif content is not None:
            attached.append(Attached(file_name(name, _string(file, list(path), _MEDIA_TYPE)), content))
    blocks.heading(level, subject)
    lines = [f"{name}: {one_line(value)}" for name, value in headers.items() if value]
    blocks.paragraph("\n".join([*lines, *attachment_line(attached[begun:])]))
    body, html = _string(file, folder, _BODY), _string(file, folder, _HTML)
    add_text(blocks, body if body.strip() else html, is_html=not body.strip())
    for message in messages if level < _DEEPEST else []:
        _add(blocks, file, message, attached, level + 1)
    facts: dict[str, object] = {
        "subject": one_line(subject), "author": one_line(author), "to": headers["To"], "cc": headers["Cc"],
        "created": sent.isoformat(timespec="seconds") if sent else "", "attachments": ", ".join(filter(None, names)),
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value}


def _bytes(file: olefile.OleFileIO, folder: list[str], key: int, kind: str) -> bytes | None:
    path = [*folder, f"__substg1.0_{key:04X}{kind}"]
    return bytes(file.openstream(path).read()) if file.exists(path) else None


def _string(file: olefile.OleFileIO, folder: list[str], key: int) -> str:
    """A property that is text: in UTF-16, in a code page, or in bytes whose encoding must be told."""
    wide = _bytes(file, folder, key, "001F")
    if wide is not None:
        return wide.decode("utf-16-le", "replace").rstrip("\0")
    narrow = _bytes(file, folder, key, "001E") or _bytes(file, folder, key, "0102")
    if not narrow:
        return ""
    try:
        return decode(narrow.replace(b"\0", b"")).text
    except BrokenDocument:
        return narrow.decode("cp1252", "replace")


def _sent(file: olefile.OleFileIO, folder: list[str]) -> datetime | None:
    """When it was sent, else when it came: a number of 100 ns since 1601 among the properties of fixed length."""
    path = [*folder, "__properties_version1.0"]
    data = bytes(file.openstream(path).read()) if file.exists(path) else b""
    for key in (_SENT, _DELIVERED):
        found = re.search(re.escape(struct.pack("<HH", 0x0040, key)) + rb".{4}(.{8})", data, re.DOTALL)
        if found:
            try:
                return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(
                    microseconds=int.from_bytes(found[1], "little") // 10
                )
            except OverflowError:
                return None
    return None
