"""Hashes: the identities of documents, chunks, settings and texts.

All are the first 128 bits of SHA-256, as 32 hexadecimal digits.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import orjson

_UNSEALED = ("run", "version")


def hash_bytes(data: bytes) -> str:
    """The identity of some bytes: 32 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def hash_text(text: str) -> str:
    """The identity of a text: the hash of its UTF-8 bytes."""
    return hash_bytes(text.encode())


def hash_fields(*fields: object) -> str:
    """The identity of a few values together; equal only if each is equal."""
    try:
        data = orjson.dumps(fields, default=str, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits, or a key that is no text
        data = json.dumps(fields, sort_keys=True, default=str, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return hash_bytes(data)


def version_of(row: Iterable[tuple[str, Any]]) -> str:
    """The version of a row, given as its columns' names and values without the run that wrote it: the hash of those
    that are not null."""
    return hash_fields({name: value for name, value in row if value is not None})


def sealed(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its `version`."""
    return row | {"version": version_of(item for item in row.items() if item[0] not in _UNSEALED)}


def is_sealed(row: dict[str, Any]) -> bool:
    """Whether a row's version is the hash of its columns."""
    return bool(sealed(row)["version"] == row["version"])


def hash_settings(settings: dict[str, Any]) -> str:
    """A short identity for settings, as they go into a table's name: 12 hexadecimal digits."""
    return hash_fields(settings)[:12]


def chunk_ids(document_id: str, text_hashes: Iterable[str]) -> list[str]:
    """Ids for the chunks of one document, in order.

    An id stands on the document, the text and how often that text came before in the document, not on
    the position: a chunk whose text stays keeps its id, however much is written before it.
    """
    seen: dict[str, int] = {}
    ids = []
    for text_hash in text_hashes:
        occurrence = seen[text_hash] = seen.get(text_hash, -1) + 1
        ids.append(hash_fields(document_id, text_hash, occurrence))
    return ids
