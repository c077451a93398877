"""Folders of records as people have them, from the files to a search, run after run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.ingest import ingest
from tasks.config.loading import load_corpus
from tasks.lake.tables import Lake
from tasks.operate.contents import other_contents
from tasks.operate.plan import plan_of
from tests.lakes import check_whole, rows

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


def texts(lake: Lake) -> set[str]:
    return {row["text"] for row in rows(lake, "chunks", "text")}


def test_records_land_whatever_their_files_are_called(make_corpus: Callable[..., Path], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    source: dict[str, Any] = {"name": "docs", "uri": str(docs), "fields": {"id": "id", "text": "body.words"}}
    corpus_file = make_corpus(sources=[source], metadata={"year": "integer", "tags": "strings", "seen": "datetime"})
    (docs / "year=2024").mkdir(parents=True)
    (docs / "_SUCCESS").write_bytes(b"")
    record = {"id": "j", "body": {"words": "It rained."}, "year": "n/a"}
    table = pa.table({"id": ["p"], "body": [{"words": ["Birds came.", "They stayed."]}], "tags": [["a", "b"]]})
    pq.write_table(table, docs / "year=2024" / "part-0")
    (docs / "array.json").write_text(json.dumps([record], indent=1))
    (docs / "settings.json").write_text('{"lamp": "lit"}')
    (docs / "wrong.jsonl").write_text('{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n')
    assert plan_of(load_corpus(corpus_file), Lake(load_corpus(corpus_file), may_be_empty=True)).chunks == 3
    report = ingest(str(corpus_file))
    lake = Lake(load_corpus(corpus_file))
    assert report.failed == 1
    assert report.failures[0]["message"] == "no column 'body.words'; there are id, text"
    assert report.documents.unfit == {"year": 1}
    assert texts(lake) == {"Birds came.\nThey stayed.", "It rained.", "lamp: lit"}
    found = {row["document_id"]: row for row in rows(lake, "documents", "document_id", "state", "year", "tags")}
    assert found["docs:p"] == {"document_id": "docs:p", "state": "active", "year": 2024, "tags": ["a", "b"]}
    assert found["docs:array.json"]["state"] == "container"
    check_whole(corpus_file)
    again = ingest(str(corpus_file))
    assert again.documents.unchanged == 4
    assert not list(other_contents(lake))
    (docs / "array.json").write_text("id: j")  # no records any more
    (docs / "settings.json").write_text('[{"id": "s", "body": {"words": "The lamp is lit."}}]')
    (docs / "wrong.jsonl").unlink()
    ingest(str(corpus_file))
    lake = Lake(load_corpus(corpus_file))
    assert texts(lake) == {"Birds came.\nThey stayed.", "id: j", "The lamp is lit."}
    check_whole(corpus_file)
    assert ingest(str(corpus_file)).idle
    assert not list(other_contents(lake))
