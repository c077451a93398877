"""Passages of a search in a reranker's order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tasks.config.reranking import Rerank
from tasks.rerank.interface import Reranker
from tasks.search.passage import Passage
from tasks.search.reranked import reranked
from tests.answer.passages import passage


class ByLength:
    """The longer, the better."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        self.texts = list(texts)
        return [float(len(text)) for text in texts]


def found(lengths: Sequence[int]) -> list[Passage]:
    return [passage("x" * length, start=i * 100, rank=i + 1) for i, length in enumerate(lengths)]


def settings(**more: float) -> Rerank:
    return Rerank.model_validate({"model": "own", **more})


@given(st.lists(st.integers(1, 9), max_size=20), st.integers(1, 25))
def test_the_candidates_are_ordered_and_the_others_follow(lengths: list[int], candidates: int) -> None:
    passages = found(lengths)
    ordered = reranked("q", passages, ByLength, settings(candidates=candidates))
    assert ordered.note == ""
    assert [p.rank for p in ordered] == list(range(1, len(passages) + 1))
    assert {p.chunk_id for p in ordered} == {p.chunk_id for p in passages}
    best, others = ordered[:candidates], ordered[candidates:]
    assert [len(p.text) for p in best] == sorted(lengths[:candidates], reverse=True)
    assert [p.chunk_id for p in others] == [p.chunk_id for p in passages[candidates:]]
    for p in best:
        assert p.scores["rerank"] == {"before": p.start // 100 + 1, "score": len(p.text)}
    assert not any("rerank" in p.scores for p in others)


def test_only_candidates_are_scored() -> None:
    reranker = ByLength()
    reranked("q", found([1, 2, 3]), lambda: reranker, settings(candidates=2))
    assert reranker.texts == ["x", "xx"]


def test_one_that_fails_leaves_everything_as_it_was_and_a_note() -> None:
    def load() -> Reranker:
        raise OSError("no disk")

    passages = found([1, 2, 3])
    ordered = reranked("q", passages, load, settings())
    assert list(ordered) == passages
    assert ordered.note == "not reranked: OSError: no disk"
