"""What a reranker is."""

from collections.abc import Sequence
from typing import Protocol


class Reranker(Protocol):
    """Says how well texts fit a query."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """A score for each text, in their order; the higher, the better it fits. Only scores of one call compare.

        Raises:
            TimeoutError: it takes longer than it may.
            EmbedlakeError: they cannot be scored.
        """
        ...
