"""Judgments mean documents of the corpus, and what they do not mean is told."""

from pathlib import Path

import pyarrow as pa
import pytest

from tasks.errors import ConfigurationError
from tasks.evaluate.asked import asked_of
from tasks.evaluate.documents import Documents, holders_of
from tasks.evaluate.judged import Judged
from tasks.lake.schemas import chunks_schema
from tests.lakes import new_lake

DOCUMENTS = Documents.of(
    [("docs:a", "1"), ("docs:b", "2"), ("books:b", "3"), ("docs:copy", "1"), ("books:c", "4"), ("docs:c", "4")]
)


def test_documents_are_meant_with_their_source_and_without() -> None:
    assert DOCUMENTS.meant("docs:b") == ("docs:b",)
    assert DOCUMENTS.meant("a") == ("docs:a",)
    assert DOCUMENTS.meant("copy") == ("docs:a",), "equal texts are one"
    assert DOCUMENTS.meant("c") == ("books:c",), "in two sources, but one text"
    assert DOCUMENTS.meant("nothing") == ()
    with pytest.raises(ConfigurationError, match="several sources"):
        DOCUMENTS.meant("b")


def test_a_list_has_each_document_at_its_best_passage() -> None:
    passages = [("docs:copy", "p1"), ("docs:b", "p2"), ("docs:a", "p1"), ("docs:b", "p3")]
    assert DOCUMENTS.ranked(passages) == ["docs:a", "docs:b"]


def test_a_relevant_document_is_found_where_another_shows_its_passage() -> None:
    passages = [("docs:a", "p1"), ("docs:b", "p2"), ("books:b", "p3")]
    holders = {"p2": ["docs:b", "docs:c", "books:c"], "p3": ["docs:c"]}
    assert DOCUMENTS.ranked(passages, holders, {"docs:c": 1, "books:c": 2}) == ["docs:a", "books:c", "docs:c"]
    assert DOCUMENTS.ranked(passages, holders, {"docs:b": 1}) == ["docs:a", "docs:b", "books:b"]
    assert DOCUMENTS.ranked(passages, holders, {"docs:c": 0}) == ["docs:a", "docs:b", "books:b"], "not relevant"


def test_only_queries_with_a_relevant_document_are_asked() -> None:
    judged = Judged(
        {"1": "one", "2": "two", "3": "three", "4": "four", "5": "five"},
        {"1": {"a": 1, "copy": 2, "gone": 1}, "2": {"gone": 1}, "3": {"docs:b": 0}, "9": {"a": 1}, "5": {"docs:b": 1}},
    )
    asked = asked_of(judged, DOCUMENTS, (), False, ())
    assert asked.judged.queries == {"1": "one", "5": "five"}
    assert asked.judged.grades == {"1": {"docs:a": 2}, "5": {"docs:b": 1}}
    told = " ".join(asked.told)
    assert "1 queries have no judgments" in told
    assert "Judgments of 1 queries are left out" in told
    assert "1 judged documents are not in the corpus" in told
    assert "2 judged queries have no relevant document" in told


def test_queries_of_trained_documents_are_counted_and_left_out_by_choice() -> None:
    judged = Judged({"1": "one", "5": "five"}, {"1": {"a": 1}, "5": {"docs:b": 1}})
    counted = asked_of(judged, DOCUMENTS, {"a", "elsewhere"}, False, ())
    assert list(counted.judged.queries) == ["1", "5"]
    assert "1 of 2 queries have a relevant document that was trained on" in counted.told[-1]
    assert list(asked_of(judged, DOCUMENTS, {"a"}, True, ()).judged.queries) == ["5"]
    assert list(asked_of(judged, DOCUMENTS, (), False, {"5"}).judged.queries) == ["1"]
    with pytest.raises(ConfigurationError, match="no query is left"):
        asked_of(judged, DOCUMENTS, (), False, {"1", "5"})


@pytest.mark.parametrize(
    ("queries", "grades", "told"),
    [
        ({"1": "one"}, {"2": {"a": 1}}, "ids such as '1', the judgments such as '2'"),
        ({"1": "one"}, {"1": {"x": 1}}, "they name 'x', it has"),
        ({"1": "one"}, {"1": {"a": 0}}, "no query has a relevant document"),
    ],
)
def test_judgments_that_mean_nothing_say_why(
    queries: dict[str, str], grades: dict[str, dict[str, int]], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        asked_of(Judged(queries, grades), DOCUMENTS, (), False, ())


def test_holders_are_documents_with_a_text_among_their_chunks(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    chunks = lake.name("chunks")
    rows = [("docs:a", 0, "p1"), ("docs:a", 1, "p2"), ("docs:b", 0, "p2"), ("docs:b", 1, "p2"), ("docs:c", 0, "p2")]
    lake.create("chunks", chunks_schema(lake.corpus))
    told = [
        {"chunk_id": f"{document} {ordinal}", "document_id": document, "ordinal": ordinal, "text_hash": text_hash}
        for document, ordinal, text_hash in rows
    ]
    lake.merge(chunks, pa.Table.from_pylist(told, schema=lake.schema(chunks)))
    assert holders_of(lake, {"docs:a", "docs:b"}) == {"p1": ["docs:a"], "p2": ["docs:a", "docs:b"]}
    assert holders_of(lake, set()) == {}
