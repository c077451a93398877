"""The failures table: what failed, recorded before it is skipped."""

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.errors import ConfigurationError, LostContent
from tasks.hashing import hash_fields, sealed
from tasks.lake.schemas import FAILURES, documents_schema
from tasks.lake.tables import Lake
from tasks.records import Failure
from tasks.secrets import redact

EMBEDDING = "embed:"
"""Begins the stage of a failure to embed; the table's name follows."""

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
            "message": redact(f.message), "hint": f.hint, "transient": f.transient, "settings": f.settings,
            "ignored": False, "attempts": before.get(identity, {}).get("attempts", 0) + 1,
            "first_time": before.get(identity, {}).get("first_time", now), "last_time": now,
        }
        for identity, f in by_id.items()
    ]  # fmt: skip
    for failure in by_id.values():
        logger.warning("failed: %s (%s): %s", failure.document_id, failure.stage, redact(failure.message))
    _write(lake, rows)


def _write(lake: Lake, rows: list[dict[str, Any]]) -> None:
    lake.merge(lake.name("failures"), pa.Table.from_pylist([sealed(row) for row in rows], schema=FAILURES))


def reading_failures(lake: Lake, columns: list[str]) -> pa.Table:
    """Some columns of the failures of documents: not of chunks that a model could not embed."""
    return lake.read(lake.name("failures"), columns, "chunk_id IS NULL")


def failures_since(lake: Lake, start: datetime, most: int = 50) -> list[dict[str, str]]:
    """What failed since a time: document, stage, error, message and hint of each, at most so many."""
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
    """Have the next run read or embed again what failed: the version of its file is forgotten, then the failure."""
    read_again(lake, {row["document_id"] for row in failures if row["chunk_id"] is None})
    lake.delete_in(lake.name("failures"), "failure_id", {row["failure_id"] for row in failures})


def read_again(lake: Lake, document_ids: set[str]) -> None:
    """Forget the version of the files that are, or hold, some documents: the next run reads them."""
    table, columns = lake.name("documents"), documents_schema(lake.corpus).names
    rows = lake.read_in(table, "document_id", document_ids, columns).to_pylist()
    rows += lake.read_in(
        table, "document_id", {row["container"] for row in rows if row["container"]}, columns
    ).to_pylist()
    files = {row["document_id"]: sealed(row | {"tag": ""}) for row in rows if row["container"] is None}
    if files:
        lake.merge(table, pa.Table.from_pylist(list(files.values()), schema=documents_schema(lake.corpus)))


def ignore_failures(lake: Lake, failures: list[dict[str, Any]]) -> None:
    """Show failures no longer, until they happen again."""
    _write(lake, [row | {"ignored": True} for row in failures])


def forget_failures(lake: Lake, document_ids: Iterable[str]) -> None:
    """Remove the failures of some documents on reading: they are read, or gone."""
    ids = list(document_ids)
    if not ids:
        return
    rows = reading_failures(lake, ["failure_id", "document_id"])
    gone = rows.filter(among(rows["document_id"], ids))
    lake.delete_in(lake.name("failures"), "failure_id", gone["failure_id"].to_pylist())


def resolved_failures(lake: Lake, reading: Collection[str]) -> list[str]:
    """Ids of failures on reading of documents that are read by now.

    Args:
        lake: to look at.
        reading: ids of files that are still to be read, or could not be just now: what may pass stays with these.
    """
    rows = reading_failures(lake, ["failure_id", "document_id", "transient"])
    if not len(rows):
        return []
    states = lake.read_in(
        lake.name("documents"), "document_id", rows["document_id"].to_pylist(), ["document_id", "state"]
    )
    read = states.filter(pc.is_in(states["state"], value_set=pa.array(["active", "container"])))["document_id"]
    passing = pc.and_(rows["transient"], among(rows["document_id"], list(reading)))
    repaired = pc.and_(among(rows["document_id"], read), pc.invert(passing))
    found: list[str] = rows.filter(repaired)["failure_id"].to_pylist()
    return found


def outdated_failures(lake: Lake) -> list[str]:
    """Ids of failures to embed a chunk that says something else now, is gone, has its vector, or can be had again."""
    columns = ["failure_id", "chunk_version", "stage", "error", "document_id"]
    rows = lake.read(lake.name("failures"), columns, "chunk_id IS NOT NULL")
    if not len(rows):
        return []
    chunks = lake.read(lake.name("chunks"), ["version"])["version"]
    outdated = pc.invert(among(rows["chunk_version"], chunks))
    lost = pc.equal(rows["error"], LostContent.__name__)
    if pc.any(lost).as_py():  # of a document that can be read again
        stale = lake.read(lake.name("documents"), ["document_id"], "state = 'stale'")["document_id"]
        outdated = pc.or_(outdated, pc.and_(lost, pc.invert(among(rows["document_id"], stale))))
    for stage in pc.unique(rows["stage"]).to_pylist():
        done = lake.read(stage.removeprefix(EMBEDDING), ["version"])["version"]
        here = pc.and_(pc.equal(rows["stage"], stage), among(rows["chunk_version"], done))
        outdated = pc.or_(outdated, here)
    found: list[str] = rows.filter(outdated)["failure_id"].to_pylist()
    return found
