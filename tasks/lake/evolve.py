"""Columns that come and go with the corpus's metadata fields, so that every row stays what its version says."""

import pyarrow as pa

from tasks.hashing import is_sealed, sealed
from tasks.lake.schemas import EMBEDDED
from tasks.lake.tables import Lake

_ROWS = 65_536  # changed in one commit


def evolve(lake: Lake, table: str, schema: pa.Schema) -> None:
    """Give a table the columns that it must have: new ones are null, those of another type too; others go.

    Not every row is written again by the run that does this: a document that cannot be read now stays as it was, and a
    frozen table too. So what a row loses goes before the column does, and its version with it. A row that is not what
    its version says is damaged and keeps that version, so that it can still be found.
    """
    gone = lake.columns_that_go(table, schema)
    if gone and "version" in lake.columns(table):
        told = [name for name in lake.columns(table) if name not in EMBEDDED]
        where = " OR ".join(f"`{name}` IS NOT NULL" for name in gone)
        without = dict.fromkeys(gone)
        for rows in lake.snapshot(table).scan(where=where, rows=_ROWS):
            before = rows.select(told).to_pylist()
            after = [sealed(row | without)["version"] if is_sealed(row) else row["version"] for row in before]
            for name in gone:
                rows = _with(rows, name, pa.nulls(len(rows), rows.schema.field(name).type))
            lake.merge(table, _with(rows, "version", pa.array(after, pa.string())))
    lake.evolve(table, schema)


def _with(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    place = rows.schema.get_field_index(name)
    return rows.set_column(place, rows.schema.field(name), values)


def seal_all(lake: Lake, table: str, schema: pa.Schema) -> None:
    """Give a version to the rows that have none, as those that an older embedlake wrote."""
    rows = lake.read(table, schema.names, "version IS NULL").to_pylist()
    if rows:
        lake.merge(table, pa.Table.from_pylist([sealed(row) for row in rows], schema=schema))
