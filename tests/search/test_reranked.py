"""Hits of a search in a reranker's order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tasks.config.reranking import Rerank
from tasks.rerank.interface import Reranker
from tasks.search.reranked import reranked
from tasks.search.retrieve import Hit, Judged


class ByLength:
    """The longer, the better."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        self.texts = list(texts)
        return [float(len(text)) for text in texts]


def found(lengths: Sequence[int]) -> list[Hit]:
    return [Hit({"chunk_id": i, "text": "x" * n}, i + 1, 1 / (i + 1), None, None) for i, n in enumerate(lengths)]


def settings(**more: float) -> Rerank:
    return Rerank.model_validate({"model": "own", **more})


@given(st.lists(st.integers(1, 9), max_size=20), st.integers(1, 25))
def test_the_candidates_are_ordered_and_the_others_follow(lengths: list[int], candidates: int) -> None:
    hits = found(lengths)
    ordered, note = reranked("q", hits, ByLength, settings(candidates=candidates))
    assert note == ""
    assert [hit.rank for hit in ordered] == list(range(1, len(hits) + 1))
    assert sorted(hit.row["chunk_id"] for hit in ordered) == list(range(len(hits)))
    best, others = ordered[:candidates], ordered[candidates:]
    assert [len(hit.row["text"]) for hit in best] == sorted(lengths[:candidates], reverse=True)
    assert others == hits[candidates:]
    for hit in best:
        assert hit.judged == Judged(hit.row["chunk_id"] + 1, len(hit.row["text"]))


def test_only_candidates_are_scored() -> None:
    reranker = ByLength()
    reranked("q", found([1, 2, 3]), lambda: reranker, settings(candidates=2))
    assert reranker.texts == ["x", "xx"]


def test_one_that_fails_leaves_everything_as_it_was_and_a_note() -> None:
    def load() -> Reranker:
        raise OSError("no disk")

    hits = found([1, 2, 3])
    assert reranked("q", hits, load, settings()) == (hits, "not reranked: OSError: no disk")
