"""A table as it was at one moment."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from tasks.errors import LakeError
from tasks.secrets import redact

PATIENCE = 300  # seconds until a store that does not answer is given up
T = TypeVar("T")


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
        return explained(self._name, "read", self._dataset.count_rows) if self._dataset else 0

    def read(self, columns: Iterable[str], where: str | None = None) -> pa.Table:
        """Some columns of the rows that a filter lets through."""
        return self._wanted(list(columns), lambda present: self._dataset.to_table(columns=present, filter=where))

    def sample(self, count: int, columns: list[str]) -> pa.Table:
        """Some columns of so many rows, or of all, spread evenly."""
        total = len(self)
        return self.take(np.unique(np.linspace(0, total - 1, min(count, total)).astype(int)), columns)

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
        given, batches = 0, None

        def read() -> pa.RecordBatch | None:
            nonlocal batches
            if batches is None:
                batches = self._dataset.to_batches(
                    columns=present, filter=where, batch_size=rows, scan_in_order=True, offset=given or None
                )
            try:
                return next(batches, None)
            except Exception:
                batches = None  # it is begun again behind what it gave
                raise

        while (batch := explained(self._name, "read", read)) is not None:
            given += batch.num_rows
            found = pa.Table.from_batches([batch])
            yield found if columns is None else _with_nulls(found, list(columns))

    def _wanted(self, columns: list[str], get: Callable[[list[str]], pa.Table]) -> pa.Table:
        if self._dataset is None:
            return pa.table({column: pa.array([], pa.string()) for column in columns})
        return _with_nulls(explained(self._name, "read", lambda: get(self._present(columns))), columns)

    def _present(self, columns: list[str]) -> list[str]:
        there = self._dataset.schema.names
        return [column for column in columns if column in there] or there[:1]


def explained(table: str, done: str, call: Callable[[], T]) -> T:
    """Call what reads or writes a table, and say what it means where it could not be; Lance raises what its object
    store raises. That tries a request again for minutes, but not one that was cut off: then the call is made again, and
    so must be one that may be.

    Args:
        table: its full name.
        done: read, written: for the message.
        call: what to call.

    Raises:
        LakeError: it failed.
    """
    try:
        return when_cut_off(call)
    except (RuntimeError, OSError, ValueError) as error:
        raise LakeError(
            redact(f"{table} cannot be {done}: {plain(error)}"),
            "Nothing that was landed is lost. See to the store (space, network, permissions), then run again.",
        ) from error


def when_cut_off(call: Callable[[], T]) -> T:
    """Call again what failed because a connection was cut off, for minutes."""
    return Retrying(
        retry=retry_if_exception(lambda error: "HTTP error" in str(error)),
        wait=wait_exponential(0.1, max=5),
        stop=stop_after_delay(PATIENCE),
        reraise=True,
    )(call)


def plain(error: Exception) -> str:
    """What Lance says, on one line, without the places in its source."""
    return re.sub(r", /\S+\.rs:\d+:\d+", "", " ".join(str(error).split()))[:600]


def _with_nulls(rows: pa.Table, columns: list[str]) -> pa.Table:
    """Some columns, null where the rows do not have them."""
    there = set(rows.column_names)
    if there.issuperset(columns):
        return rows.select(columns)
    return pa.table({name: rows[name] if name in there else pa.nulls(len(rows), pa.string()) for name in columns})
