"""Vectors of a wider table are taken as their own table keeps them, if they are those that were written."""

import numpy as np
import pyarrow as pa
import pytest

from tasks.embed.rows import checksums, with_vectors
from tasks.embed.wider import Wider
from tasks.lake.lookup import Lookup
from tasks.lake.nearest import matrix
from tasks.models.interface import finish

HASHES = [f"{number:064x}" for number in range(5)]
VECTORS = finish(np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32), 16, normalize=True)


class There(Lookup):
    """Gives these rows."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def rows(self, *_: object) -> pa.Table:
        return self._rows


def wide(store: str = "float32") -> pa.Table:
    return with_vectors(pa.table({"text_hash": HASHES}), VECTORS, np.arange(5), store)


def taken(rows: pa.Table, store: str = "float32", most: int | None = None) -> pa.Table:
    return Wider("notes.wide.0", 8, True, 512, most, store).rows(There(rows), "text_hash", HASHES)


@pytest.mark.parametrize("store", ["float32", "float16"])
def test_what_is_taken_has_the_checksum_of_what_is_kept(store: str) -> None:
    rows = taken(wide(store), store)
    assert rows["vector"].type.value_type == (pa.float16() if store == "float16" else pa.float32())
    assert rows["checksum"].to_pylist() == checksums(matrix(rows), np.arange(5))
    assert np.allclose(matrix(rows), finish(VECTORS, 8, normalize=True), atol=1e-3)


def test_a_vector_that_is_not_the_one_that_was_written_is_left_out() -> None:
    rows, other = wide(), VECTORS.copy()
    other[2] = other[2][::-1]
    column = pa.FixedSizeListArray.from_arrays(pa.array(other.reshape(-1)), 16)
    damaged = rows.set_column(rows.column_names.index("vector"), "vector", column)
    assert taken(damaged)["text_hash"].to_pylist() == [*HASHES[:2], *HASHES[3:]]
    assert taken(damaged, most=3)["text_hash"].to_pylist() == [*HASHES[:2], HASHES[3]]
    unsigned = rows.set_column(rows.column_names.index("checksum"), "checksum", pa.nulls(5, pa.int64()))
    assert len(taken(unsigned)) == 0
