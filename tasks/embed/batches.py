"""Batches: chunks of like length, to embed together."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Chunks to embed together. No batch is equal to another, so that one can be a key.

    Attributes:
        rows: as in the chunks table; rows of equal text stand next to each other.
        texts: the distinct texts, in order of first appearance.
        positions: index into `texts` for each row.
    """

    rows: pa.Table
    texts: list[str]
    positions: list[int]


def make_batches(rows: pa.Table, batch_tokens: int, max_tokens: int) -> Iterator[Batch]:
    """Cut rows into batches of texts of like length, the longest first.

    Args:
        rows: chunks; those of equal text go into one batch.
        batch_tokens: most tokens in a batch, as if each text were as long as the longest.
        max_tokens: that the model reads.
    """
    order = pc.sort_indices(rows, sort_keys=[("token_count", "descending"), ("text_hash", "ascending")])
    rows = rows.take(order)
    counts = rows["token_count"].to_pylist()
    hashes = rows["text_hash"].to_pylist()
    start = 0
    while start < len(hashes):
        longest = max(min(counts[start], max_tokens), 1)
        most = max(batch_tokens // longest, 1)
        index: dict[str, int] = {}
        end = start
        while end < len(hashes) and (hashes[end] in index or len(index) < most):
            index.setdefault(hashes[end], len(index))
            end += 1
        part = rows.slice(start, end - start)
        texts = dict(zip(hashes[start:end], part["text"].to_pylist(), strict=True))
        yield Batch(part, [texts[text_hash] for text_hash in index], [index[h] for h in hashes[start:end]])
        start = end


def halve(batch: Batch, first: int, last: int) -> Batch:
    """The part of a batch with the texts from `first` up to `last`."""
    keep = [i for i, position in enumerate(batch.positions) if first <= position < last]
    return Batch(batch.rows.take(keep), batch.texts[first:last], [batch.positions[i] - first for i in keep])
