"""Neighbouring chunks joined, what is like a document, and what was found as a table."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ConfigurationError
from tasks.lake.nearest import View
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.search.context import _joined, with_context
from tasks.search.passage import Passage, Passages
from tasks.search.similar import vector_of
from tests.lakes import new_lake

TABLE = "notes.tiny.0"
TEXT = "".join(chr(ord("a") + i % 26) for i in range(200))


def _lake(folder: Path, rows: list[dict[str, Any]]) -> Lake:
    lake = new_lake(folder)
    lake.create("tiny.0", embeddings_schema(lake.corpus, 2, {}))
    lake.merge(TABLE, pa.Table.from_pylist(rows, schema=lake.schema(TABLE)))
    return lake


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=6))
def test_what_two_chunks_share_stands_once(steps: list[tuple[int, int]]) -> None:
    rows: list[dict[str, Any]] = []
    start = 0
    for length, back in steps:
        start = max(rows[-1]["end"] - back, rows[-1]["start"]) if rows else 0
        end = start + length
        rows.append({"ordinal": len(rows), "start": start, "end": end, "text": TEXT[start:end]})
    joined = _joined(rows)
    assert joined["text"] == TEXT[: joined["end"]]
    assert joined["end"] == max(row["end"] for row in rows)


def test_neighbours_of_the_same_document_are_joined(tmp_path: Path) -> None:
    spans = {"docs:it's": [(0, 10), (8, 20), (22, 30), (31, 40)], "docs:other": [(0, 5)]}
    rows: list[dict[str, Any]] = [
        {"chunk_id": f"{document} {i}", "document_id": document, "ordinal": i, "start": start, "end": end}
        | {"text": TEXT[start:end], "vector": [1.0, 0.0], "span_unit": "characters"}
        for document, parts in spans.items()
        for i, (start, end) in enumerate(parts)
    ]
    view = View(_lake(tmp_path, rows), TABLE)
    one, two, alone = with_context(view, [rows[1], rows[2], rows[4]], 1)
    assert (one["text"], one["start"], one["end"]) == (f"{TEXT[:20]}\n\n{TEXT[22:30]}", 0, 30)
    assert two["text"] == f"{TEXT[8:20]}\n\n{TEXT[22:30]} {TEXT[31:40]}"
    assert alone["text"] == TEXT[:5]
    assert with_context(view, rows, 0) == rows


def test_a_document_is_like_the_mean_of_its_chunks(tmp_path: Path) -> None:
    vectors = {"a": ("docs:it's", [2.0, 0.0]), "b": ("docs:it's", [0.0, 1.0]), "c": ("docs:2", [1.0, 1.0])}
    rows = [{"chunk_id": i, "document_id": d, "ordinal": 0, "vector": vector} for i, (d, vector) in vectors.items()]
    view = View(_lake(tmp_path, rows), TABLE)
    assert vector_of(view, "docs:it's") == ([0.5, 0.5], "document_id != 'docs:it''s'")
    assert vector_of(view, "a")[0] == [1.0, 0.0]
    with pytest.raises(ConfigurationError, match="no document and no chunk"):
        vector_of(view, "docs:it")


def test_passages_are_a_list_and_a_table() -> None:
    passage = Passage(0.5, "docs:a", None, "a", ["h"], 0, 4, None, "text", {"year": 1}, "c", 3, {"text": {"rank": 1}})
    found = Passages([passage])
    assert found == [passage]
    assert list(found.to_arrow().to_pylist()[0]) == list(found.to_pandas().columns)
    assert found.to_arrow().to_pylist()[0]["metadata"] == '{"year": 1}'
    assert found.to_pandas()["rank"].to_list() == [3]
    assert len(Passages().to_arrow()) == 0
