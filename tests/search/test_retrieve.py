"""Retrieval from a real table: each way, filters, pages, limits by document, and rows that no index has yet."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError
from tasks.hashing import hash_text
from tasks.lake.fulltext import build_text_index, lacks_text_index, text_indexes
from tasks.lake.maintenance import build_index
from tasks.lake.nearest import View
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.search.retrieve import Hit, Query, Scales, Way, retrieve
from tests.lakes import new_lake

TABLE = "notes.tiny.0"
WORDS = ("heron", "river", "stone", "bridges", "kettle", "violin", "mountains")
SCALES = Scales(0.5, 0.1)
WAYS: tuple[Way, ...] = ("vector", "text", "hybrid")


def _lake(folder: Path, **changes: Any) -> Lake:
    lake = new_lake(folder, metadata={"year": "integer"}, **changes)
    lake.create("tiny.0", embeddings_schema(lake.corpus, 8, {}))
    return lake


def _add(
    lake: Lake, texts: list[str], first: int = 0, title: str | None = None, headings: list[str] | None = None
) -> None:
    chance = np.random.default_rng(first)
    rows = [
        {
            "chunk_id": str(first + i), "document_id": f"docs:{(first + i) // 3}", "ordinal": (first + i) % 3,
            "text": text, "text_hash": hash_text(text), "year": 2000 + (first + i) % 10, "title": title,
            "heading_path": headings, "vector": chance.normal(size=8).astype(np.float32),
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip
    lake.merge(TABLE, pa.Table.from_pylist(rows, schema=lake.schema(TABLE)))


def _texts(count: int) -> list[str]:
    chance = np.random.default_rng(1)
    return [f"{i // 2} {' '.join(chance.choice(WORDS, 4))}" for i in range(count)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A table of 300 rows, the last 60 of which no index has."""
    made = _lake(tmp_path_factory.mktemp("indexed"))
    texts = _texts(300)
    _add(made, texts[:240])
    build_text_index(made, TABLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.lake.maintenance._INDEX_ROWS", 100)
        build_index(made, TABLE)
    _add(made, texts[240:], 240)
    return made


def _ask(lake: Lake, text: str = "herons at the river", **asked: Any) -> list[Hit]:
    vector = np.random.default_rng(len(text)).normal(size=8).tolist()
    return retrieve(View(lake, TABLE), Query(text, vector, **asked), SCALES)


def _ids(hits: list[Hit]) -> list[str]:
    return [hit.row["chunk_id"] for hit in hits]


def _stemmed(text: str) -> set[str]:
    return {word.removesuffix("s") for word in text.split()}


def test_the_text_index_is_built_once_and_lacks_few_rows(lake: Lake) -> None:
    assert not lacks_text_index(lake, TABLE)
    version = lake.version(TABLE)
    indexes = text_indexes(lake.dataset(TABLE))
    assert set(indexes) == {"text", "title", "heading_path"}
    assert indexes["text"].num_rows_indexed == 240
    assert lake.version(TABLE) == version


def test_rows_that_no_index_has_are_found_by_their_words(lake: Lake) -> None:
    found = _ask(lake, "heron", by="text", limit=1000, distinct=False)
    rows = lake.read(TABLE, ["chunk_id", "text"]).to_pylist()
    assert sorted(_ids(found)) == sorted(row["chunk_id"] for row in rows if "heron" in _stemmed(row["text"]))
    assert any(int(identity) >= 240 for identity in _ids(found))


@given(
    st.sampled_from(WAYS),
    st.integers(2000, 2011),
    st.sampled_from(["=", "<", ">="]),
    st.integers(1, 400),
    st.booleans(),
)
@settings(max_examples=40)
def test_a_filter_lets_through_the_same_rows_in_every_way(
    lake: Lake, by: Way, year: int, sign: str, limit: int, distinct: bool
) -> None:
    found = _ask(lake, by=by, where=f"year {sign} {year}", limit=limit, distinct=distinct)
    rows = lake.read(TABLE, ["chunk_id", "text", "year"], f"year {sign} {year}").to_pylist()
    if by == "text":
        rows = [row for row in rows if _stemmed(row["text"]) & {"heron", "river"}]
    right = {row["text"] for row in rows} if distinct else {row["chunk_id"] for row in rows}
    kept = [hit.row["text"] if distinct else hit.row["chunk_id"] for hit in found]
    assert len(kept) == len(set(kept)) == min(limit, len(right))
    assert set(kept) <= right


@given(st.sampled_from(WAYS), st.sampled_from([17, 40, 110]), st.booleans(), st.sampled_from([None, 1, 2]))
@settings(max_examples=12)
def test_pages_are_parts_of_one_list(lake: Lake, by: Way, size: int, distinct: bool, per_document: int | None) -> None:
    asked: dict[str, Any] = {"by": by, "distinct": distinct, "per_document": per_document}
    whole = _ask(lake, limit=120, **asked)
    pages = [hit for offset in range(0, 120, size) for hit in _ask(lake, limit=size, offset=offset, **asked)][:120]
    assert _ids(pages) == _ids(whole)
    assert [hit.rank for hit in whole] == list(range(1, len(whole) + 1))
    if per_document:
        assert max(Counter(hit.row["document_id"] for hit in whole).values()) <= per_document


@pytest.mark.parametrize("by", WAYS)
def test_a_minimum_score_leaves_out_what_is_below(lake: Lake, by: Way) -> None:
    whole = _ask(lake, by=by, limit=50)
    middle = whole[20].score
    assert _ids(_ask(lake, by=by, limit=50, min_score=middle)) == [
        hit.row["chunk_id"] for hit in whole if hit.score >= middle
    ]


def test_a_hybrid_search_tells_how_each_list_has_a_row(lake: Lake) -> None:
    by_vector, by_text = ({h.row["text"]: h.score for h in _ask(lake, by=w, limit=100)} for w in ("vector", "text"))
    for hit in _ask(lake, limit=20):
        for alone, standing in ((by_vector, hit.vector), (by_text, hit.text)):
            if standing:
                assert alone[hit.row["text"]] == pytest.approx(standing.score)
        assert hit.score == sum(0.5 * standing.share for standing in (hit.vector, hit.text) if standing)


def test_without_words_or_text_index_it_is_searched_by_vector(tmp_path: Path, lake: Lake) -> None:
    assert _ids(_ask(lake, "of the", limit=9)) == _ids(_ask(lake, "of the", limit=9, by="vector"))
    assert _ask(lake, "of the", limit=9, by="text") == []
    old = _lake(tmp_path)
    _add(old, _texts(9))
    assert lacks_text_index(old, TABLE)
    assert len(_ask(old, limit=9, distinct=False)) == 9
    with pytest.raises(ConfigurationError, match="no text index"):
        _ask(old, by="text")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Der Fluss fließt unter den alten Brücken hindurch, und niemand sah die Häuser am Ufer.", "Haus"),
        ("我爱北京天安门，天安门上太阳升。", "北京"),
        ("昨日は東京都に住んでいました。", "東京"),
        ("def parse_http_date(value):\n    return formatDateTime(value)", "http date"),
        ("def parse_http_date(value):\n    return formatDateTime(value)", "format"),
    ],
)
def test_words_are_found_in_the_language_of_the_corpus(tmp_path: Path, text: str, query: str) -> None:
    made = _lake(tmp_path)
    _add(made, [text, "Nothing of the kind."] if text.startswith("def") else [text])
    build_text_index(made, TABLE)
    assert _ids(_ask(made, query, by="text")) == ["0"]


@pytest.mark.parametrize("summed", [1, 50_000])
def test_titles_and_headings_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, summed: int) -> None:
    monkeypatch.setattr("tasks.lake.nearest._SUMMED_ROWS", summed)
    made = _lake(tmp_path)
    _add(made, ["It rained.", "It snowed."], title="The weather in Lisbon", headings=["Europe", "Portugal"])
    _add(made, ["A hot day in Lisbon."], first=5)
    build_text_index(made, TABLE)
    assert _ids(_ask(made, "Lisbon", by="text")) == ["5", "0", "1"]
    assert _ids(_ask(made, "Portugal", by="text")) == ["0", "1"]


def test_another_language_makes_the_index_anew_and_nothing_else(tmp_path: Path) -> None:
    made = _lake(tmp_path)
    _add(made, ["Die Häuser am Fluss"])
    build_text_index(made, TABLE)
    config = made.corpus.model_dump() | {"language": "fr"}
    other = Lake(Corpus.model_validate(config))
    assert lacks_text_index(other, TABLE)
    rows = other.read(TABLE, other.columns(TABLE))
    build_text_index(other, TABLE)
    assert not lacks_text_index(other, TABLE)
    assert text_indexes(other.dataset(TABLE))["text"].details["language"] == "French"
    assert other.read(TABLE, other.columns(TABLE)) == rows


def test_a_view_stays_at_its_version(tmp_path: Path) -> None:
    made = _lake(tmp_path)
    _add(made, ["It rained."])
    build_text_index(made, TABLE)
    view = View(made, TABLE)
    assert view.is_latest()
    _add(made, ["It rained again."], first=1)
    assert not view.is_latest()
    asked = Query("rained", [1.0] * 8)
    assert len(retrieve(view, asked, SCALES)) == 1
    assert len(retrieve(View(made, TABLE), asked, SCALES)) == 2
