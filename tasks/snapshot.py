"""A table as it was at one moment."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.configuration import redact
from tasks.errors import LakeError


class Snapshot:
    """A table as it was at one moment, whatever is written later. Columns that it does not have yet are null; one
    that is not there has no rows.

    Args:
        name: its full name, for messages.
        dataset: Lance's, or None.
    """

    def __init__(self, name: str, dataset: Any) -> None:
        self._name = name
        self._dataset = dataset

    def __len__(self) -> int:
        with explained(self._name, "read"):
            return self._dataset.count_rows() if self._dataset else 0

    def read(self, columns: Iterable[str], where: str | None = None) -> pa.Table:
        """Some columns of the rows that a filter lets through."""
        return self._wanted(list(columns), lambda present: self._dataset.to_table(columns=present, filter=where))

    def take(self, positions: np.ndarray, columns: Iterable[str]) -> pa.Table:
        """Some columns of the rows at some positions, int64 of shape (n_rows,)."""
        if not len(positions):
            return self.read(columns, "false")
        return self._wanted(list(columns), lambda present: self._dataset.take(positions.tolist(), columns=present))

    def scan(self, columns: Iterable[str] | None = None, where: str | None = None, rows: int = 8192) -> Iterator[Any]:
        """The same as `read`, a table of so many rows at a time, in the order of positions; by default all columns."""
        if self._dataset is None:
            return
        present = self._dataset.schema.names if columns is None else self._present(list(columns))
        with explained(self._name, "read"):
            scanner = self._dataset.scanner(columns=present, filter=where, batch_size=rows, scan_in_order=True)
            batches = iter(scanner.to_batches())
        while True:
            with explained(self._name, "read"):
                batch = next(batches, None)
            if batch is None:
                break
            found = pa.Table.from_batches([batch])
            yield found if columns is None else _with_nulls(found, list(columns))

    def _wanted(self, columns: list[str], get: Callable[[list[str]], pa.Table]) -> pa.Table:
        if self._dataset is None:
            return pa.table({column: pa.array([], pa.string()) for column in columns})
        with explained(self._name, "read"):
            return _with_nulls(get(self._present(columns)), columns)

    def _present(self, columns: list[str]) -> list[str]:
        there = self._dataset.schema.names
        return [column for column in columns if column in there] or there[:1]


@contextmanager
def explained(table: str, done: str) -> Iterator[None]:
    """Say what it means that a table could not be read or written; Lance raises what its object store raises."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        raise LakeError(
            redact(f"{table} cannot be {done}: {str(error)[:600]}"),
            "Nothing that was landed is lost. See to the store (space, network, permissions), then run again.",
        ) from error


def _with_nulls(rows: pa.Table, columns: list[str]) -> pa.Table:
    """Some columns, null where the rows do not have them."""
    there = set(rows.column_names)
    if there.issuperset(columns):
        return rows.select(columns)
    return pa.table({name: rows[name] if name in there else pa.nulls(len(rows), pa.string()) for name in columns})
