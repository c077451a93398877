"""The ingest flow against real tables: whatever happens to the documents, the lake says what the sources say.

Flows run as plain functions, with a true encoder; under Prefect, they do in `test_cli`, `test_server` and others.
"""

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError, LakeError, ShrunkSource, SourceError
from tasks.lake.catalog import change_catalog
from tasks.lake.tables import Lake
from tasks.models.interface import Item
from tasks.models.openvino_backend import OpenVinoEncoder
from tasks.operate.verify import verify
from tasks.progress import RunReport
from tasks.search.query import open_lake
from tests.lakes import check_whole, lake_of, rows
from tests.machine.engine import quick
from tests.machine.engine import run_backfill as backfill
from tests.machine.engine import run_ingest as ingest

pytestmark = pytest.mark.slow

TEXT = "\n\n".join(
    f"Paragraph {i} tells of {word}." * 12 for i, word in enumerate(["rivers", "stones", "birds", "trees"])
)
Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with quick(stand_ins=False):
        yield


def versions(lake: Lake) -> dict[str, int]:
    return {name: table.version for name, table in lake._tables.items()}


def embedded(report: RunReport) -> int:
    return sum(model.embedded for model in report.models)


def test_a_folder_becomes_searchable_and_a_second_run_does_nothing(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "a.md").write_text("# Birds\n\nThe heron stands in the shallow water.\n")
    (tmp_path / "docs" / "b.txt").write_text(TEXT)
    report = ingest(str(corpus_file))
    assert (report.documents.new, report.failed, report.idle) == (2, 0, False)
    assert report.models[0].state == "live"
    lake = check_whole(corpus_file)
    before = versions(lake)
    again = ingest(str(corpus_file))
    assert again.idle
    assert again.documents.unchanged == 2
    assert versions(lake_of(corpus_file)) == before
    [first, *_] = open_lake(corpus_file).search("The heron stands in the shallow water.", limit=1)
    assert (first.document_id, first.headings) == ("docs:a.md", ["Birds"])


@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-5), ("auto", 1e-3)])
def test_vectors_are_the_model_s(
    make_corpus: Make, tmp_path: Path, tiny_model: Path, precision: str, most: float
) -> None:
    corpus_file = make_corpus(models=[{"model": str(tiny_model), "precision": precision}])
    (tmp_path / "docs" / "b.txt").write_text(TEXT)
    ingest(str(corpus_file))
    from sentence_transformers import SentenceTransformer

    table = open_lake(corpus_file).table()
    model = SentenceTransformer(load_corpus(corpus_file).models[0].model, device="cpu")
    expected = model.encode(table["text"].to_pylist(), normalize_embeddings=True)
    found = np.stack([np.array(vector) for vector in table["vector"].to_pylist()])
    assert np.allclose(found, expected, atol=most)


def test_offsets_give_the_text(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "b.txt").write_text(TEXT)
    ingest(str(corpus_file))
    table = open_lake(corpus_file).table()
    for start, end, text in zip(*(table[c].to_pylist() for c in ("start", "end", "text")), strict=True):
        assert TEXT[start:end] == text


def test_an_edit_embeds_only_chunks_with_new_text(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus(chunking={"size": 64})
    file = tmp_path / "docs" / "long.txt"
    text = "\n\n".join(f"Paragraph {i}: " + " ".join(f"word{i * j % 97}" for j in range(1, 25)) for i in range(60))
    file.write_text(text)
    first = ingest(str(corpus_file))
    file.write_text("A line that is new at the very top.\n\n" + text.replace("Paragraph 30:", "Paragraph thirty:"))
    report = ingest(str(corpus_file))
    check_whole(corpus_file)
    assert embedded(first) > 40
    assert 0 < embedded(report) <= 16
    assert report.models[0].reused > 0


def test_a_touched_file_is_read_and_not_embedded(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    file = tmp_path / "docs" / "b.txt"
    file.write_text(TEXT)
    ingest(str(corpus_file))
    file.touch()
    report = ingest(str(corpus_file))
    assert (report.documents.touched, report.documents.changed, embedded(report)) == (1, 0, 0)


def test_moves_and_deletions_reach_every_table(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    docs = tmp_path / "docs"
    (docs / "b.txt").write_text(TEXT)
    (docs / "c.txt").write_text("Something else entirely, about harbours and ships.")
    ingest(str(corpus_file))
    (docs / "sub").mkdir()
    (docs / "b.txt").rename(docs / "sub" / "moved.txt")
    (docs / "c.txt").unlink()
    report = ingest(str(corpus_file))
    lake = check_whole(corpus_file)
    assert (report.documents.moved, report.documents.deleted, embedded(report)) == (1, 2, 0)
    assert {row["document_id"] for row in rows(lake, "documents", "document_id")} == {"docs:sub/moved.txt"}


def test_documents_with_equal_text_are_embedded_once_and_shown_once(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    docs = tmp_path / "docs"
    (docs / "a.txt").write_text(TEXT)
    (docs / "b.txt").write_text(TEXT.replace(". ", ".  ") + "\r\n")
    (docs / "c.txt").write_text(TEXT + "\n\n")
    report = ingest(str(corpus_file))
    check_whole(corpus_file)
    assert report.documents.duplicates == 2
    assert embedded(report) * 3 == report.models[0].rows
    lake = open_lake(corpus_file)
    texts = [passage.text for passage in lake.search("rivers", limit=50)]
    assert len(texts) == len(set(texts)) == embedded(report)
    assert lake.search("rivers", limit=1, where="document_id = 'docs:c.txt'")[0].document_id == "docs:c.txt"
    every = open_lake(make_corpus(deduplication="none")).search("rivers", limit=50)
    assert len(every) == report.models[0].rows
    (docs / "a.txt").unlink()
    report = ingest(str(make_corpus()))
    assert (embedded(report), report.documents.deleted, report.documents.duplicates) == (0, 1, 1)
    assert open_lake(corpus_file).search("rivers", limit=1)[0].document_id == "docs:b.txt"


@pytest.mark.parametrize(("template", "texts"), [("text", 6), ("headings", 10)])
def test_what_is_equal_is_embedded_once(
    make_corpus: Make, tmp_path: Path, tiny_model: Path, template: str, texts: int
) -> None:
    corpus_file = make_corpus(models=[{"model": str(tiny_model), "template": template}])
    for i in range(5):
        (tmp_path / "docs" / f"{i}.md").write_text(
            f"# Page {i}\n\nOwn text {i}.\n\n# Licence\n\nThe same words on every page.\n"
        )
    report = ingest(str(corpus_file))
    assert report.models[0].rows == 10
    assert embedded(report) == texts


def test_a_bad_file_is_set_aside_and_comes_back_when_mended(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    docs = tmp_path / "docs"
    (docs / "good.txt").write_text(TEXT)
    (docs / "bad.pdf").write_bytes(b"%PDF-1.4 and then nothing that makes sense")
    report = ingest(str(corpus_file))
    assert report.documents.failed == 1
    lake = check_whole(corpus_file)
    [failure] = rows(lake, "failures", "document_id", "stage", "error", "attempts")
    assert failure == {"document_id": "docs:bad.pdf", "stage": "extract", "error": "BrokenDocument", "attempts": 1}
    assert ingest(str(corpus_file)).idle
    (docs / "bad.pdf").write_text("Not a PDF, and broken still")
    ingest(str(corpus_file))
    [failure] = rows(lake_of(corpus_file), "failures", "document_id", "attempts")
    assert failure["attempts"] == 2
    (docs / "bad.pdf").unlink()
    ingest(str(corpus_file))
    assert rows(lake_of(corpus_file), "failures", "document_id") == []


def records(n: int) -> list[dict[str, Any]]:
    return [
        {"key": f"r{i}", "headline": f"Item {i}", "body": f"Body of item {i} on subject {i * i}.", "year": 2000 + i}
        for i in range(n)
    ]


def record_source(tmp_path: Path, name: str) -> dict[str, Any]:
    return {
        "sources": [
            {
                "name": "papers",
                "uri": str(tmp_path / "docs" / name),
                "fields": {"id": "key", "text": ["headline", "body"], "title": "headline"},
            }
        ],
        "metadata": {"year": "integer"},
    }


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "csv", "parquet"])
def test_records_become_documents_with_metadata(make_corpus: Make, tmp_path: Path, form: str) -> None:
    corpus_file = make_corpus(**record_source(tmp_path, f"papers.{form}"))
    table = pa.Table.from_pylist(records(30))
    file = tmp_path / "docs" / f"papers.{form}"
    if form == "parquet":
        pa.parquet.write_table(table, file)
    elif form == "csv":
        pa.csv.write_csv(table, file)
    else:
        import gzip

        data = "\n".join(json.dumps(record) for record in records(30)).encode()
        file.write_bytes(gzip.compress(data) if form.endswith("gz") else data)
    report = ingest(str(corpus_file))
    check_whole(corpus_file)
    assert (report.documents.new, report.documents.failed) == (30, 0)
    found = open_lake(corpus_file).search(
        "Body of item 7 on subject 49.", where="year >= 2005 AND year < 2010", limit=50
    )
    assert len(found) == 5
    assert {passage.metadata["year"] for passage in found} == {2005, 2006, 2007, 2008, 2009}
    assert all(passage.title and passage.title.startswith("Item") for passage in found)
    with pytest.raises(ConfigurationError, match="the filter 'jahr = 3' cannot be used"):
        open_lake(corpus_file).search("x", where="jahr = 3")


def test_records_that_change_go_and_come(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus(**record_source(tmp_path, "papers.jsonl"))
    file = tmp_path / "docs" / "papers.jsonl"

    def write(items: list[Any]) -> None:
        file.write_text("\n".join(item if isinstance(item, str) else json.dumps(item) for item in items))

    write(records(20))
    ingest(str(corpus_file))
    changed = records(22)[2:]
    changed[3]["body"] = "Another body."
    write(changed)
    report = ingest(str(corpus_file))
    check_whole(corpus_file)
    assert (report.documents.new, report.documents.changed, report.documents.deleted, embedded(report)) == (2, 1, 2, 3)
    bad = [
        *changed,
        "{not json",
        "[1, 2]",
        {"headline": "no key", "body": "x"},
        changed[0],
        {"key": "e", "body": " "},
        {"key": "y", "body": "z", "year": "old"},
    ]
    write(bad)
    report = ingest(str(corpus_file))
    lake = check_whole(corpus_file)
    messages = " | ".join(row["message"] for row in rows(lake, "failures", "message"))
    assert (report.documents.failed, report.documents.unfit) == (5, {"year": 1})
    for expected in (
        "not valid JSON",
        "expected a JSON object",
        "no value for the id column",
        "before it in the same file",
        "no text in",
    ):
        assert expected in messages
    write(changed)
    ingest(str(corpus_file))
    assert rows(check_whole(corpus_file), "failures", "message") == []
    assert len(rows(lake_of(corpus_file), "documents", "document_id")) == 21  # 20 records and their file


def test_records_without_ids_keep_theirs_when_others_come_before(make_corpus: Make, tmp_path: Path) -> None:
    source = {"name": "lines", "uri": str(tmp_path / "docs" / "lines.jsonl")}
    corpus_file = make_corpus(sources=[source])
    file = tmp_path / "docs" / "lines.jsonl"
    lines = [json.dumps({"text": f"Line of text number {i}"}) for i in range(10)]
    file.write_text("\n".join(lines))
    ingest(str(corpus_file))
    file.write_text("\n".join([json.dumps({"text": "First of all"}), *lines]))
    report = ingest(str(corpus_file))
    check_whole(corpus_file)
    assert (report.documents.new, embedded(report)) == (1, 1)


def test_other_chunking_is_found_out_and_reuses_equal_texts(make_corpus: Make, tmp_path: Path) -> None:
    make_corpus()
    (tmp_path / "docs" / "short.txt").write_text("One short text.")
    (tmp_path / "docs" / "long.txt").write_text(TEXT)
    ingest(str(make_corpus()))
    report = ingest(str(make_corpus(chunking={"size": 64})))
    check_whole(make_corpus(chunking={"size": 64}))
    assert report.documents.touched == 2
    assert report.models[0].removed > 0
    short = [
        row
        for row in rows(lake_of(make_corpus()), "chunks", "document_id", "text_hash")
        if row["document_id"] == "docs:short.txt"
    ]
    assert len(short) == 1


def test_a_run_that_breaks_off_keeps_its_vectors_and_goes_on(
    make_corpus: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus_file = make_corpus(resources={"batch_tokens": 8, "commit_seconds": 0.001})
    for i in range(40):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i} at some length.")
    calls = 0
    encode = OpenVinoEncoder.encode_documents

    def break_off(self: OpenVinoEncoder, items: list[Item]) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return encode(self, items)

    monkeypatch.setattr(OpenVinoEncoder, "encode_documents", break_off)
    with pytest.raises(KeyboardInterrupt):
        ingest(str(corpus_file))
    lake = lake_of(corpus_file)
    kept = lake.count(lake.catalog()[0]["table"])
    assert 0 < kept < 40
    assert lake.live_table() is None
    report = ingest(str(corpus_file))
    check_whole(corpus_file)
    assert embedded(report) == 40 - kept
    assert report.models[0].state == "live"


def test_one_text_that_a_model_cannot_embed_stops_only_itself(
    make_corpus: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus_file = make_corpus()
    for i in range(20):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i}." if i != 7 else "Poison!")
    encode = OpenVinoEncoder.encode_documents

    def poisoned(self: OpenVinoEncoder, items: list[Item]) -> Any:
        encoded = encode(self, items)
        encoded.vectors[[item.content == "Poison!" for item in items]] = np.nan
        return encoded

    monkeypatch.setattr(OpenVinoEncoder, "encode_documents", poisoned)
    report = ingest(str(corpus_file))
    assert (report.models[0].rows, report.models[0].failed) == (19, 1)
    [failure] = rows(lake_of(corpus_file), "failures", "document_id", "error", "chunk_id")
    assert (failure["document_id"], failure["error"]) == ("docs:7.txt", "UnusableVector")
    assert ingest(str(corpus_file)).idle


def test_int8_gets_a_table_of_its_own_that_says_what_it_changed(
    make_corpus: Make, tmp_path: Path, tiny_model: Path
) -> None:
    models = [
        {"model": str(tiny_model), "name": "tiny"},
        {"model": str(tiny_model), "name": "small", "int8": True},
    ]
    corpus_file = make_corpus(models=models)
    for i in range(40):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i} at some length.")
    report = ingest(str(corpus_file))
    assert [model.backend.split()[1] for model in report.models][1] == "int8"
    lake = lake_of(corpus_file)
    [row] = [row for row in lake.catalog() if row["model"] == "small"]
    assert len(json.loads(row["calibration"])) == 20
    assert 0.8 < json.loads(row["evaluation"])["int8"]["cosine_min"] < 1
    unmeasured = {"state": "building", "evaluation": None}  # as a run killed before it measured
    change_catalog(lake, "test", lambda _: {row["table"]: unmeasured})
    assert ingest(str(corpus_file)).models[1].embedded == 0
    [again] = [entry for entry in lake_of(corpus_file).catalog() if entry["model"] == "small"]
    assert (again["state"], again["evaluation"]) == (row["state"], row["evaluation"])
    (tmp_path / "docs" / "more.txt").write_text("One more document.")
    assert ingest(str(corpus_file)).models[1].embedded == 1
    assert open_lake(corpus_file).search("One more document.", model="small")[0].document_id == "docs:more.txt"
    assert verify(lake_of(corpus_file)) == []


def test_chunks_longer_than_the_model_reads_are_counted_or_refused(make_corpus: Make, tmp_path: Path) -> None:
    whole = {"strategy": "document"}
    corpus_file = make_corpus(chunking=whole)
    (tmp_path / "docs" / "long.txt").write_text(TEXT * 5)
    (tmp_path / "docs" / "short.txt").write_text("Short.")
    assert ingest(str(corpus_file)).models[0].overlong == 1
    refused = make_corpus("strict", chunking=whole, overlong="refuse")
    report = ingest(str(refused))
    assert (report.models[0].rows, report.models[0].failed) == (1, 1)
    [failure] = rows(lake_of(refused), "failures", "error", "document_id")
    assert failure == {"error": "OverlongChunk", "document_id": "docs:long.txt"}


def test_a_backfill_fills_another_table_and_leaves_search_alone(
    make_corpus: Make, tmp_path: Path, tiny_model: Path
) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "b.txt").write_text(TEXT)
    ingest(str(corpus_file))
    live = lake_of(corpus_file).live_table()
    other = make_corpus(
        models=[
            {"model": str(tiny_model), "name": "tiny"},
            {"model": str(tiny_model), "name": "cut", "dimension": 8} | {"document_prompt": "d: "},
        ]
    )
    partial = backfill(str(other), "cut", where="uri LIKE '%/b.txt'", limit=1)
    assert (partial.models[0].embedded, partial.models[0].state) == (1, "building")
    assert partial.models[0].pending == lake_of(other).count("notes.chunks") - 1
    report = backfill(str(other), "cut")
    lake = check_whole(other)
    assert lake.live_table() == live
    assert {row["model"]: (row["state"], row["dimension"]) for row in lake.catalog()} == {
        "tiny": ("live", 32),
        "cut": ("ready", 8),
    }
    assert report.models[0].reused == 0
    vectors = open_lake(other).table("cut")["vector"].to_pylist()
    assert all(abs(np.linalg.norm(vector) - 1) < 1e-5 for vector in vectors)
    (tmp_path / "docs" / "b.txt").write_text("Now short.")
    ingest(str(make_corpus()))  # this file does not name the other model: what is gone leaves its table too
    lake = lake_of(corpus_file)
    cut = next(row["table"] for row in lake.catalog() if row["model"] == "cut")
    assert lake.count(cut) == 0


def test_another_model_in_the_file_gets_a_table_and_does_not_go_live(
    make_corpus: Make, tmp_path: Path, tiny_model: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.txt").write_text(TEXT)
    ingest(str(make_corpus()))
    other = make_corpus(models=[{"model": str(tiny_model), "name": "next", "document_prompt": "passage: "}])
    ingest(str(other))
    assert {row["model"]: row["state"] for row in lake_of(other).catalog()} == {"tiny": "live", "next": "ready"}


def test_a_source_that_is_not_there_changes_nothing(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "b.txt").write_text(TEXT)
    ingest(str(corpus_file))
    (tmp_path / "docs").rename(tmp_path / "elsewhere")
    corpus_text = corpus_file.read_text()
    with pytest.raises(SourceError, match="nothing at"):
        ingest(str(corpus_file))
    corpus_file.write_text(corpus_text)
    assert lake_of(corpus_file).count("notes.chunks") > 0


def test_a_folder_that_may_not_be_read_stops_the_run_and_changes_nothing(
    make_corpus: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "closed").mkdir()
    for place in ("a.txt", "closed/b.txt"):
        (tmp_path / "docs" / place).write_text(f"Words of {place}.")
    ingest(str(corpus_file))
    scandir = os.scandir

    def refused(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr("flows.stages._may_pass", lambda *_: False)
    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(SourceError, match="cannot be listed: PermissionError"):
        ingest(str(corpus_file))
    monkeypatch.undo()
    assert check_whole(corpus_file).count("notes.chunks") == 2


def test_odd_entries_of_a_folder_end_and_block_no_run(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    docs = tmp_path / "docs"
    (docs / "good.txt").write_text("A good document.")
    (docs / os.fsdecode(b"caf\xe9.txt")).write_text("A name in another encoding.")
    (docs / os.fsdecode(b"torn\xe9.pdf")).write_bytes(b"%PDF-1.7 and nothing more")
    (docs / os.fsdecode(b"rows\xe9.jsonl")).write_text('{"text": "A record."}\n{"text": \n')
    os.mkfifo(docs / "pipe.txt")
    (docs / "good").symlink_to("good.txt")
    (docs / "lost").symlink_to("nowhere")
    (docs / "loop").symlink_to(".")
    report = ingest(str(corpus_file))
    assert report.documents.skipped == {"named pipe": 1, "broken link": 1}
    assert (report.documents.listed, report.failed) == (4, 2)
    texts = {hit.text for hit in open_lake(corpus_file).search("document", limit=9)}
    assert texts == {"A good document.", "A name in another encoding.", "A record."}
    assert ingest(str(corpus_file)).idle


def test_an_empty_folder_is_no_error(make_corpus: Make) -> None:
    report = ingest(str(make_corpus()))
    assert report.idle
    assert report.documents.listed == 0


def test_a_source_that_lists_suspiciously_little_stops_the_run(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    for i in range(20):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i}.")
    ingest(str(corpus_file))
    for i in range(15):
        (tmp_path / "docs" / f"{i}.txt").unlink()
    with pytest.raises(ShrunkSource, match="lists 5 files; the lake knows 20"):
        ingest(str(corpus_file))
    assert check_whole(corpus_file).count("notes.chunks") == 20
    assert ingest(str(corpus_file), allow_shrinking=True).documents.deleted == 15
    assert check_whole(corpus_file).count("notes.chunks") == 5


def test_a_file_that_holds_suspiciously_few_records_stops_the_run(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus(**record_source(tmp_path, "papers.jsonl"))
    file = tmp_path / "docs" / "papers.jsonl"
    file.write_text("\n".join(map(json.dumps, records(20))))
    ingest(str(corpus_file))
    file.write_text("\n".join(map(json.dumps, records(5))))
    with pytest.raises(ShrunkSource, match="holds 5 of the 20 records"):
        ingest(str(corpus_file))
    assert check_whole(corpus_file).count("notes.chunks") == 20
    ingest(str(corpus_file), allow_shrinking=True)
    assert check_whole(corpus_file).count("notes.chunks") == 5


def test_a_full_disk_ends_the_run_with_a_message_and_loses_nothing(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "a.txt").write_text(TEXT)
    ingest(str(corpus_file))
    for i in range(300):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i}. " * 40)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing beyond the limit then fails, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(LakeError, match="cannot be written"):
            ingest(str(corpus_file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert open_lake(corpus_file).search("rivers")
    ingest(str(corpus_file))
    check_whole(corpus_file)
