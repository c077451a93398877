"""The tables of a corpus in the lake: their rows read and written, by key and by filter."""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from tasks.columns import last_of_each
from tasks.lake.literals import quoted
from tasks.lake.schemas import CATALOG
from tasks.lake.snapshot import Snapshot, explained
from tasks.lake.table_set import TableSet

_VALUES_IN_FILTER = 16_384  # longest list in one SQL filter; each one is a scan
logger = logging.getLogger("embedlake.lake")

_TRIES = 20  # of a removal that meets with other writers of the table


class Lake(TableSet):
    """The tables of one corpus, with their rows."""

    def snapshot(self, table: str) -> Snapshot:
        """A table as it is now."""
        return Snapshot(table, self.dataset(table) if table in self._tables else None)

    def read(self, table: str, columns: Iterable[str], where: str | None = None) -> pa.Table:
        """Some columns of the rows that a filter lets through; of no rows where the table is not there."""
        return self.snapshot(table).read(columns, where)

    def read_in(self, table: str, column: str, values: Iterable[str], columns: Sequence[str]) -> pa.Table:
        """Rows whose column holds one of some values."""
        parts = [self.read(table, columns, where) for where in _filters(column, values)]
        return pa.concat_tables(parts) if parts else self.read(table, columns, "false")

    def count(self, table: str) -> int:
        """Rows of a table; 0 where it is not there."""
        return explained(table, "read", lambda: self.dataset(table).count_rows()) if table in self._tables else 0

    def merge(self, table: str, rows: pa.Table, without: Collection[str] = ()) -> None:
        """Write rows by key, in one commit: new keys are inserted, known ones updated. Of rows with one key the last is
        written. Columns of the table that the rows do not have become null.

        Args:
            table: full name.
            rows: to write.
            without: keys of rows that go in the same commit.
        """
        schema = self.schema(table)
        key = next(field.name for field in schema if (field.metadata or {}).get(b"lance-schema:unenforced-primary-key"))
        builder = self._tables[table].merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
        if without:
            keys = ", ".join(map(quoted, without))
            builder = builder.when_not_matched_by_source_delete(f"{key} IN ({keys})")
        rows = last_of_each(rows, key)
        there = set(rows.column_names)
        columns = [rows[name] if name in there else pa.nulls(len(rows)) for name in schema.names]
        rows = pa.table(columns, schema.names).cast(schema)
        self._write(table, lambda: builder.execute(rows))

    def insert_missing(self, table: str, rows: pa.Table) -> None:
        """Write rows whose key is not there yet, unless another writer is first. Read them again to know."""
        key = rows.schema.names[0]
        with _first_wins(table):
            self._tables[table].merge_insert(key).when_not_matched_insert_all().execute(rows)

    def update(self, table: str, where: str, values: dict[str, Any]) -> None:
        """Change the rows that a filter lets through, unless another writer changes them first: then, nothing.
        Read them again to know."""
        with _first_wins(table):
            self._tables[table].update(where=where, values=values)

    def remember(self, table: str, key: str) -> bool:
        """Note a key in a table's configuration, apart from its rows; whether it was not noted yet."""
        if key in self.dataset(table).config():
            return False
        try:
            self.dataset(table).update_config({key: "true"})
        except (RuntimeError, OSError, ValueError):  # another writer noted it just then
            return False
        return True

    def version(self, table: str) -> int:
        """How often a table was written."""
        return int(self.dataset(table).version)

    def delete_in(self, table: str, column: str, values: Iterable[str]) -> None:
        """Remove rows whose column holds one of some values."""
        if table in self._tables:
            for where in _filters(column, values):
                self._write(table, partial(self._tables[table].delete, where))

    def remove_doubles(self, table: str, key: str, keys: Iterable[str]) -> None:
        """Of several rows with one of some keys keep the last. Another writer may change them meanwhile."""
        for where in _filters(key, keys):
            for _ in range(_TRIES):
                rows = self.dataset(table).to_table(columns=[key], filter=where, with_row_id=True).to_pylist()
                last = {row[key]: row["_rowid"] for row in rows}
                others = [str(row["_rowid"]) for row in rows if row["_rowid"] != last[row[key]]]
                if not others:
                    break
                self._check_fence()
                with _first_wins(table):
                    self._tables[table].delete(f"_rowid IN ({', '.join(others)})")

    def catalog(self) -> list[dict[str, Any]]:
        """A row per model table, as the catalog's schema says."""
        found: list[dict[str, Any]] = self.read(self.name("catalog"), CATALOG.names).to_pylist()
        return found

    def live_table(self) -> str | None:
        """The table that search uses by default."""
        return next((row["table"] for row in self.catalog() if row["state"] == "live"), None)

    def to_arrow(self, table: str) -> pa.Table:
        """A whole table."""
        return explained(table, "read", lambda: self.dataset(table).to_table())


@contextmanager
def _first_wins(table: str) -> Iterator[None]:
    """Go on where Lance reports a conflict with the writer that was first, or that the store does not answer."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        logger.debug("%s was not written: %s", table, error)


def _filters(column: str, values: Iterable[str]) -> Iterator[str]:
    """SQL filters that together let through the rows whose column holds one of some values."""
    literals = [quoted(value) for value in sorted(set(values))]
    for start in range(0, len(literals), _VALUES_IN_FILTER):
        yield f"{column} IN ({', '.join(literals[start : start + _VALUES_IN_FILTER])})"
