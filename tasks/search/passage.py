"""What a search finds."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that a search found.

    Attributes:
        score: searched by vector, the cosine similarity to the query, 1 for the same direction; by text, BM25; in a
            hybrid search, what fused them gives, from 0 to about 1.
        document_id, title, uri: of its document.
        headings: that it stands under, outermost first.
        start, end: offsets into the document's extracted text, in characters.
        page: on which it begins, from 1, where the format knows pages.
        text: the chunk's.
        metadata: the fields that the corpus declares.
        chunk_id: the row's key.
        rank: its place in the whole list, from 1.
        scores: how each list has it, by `vector` and `text`: `rank`, `score` (cosine similarity, BM25), and in a hybrid
            search `share`, what it gives to the score before it is weighted, and `weight`. By `rerank`, where it was
            reranked: `before`, its rank until then, and `score`, the reranker's, which then decides its rank.
    """

    score: float
    document_id: str
    title: str | None
    uri: str
    headings: list[str]
    start: int
    end: int
    page: int | None
    text: str
    metadata: dict[str, Any]
    chunk_id: str
    rank: int = 1
    scores: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Passages(list[Passage]):
    """What a search found, best first.

    Attributes:
        note: why they are not reranked although that was asked for; empty otherwise.
    """

    def __init__(self, passages: Iterable[Passage] = (), note: str = "") -> None:
        super().__init__(passages)
        self.note = note
