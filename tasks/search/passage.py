"""What a search finds."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from tasks.lake.analysis import Analysis
from tasks.search.vocabulary import Wider


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that a search found.

    Attributes:
        score: searched by vector, the cosine similarity to the query, 1 for the same direction; by text, BM25; in a
            hybrid search, what fused them gives, from 0 to about 1; raised where it was boosted.
        document_id, title, uri: of its document.
        headings: that it stands under, outermost first.
        start, end: offsets into the document's extracted text, in characters; of an image, pixels; of sound and of a
            frame of a film, milliseconds.
        page: on which it begins, from 1, where the format knows pages.
        text: the chunk's.
        metadata: the fields that the corpus declares.
        chunk_id: the row's key.
        rank: its place in the whole list, from 1.
        scores: how each list has it, by `vector` and `text`: `rank`, `score` (cosine similarity, BM25), and in a hybrid
            search `share`, what it gives to the score before it is weighted, and `weight`. By `rerank`, where it was
            reranked: `before`, its rank until then, and `score`, the reranker's, which then decides its rank. By
            `boost`: `before`, its score until then, and `by`, what that was multiplied by. By `diverse`: `before`, its
            rank until then. By `gap`: `cosine`, that of an image to the query; its score among texts is told as theirs
            are, see `tasks.search.gap`.
        corpus: that it is from.
        modality: text, image or audio; the text of an image or a sound is its caption, which may be empty.
        region: of an image, left, top, right and bottom in pixels of its page, as oriented.
        reference: of an image, a sound or their caption, where that is, with a media fragment; of subtitles too.
        time: from and to in milliseconds: of sound, of the stretch of a film that a frame stands for, of subtitles.
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
    corpus: str = ""
    modality: str = "text"
    region: list[int] | None = None
    reference: str | None = None
    time: list[int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Passages(list[Passage]):
    """What a search found, best first: a list, which also is a table.

    Attributes:
        note: that the table lacks what the sources have by now; why they are not reranked although that was asked for;
            empty otherwise.
        analysis: how the text index takes words, to mark them; None where there is none.
        expanded: words that were looked for beside the query's.
    """

    note = ""
    analysis: Analysis | None = None
    expanded: tuple[Wider, ...] = ()

    def to_arrow(self) -> pa.Table:
        """A row for each passage, a column for each attribute; `metadata` and `scores` as JSON."""
        rows = [passage.to_dict() for passage in self]
        told = [row | {name: json.dumps(row[name], default=str) for name in ("metadata", "scores")} for row in rows]
        return pa.Table.from_pylist(told, schema=_SCHEMA)

    def to_pandas(self) -> Any:
        """The same as a frame; needs pandas."""
        return self.to_arrow().to_pandas()


_SCHEMA = pa.schema(
    [
        pa.field("rank", pa.int64()), pa.field("score", pa.float64()), pa.field("document_id", pa.string()),
        pa.field("title", pa.string()), pa.field("uri", pa.string()), pa.field("headings", pa.list_(pa.string())),
        pa.field("start", pa.int64()), pa.field("end", pa.int64()), pa.field("page", pa.int64()),
        pa.field("text", pa.string()), pa.field("metadata", pa.string()), pa.field("chunk_id", pa.string()),
        pa.field("scores", pa.string()), pa.field("corpus", pa.string()),
        pa.field("modality", pa.string()), pa.field("region", pa.list_(pa.int64())), pa.field("reference", pa.string()),
        pa.field("time", pa.list_(pa.int64())),
    ]
)  # fmt: skip
