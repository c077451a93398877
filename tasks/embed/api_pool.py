"""A pool for a model behind an API: requests from the run's own process, and answers that are kept until they are
landed."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from tasks.caching import cache_folder
from tasks.embed.batches import Batch
from tasks.embed.pools import Embedded, LocalPool
from tasks.hashing import hash_fields
from tasks.lake.tables import Lake
from tasks.models.api.encoder import ApiEncoder
from tasks.models.api.gallery import content_of
from tasks.models.api.paid import Paid
from tasks.models.template import HASH


class ApiPool(LocalPool):
    """A service, asked from threads that wait; the requests themselves run on one event loop.

    Args:
        encoder: asks the service.
        paid: where its answers are kept.
        budget: USD that may be paid; None for any sum.

    Raises:
        ConfigurationError: there is a budget, and nobody knows what the model costs.
    """

    def __init__(self, encoder: ApiEncoder, paid: Paid, budget: float | None) -> None:
        super().__init__(lambda: encoder)
        self._api = encoder
        self._api.paid = paid
        self._api.spend_at_most(budget)
        self.batch_items = encoder.batch_items
        self.content_cost = encoder.content_cost or encoder.batch_cost
        self._pictures: dict[str, str] = {}  # of what is embedded of an image, its hash as it is paid for

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        """Results as they come."""
        for result in super().embed(batches):
            batch = result.batch
            if batch.items[0].modality != "text" and HASH in batch.rows.column_names:
                contents = [content_of(item) for item in batch.items]
                hashes = batch.rows[HASH].to_pylist()
                self._pictures |= {told: contents[at] for told, at in zip(hashes, batch.positions, strict=True)}
            yield result

    @property
    def billed(self) -> int:
        """Tokens that were paid for."""
        return self._api.billed

    @property
    def cost(self) -> float | None:
        """USD that were paid; None where the price is not known."""
        return self._api.cost

    def counted(self, texts: Sequence[str]) -> list[int] | None:
        """As the encoder counts them."""
        return self._api.counts(texts)

    def landed(self, contents: pa.ChunkedArray) -> None:
        """What is in the table, or failed, need not be kept."""
        self._api.paid.settle(self._pictures.pop(content, content) for content in contents.to_pylist())

    def close(self) -> None:
        """Send nothing any more. Answers that still come are kept for the next run."""
        self._api.stop()
        super().close()


def paid_folder(lake: Lake, table: str) -> Path:
    """Where the answers for a model's table wait: in the user's cache, by lake and table."""
    return cache_folder() / "paid" / hash_fields(lake.corpus.lake.uri, table)


def forget_paid(lake: Lake, table: str) -> None:
    """Remove what is left of answers for a table that lacks nothing: they are for texts that are gone."""
    shutil.rmtree(paid_folder(lake, table), ignore_errors=True)
