"""What a model's table lacks and has too much of, read off the tables themselves."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.lake import Lake

_RECENT = 200_000  # hashes in a set, before they are sorted into the array


class TextHashes:
    """Text hashes, 8 bytes each; may rarely say yes to one that was not added."""

    def __init__(self, hashes: pa.ChunkedArray) -> None:
        self._sorted = np.unique(_numbers(hashes))
        self._recent: set[int] = set()

    def add(self, hashes: pa.ChunkedArray) -> None:
        """Remember hashes."""
        self._recent.update(_numbers(hashes).tolist())
        if len(self._recent) > _RECENT:
            self._sorted = np.union1d(self._sorted, np.fromiter(self._recent, np.uint64))
            self._recent.clear()

    def among(self, hashes: pa.ChunkedArray) -> np.ndarray:
        """Whether each hash was added: booleans, of shape (n_hashes,)."""
        numbers = _numbers(hashes)
        recent = np.fromiter(map(self._recent.__contains__, numbers.tolist()), np.bool_, len(numbers))
        if not len(self._sorted):
            return recent
        at = np.minimum(np.searchsorted(self._sorted, numbers), len(self._sorted) - 1)
        found: np.ndarray = recent | (self._sorted[at] == numbers)
        return found


def pending_chunks(lake: Lake, table: str) -> pa.ChunkedArray:
    """Ids of the chunks that have no row of their version in a model's table, and did not fail there."""
    chunks = lake.read(lake.name("chunks"), ["chunk_id", "version"])
    done = lake.read(table, ["version"])["version"]
    failed = lake.read(lake.name("failures"), ["chunk_version"], f"stage = 'embed:{table}'")["chunk_version"]
    missing = pc.and_(pc.invert(among(chunks["version"], done)), pc.invert(among(chunks["version"], failed)))
    return chunks.filter(missing)["chunk_id"]


def orphans(lake: Lake, table: str) -> list[str]:
    """Keys of a model's rows whose chunk is gone."""
    rows = lake.read(table, ["chunk_id"])["chunk_id"]
    chunks = lake.read(lake.name("chunks"), ["chunk_id"])["chunk_id"]
    found: list[str] = rows.filter(pc.invert(among(rows, chunks))).to_pylist()
    return found


def remove_orphans(lake: Lake, table: str) -> int:
    """Delete a model's rows whose chunk is gone; how many."""
    gone = orphans(lake, table)
    lake.delete_in(table, "chunk_id", gone)
    return len(gone)


def _numbers(hashes: pa.ChunkedArray) -> np.ndarray:
    """The first 64 bits of each hash, as uint64."""
    joined = bytes.fromhex("".join(hashes.to_pylist()))
    return np.frombuffer(joined, ">u8")[::2].astype(np.uint64)
