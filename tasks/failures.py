"""The failures table: what was set aside, recorded before it is skipped."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa

from tasks.configuration import redact
from tasks.hashing import hash_fields
from tasks.lake import Lake
from tasks.prepare import Failure
from tasks.schemas import FAILURES

logger = logging.getLogger("embedlake.failures")


def record_failures(lake: Lake, failures: Iterable[Failure]) -> None:
    """Write failures; one that is there already gets another attempt and a later time."""
    by_id = {hash_fields(f.document_id, f.stage, f.chunk_id): f for f in failures}
    if not by_id:
        return
    table = lake.name("failures")
    known = lake.read_in(table, "failure_id", by_id, ["failure_id", "attempts", "first_time"]).to_pylist()
    before = {row["failure_id"]: row for row in known}
    now = datetime.now(UTC)
    rows = [
        {
            "failure_id": identity, "document_id": f.document_id, "chunk_id": f.chunk_id,
            "chunk_version": f.chunk_version, "stage": f.stage, "uri": f.uri, "error": f.error,
            "message": redact(f.message), "hint": f.hint,
            "transient": f.transient, "attempts": before.get(identity, {}).get("attempts", 0) + 1,
            "first_time": before.get(identity, {}).get("first_time", now), "last_time": now,
        }
        for identity, f in by_id.items()
    ]  # fmt: skip
    for failure in by_id.values():
        logger.warning("set aside %s (%s): %s", failure.document_id, failure.stage, redact(failure.message))
    lake.merge(table, pa.Table.from_pylist(rows, schema=FAILURES))


def failures_since(lake: Lake, start: datetime, most: int = 50) -> list[dict[str, str]]:
    """What was set aside since a time: document, stage, error, message and hint of each, at most so many."""
    columns = ["document_id", "stage", "error", "message", "hint", "last_time"]
    rows = lake.read(lake.name("failures"), columns).to_pylist()
    recent = sorted((row for row in rows if row.pop("last_time") >= start), key=lambda row: str(row["document_id"]))
    return recent[:most]


def forget_failures(lake: Lake, document_ids: Iterable[str]) -> None:
    """Remove every failure of some documents: they are read, or gone."""
    lake.delete_in(lake.name("failures"), "document_id", document_ids)
