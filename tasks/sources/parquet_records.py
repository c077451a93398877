"""Parquet files as tables of a few rows, and rows of any Arrow types as Python values."""

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from tasks.config.sources import Fields
from tasks.errors import BrokenDocument
from tasks.sources.fields import check_columns


def parquet_tables(stream: Any, fields: Fields, wanted: list[str], rows: int) -> Iterator[pa.Table]:
    """The rows of a Parquet file.

    Args:
        stream: its bytes; one that cannot go back is held in memory.
        fields: which columns the source takes for what.
        wanted: all columns that are taken, whether they are there or not, also by dotted names; empty for all.
        rows: most in a table.

    Raises:
        BrokenDocument: the id column, or every text column, is not there, two that are taken have one name, or its
            bytes make no sense.
        OSError: it cannot be fetched.
    """
    seekable = _Told(stream if stream.seekable() else io.BytesIO(stream.read()))
    try:
        yield from _tables(seekable, fields, wanted, rows)
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no text
        if seekable.fault is not None:
            raise
        raise BrokenDocument(f"not a readable parquet file: {error}"[:300], "Is it complete? Store it again.") from None


class _Told(io.RawIOBase):
    """A stream that keeps what was wrong with fetching from it: Arrow raises the same where bytes make no sense."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.fault: OSError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except OSError as error:
            self.fault = error
            raise
        return data

    def seek(self, at: int, whence: int = io.SEEK_SET, /) -> int:
        return int(self._stream.seek(at, whence))

    def tell(self) -> int:
        return int(self._stream.tell())


def _tables(stream: Any, fields: Fields, wanted: list[str], rows: int) -> Iterator[pa.Table]:
    parquet = pyarrow.parquet.ParquetFile(stream)
    present: list[str] = parquet.schema_arrow.names
    there = [name for name in wanted if name in present or name.partition(".")[0] in present]
    if not fields.names_text and "text" not in present:
        columns = present  # all of them make a document
    else:
        columns = [n for n in present if any(t == n or t.startswith(f"{n}.") for t in there)] if wanted else present
    if wanted:
        check_columns(present, fields.id, fields.text if fields.names_text else [])
    if fields.medium and fields.medium[1].partition(".")[0] not in present:
        medium, column = fields.medium
        raise BrokenDocument(
            f"no column {column!r} with {'images' if medium == 'image' else 'sounds'};"
            f" there are {', '.join(present)[:300]}",
            f"Set `fields: {medium}` to a column that it has.",
        )
    if twice := [name for name in set(columns) if present.count(name) > 1]:
        raise BrokenDocument(f"two columns have the name {twice[0]!r}", "Give each column a name of its own.")
    for batch in parquet.iter_batches(batch_size=rows, columns=columns):
        yield pa.Table.from_batches([batch])


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Each row as a dict: a map as a dict, times to the microsecond, which is as exact as Python's, and for a value
    that cannot be read a `DocumentError` that tells why: whoever needs it raises that."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = table.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            table = table.set_column(place, field.name, column)
    try:
        return list(table.to_pylist(maps_as_pydicts="lossy"))
    except Exception:  # types raise whatever they like; each row by itself tells which one
        return [_row_of(table.slice(place, 1)) for place in range(table.num_rows)]


def _row_of(table: pa.Table) -> dict[str, Any]:
    """The only row of a table; for a value that cannot be read stands what is wrong with it."""
    row: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            [row[name]] = column.to_pylist(maps_as_pydicts="lossy")
        except MemoryError:
            raise
        except Exception as error:
            row[name] = BrokenDocument(
                f"column {name!r} holds a value that cannot be read: {error}"[:300],
                "Correct it, or leave the column out.",
            )
    return row
