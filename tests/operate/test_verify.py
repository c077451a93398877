"""An audit finds what is wrong with a lake, and a repair with the run after it mends all of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest

from flows.ingest import ingest
from tasks.lake.failures import choose_failures, ignore_failures, list_failures, retry_failures
from tasks.lake.tables import Lake
from tasks.operate.verify import verify
from tests.lakes import check_whole, lake_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def corpus_file(make_corpus: Callable[..., Path], tmp_path: Path) -> Path:
    file = make_corpus()
    for i in range(12):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i}.")
    ingest(str(file))
    return file


def rewrite(lake: Lake, table: str, change: Callable[[dict[str, Any]], dict[str, Any]], count: int = 1) -> None:
    """Change rows behind embedlake's back."""
    handle = lake._tables[table]
    rows = [change(row) for row in handle.to_arrow().to_pylist()[:count]]
    for row in rows:
        handle.delete(f"chunk_id = '{row['chunk_id']}'")
    lance.write_dataset(pa.Table.from_pylist(rows, schema=handle.schema), handle.to_lance().uri, mode="append")


def nan(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"vector": np.full(32, np.nan, np.float32)}


def other(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"vector": np.eye(32, dtype=np.float32)[0]}


def long(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"vector": (np.array(row["vector"]) * 2).astype(np.float32)}


def edited(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"text": "Something else."}


def strange(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"chunk_id": "0" * 32, "document_id": "docs:nobody"}


def test_a_settled_lake_has_nothing_wrong(corpus_file: Path) -> None:
    assert verify(lake_of(corpus_file)) == []


@pytest.mark.parametrize(
    ("table", "damage", "problem"),
    [
        ("model", nan, "not finite"),
        ("model", long, "not of its length"),
        ("model", other, "its text does not give"),
        ("model", edited, "disagree"),
        ("model", strange, "a chunk that is gone"),
        ("chunks", edited, "disagree"),
        ("chunks", strange, "disagree"),
    ],
)
def test_damage_is_found_and_mended(
    corpus_file: Path, table: str, damage: Callable[[dict[str, Any]], dict[str, Any]], problem: str
) -> None:
    lake = lake_of(corpus_file)
    name = lake.catalog()[0]["table"] if table == "model" else lake.name(table)
    rewrite(lake, name, damage)
    found = verify(lake_of(corpus_file))
    assert any(problem in finding.problem and finding.table == name for finding in found), found
    verify(lake_of(corpus_file), repair=True)
    ingest(str(corpus_file))
    assert verify(lake_of(corpus_file)) == []
    check_whole(corpus_file)


def test_rows_that_are_missing_or_double_are_found_and_mended(corpus_file: Path) -> None:
    lake = lake_of(corpus_file)
    for name in (lake.catalog()[0]["table"], lake.name("chunks")):
        handle = lake._tables[name]
        handle.add(handle.to_arrow().slice(0, 2))
        first = handle.to_arrow()["chunk_id"][5].as_py()
        handle.delete(f"chunk_id = '{first}'")
    problems = {finding.problem for finding in verify(lake_of(corpus_file))}
    assert {"two rows of one chunk", "a document with other chunks than it had"} <= problems
    verify(lake_of(corpus_file), repair=True)
    ingest(str(corpus_file))
    assert verify(lake_of(corpus_file)) == []
    check_whole(corpus_file)


def test_failures_are_retried_and_ignored(corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "docs" / "bad.pdf").write_bytes(b"%PDF-1.4 torn")
    (tmp_path / "docs" / "picture.txt").write_bytes(b"\x89PNG")
    ingest(str(corpus_file))
    lake = lake_of(corpus_file)
    ignore_failures(lake, choose_failures(lake, ["docs:picture.txt"]))
    assert [row["document_id"] for row in list_failures(lake)] == ["docs:bad.pdf"]
    assert len(list_failures(lake, ignored=True)) == 2
    assert ingest(str(corpus_file)).idle
    retry_failures(lake, choose_failures(lake, [list_failures(lake)[0]["failure_id"][:8]]))
    report = ingest(str(corpus_file))
    assert report.documents.failed == 1
    assert json.dumps(report.to_dict())
    assert [row["document_id"] for row in list_failures(lake_of(corpus_file))] == ["docs:bad.pdf"]
