"""The best hits of a search, ordered by a reranker."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tasks.config.reranking import Rerank
from tasks.rerank.interface import Reranker
from tasks.rerank.order import rerank
from tasks.search.retrieve import Hit, Judged


def reranked(query: str, hits: Sequence[Hit], load: Callable[[], Reranker], settings: Rerank) -> tuple[list[Hit], str]:
    """Hits in the order of a reranker's scores, those that are no candidates after them; or as they were, with a note.

    Args:
        query: that they were found for.
        hits: best first.
        load: gives the reranker.
        settings: how many are scored, and within which time.
    """
    best, others = hits[: settings.candidates], hits[settings.candidates :]
    found = rerank(load, query, [hit.row["text"] for hit in best], settings.seconds)
    if found.scores is None:
        return list(hits), found.note
    ordered = [replace(best[i], judged=Judged(best[i].rank, found.scores[i])) for i in found.order]
    return [replace(hit, rank=rank) for rank, hit in enumerate([*ordered, *others], 1)], ""
