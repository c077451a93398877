"""Preparing: what files and records become, with their metadata; what does not fit is told and loses no document."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.config.settings import Corpus
from tasks.ingest.prepare import Prepared, prepare
from tasks.sources.contents import by_content
from tasks.sources.listing import list_files
from tasks.sources.work import Files, Work, read_blocks
from tests.extract.files import lines, pdf
from tests.machine.world import make_model_folders


@pytest.fixture
def reads(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Gives what is prepared of all files in a folder: rows and chunks by document, failures, and the results."""
    models = tmp_path_factory.mktemp("models")
    make_model_folders(models)

    def read(fields: dict[str, Any] | None = None, source: dict[str, Any] | None = None, **changes: Any) -> "Read":
        whole = {"name": "docs", "uri": str(tmp_path), "fields": fields or {}, **(source or {})}
        corpus = Corpus.model_validate({"name": "notes", "sources": [whole], "models": ["m/m"], **changes})
        results = []
        for listed in list_files(corpus.sources).files:
            file = by_content(listed, corpus.sources[0])
            works: list[Work] = [Files([file])]
            if file.is_container:
                works = [*read_blocks(file, corpus.sources[0], corpus.metadata, 2**20)]
            results += [prepare(work, corpus, str(models / "words")) for work in works]
        return Read(results)

    return read


class Read:
    def __init__(self, results: list[Prepared]) -> None:
        self.results = results
        self.rows = {row["document_id"]: row for result in results for row in result.documents.to_pylist()}
        self.chunks = [row for result in results for row in result.chunks.to_pylist()]
        self.failures = {failure.document_id: failure.message for result in results for failure in result.failures}
        self.unfit = {name: unfit for result in results for name, unfit in result.unfit.items()}
        self.containers = [file for result in results for file in result.containers]

    def texts(self) -> list[str]:
        return [chunk["text"] for chunk in self.chunks]


def put_lines(folder: Path, *records: Any, name: str = "a.jsonl") -> None:
    (folder / name).write_text("\n".join(map(json.dumps, records)))


def test_a_value_that_does_not_fit_is_null_and_counted_or_refused(tmp_path: Path, reads: Any) -> None:
    years = [3.7, "2020.0", float("nan"), "n/a", "2,020", 1999]
    put_lines(tmp_path, *({"id": i, "text": f"note {i}", "year": year} for i, year in enumerate(years)))
    found = reads({"id": "id"}, metadata={"year": "integer"})
    assert [row["year"] for row in found.rows.values()] == [None, 2020, None, None, None, 1999]
    assert not found.failures
    assert found.unfit["year"].count == 3
    assert found.unfit["year"].first == "docs:0: metadata year: expected integer; came 3.7"
    refused = reads({"id": "id"}, metadata={"year": "integer"}, metadata_errors="refuse")
    assert sorted(refused.failures) == ["docs:0", "docs:3", "docs:4"]
    assert not refused.unfit


def test_records_have_the_fields_of_their_path(tmp_path: Path, reads: Any) -> None:
    for month, day in (("01", "2024-01-05"), ("02", None)):
        folder = tmp_path / f"year=2024/month={month}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"text": [f"words of {month}"], "day": [day]}), folder / "part-0")
    found = reads(metadata={"year": "integer", "month": "integer", "day": "date"})
    rows = [(row["year"], row["month"], row["day"]) for row in found.rows.values()]
    assert rows == [(2024, 1, date(2024, 1, 5)), (2024, 2, None)]
    assert [(chunk["year"], chunk["day"]) for chunk in found.chunks] == [(2024, date(2024, 1, 5)), (2024, None)]


def test_a_file_has_facts_parts_of_its_path_and_what_lies_beside_it(tmp_path: Path, reads: Any) -> None:
    (tmp_path / "sales").mkdir()
    (tmp_path / "sales" / "plan.txt").write_text("The plan.")
    (tmp_path / "sales" / "plan.txt.json").write_text('{"Tags": ["a", "b"], "when": {"read": "2024-03-01T10:00Z"}}')
    kinds = {"team": "string", "tags": "strings", "seen": "datetime", "size": "integer", "folder": "string"}
    source = {"path": "{team}/*", "sidecar": "{name}.json", "metadata": {"seen": "when.read"}}
    found = reads(source=source, metadata=kinds)
    [row] = found.rows.values()
    assert {name: row[name] for name in kinds} == {
        "team": "sales", "tags": ["a", "b"], "seen": datetime(2024, 3, 1, 10, tzinfo=UTC), "size": 9, "folder": "sales",
    }  # fmt: skip
    (tmp_path / "sales" / "plan.txt.json").write_text("no JSON")
    found = reads(source=source, metadata=kinds)
    assert [row["tags"] for row in found.rows.values()] == [None]
    assert "its sidecar is not readable" in found.unfit["sidecar"].first


def test_what_a_document_says_of_itself_fills_fields(
    tmp_path: Path, reads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.extract.read import Extracted

    said = {"Author": "Ann", "article:published_time": "2024-03-01T10:00:00+02:00", "folder": "own"}
    monkeypatch.setattr(
        "tasks.ingest.prepare.extract", lambda *_: Extracted("Words.", None, "text", "text/plain", metadata=said)
    )
    (tmp_path / "a.txt").write_text("Words.")
    kinds = {"author": "string", "published": "datetime", "folder": "string"}
    [row] = reads(source={"metadata": {"published": "article:published_time"}}, metadata=kinds).rows.values()
    assert (row["author"], row["published"], row["folder"]) == ("Ann", datetime(2024, 3, 1, 8, tzinfo=UTC), "own")


CODE = "def tide(hours):\n    return  hours % 12\n"


@pytest.mark.parametrize(
    ("fields", "text", "title", "media_type", "headings"),
    [
        ({}, "# Tide\n\nx = 1", None, "text/plain", []),
        ({"format": "markdown"}, "# Tide\n\nx = 1", "Tide", "text/markdown", ["Tide"]),
        ({"format": "markdown", "title": "name"}, "# Tide\n\nx = 1", "own", "text/markdown", ["Tide"]),
        ({"format_column": "kind"}, "# Tide\n\nx  = 1", None, "text/x-python", []),
    ],
)
def test_a_record_is_cut_as_what_it_is(
    tmp_path: Path, reads: Any, fields: dict[str, Any], text: str, title: str, media_type: str, headings: list[str]
) -> None:
    put_lines(tmp_path, {"text": "# Tide\n\nx  = 1", "kind": "python", "name": "own"})
    found = reads(fields)
    [row] = found.rows.values()
    [chunk] = found.chunks
    assert (chunk["text"], row["title"], row["media_type"]) == (text, title, media_type)
    assert chunk["heading_path"] == headings


@pytest.mark.parametrize(
    ("said", "media_type"),
    [
        ("markdown", "text/markdown"), ("text/markdown; charset=utf-8", "text/markdown"), ("notes.md", "text/markdown"),
        ("md", "text/markdown"), ("Python", "text/x-python"), ("src/a.py", "text/x-python"), ("py", "text/x-python"),
        ("text/x-python", "text/x-python"), ("plain", "text/plain"), ("text/html", "text/html"),
        ("a.pdf", "text/x-rst"), ("who knows", "text/x-rst"), (None, "text/x-rst"),
    ],
)  # fmt: skip
def test_a_record_may_say_what_it_is(tmp_path: Path, reads: Any, said: str | None, media_type: str) -> None:
    put_lines(tmp_path, {"text": "<html><body><p>Some words of a page.</p></body></html>", "kind": said})
    [row] = reads({"format": "rst", "format_column": "kind"}).rows.values()
    assert row["media_type"] == media_type


def test_a_file_that_holds_records_after_all_is_given_back(tmp_path: Path, reads: Any) -> None:
    (tmp_path / "a.json").write_text('[{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]')
    (tmp_path / "b.json").write_text('{"text": "a single object is a document"}')
    corpus = Corpus.model_validate(
        {"name": "notes", "sources": [{"name": "docs", "uri": str(tmp_path)}], "models": ["m/m"]}
    )
    found = reads()
    assert sorted(found.texts()) == ["one", "text: a single object is a document", "two"]
    first, _ = list_files(corpus.sources).files
    assert first.format == "json"
    assert not first.is_container


def test_records_of_which_nobody_said_what_their_text_is_become_readable(tmp_path: Path, reads: Any) -> None:
    put_lines(tmp_path, {"station": "North", "height": 2.5, "remark": None}, {"station": "South", "height": 3})
    found = reads()
    assert found.texts() == ["station: North\nheight: 2.5", "station: South\nheight: 3"]


@pytest.mark.parametrize("identity", [{"a": 1}, None, "", float("nan")])
def test_an_id_is_a_plain_value(tmp_path: Path, reads: Any, identity: Any) -> None:
    put_lines(tmp_path, {"id": identity, "text": "a"}, {"id": 7, "text": "b"})
    found = reads({"id": "id"})
    assert list(found.failures) == ["docs:a.jsonl#line-1"]
    assert found.rows["docs:7"]["state"] == "active"


def test_rows_of_csv_beside_notes_become_text_and_a_broken_one_fails_alone(tmp_path: Path, reads: Any) -> None:
    (tmp_path / "a.csv").write_text("station;height;remark\nNorth;3;\nSouth;5;dry;9\nWest;7;wet\n")
    found = reads()
    assert found.texts() == ["station: North\nheight: 3", "station: West\nheight: 7\nremark: wet"]
    assert list(found.failures) == ["docs:a.csv#line-2"]
    assert "row 2 (line 3) is broken" in found.failures["docs:a.csv#line-2"]


def test_wide_json_is_read_in_its_own_encoding(tmp_path: Path, reads: Any) -> None:
    (tmp_path / "a.jsonl").write_bytes('{"text": "Größe"}\n{"text": "東京"}\n'.encode("utf-16-le"))
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "Gr\xc3\xb6\xc3\x9fe \xff."}\n{"text": "M\xc3\xb6we"}\n')
    assert reads().texts() == ["Größe", "東京", "Größe \ufffd.", "Möwe"]


def test_every_chunk_of_a_pdf_knows_its_page(tmp_path: Path, reads: Any) -> None:
    sentences = [[f"Page {page} tells of bird number {i} at some length." for i in range(8)] for page in (1, 2, 3)]
    (tmp_path / "a.pdf").write_bytes(pdf([lines(page, y=700) for page in sentences]))
    (tmp_path / "b.txt").write_text("No pages here.")
    found = reads(chunking={"size": 24})
    pages = {chunk["span_page"] for chunk in found.chunks if chunk["document_id"] == "docs:a.pdf"}
    assert pages == {1, 2, 3}
    assert all(f"Page {c['span_page']} " in c["text"] for c in found.chunks if c["span_page"])
    assert [c["span_page"] for c in found.chunks if c["document_id"] == "docs:b.txt"] == [None]


def test_a_document_says_what_it_was_read_in(tmp_path: Path, reads: Any) -> None:
    (tmp_path / "a.txt").write_bytes(
        "Die Größe der Möwe läßt sich schätzen, außer bei Nebel über dem Hafen.".encode("cp1252")
    )
    (tmp_path / "b.txt").write_text("Größe")
    rows = reads().rows
    assert rows["docs:b.txt"]["encoding"] == "utf-8"
    assert (rows["docs:a.txt"]["encoding"], rows["docs:b.txt"]["encoding_confidence"]) == ("cp1252", 1.0)
    assert 0.5 < rows["docs:a.txt"]["encoding_confidence"] <= 1


def test_what_is_left_out_of_documents_is_counted(reads: Any, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(pdf([lines(["Words of a page."]), [], []]))
    (tmp_path / "c.md").write_text(f"{'A picture of a mill. ' * 20}data:image/png;base64,{'aB3/' * 100}\n")
    left = [kind for result in reads().results for kind in result.left_out.items()]
    assert sorted((kind, found.count, found.documents) for kind, found in left) == [
        ("characters of base64 or the like", 422, 1),
        ("pages without text", 2, 1),
        ("pages without text", 2, 1),
    ]
