"""Looking rows up by a column, without a scan for each look-up: where each value stands is kept, 16 bytes a row.

Lance's own scalar index may not lie on a key (two merges at once would write a row twice), and a filter with many
values scans the whole column each time.
"""

from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa

from tasks.columns import among
from tasks.lake.snapshot import Snapshot

_NIBBLE = np.zeros(256, np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_RECENT = 200_000  # hashes in a set, before they are sorted into the array


class Lookup:
    """The rows of a table as it was at one moment, found by the values of one column.

    Args:
        snapshot: of the table.
        column: of strings.
        hashes: whether these are hashes of 32 hexadecimal digits.
    """

    def __init__(self, snapshot: Snapshot, column: str, hashes: bool = False) -> None:
        self._snapshot = snapshot
        self._column = column
        self._hashes = hashes
        numbers = self._numbers(snapshot.read([column])[column])
        self._positions = np.argsort(numbers, kind="stable")
        self._sorted = numbers[self._positions]

    def rows(self, values: Collection[str], columns: Iterable[str]) -> pa.Table:
        """Some columns, and the one that is looked up, of the rows with one of some values, in the table's order."""
        wanted = list(dict.fromkeys([self._column, *columns]))
        numbers = np.unique(self._numbers(pa.chunked_array([pa.array(values, pa.string())])))
        first = self._sorted.searchsorted(numbers)
        counts = self._sorted.searchsorted(numbers, "right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        positions = np.sort(self._positions[np.repeat(first, counts) + within])
        found = self._snapshot.take(positions, wanted)
        return found.filter(among(found[self._column], values))  # two values may have one number

    def has(self, numbers: np.ndarray) -> np.ndarray:
        """Whether a row may have each of some hashes, given by their numbers: booleans of shape (n_numbers,)."""
        if not len(self._sorted):
            return np.zeros(len(numbers), np.bool_)
        at = np.minimum(self._sorted.searchsorted(numbers), len(self._sorted) - 1)
        found: np.ndarray = self._sorted[at] == numbers
        return found

    def _numbers(self, column: pa.ChunkedArray) -> np.ndarray:
        if self._hashes:
            return numbers_of(column)
        parts = [numbers_of_texts(part.to_pylist()) for part in column.chunks]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


class NumberSet:
    """Numbers that stand for hashes or ids, 8 bytes each: it may rarely say yes to one that was not added."""

    def __init__(self, numbers: np.ndarray | None = None) -> None:
        self._sorted = np.unique(np.zeros(0, np.uint64) if numbers is None else numbers)
        self._recent: set[int] = set()

    def add(self, numbers: np.ndarray) -> None:
        """Remember numbers."""
        self._recent.update(numbers.tolist())
        if len(self._recent) > _RECENT:
            self._sorted = np.union1d(self._sorted, np.fromiter(self._recent, np.uint64))
            self._recent.clear()

    def among(self, numbers: np.ndarray) -> np.ndarray:
        """Whether each number was added: booleans, of shape (n_numbers,)."""
        recent = np.fromiter(map(self._recent.__contains__, numbers.tolist()), np.bool_, len(numbers))
        if not len(self._sorted):
            return recent
        at = np.minimum(np.searchsorted(self._sorted, numbers), len(self._sorted) - 1)
        found: np.ndarray = recent | (self._sorted[at] == numbers)
        return found


def numbers_of_texts(texts: Collection[str]) -> np.ndarray:
    """A number for each of some strings, uint64; other ones in another process."""
    return np.fromiter(map(hash, texts), np.int64, len(texts)).view(np.uint64)


def numbers_of(hashes: pa.ChunkedArray) -> np.ndarray:
    """The first 64 bits of each hash of 32 hexadecimal digits, as uint64; 0 for null."""
    parts = [_decoded(part) for part in hashes.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _decoded(part: pa.Array) -> np.ndarray:
    part = part.cast(pa.large_string()).fill_null("0" * 32)
    if not len(part):
        return np.zeros(0, np.uint64)
    _, offsets, data = part.buffers()
    first = int(np.frombuffer(offsets, np.int64)[part.offset])
    digits = np.frombuffer(data, np.uint8, 32 * len(part), first).reshape(-1, 32)[:, :16]
    halves = _NIBBLE[digits]
    found: np.ndarray = (halves[:, 0::2] << 4 | halves[:, 1::2]).copy().view(">u8")[:, 0].astype(np.uint64)
    return found
