"""Every damage to one row of a table, as no run does it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import lance
import pyarrow as pa

from tasks.lake.tables import Lake

KEYS = {
    "documents": "document_id", "chunks": "chunk_id", "one": "chunk_id", "two": "chunk_id", "failures": "failure_id",
    "runs": "run_id", "catalog": "table", "tokenizer": "purpose", "leases": "scope",
    "switches": "number", "evaluations": "arm_id", "jobs": "name",
}  # fmt: skip
"""The tables, each with its key; of the models `one` and `two` theirs."""


_EACH_COLUMN = {
    "chunks": ("long file", "stale file", "record", "image"), "one": ("long file", "stale record"),
    "two": ("row", "image"),
    "failures": ("docs:bad.txt extract", "books:k3 extract", "again extract", "docs:thorn.txt embed:notes"),
}  # fmt: skip
"""Of these tables each column is altered only in rows of these kinds."""


@dataclass(frozen=True)
class Damage:
    """One damage.

    Attributes:
        table: a name in `KEYS`.
        kind: of row.
        what: removed, doubled, null (a column), other (a value of its own), neighbour (another row's value).
        column: which is altered.
    """

    table: str
    kind: str
    what: str
    column: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.table, self.kind, self.what, self.column) if part)


def table_of(lake: Lake, table: str) -> str:
    """The full name of a table in `KEYS`."""
    return next((e["table"] for e in lake.catalog() if e["model"] == table), lake.name(table))


def rows_of(lake: Lake, table: str) -> list[dict[str, Any]]:
    """The rows of a table."""
    found: list[dict[str, Any]] = lake.to_arrow(table_of(lake, table)).to_pylist()
    return found


def kinds(lake: Lake, table: str) -> dict[str, Any]:
    """A key for each kind of row that a table has."""
    rows = sorted(rows_of(lake, table), key=lambda row: str(row[KEYS[table]]))
    found: dict[str, Any] = {}
    for row in rows:
        found.setdefault(_kind(table, row), row[KEYS[table]])
    return found


def _kind(table: str, row: dict[str, Any]) -> str:
    if table == "documents":
        identity = row["document_id"]
        if "torn.csv#" in identity:
            return "row of a torn file"
        if "#" in identity:
            return next((kind for kind in ("again", "line") if f"#{kind}-" in identity), f"{row['state']} row")
        if identity in ("books:k1", "books:k5", "docs:long.txt"):
            return {"books:k1": "claimed record", "books:k5": "unseen record", "docs:long.txt": "long file"}[identity]
        return f"{row['state']} {'file' if row['container'] is None else 'record'}"
    if table in ("chunks", "one", "two"):
        document = row["document_id"]
        if row["modality"] == "image":
            return "image"
        names = {
            "docs:long.txt": "long file", "docs:stale.txt": "stale file", "books:k3": "stale record",
            "books:k1": "claimed record", "docs:overlong.txt": "overlong", "docs:thorn.txt": "failing",
        }  # fmt: skip
        return names.get(document, "row" if "#" in document else "record" if "books:" in document else "file")
    if table == "failures":
        document = row["document_id"].partition("#")[2].partition("-")[0] or row["document_id"]
        return f"{document} {row['stage'].split('.')[0]}"
    return {
        "catalog": row.get("model"),
        "leases": row.get("scope"),
        "tokenizer": "tokenizer",
        "switches": "switch",
        "evaluations": "arm",
        "jobs": f"{row.get('state')} job",
    }.get(table) or "run"


def damages(lake: Lake) -> Iterator[Damage]:
    """Every damage that is tried."""
    for table in KEYS:
        schema = lake.snapshot(table_of(lake, table))._dataset.schema
        rows = rows_of(lake, table)
        for kind, key in kinds(lake, table).items():
            row = next(row for row in rows if row[KEYS[table]] == key)
            yield Damage(table, kind, "removed")
            yield Damage(table, kind, "doubled")
            for field in schema if kind in _EACH_COLUMN.get(table, (kind,)) else ():
                yield Damage(table, kind, "other", field.name)
                if field.nullable and row[field.name] is not None:
                    yield Damage(table, kind, "null", field.name)
                if _neighbour(rows, row, field.name) is not None:
                    yield Damage(table, kind, "neighbour", field.name)


def do(lake: Lake, damage: Damage) -> None:
    """Damage a row behind embedlake's back."""
    table, column = KEYS[damage.table], damage.column
    handle = lake._tables[table_of(lake, damage.table)]
    rows = rows_of(lake, damage.table)
    key = kinds(lake, damage.table)[damage.kind]
    row = next(row for row in rows if row[table] == key)
    if damage.what != "doubled":
        handle.delete(f"`{table}` = '{key}'")
    if damage.what == "removed":
        return
    if damage.what == "null":
        row = row | {column: None}
    elif damage.what == "other":
        row = row | {column: _other(row[column], handle.schema.field(column).type)}
    elif damage.what == "neighbour":
        row = row | {column: _neighbour(rows, row, column)}
    lance.write_dataset(pa.Table.from_pylist([row], schema=handle.schema), handle.to_lance().uri, mode="append")


def _neighbour(rows: list[dict[str, Any]], row: dict[str, Any], column: str) -> Any:
    """The least value that another row has in a column, and this one has not."""
    others = [other[column] for other in rows if other[column] not in (None, row[column])]
    return min(others, default=None, key=str)


def _other(value: Any, kind: pa.DataType) -> Any:
    """A value that no row has."""
    if pa.types.is_string(kind):
        return "f" * len(value) if value else "strange"
    if pa.types.is_boolean(kind):
        return not value
    if pa.types.is_timestamp(kind):
        return value.replace(year=1999) if value else datetime(1999, 1, 1, tzinfo=UTC)
    if pa.types.is_fixed_size_list(kind):
        return [value[1], value[0], *value[2:]]
    if pa.types.is_list(kind):
        return [*(value or []), "strange" if pa.types.is_string(kind.value_type) else 1]
    return (value or 0) + 1
