"""Batches of what is no text: contents fetched as the encoders take them, a batch at a time."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.content.fetcher import Fetcher
from tasks.content.finding import COLUMNS
from tasks.content.items import item_of
from tasks.embed.batches import Batch
from tasks.errors import DocumentError
from tasks.models.interface import Item, in_tokens
from tasks.models.template import CONTENT, COST, HASH

Lost = Callable[[pa.Table, DocumentError], None]
"""Takes rows whose content cannot be embedded, and why."""


def content_batches(rows: pa.Table, batch_cost: int, fetcher: Fetcher, lost: Lost) -> Iterator[Batch]:
    """Rows of one modality as batches, in the order in which their contents come.

    Rows with equal contents go into one batch; the content is fetched from the first of their places that has it.

    Args:
        rows: chunks, as a template filled them.
        batch_cost: of a batch at most, in tokens, as if each item cost as much as the dearest.
        fetcher: of contents.
        lost: is told of rows whose content is not to be had, or does not decode.
    """
    places: dict[str, list[int]] = {}
    for place, content in enumerate(rows[HASH].to_pylist()):
        places.setdefault(content, []).append(place)
    gathered = _Gathered(rows.drop_columns([CONTENT, COST]), batch_cost)
    tried = 0
    while places:
        asked = [(content, there[tried]) for content, there in places.items()]
        left: dict[str, list[int]] = {}
        for key, found in fetcher.fetch(rows.take([place for _, place in asked]).select(COLUMNS).to_pylist()):
            content, place = asked[key]
            if isinstance(found, DocumentError):
                lost(rows.slice(place, 1), found)
                if len(places[content]) > tried + 1:
                    left[content] = places[content]
                continue
            item = item_of(rows["modality"][place].as_py(), found)
            yield from gathered.add(item, places[content][tried:])
        places, tried = left, tried + 1
    yield from gathered.flush()


class _Gathered:
    """Items that are to make a batch."""

    def __init__(self, rows: pa.Table, batch_cost: int) -> None:
        self._rows, self._batch_cost = rows, batch_cost
        self._begin()

    def _begin(self) -> None:
        self._items: list[Item] = []
        self._places: list[int] = []
        self._positions: list[int] = []
        self._dearest = 0

    def add(self, item: Item, places: list[int]) -> Iterator[Batch]:
        """Take an item and the rows that have it."""
        dearest = max(self._dearest, in_tokens(item.modality, item.cost))
        if self._items and dearest * (len(self._items) + 1) > self._batch_cost:
            yield from self.flush()
            dearest = in_tokens(item.modality, item.cost)
        self._dearest = dearest
        self._positions += [len(self._items)] * len(places)
        self._places += places
        self._items.append(item)

    def flush(self) -> Iterator[Batch]:
        """What came together."""
        if self._items:
            batch = Batch(self._rows.take(pa.array(self._places)), self._items, self._positions)
            self._begin()
            yield batch


def by_modality(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each modality; null, as an older embedlake may have left it, is text."""
    if "modality" not in rows.column_names:
        yield "text", rows
        return
    modalities = rows["modality"].fill_null("text")
    names = pc.unique(modalities).to_pylist()
    for name in names:
        yield name, rows if len(names) == 1 else rows.take(np.flatnonzero(pc.equal(modalities, name)))
