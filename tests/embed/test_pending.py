"""What a model's table lacks and has too much of."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.embed.pending import (
    failed_versions,
    failure_settings,
    orphans,
    pending_chunks,
    refused_rows,
    remove_orphans,
)
from tasks.embed.rows import checksums, with_vectors
from tasks.lake.failures import record_failures
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.records import Failure
from tests.lakes import new_lake

TABLE = "notes.model.0"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Chunks a to h, and a model's table that has no rows."""
    found = new_lake(tmp_path, overlong="refuse")
    put(found, "notes.chunks", "abcdefgh")
    found.create("model.0", embeddings_schema(found.corpus, 2, {}))
    return found


def put(lake: Lake, table: str, names: str, **more: Any) -> None:
    rows = [
        {"chunk_id": name, "version": f"{name}1", "document_id": f"docs:{name.lower()}", "token_count": 5} | more
        for name in names
    ]
    lake.merge(table, pa.Table.from_pylist(rows))


def embed(lake: Lake, names: str, **more: Any) -> None:
    schema = embeddings_schema(lake.corpus, 2, {})
    rows = [
        {"chunk_id": name, "version": f"{name}1", "document_id": f"docs:{name}", "vector": [1.0, 0.0], "tokens": 5}
        | more
        for name in names
    ]
    lake.merge(TABLE, pa.Table.from_pylist(rows, schema=schema))


def fail(lake: Lake, name: str, settings: str, table: str = TABLE) -> None:
    failure = Failure(f"docs:{name}", "", f"embed:{table}", "E", "", "", False, settings, name, f"{name}1")
    record_failures(lake, [failure])


def pending(lake: Lake) -> str:
    found = pending_chunks(lake, TABLE, lake.corpus.models[0])
    told = [name for rows in found.windows(["chunk_id", "version"]) for name in rows["chunk_id"].to_pylist()]
    assert len(told) == len(found) == len(found.positions)
    assert found.versions.to_pylist() == [f"{name}1" for name in told]
    return "".join(told)


@pytest.mark.parametrize("done", ["", "a", "bdg", "abcdefg", "abcdefgh"])
def test_what_has_no_row_of_its_version_is_pending(lake: Lake, done: str) -> None:
    embed(lake, done)
    assert pending(lake) == "".join(name for name in "abcdefgh" if name not in done)


def test_a_chunk_that_changed_is_pending_again(lake: Lake) -> None:
    embed(lake, "abcdefgh")
    embed(lake, "c", version="c0")
    assert pending(lake) == "c"


def test_a_table_that_is_not_there_lacks_all(lake: Lake) -> None:
    assert len(pending_chunks(lake, "notes.other.0", lake.corpus.models[0])) == 8


def test_what_failed_with_the_current_settings_is_not_tried_again(lake: Lake, tmp_path: Path) -> None:
    settings = failure_settings(lake.corpus, lake.corpus.models[0])
    fail(lake, "a", settings)
    fail(lake, "b", "other settings")
    fail(lake, "c", settings, "notes.other.0")
    assert failed_versions(lake, TABLE, lake.corpus.models[0]).to_pylist() == ["a1"]
    assert pending(lake) == "bcdefgh"
    counting = new_lake(tmp_path, overlong="count")
    assert pending(counting) == "abcdefgh"


def test_settings_that_may_let_a_chunk_pass_are_others(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {}, {"overlong": "refuse"}, {"models": [{"model": "some/model", "backend": "torch"}]},
        {"models": [{"model": "some/model", "precision": "float32"}]},
    ]  # fmt: skip
    lakes = [new_lake(tmp_path, **change) for change in changes]
    assert len({failure_settings(lake.corpus, lake.corpus.models[0]) for lake in lakes}) == len(changes)
    other = new_lake(tmp_path, chunking={"size": 9})
    assert failure_settings(other.corpus, other.corpus.models[0]) == failure_settings(
        lakes[0].corpus, lakes[0].corpus.models[0]
    )


def test_rows_whose_chunk_is_gone_go(lake: Lake) -> None:
    put(lake, "notes.chunks", "A")  # another chunk of the document of a
    embed(lake, "abxy")
    lake.delete_in("notes.chunks", "chunk_id", ["a", "b"])
    assert sorted(orphans(lake, TABLE)) == ["a", "b", "x", "y"]
    assert sorted(orphans(lake, TABLE, documents_gone=True)) == ["b", "x", "y"]
    embed(lake, "c")
    assert remove_orphans(lake, TABLE) == 4
    assert lake.read(TABLE, ["chunk_id"])["chunk_id"].to_pylist() == ["c"]
    assert remove_orphans(lake, TABLE) == 0


def test_rows_longer_than_the_model_reads_are_found_where_such_are_refused(lake: Lake, tmp_path: Path) -> None:
    embed(lake, "ab", tokens=9)
    embed(lake, "c", tokens=8)
    assert sorted(refused_rows(lake, TABLE, 8, ["chunk_id"])["chunk_id"].to_pylist()) == ["a", "b"]
    assert refused_rows(new_lake(tmp_path, overlong="count"), TABLE, 8, ["chunk_id"]).num_rows == 0


def test_checksums_are_of_what_is_kept() -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    tokens = np.array([5, 6, 7])
    rows = pa.table({"chunk_id": ["a", "b", "c"]})
    for store in ("float32", "float16"):
        kept = with_vectors(rows, vectors, tokens, store)
        read = np.array(kept["vector"].to_pylist(), np.float32)
        assert kept["checksum"].to_pylist() == checksums(read, tokens)
        assert np.allclose(read, vectors, atol=2e-3)
