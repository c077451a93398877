"""Columns that come and go with the corpus's metadata fields, so that every row stays what its version says."""

import pyarrow as pa

from tasks.hashing import sealed
from tasks.lake.tables import Lake

_ROWS = 65_536  # changed in one commit


def evolve(lake: Lake, table: str, schema: pa.Schema) -> None:
    """Give a table the columns that it must have: new ones are null, those of another type too; others go.

    Not every row is written anew by the run that does this: a document that cannot be read now stays as it was, and a
    frozen table too. So what a row loses goes before the column does, and its version with it. A row that is not what
    its version says is damaged and keeps that version, so that it can still be found.
    """
    gone = lake.columns_that_go(table, schema)
    if gone and "version" in lake.columns(table):
        where = " OR ".join(f"`{name}` IS NOT NULL" for name in gone)
        for rows in lake.snapshot(table).scan(where=where, rows=_ROWS):
            before = rows["version"].to_pylist()
            sound = [seal == version for seal, version in zip(_seals(rows), before, strict=True)]
            for name in gone:
                place = rows.schema.get_field_index(name)
                rows = rows.set_column(
                    place, rows.schema.field(name), pa.nulls(len(rows), rows.schema.field(name).type)
                )
            after = [new if ok else old for new, old, ok in zip(_seals(rows), before, sound, strict=True)]
            place = rows.schema.get_field_index("version")
            lake.merge(table, rows.set_column(place, "version", pa.array(after, pa.string())))
    lake.evolve(table, schema)


def _seals(rows: pa.Table) -> list[str]:
    """What the versions of rows must be."""
    told = rows.select([name for name in rows.column_names if name not in ("vector", "tokens", "checksum")])
    return [sealed(row)["version"] for row in told.to_pylist()]


def seal_all(lake: Lake, table: str, schema: pa.Schema) -> None:
    """Give a version to the rows that have none, as those that an older embedlake wrote."""
    rows = lake.read(table, schema.names, "version IS NULL").to_pylist()
    if rows:
        lake.merge(table, pa.Table.from_pylist([sealed(row) for row in rows], schema=schema))
