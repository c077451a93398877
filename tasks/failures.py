"""The failures table: what was set aside, recorded before it is skipped."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tasks.configuration import redact
from tasks.errors import ConfigurationError
from tasks.hashing import hash_fields
from tasks.lake import Lake
from tasks.prepare import Failure
from tasks.schemas import FAILURES, documents_schema

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
            "transient": f.transient, "ignored": False, "attempts": before.get(identity, {}).get("attempts", 0) + 1,
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


def list_failures(lake: Lake, ignored: bool = False) -> list[dict[str, Any]]:
    """Every failure, the latest first; those that a person chose to ignore only where asked for."""
    rows = lake.read(lake.name("failures"), FAILURES.names).to_pylist()
    shown = [row for row in rows if ignored or not row["ignored"]]
    return sorted(shown, key=lambda row: row["last_time"], reverse=True)


def choose_failures(lake: Lake, names: Iterable[str]) -> list[dict[str, Any]]:
    """The failures of some documents, or with some ids (their first digits do); of none named, all.

    Raises:
        ConfigurationError: a name fits no failure.
    """
    rows = list_failures(lake, ignored=True)
    chosen: dict[str, dict[str, Any]] = {}
    for name in names:
        found = [r for r in rows if r["document_id"] == name or (len(name) >= 6 and r["failure_id"].startswith(name))]
        if not found:
            raise ConfigurationError(f"no failure of {name!r}", "List them with: embedlake failures list CORPUS.yaml")
        chosen |= {row["failure_id"]: row for row in found}
    return list(chosen.values()) if names else rows


def retry_failures(lake: Lake, failures: list[dict[str, Any]]) -> None:
    """Have the next run read or embed again what failed: its document's version is forgotten, then the failure."""
    unread = {row["document_id"] for row in failures if row["chunk_id"] is None}
    table = lake.name("documents")
    columns = documents_schema(lake.corpus).names
    known = lake.read_in(table, "document_id", unread, columns).to_pylist() if unread else []
    holders = {row["container"] for row in known if row["container"]}
    known += lake.read_in(table, "document_id", holders, columns).to_pylist() if holders else []
    if known:
        rows = [row | {"tag": "", "content_hash": None} for row in known]
        lake.merge(table, pa.Table.from_pylist(rows, schema=documents_schema(lake.corpus)))
    lake.delete_in(lake.name("failures"), "failure_id", {row["failure_id"] for row in failures})


def ignore_failures(lake: Lake, failures: list[dict[str, Any]]) -> None:
    """Show failures no longer, until they happen again."""
    rows = [row | {"ignored": True} for row in failures]
    lake.merge(lake.name("failures"), pa.Table.from_pylist(rows, schema=FAILURES))


def forget_failures(lake: Lake, document_ids: Iterable[str]) -> None:
    """Remove every failure of some documents: they are read, or gone."""
    lake.delete_in(lake.name("failures"), "document_id", document_ids)
