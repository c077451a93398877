"""What a search needs of a lake: one table at one version, and what is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.config.settings import Corpus
from tasks.content.reference import time_in
from tasks.lake.catalog import behind
from tasks.lake.nearest import Row, View
from tasks.models.interface import Vectors
from tasks.search.context import with_context
from tasks.search.gap import Gap, gaps_of
from tasks.search.passage import Passage, Passages
from tasks.search.retrieve import Hit, Scales, Way


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a search needs of a lake.

    Attributes:
        corpus: whose lake it is.
        row: the model's line in the catalog.
        view: its table at one version.
        by: the way that it is searched in.
        where: the filter as SQL, or None.
        scales: what is known of the table, where that is needed.
        distinct: each text once.
        modalities: of a table with rows of several that are searched together; else none.
        unlike: of images that look alike only the best.
    """

    corpus: Corpus
    row: dict[str, Any]
    view: View
    by: Way
    where: str | None
    scales: Scales | None
    distinct: bool
    modalities: Sequence[str] = ()
    unlike: bool = False

    def gaps(self, vector: Sequence[float] | None) -> list[Gap]:
        """How rows of each modality are compared, where they are searched by a vector."""
        if vector is None or not self.modalities:
            return [Gap(name) for name in self.modalities]
        return gaps_of(self.view, vector, self.modalities)

    def passages(self, hits: Sequence[Hit], context: int) -> Passages:
        """Hits as passages, with so many chunks around each."""
        rows = with_context(self.view, [hit.row for hit in hits], context)
        scales = self.scales if self.by == "hybrid" else None
        return Passages(passage_of(self.corpus, hit, row, scales) for hit, row in zip(hits, rows, strict=True))

    def vectors(self, hits: Sequence[Hit]) -> Vectors:
        """The vectors of hits, float32 of shape (n_hits, dimension)."""
        return self.view.vectors_of([hit.row["chunk_id"] for hit in hits])


def note_of(found: Sequence[Prepared], more: str = "") -> str:
    """What must be known to read a list of passages: tables that are behind, and more that is to be told."""
    return "; ".join(part for part in (*(behind(one.row) for one in found), more) if part)


def passage_of(corpus: Corpus, hit: Hit, row: Row, scales: Scales | None) -> Passage:
    """A hit as a passage.

    Args:
        corpus: that it is of.
        hit: where it stands, and why.
        row: its columns, with chunks around it where they are asked for.
        scales: of the hybrid search that found it; None of another.
    """
    scores: dict[str, dict[str, float]] = {}
    for name, standing in (("vector", hit.vector), ("text", hit.text)):
        if standing:
            scores[name] = {"rank": standing.rank, "score": standing.score}
        if standing and scales:
            weight = scales.weight if name == "vector" else 1 - scales.weight
            scores[name] |= {"share": standing.share, "weight": weight}
    if hit.judged:
        scores["rerank"] = {"before": hit.judged.before, "score": hit.judged.score}
    scores |= hit.later
    return Passage(
        score=hit.score, document_id=row["document_id"], title=row["title"], uri=row["uri"],
        headings=list(row["heading_path"] or []), start=row["start"], end=row["end"],
        page=row.get("span_page"), text=row["text"],
        metadata={name: row[name] for name in corpus.metadata if name in row}, chunk_id=row["chunk_id"],
        rank=hit.rank, scores=scores, corpus=corpus.name, modality=row.get("modality") or "text",
        region=row.get("span_region"), reference=row.get("content_reference"),
        time=_time_of(row),
    )  # fmt: skip


def _time_of(row: dict[str, Any]) -> list[int] | None:
    """From and to in milliseconds, of what has them; a caption, which has no content of its own, has none."""
    if row.get("span_unit") == "milliseconds":
        return [row["start"], row["end"]]
    found = time_in(row.get("content_reference")) if row.get("content_hash") else None
    return list(found) if found and len(found) == 2 else None
