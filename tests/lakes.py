"""What must hold of every settled lake."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.config.loading import load_corpus
from tasks.config.settings import Corpus
from tasks.hashing import hash_text
from tasks.lake.tables import Lake


def lake_of(corpus_file: Path) -> Lake:
    return Lake(load_corpus(corpus_file))


def rows(lake: Lake, table: str, *columns: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read(lake.name(table), columns).to_pylist()
    return found


def check_whole(corpus_file: Path) -> Lake:
    """Every chunk has one row in every model's table, with its own version; every active document has chunks."""
    lake = lake_of(corpus_file)
    chunks = {row["chunk_id"]: row["version"] for row in rows(lake, "chunks", "chunk_id", "version")}
    assert len(chunks) == lake.count(lake.name("chunks"))
    for entry in lake.catalog():
        found = lake.read(entry["table"], ["chunk_id", "version"])
        assert len(found) == len(set(found["chunk_id"].to_pylist()))
        assert dict(zip(found["chunk_id"].to_pylist(), found["version"].to_pylist(), strict=True)) == chunks
    documents = rows(lake, "documents", "document_id", "state")
    assert len({row["document_id"] for row in documents}) == len(documents)
    active = {row["document_id"] for row in documents if row["state"] == "active"}
    assert {row["document_id"] for row in rows(lake, "chunks", "document_id")} == active
    return lake


def new_lake(folder: Path, **changes: Any) -> Lake:
    """A lake without rows, of a corpus whose model is never loaded; keywords replace its keys."""
    corpus: dict[str, Any] = {
        "name": "notes", "lake": str(folder / "lake"), "models": ["some/model"],
        "sources": [
            {"name": "docs", "uri": str(folder / "docs")},
            {"name": "books", "uri": str(folder / "books"), "fields": {"id": "key"}},
        ],
    }  # fmt: skip
    return Lake(Corpus.model_validate(corpus | changes), create=True)


def vectors_table(lake: Lake, table: str, count: int, first: int = 0) -> pa.Table:
    """Rows of a model's table with texts of their own, and vectors drawn at random."""
    schema = lake.schema(table)
    vectors = np.random.default_rng(first).normal(size=(count, schema.field("vector").type.list_size))
    rows = [
        {
            "chunk_id": str(i), "document_id": f"docs:{i}", "ordinal": 0, "text": f"heron {i % 7} at the river {i}",
            "text_hash": hash_text(str(i)), "vector": vector,
        }
        for i, vector in enumerate(vectors.astype(np.float32).tolist(), first)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)
