"""Queries that arrive together are embedded together."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from tasks.errors import ServiceError
from tasks.models.interface import Encoder, Item, Vectors, encode_in_parts, text_items

_MOST = 64  # queries in one call of the encoder


@dataclass(slots=True)
class _Asked:
    """A query that waits for its vector."""

    query: str
    vector: Vectors | None = None
    tokens: int = 0
    error: Exception | None = None

    @property
    def answered(self) -> bool:
        return self.vector is not None or self.error is not None


class Batcher:
    """Embeds queries that come from many threads: one of those that wait does it for all who came meanwhile (flat
    combining, after Hendler, Incze, Shavit and Tzafrir, 2010).

    Args:
        encoder: of the queries; called by one thread at a time.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._waiting: list[_Asked] = []
        self._list, self._turn = Lock(), Lock()

    def embed(self, queries: Sequence[str]) -> tuple[list[Vectors], int]:
        """The vector of each query, float32 of shape (dimension,), and their tokens in all.

        Raises:
            Exception: what the encoder raises on one of them.
        """
        mine = [_Asked(query) for query in queries]
        with self._list:
            self._waiting += mine
        with self._turn:
            while not all(asked.answered for asked in mine):
                with self._list:
                    batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                self._encode(batch)
        if error := next((asked.error for asked in mine if asked.error), None):
            raise error
        return [asked.vector for asked in mine if asked.vector is not None], sum(asked.tokens for asked in mine)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, as those of the rows were made; of shape (n_texts, dimension)."""
        with self._turn:
            return encode_in_parts(self._encoder, text_items(texts)).vectors

    def embed_item(self, item: Item) -> Vectors:
        """The vector of a query that is no text, float32 of shape (dimension,)."""
        with self._turn:
            [vector] = self._encoder.encode_queries([item]).vectors
        found: Vectors = vector
        return found

    def _encode(self, batch: list[_Asked]) -> None:
        try:
            encoded = self._encoder.encode_queries(text_items(asked.query for asked in batch))
        except Exception as error:
            if isinstance(error, ServiceError):  # none of them is
                for asked in batch:
                    asked.error = error
            elif len(batch) > 1:  # one of them may be at fault: nobody pays for another
                for asked in batch:
                    self._encode([asked])
            else:
                batch[0].error = error
            return
        for asked, vector, tokens in zip(batch, encoded.vectors, encoded.costs, strict=True):
            asked.vector, asked.tokens = vector, tokens
