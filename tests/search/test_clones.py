"""Copies within a corpus, and what is like some lines of a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.models import Model
from tasks.errors import ConfigurationError, UnknownName
from tasks.hashing import hash_text
from tasks.lake.nearest import USUAL, View
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.search import clones
from tasks.search.clones import Clones, clones_in
from tasks.search.query import OpenLake
from tasks.search.region import Lines, lines_in
from tests.lakes import new_lake

DIMENSION = 4


def lake_of(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> Lake:
    lake = new_lake(folder, **changes)
    lake.create("some.0", embeddings_schema(lake.corpus, DIMENSION, {}))
    defaults = {"ordinal": 0, "token_count": 50, "start": 0, "end": 100, "uri": "u", "source": "docs"}
    full = [
        defaults | {"chunk_id": f"c{i}", "text_hash": hash_text(row["text"]), **row}
        for i, row in enumerate(rows)
    ]  # fmt: skip
    table = lake.name("some.0")
    lake.merge(table, pa.Table.from_pylist(full, schema=lake.schema(table)))
    catalog = {"table": table, "model": "some", "reference": "some", "revision": "0", "state": "live"}
    settings = Model.model_validate("some").model_dump_json()
    lake.merge(lake.name("catalog"), pa.Table.from_pylist([catalog | {"settings": settings}]))
    return lake


def row(document: str, text: str, vector: list[float], **more: Any) -> dict[str, Any]:
    return {"document_id": document, "text": text, "vector": np.array(vector, np.float32), **more}


def pairs(found: Clones) -> list[tuple[str, str, bool]]:
    return [(pair.first.chunk_id, pair.second.chunk_id, pair.exact) for pair in found.pairs]


ROWS = [
    row("a", "one", [1, 0, 0, 0]),
    row("b", "one", [1, 0, 0, 0]),  # a copy
    row("c", "one, changed", [1, 0.1, 0, 0]),
    row("d", "another", [0, 0, 1, 0], start=0, end=100),
    row("d", "another, which overlaps it", [0, 0, 1, 0.01], start=90, end=200),
    row("d", "another, further down", [0, 0, 1, 0.02], start=300, end=400),
    row("e", "short", [0, 0, 1, 0], token_count=5),
]


def test_copies_and_near_copies_are_told_once_and_what_overlaps_is_none(tmp_path: Path) -> None:
    found = OpenLake(lake_of(tmp_path, ROWS)).clones(above=0.95)
    assert pairs(found) == [("c0", "c1", True), ("c4", "c5", False), ("c3", "c5", False), ("c0", "c2", False)]
    assert (found.exact, found.near, found.texts) == (1, 3, 5)
    assert found.pairs[3].cosine == pytest.approx(1 / np.hypot(1, 0.1))


def test_what_is_asked_is_told(tmp_path: Path) -> None:
    lake = OpenLake(lake_of(tmp_path, ROWS))
    assert pairs(lake.clones(above=0.999, exact=False)) == [("c4", "c5", False), ("c3", "c5", False)]
    assert ("c3", "c6", False) in pairs(lake.clones(above=0.999, least=0))
    assert pairs(lake.clones(limit=1)) == [("c0", "c1", True)]
    assert lake.clones(limit=1).near == 3
    assert pairs(lake.clones(where="document_id < 'd'")) == [("c0", "c1", True), ("c0", "c2", False)]
    assert pairs(lake.clones(where="document_id = 'none'")) == []


@given(st.integers(2, 60), st.integers(0, 9), st.floats(0.3, 0.99))
@settings(max_examples=15)
def test_block_by_block_all_pairs_are_found(count: int, seed: int, above: float) -> None:
    import tempfile

    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = sum(float(directions[i] @ directions[j]) >= above for i in range(count) for j in range(i))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(clones, "_BLOCK", 7)
        lake = lake_of(Path(folder), [row(f"d{i}", f"text {i}", v.tolist()) for i, v in enumerate(vectors)])
        assert abs(OpenLake(lake).clones(above=above, limit=5).near - expected) <= 1  # one may lie at the bound
        assert len(OpenLake(lake).clones(above=0.0, limit=5000).pairs) == int(
            np.triu(directions @ directions.T >= 0, 1).sum()
        )


def test_a_large_table_asks_its_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of(tmp_path, ROWS)
    view = View(lake, lake.name("some.0"))
    compared = clones_in(view, "token_count >= 30", 0.95, 100, True, USUAL)
    monkeypatch.setattr(clones, "COMPARED", 3)
    view.has_vector_index = True  # Lance finds the nearest without one too
    by_index = clones_in(view, "token_count >= 30", 0.95, 100, True, USUAL)
    assert (pairs(by_index), by_index.near) == (pairs(compared), compared.near)


class _Encoder:
    """The vector of a text that holds `find` is one, of any other another."""

    batch_cost = 1000

    def encode_documents(self, items: list[Any]) -> Any:
        from tasks.models.interface import Encoded

        told = [[1.0, 0, 0, 0] if "find" in str(item.content) else [0, 1.0, 0, 0] for item in items]
        return Encoded(np.array(told, np.float32), [1] * len(items))


class _Lake(OpenLake):
    def _encoder(self, row: dict[str, Any]) -> Any:
        return _Encoder()


PROGRAM = "import os\n\n\ndef find(x):\n    return x\n\n\ndef other(x):\n    return 1\n"


def test_lines_of_a_file_find_their_clones_also_in_its_document(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    file = folder / "store.py"
    file.write_text(PROGRAM)
    start, end = PROGRAM.index("def find"), PROGRAM.index("\n\n\ndef other")
    uri = str(file)
    lake = _Lake(
        lake_of(
            tmp_path,
            [
                row("docs:store.py", "def find", [1, 0, 0, 0], uri=uri, start=start, end=end),
                row("docs:store.py", "def other", [0.8, 0.6, 0, 0], uri=uri, start=end + 3, end=len(PROGRAM)),
                row("docs:copy.py", "def find_it", [0.9, 0.1, 0, 0]),
            ],
            sources=[{"name": "docs", "uri": str(folder)}],
        )
    )
    for reference in (f"{file}:4-5", "docs:store.py:4-5"):
        assert [passage.chunk_id for passage in lake.similar(reference)] == ["c2", "c1"]
    assert lake.similar("docs:store.py:8")[0].chunk_id != "c1"
    with pytest.raises(ConfigurationError, match="no text in lines 90-95; it has 10 lines"):
        lake.similar("docs:store.py:90-95")
    with pytest.raises(UnknownName, match="there is no file 'nothing"):
        lake.similar("nothing.py:1-2")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(ConfigurationError, match="no file of lines"):
        lake.similar(f"{tmp_path / 'a.pdf'}:1-2")


def test_an_id_that_ends_in_numbers_is_that_id(tmp_path: Path) -> None:
    lake = _Lake(lake_of(tmp_path, [row("docs:12", "one", [1, 0, 0, 0]), row("docs:13", "two", [1, 0.1, 0, 0])]))
    assert [passage.document_id for passage in lake.similar("docs:12")] == ["docs:13"]


@pytest.mark.parametrize(
    ("reference", "lines"),
    [
        ("a.py:3-7", Lines("a.py", 3, 7)), ("s3://b/a.py:3", Lines("s3://b/a.py", 3, 3)), ("docs:a.py", None),
        ("docs:a.py:1-2:3-4", Lines("docs:a.py:1-2", 3, 4)),
    ],
)  # fmt: skip
def test_lines_are_read_from_the_end(reference: str, lines: Lines | None) -> None:
    assert lines_in(reference) == lines
