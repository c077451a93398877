"""Lists put in another order: boosts, diversity, several corpora; and pages, which stay parts of one list."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.models import Model
from tasks.errors import ConfigurationError
from tasks.hashing import hash_text
from tasks.lake.fulltext import build_text_index
from tasks.lake.schemas import embeddings_schema
from tasks.models.interface import Encoded
from tasks.search.boost import Boost, boosted, check_boosts
from tasks.search.diverse import diversified
from tasks.search.options import Asked
from tasks.search.passage import Passages
from tasks.search.query import OpenLake
from tasks.search.retrieve import Hit
from tasks.search.several import search_all
from tasks.search.similar import cut
from tests.lakes import new_lake

WORDS = ("heron", "river", "stone", "bridges", "kettle", "violin", "mountains")


class _Encoder:
    """Gives a text the vector that its letters make."""

    batch_cost = 1000

    def encode_queries(self, items: Any) -> Encoded:
        return self.encode_documents(items)

    def encode_documents(self, items: Any) -> Encoded:
        texts = [item.content for item in items]
        made = [np.random.default_rng(sum(map(ord, text))).normal(size=8) for text in texts]
        return Encoded(np.array(made, np.float32), [1] * len(texts))


class _Lake(OpenLake):
    """A lake whose model is never loaded."""

    def _encoder(self, row: dict[str, Any]) -> Any:
        return _Encoder()


def _open(folder: Path, name: str, texts: list[str], revision: str = "0") -> _Lake:
    lake = new_lake(folder / name, name=name, metadata={"year": "integer", "day": "date", "lang": "string"})
    lake.create(f"tiny.{revision}", embeddings_schema(lake.corpus, 8, {}))
    table = lake.name(f"tiny.{revision}")
    chance = np.random.default_rng(len(name))
    rows = [
        {
            "chunk_id": str(i), "document_id": f"docs:{i // 3}", "ordinal": i % 3, "text": text,
            "text_hash": hash_text(text), "year": 2000 + (i // 3) % 10, "day": date(2020, 1, 1 + (i // 3) % 28),
            "vector": chance.normal(size=8).astype(np.float32),
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip
    lake.merge(table, pa.Table.from_pylist(rows, schema=lake.schema(table)))
    build_text_index(lake, table)
    settings = Model.model_validate("tiny").model_dump_json()
    catalog = {"table": table, "model": "tiny", "reference": "tiny", "revision": revision, "state": "live"}
    lake.merge(lake.name("catalog"), pa.Table.from_pylist([catalog | {"settings": settings}]))
    return _Lake(lake)


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> list[_Lake]:
    """A large corpus and a small one, which share some texts."""
    folder = tmp_path_factory.mktemp("lakes")
    chance = np.random.default_rng(1)
    texts = [f"{i} {' '.join(chance.choice(WORDS, 4))}" for i in range(330)]
    return [_open(folder, "large", texts[:300]), _open(folder, "few", texts[290:])]


def _ids(found: Passages) -> list[tuple[str, str]]:
    return [(passage.corpus, passage.chunk_id) for passage in found]


ASKED = st.fixed_dictionaries(
    {
        "by": st.sampled_from(["vector", "text", "hybrid"]),
        "diverse": st.sampled_from([0.0, 0.3, 1.0]),
        "boost": st.sampled_from(
            [None, {"field": "year"}, [Boost("day", 2.0, half_life=3), {"field": "year", "weight": 5}]]
        ),
        "per_document": st.sampled_from([None, 1, 2]),
        "min_score": st.sampled_from([None, 0.2]),
    }
)


@given(ASKED, st.sampled_from([7, 60]), st.booleans())
@settings(max_examples=15)
def test_pages_are_parts_of_one_list(lakes: list[_Lake], asked: dict[str, Any], size: int, several: bool) -> None:
    def ask(**page: int) -> Passages:
        query = "herons at the river"
        return search_all(lakes, query, **asked, **page) if several else lakes[0].search(query, **asked, **page)

    whole = ask(limit=180)
    pages = [passage for first in range(0, 180, size) for passage in ask(limit=size, offset=first)][:180]
    assert _ids(pages) == _ids(whole)  # type: ignore[arg-type]
    assert [passage.rank for passage in whole] == list(range(1, len(whole) + 1))
    assert len(set(_ids(whole))) == len({passage.text for passage in whole}) == len(whole)
    assert set(_ids(whole)[:100]) == set(_ids(ask(limit=100)))


def _hit(score: float, **row: Any) -> Hit:
    return Hit(row, 1, score, None, None)


def test_a_number_raises_scores_by_its_place_among_the_candidates() -> None:
    hits = [
        _hit(1.0, year=2000),
        _hit(0.9, year=2020),
        _hit(0.8, year=None),
        _hit(-0.5, year=2010),
        _hit(-0.6, year=2020),
    ]
    found = boosted(hits, [Boost("year", 0.2)])
    assert [round(hit.score, 4) for hit in found] == [1.08, 1.0, 0.8, -0.4545, -0.5]
    assert found[0].later == {"boost": {"before": 0.9, "by": 1.2}}
    assert [hit.score for hit in boosted(hits[:1], [Boost("year")])] == [1.0]


def test_a_date_counts_half_after_its_half_life() -> None:
    days = [date(2026, 1, 31), datetime(2026, 1, 21, 9, tzinfo=UTC), date(2030, 1, 1), None]
    found = boosted([_hit(1.0, day=day) for day in days], [Boost("day", 1.0, half_life=10)], date(2026, 1, 31))
    assert [hit.score for hit in found] == [2.0, 2.0, 1.5, 1.0]


@pytest.mark.parametrize(
    "boost",
    [
        Boost("nothing"), Boost("lang"), Boost("day"), Boost("year", half_life=3), Boost("year", 0.0),
        Boost("year", 11), Boost("day", half_life=-1), Boost("day", half_life=float("nan")), {"field": "year", "by": 3},
        {"weight": 1},
        {"field": "year", "weight": "1"}, {"field": 3},
    ],
)  # fmt: skip
def test_a_boost_that_fits_nothing_is_refused(boost: Any) -> None:
    with pytest.raises(ConfigurationError, match="boost"):
        check_boosts(Asked(boost=boost).boosts, {"year": "integer", "day": "date", "lang": "string"})


def test_options_that_make_no_sense_together_are_refused(lakes: list[_Lake]) -> None:
    with pytest.raises(ConfigurationError, match="no meaning in a search by text"):
        lakes[0].search("river", by="text", weight=0.5)
    with pytest.raises(ConfigurationError, match="from 0 to 1"):
        lakes[0].search("river", diverse=1.5)
    with pytest.raises(ConfigurationError, match="reranker's scores"):
        lakes[0].search("river", boost=Boost("year"), rerank=lambda: None)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="no reranker"):
        search_all(lakes, "river", rerank=True)
    with pytest.raises(ConfigurationError, match="either an id or a text"):
        lakes[0].similar("docs:1", text="a text")
    with pytest.raises(ConfigurationError, match="either an id or a text"):
        lakes[0].similar(text=" ")


def test_what_is_like_one_above_comes_later() -> None:
    vectors = np.array([[1, 0], [1, 0.01], [0, 1], [0.7, 0.7]], np.float32)
    hits = [Hit({}, rank, score, None, None) for rank, score in enumerate((0.9, 0.89, 0.6, 0.5), 1)]
    assert [hit.rank for hit in diversified(hits, vectors, 0.5, 0.0)] == [1, 3, 2, 4]
    assert [hit.rank for hit in diversified(hits, vectors, 0.0, 0.0)] == [1, 2, 3, 4]
    assert diversified([], vectors, 0.5, 0.0) == []


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_diversity_keeps_every_hit_and_the_best_one(scores: list[float], diverse: float) -> None:
    hits = [Hit({}, rank, score, None, None) for rank, score in enumerate(sorted(scores, reverse=True), 1)]
    vectors = np.random.default_rng(0).normal(size=(len(hits), 4)).astype(np.float32)
    found = diversified(hits, vectors, diverse, 0.1)
    assert sorted(hit.rank for hit in found) == [hit.rank for hit in hits]
    assert found[0].rank == 1


def test_several_queries_find_what_each_finds(lakes: list[_Lake]) -> None:
    queries = ["a river", "stones and bridges", "a river"]
    assert lakes[0].search_many(queries, limit=3) == [lakes[0].search(query, limit=3) for query in queries]
    assert lakes[0].search_many([]) == []


async def _together(lake: _Lake, queries: list[str]) -> list[Passages]:
    import asyncio

    return await asyncio.gather(*(lake.search_async(query, limit=4) for query in queries))


def test_searches_that_are_awaited_find_the_same(lakes: list[_Lake]) -> None:
    import asyncio

    queries = [f"a {word}" for word in WORDS]
    assert asyncio.run(_together(lakes[0], queries)) == lakes[0].search_many(queries, limit=4)


def test_corpora_are_one_list(lakes: list[_Lake]) -> None:
    merged = search_all(lakes, "a heron", by="vector", limit=40)
    alone = [passage for lake in lakes for passage in lake.search("a heron", by="vector", limit=40)]
    best: dict[str, float] = {}
    for passage in alone:
        best[passage.text] = max(best.get(passage.text, -1.0), passage.score)
    assert [passage.score for passage in merged] == sorted(best.values(), reverse=True)[:40]
    assert {passage.corpus for passage in search_all(lakes, "a heron", limit=60)} == {"large", "few"}
    only = search_all(lakes, "a heron", by="text", limit=500)
    assert all(0 < passage.score < 1.5 for passage in only)
    assert _ids(search_all(lakes[:1], "a heron", limit=50)) == _ids(lakes[0].search("a heron", limit=50))


def test_corpora_of_different_models_are_not_searched_together(lakes: list[_Lake], tmp_path: Path) -> None:
    other = _open(tmp_path, "other", ["A heron."], revision="1")
    with pytest.raises(ConfigurationError, match="different models: large has tiny 0, other has tiny 1"):
        search_all([lakes[0], other], "heron")


def test_what_is_like_a_text_is_found(lakes: list[_Lake]) -> None:
    found = lakes[0].similar(text=["a heron"], limit=5, per_document=None)
    assert _ids(found) == _ids(lakes[0].search("a heron", by="vector", limit=5))
    assert cut("ab\ncd\n") == ["ab\ncd\n"]
    assert [len(piece) for piece in cut("x" * 2500 + "\n" + "y" * 600)] == [1000, 1000, 501, 600]
