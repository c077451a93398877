"""A folder with one each of everything, good and bad."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.ingest import ingest
from tasks.config.loading import load_corpus
from tasks.lake.tables import Lake
from tasks.search.query import open_lake
from tests.conftest import MINILM
from tests.lakes import check_whole
from tests.samples import BAD, SUBJECTS, write_bad, write_good

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


def test_every_good_file_is_found_and_every_bad_one_explained(make_corpus: Callable[..., Path], tmp_path: Path) -> None:
    write_good(tmp_path / "docs")
    write_bad(tmp_path / "docs" / "bad")
    (tmp_path / "docs" / "photo.png").write_bytes(b"\x89PNG")
    corpus_file = make_corpus(models=[MINILM])
    report = ingest(str(corpus_file))
    lake = open_lake(corpus_file)
    for name, subject in SUBJECTS.items():
        [best] = lake.search(f"a document about {subject}", limit=1)
        assert best.uri.endswith(name), f"{subject}: found {best.uri}"
    assert report.documents.skipped == {"image/png": 1}
    raw = Lake(load_corpus(corpus_file))
    failures = raw.read(raw.name("failures"), ["document_id", "error", "message", "hint"]).to_pylist()
    assert {f["document_id"].rsplit("/", 1)[-1]: f["error"] for f in failures} == BAD
    assert all(failure["message"] for failure in failures)
    assert report.failed == len(BAD)
    again = ingest(str(corpus_file))
    assert again.idle


def test_a_reader_that_dies_or_never_ends_takes_one_document(
    make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.ingest.reading import read_all
    from tasks.sources.listing import list_files
    from tasks.sources.work import group_files
    from tests import poison

    corpus_file = make_corpus(extraction={"timeout": 3}, resources={"readers": 2})
    for i in range(12):
        (tmp_path / "docs" / f"{i:02}.txt").write_text(f"Document {i}.")
    (tmp_path / "docs" / "05.txt").write_text("crash")
    (tmp_path / "docs" / "09.txt").write_text("hang")
    corpus = load_corpus(corpus_file)
    monkeypatch.setattr("tasks.ingest.readers.prepare", poison.prepare)
    folder = corpus.models[0].model
    results = [prepared for _, prepared in read_all(group_files(list_files(corpus.sources).files), corpus, folder)]
    failures = {f.document_id: f.message for prepared in results for f in prepared.failures}
    landed = [
        row["document_id"] for prepared in results for row in prepared.documents.to_pylist() if row["state"] == "active"
    ]
    assert set(failures) == {"docs:05.txt", "docs:09.txt"}
    assert "ended the process" in failures["docs:05.txt"]
    assert "not read after 3 seconds" in failures["docs:09.txt"]
    assert len(landed) == 10
    assert landed == sorted(landed)


def test_poisonous_documents_stop_no_other(make_corpus: Callable[..., Path], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    corpus_file = make_corpus(sources=[{"name": "docs", "uri": str(docs)}], chunking={"size": 256})
    (docs / "good.txt").write_text("A good document.")
    with (docs / "huge.txt").open("wb") as file:
        file.truncate(2**30)  # 1 GB
    (docs / "nul.txt").write_bytes(b"\0" * 1_000_000)
    (docs / "line.txt").write_text("river stone " * 500_000)  # a million tokens on one line
    (docs / "surrogates.jsonl").write_text('{"text": "lone \\ud800 surrogate"}\n{"text": "and a good one"}\n')
    (docs / "nested.jsonl").write_text("[" * 100_000 + "\n" + '{"text": "after the nest"}\n')
    (docs / "deep.py").write_text("x = " + "(\n" * 5000 + "1" + ")\n" * 5000)
    (docs / "entities.html").write_text(
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><html><p>&b; text</p></html>'
    )
    report = ingest(str(corpus_file))
    lake = Lake(load_corpus(corpus_file))
    failures = lake.read(lake.name("failures"), ["document_id", "error"]).to_pylist()
    assert {row["document_id"].split(":")[1]: row["error"] for row in failures} == {
        "huge.txt": "OversizedDocument",
        "nul.txt": "BrokenDocument",
        "nested.jsonl#line-1": "BrokenDocument",
    }
    check_whole(corpus_file)
    assert report.models[0].rows > 5
    texts = {hit.text for hit in open_lake(corpus_file).search("lone surrogate", limit=1000)}
    assert not any("aaaaaaaaaa" in text for text in texts)
    assert {"lone \ufffd surrogate", "and a good one", "after the nest", "A good document."} <= texts
