"""The best passages of a search, ordered by a reranker."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tasks.config.reranking import Rerank
from tasks.rerank.interface import Reranker
from tasks.rerank.order import rerank
from tasks.search.passage import Passage, Passages


def reranked(query: str, passages: Sequence[Passage], load: Callable[[], Reranker], settings: Rerank) -> Passages:
    """Passages in the order of their scores, those that are no candidates after them; or, with a note, as they were.

    Args:
        query: that they were found for.
        passages: best first.
        load: gives the reranker.
        settings: how many are scored, and within which time.
    """
    best, others = passages[: settings.candidates], passages[settings.candidates :]
    found = rerank(load, query, [passage.text for passage in best], settings.seconds)
    if found.scores is None:
        return Passages(passages, found.note)
    ordered = list(others)
    ordered[:0] = [
        replace(best[i], scores={**best[i].scores, "rerank": {"before": best[i].rank, "score": found.scores[i]}})
        for i in found.order
    ]
    return Passages(replace(passage, rank=rank) for rank, passage in enumerate(ordered, 1))
