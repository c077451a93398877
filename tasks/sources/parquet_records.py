"""Parquet files as tables of a few rows, and rows of any Arrow types as Python values."""

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from tasks.config.sources import Fields
from tasks.errors import BrokenDocument, DocumentError
from tasks.sources.fields import no_column


def parquet_tables(stream: Any, fields: Fields, wanted: list[str], rows: int) -> Iterator[pa.Table]:
    """The rows of a Parquet file.

    Args:
        stream: its bytes; one that cannot go back is held in memory.
        fields: which columns the source takes for what.
        wanted: all columns that are taken, whether they are there or not, also by dotted names; empty for all.
        rows: most in a table.

    Raises:
        BrokenDocument: the id column, or every text column, is not there, or two that are taken have one name.
        pyarrow.ArrowException: it is not a whole Parquet file.
    """
    seekable = stream if stream.seekable() else io.BytesIO(stream.read())
    parquet = pyarrow.parquet.ParquetFile(seekable)
    present: list[str] = parquet.schema_arrow.names
    there = [name for name in wanted if name in present or name.partition(".")[0] in present]
    if not fields.names_text and "text" not in present:
        columns = present  # all of them make a document
    else:
        columns = [n for n in present if any(t == n or t.startswith(f"{n}.") for t in there)] if wanted else present
        if wanted and not any(text in there for text in fields.text):
            raise no_column("text", fields.text, present)
    if fields.id and wanted and fields.id not in there:
        raise no_column("id", [fields.id], present)
    if twice := [name for name in set(columns) if present.count(name) > 1]:
        raise BrokenDocument(f"two columns have the name {twice[0]!r}", "Give each column a name of its own.")
    for batch in parquet.iter_batches(batch_size=rows, columns=columns):
        yield pa.Table.from_batches([batch])


def rows_of(table: pa.Table) -> list[dict[str, Any] | DocumentError]:
    """Each row as a dict, or what is wrong with it: a map as a dict, times to the microsecond, which is as exact as
    Python's."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = table.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            table = table.set_column(place, field.name, column)
    try:
        return list(table.to_pylist(maps_as_pydicts="lossy"))
    except Exception:  # types raise whatever they like; each row by itself tells which one
        return [_row_of(table.slice(place, 1)) for place in range(table.num_rows)]


def _row_of(table: pa.Table) -> dict[str, Any] | DocumentError:
    """The only row of a table, or what is wrong with it."""
    row: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            [row[name]] = column.to_pylist(maps_as_pydicts="lossy")
        except Exception as error:
            return BrokenDocument(
                f"column {name!r} holds a value that cannot be read: {error}"[:300],
                "Correct it, or leave the column out.",
            )
    return row
