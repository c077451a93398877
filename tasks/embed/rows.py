"""Rows of a model's table, and of what could not be embedded."""

import zlib

import numpy as np
import pyarrow as pa

from tasks.errors import DocumentError, OverlongChunk
from tasks.lake.failures import EMBEDDING
from tasks.records import Failure


def with_vectors(rows: pa.Table, vectors: np.ndarray, tokens: np.ndarray, store: str = "float32") -> pa.Table:
    """Chunks with what a model's table adds to them.

    Args:
        rows: as in the chunks table.
        vectors: float32 of shape (n_rows, dimension).
        tokens: of each chunk, as the model counts, of shape (n_rows,).
        store: the type of number that the table keeps.
    """
    vectors = vectors.astype(store)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    rows = rows.append_column("vector", column).append_column("tokens", pa.array(tokens, pa.int32()))
    return rows.append_column("checksum", pa.array(checksums(vectors, tokens), pa.int64()))


def checksums(vectors: np.ndarray, tokens: np.ndarray) -> list[int]:
    """The CRC-32 of each vector's bytes, begun with the tokens of its text."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    return [zlib.crc32(vector.data, count) for vector, count in zip(vectors, tokens.tolist(), strict=True)]


def overlong_chunk(limit: int) -> OverlongChunk:
    """What is wrong with a chunk that is longer than the model reads, where the corpus refuses it."""
    return OverlongChunk(
        f"longer than the {limit} tokens that the model reads", "Lower `chunking: size`, or set `overlong: count`."
    )


def failures_of(rows: pa.Table, table: str, cause: DocumentError, settings: str) -> list[Failure]:
    """Failures of chunks to be embedded.

    Args:
        rows: chunks.
        table: the model's, full name.
        cause: why.
        settings: hash of those that it may depend on.
    """
    columns = ["document_id", "uri", "ordinal", "start", "end", "chunk_id", "version"]
    return [
        Failure(
            row["document_id"], row["uri"], EMBEDDING + table, type(cause).__name__,
            f"chunk {row['ordinal']} ({row['start']}-{row['end']}): {cause.message}",
            cause.hint, False, settings, row["chunk_id"], row["version"],
        )
        for row in rows.select(columns).to_pylist()
    ]  # fmt: skip
