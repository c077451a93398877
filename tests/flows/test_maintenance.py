"""Compaction and indexing beside those who read and write."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from flows.ingest import ingest
from tasks.lake.maintenance import build_index, compact
from tasks.lake.nearest import nearest
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.lakes import check_whole, lake_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

Make = Callable[..., Path]


def test_many_commits_are_compacted_beside_readers(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    lake = None
    for i in range(70):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i}.")
    ingest(str(corpus_file))
    lake = lake_of(corpus_file)
    handle = lake._tables["notes.chunks"]
    for row in handle.to_arrow().to_pylist():
        lake.merge("notes.chunks", pa.Table.from_pylist([row], schema=handle.schema))
    reader = lake_of(corpus_file)
    compact(lake, "notes.chunks")
    assert lake.dataset("notes.chunks").stats.dataset_stats()["num_fragments"] < 10
    assert reader.count("notes.chunks") == 70
    check_whole(corpus_file)


@pytest.mark.parametrize(("dimension", "kind", "least"), [(32, "IvfRq", 0.8), (20, "IvfFlat", 1.0)])
def test_large_tables_are_indexed_beside_writers_and_readers(
    make_corpus: Make,
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    dimension: int,
    kind: str,
    least: float,
) -> None:
    monkeypatch.setattr("tasks.lake.maintenance._INDEX_ROWS", 1000)
    file = tmp_path / "records.jsonl"

    def write(numbers: range, said: str) -> None:
        lines = (json.dumps({"id": i, "text": f"{said} {i * i} and {i % 7}.", "year": i}) for i in numbers)
        file.write_text("\n".join(lines))

    source = {"name": "docs", "uri": str(file), "fields": {"id": "id", "text": "text"}}
    models = [{"model": str(tiny_model), "name": "tiny", "dimension": dimension}]
    corpus_file = make_corpus(sources=[source], metadata={"year": "integer"}, models=models)
    write(range(1500), "Subject")
    ingest(str(corpus_file))
    table = lake_of(corpus_file).catalog()[0]["table"]
    kinds = {index.index_type for index in lake_of(corpus_file)._tables[table].list_indices()}
    assert kinds == {"FTS", kind}

    ended, wrong = threading.Event(), []

    def again_and_again(what: Callable[[], object]) -> None:
        try:
            while not ended.is_set():
                what()
        except Exception as error:
            wrong.append(error)

    reader, keeper = open_lake(corpus_file), lake_of(corpus_file)
    beside = [
        threading.Thread(target=again_and_again, args=[lambda: reader.search("Subject 49")]),
        threading.Thread(target=again_and_again, args=[lambda: build_index(keeper, table)]),
    ]
    for thread in beside:
        thread.start()
    try:
        write(range(200, 1800), "Subject")
        ingest(str(corpus_file))
        write(range(200, 1800), "Another subject")
        ingest(str(corpus_file))
    finally:
        ended.set()
        for thread in beside:
            thread.join()
    assert not wrong
    check_whole(corpus_file)
    rows = open_lake(corpus_file).table()
    vectors = np.stack(rows["vector"].to_pylist())
    shares = []
    for i in range(0, len(rows), 100):
        found = nearest(lake_of(corpus_file), table, vectors[i].tolist(), 10, None)
        tenth = np.sort(1 - vectors @ vectors[i])[9]
        shares.append(np.mean([hit["_distance"] <= tenth + 1e-6 for hit in found]))
    assert np.mean(shares) >= least
    narrow = nearest(lake_of(corpus_file), table, vectors[0].tolist(), 10, "year >= 1790")
    assert sorted(hit["year"] for hit in narrow) == list(range(1790, 1800))


def test_vectors_of_half_precision_are_kept_verified_and_used_again(
    make_corpus: Make, tmp_path: Path, tiny_model: Path
) -> None:
    corpus_file = make_corpus(models=[{"model": str(tiny_model), "name": "tiny", "store": "float16"}])
    for i in range(12):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Heron number {i} stands at the river.")
    ingest(str(corpus_file))
    (tmp_path / "docs" / "0.txt").rename(tmp_path / "docs" / "moved.txt")
    (tmp_path / "docs" / "new.txt").write_text("A violin.")
    report = ingest(str(corpus_file))
    assert (report.models[0].reused, report.models[0].embedded) == (1, 1)
    lake = check_whole(corpus_file)
    [entry] = lake.catalog()
    assert lake.vector_field(entry["table"]).type == pa.list_(pa.float16(), 32)
    assert not verify(lake, sample=13)
    assert open_lake(corpus_file).search("A violin.", limit=1, by="vector")[0].document_id == "docs:new.txt"
