"""Files that hold records or messages as their content shows, whatever their names say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from tasks.config.sources import Source
from tasks.sources.formats import MEDIA, format_of, signature_of, split_compression
from tasks.sources.json_records import PIECE, holds_records
from tasks.sources.listing import File
from tasks.sources.mailbox import begins_mailbox
from tasks.sources.opening import read_head
from tasks.sources.transcode import in_plain_lines

_HEAD = 1024  # bytes that tell Parquet and mailboxes


def with_records(file: File, source: Source) -> File | None:
    """The file as one that holds records, where its name leaves that open and its content shows it; else None.

    Args:
        file: which its name does not say to hold records.
        source: it belongs to.

    Raises:
        BrokenDocument: its compression is damaged.
        UnreadDocument: it could not be fetched.
    """
    return shown_by(lambda size: read_head(source, file.path, size), file, source)


def shown_by(head_of: Callable[[int], bytes], file: File, source: Source) -> File | None:
    """The same, by what gives the first bytes of the file."""
    name = PurePosixPath(file.path).name
    if file.format in MEDIA:
        return None
    as_json = file.format == "json"
    if not (as_json or (source.format == "auto" and _says_nothing(name))):
        return None
    head = head_of(PIECE if as_json else _HEAD)
    if signature_of(head) == "parquet":
        return replace(file, content="parquet")
    if not as_json and begins_mailbox(head):
        return replace(file, content="mbox")
    if as_json and holds_records(in_plain_lines(head, source.encoding)):
        return replace(file, content="jsonl")
    return None


def _says_nothing(name: str) -> bool:
    """Whether a name has no extension, or one that is not known."""
    return format_of(name) is None or not PurePosixPath(split_compression(name)[0]).suffix


def by_content(file: File, source: Source) -> File:
    """The file, as one that holds records where its content shows it."""
    return file if file.is_container else with_records(file, source) or file
