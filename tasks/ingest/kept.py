"""Which members of a changed archive the lake has as they are now, so that they need not be cut again."""

from collections import Counter
from typing import Any

from tasks.hashing import hash_bytes, is_sealed
from tasks.ingest.identity import RowSettings
from tasks.lake.schemas import documents_schema
from tasks.lake.tables import Lake
from tasks.sources.formats import ARCHIVES
from tasks.sources.listing import File
from tasks.sources.members import Unchanged


def unchanged_in(lake: Lake, file: File, settings: RowSettings) -> Unchanged:
    """What tells the members that are unchanged: by content, time, size and settings, where their chunks are whole.

    Args:
        lake: to compare with.
        file: that has the members.
        settings: of its source.
    """
    if file.true_format not in (*ARCHIVES, "mbox") or lake.corpus.source(file.source).fields.id:
        return lambda member, content: []  # ids of records are claimed anew by each file that has them
    table, columns = lake.name("documents"), documents_schema(lake.corpus).names
    own = lake.read_in(table, "document_id", [file.document_id], ["tag"])["tag"].to_pylist()
    rows = lake.read_in(table, "container", [file.document_id], columns).to_pylist() if own != [""] else []
    held = lake.read_in(
        lake.name("chunks"), "document_id", [row["document_id"] for row in rows], ["document_id", "document_hash"]
    )
    chunks = Counter(zip(held["document_id"].to_pylist(), held["document_hash"].to_pylist(), strict=True))
    others = Counter(held["document_id"].to_pylist())
    known: dict[str, dict[str, Any]] = {}
    attached: dict[str, list[str]] = {}
    for row in rows:
        identity = row["document_id"]
        if _is_sound(row, chunks[identity, row["content_hash"]], others[identity]):
            known[identity] = row
        for message in above(identity):
            attached.setdefault(message, []).append(identity)

    def unchanged(member: File, content: bytes) -> list[str]:
        row = known.get(member.document_id)
        if row is None or row["tag"] != member.tag or row["content_hash"] != hash_bytes(content):
            return []
        if row["settings"] != settings.read(member.format, row["media_type"]):
            return []
        confidence = row["encoding_confidence"]
        if confidence is not None and confidence < settings.least_confidence:
            return []
        below = attached.get(member.document_id, [])
        return [member.document_id, *below] if all(identity in known for identity in below) else []

    return unchanged


def _is_sound(row: dict[str, Any], chunks: int, all_chunks: int) -> bool:
    """Whether a row is as it was written, of a document that could be read, and has its chunks and no others."""
    return row["state"] == "active" and chunks == all_chunks == row["chunks"] and is_sealed(row)


def above(identity: str) -> list[str]:
    """The ids of the files that a member lies in."""
    parts = identity.split("!/")
    return ["!/".join(parts[:count]) for count in range(1, len(parts))]
