"""Batches: chunks of like length, to embed together."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tasks.models.interface import Item
from tasks.models.template import CONTENT, COST, HASH


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Chunks to embed together. No batch is equal to another, so that one can be a key.

    Attributes:
        rows: as in the chunks table; those of which the same is embedded stand next to each other.
        items: what is embedded, each once, in order of first appearance.
        positions: index into `items` for each row.
    """

    rows: pa.Table
    items: list[Item]
    positions: list[int]


def make_batches(rows: pa.Table, batch_cost: int, max_cost: int, batch_items: int | None = None) -> Iterator[Batch]:
    """Cut rows into batches of texts of like length, the longest first.

    Args:
        rows: chunks, as a template filled them; those of which the same is embedded go into one batch.
        batch_cost: of a batch at most, as if each item cost as much as the dearest.
        max_cost: what the model reads of an item.
        batch_items: items in a batch at most; None for any number.
    """
    order = pc.sort_indices(rows, sort_keys=[(COST, "descending"), (HASH, "ascending")])
    rows = rows.take(order)
    counts = rows[COST].to_pylist()
    hashes = rows[HASH].to_pylist()
    start = 0
    while start < len(hashes):
        longest = max(min(counts[start], max_cost), 1)
        most = max(min(batch_cost // longest, batch_items or len(hashes)), 1)
        index: dict[str, int] = {}
        end = start
        while end < len(hashes) and (hashes[end] in index or len(index) < most):
            index.setdefault(hashes[end], len(index))
            end += 1
        part = rows.slice(start, end - start)
        items = dict(zip(hashes[start:end], items_of(part), strict=True))
        landed = part.drop_columns([CONTENT, COST])
        yield Batch(landed, [items[content] for content in index], [index[h] for h in hashes[start:end]])
        start = end


def items_of(rows: pa.Table) -> list[Item]:
    """What is to be embedded of chunks, as a template filled them."""
    columns = (rows[name].to_pylist() for name in ("modality", CONTENT, COST))
    return [Item(*values) for values in zip(*columns, strict=True)]


def halve(batch: Batch, first: int, last: int) -> Batch:
    """The part of a batch with the items from `first` up to `last`."""
    keep = [i for i, position in enumerate(batch.positions) if first <= position < last]
    return Batch(batch.rows.take(keep), batch.items[first:last], [batch.positions[i] - first for i in keep])
