"""What a run would make of a file is what a run makes of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError
from tasks.operate.inspect import Inspected, inspect
from tests.lakes import lake_of
from tests.machine.engine import quick, run_ingest

MARKDOWN = "# Birds\n\nThe heron waits for a fish.\n\n## Owls\n\n" + "Owls hunt at night. " * 40 + "\n"


@pytest.fixture
def corpus_file(make_corpus: Callable[..., Path], tmp_path: Path) -> Path:
    corpus_file = make_corpus(chunking={"size": 32}, metadata={"year": "integer"})
    (tmp_path / "docs" / "sub").mkdir()
    (tmp_path / "docs" / "sub" / "birds.md").write_text(MARKDOWN)
    lines = [json.dumps({"text": f"Record {i}.", "year": 2000 + i}) for i in range(10)]
    (tmp_path / "docs" / "records.jsonl").write_text("\n".join(lines))
    (tmp_path / "docs" / "broken.txt").write_bytes(b"\0\1\2\0")
    (tmp_path / "docs" / "torn.parquet").write_bytes(b"PAR1 and no more")
    return corpus_file


def inspected(corpus_file: Path, name: str, limit: int = 100) -> list[Inspected]:
    with quick():
        return inspect(str(corpus_file.parent / "docs" / name), load_corpus(corpus_file), limit)


def test_a_file_is_shown_as_a_run_lands_it(corpus_file: Path) -> None:
    [found] = inspected(corpus_file, "sub/birds.md")
    with quick():
        run_ingest(str(corpus_file))
    lake = lake_of(corpus_file)
    [row] = lake.read("notes.documents", list(found.document), "document_id = 'docs:sub/birds.md'").to_pylist()
    assert row == found.document
    chunks: list[dict[str, Any]] = lake.read(
        "notes.chunks", list(found.chunks[0]), "document_id = 'docs:sub/birds.md'"
    ).to_pylist()
    assert sorted(chunks, key=lambda chunk: int(chunk["ordinal"])) == found.chunks
    assert len(found.chunks) > 5
    assert found.text.split() == MARKDOWN.split()
    assert found.failure is None


def test_the_first_records_are_shown(corpus_file: Path) -> None:
    found = inspected(corpus_file, "records.jsonl", 2)
    assert [(document.text, document.document["year"]) for document in found] == [
        ("Record 0.", 2000),
        ("Record 1.", 2001),
    ]


@pytest.mark.parametrize(("name", "error"), [("broken.txt", "BrokenDocument"), ("torn.parquet", "BrokenDocument")])
def test_what_cannot_be_read_says_why(corpus_file: Path, name: str, error: str) -> None:
    [found] = inspected(corpus_file, name)
    assert found.failure is not None
    assert (found.failure["error"], found.document["state"], found.text) == (error, "quarantined", "")


def test_a_file_of_no_source_is_read_by_the_corpus_settings(corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.md").write_text(MARKDOWN)
    [found] = inspected(corpus_file, "../elsewhere.md")
    assert found.document["document_id"] == "file:elsewhere.md"
    assert found.chunks == inspected(corpus_file, "sub/birds.md")[0].chunks


@pytest.mark.parametrize("name", ["a [1].md", "#b*.md", "!c?.md", "d \\e.md", " f .md"])
def test_a_file_is_found_whatever_its_name(corpus_file: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "docs" / name).write_text("Words.")
    assert [document.text for document in inspected(corpus_file, name)] == ["Words."]


def test_overlapping_chunks_are_joined_into_the_text(make_corpus: Callable[..., Path], tmp_path: Path) -> None:
    corpus_file = make_corpus(chunking={"size": 32, "overlap": 10})
    (tmp_path / "docs" / "birds.md").write_text(MARKDOWN)
    [found] = inspected(corpus_file, "birds.md")
    assert found.text.split() == MARKDOWN.split()


def test_what_is_not_there_or_no_text_says_so(corpus_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no file"):
        inspected(corpus_file, "none.txt")
    (tmp_path / "docs" / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(ConfigurationError, match=r"skipped by a run: it is image/png"):
        inspected(corpus_file, "picture.png")


def test_records_are_shown_where_only_the_content_tells_that_they_are(corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "docs" / "array.json").write_text('[{"text": "One."}, {"text": "Two.", "year": "n/a"}]')
    assert [found.text for found in inspected(corpus_file, "array.json")] == ["One.", "Two."]


@pytest.mark.parametrize("uri", ["docs/r.jsonl", "docs/*.jsonl", "docs"])
def test_the_settings_of_its_source_decide(make_corpus: Callable[..., Path], tmp_path: Path, uri: str) -> None:
    other = {"name": "other", "uri": str(tmp_path), "include": ["nothing"]}
    source = {"name": "docs", "uri": str(tmp_path / uri), "fields": {"text": "body"}, "encoding": "cp1251"}
    corpus_file = make_corpus(sources=[other, source])
    (tmp_path / "docs" / "r.jsonl").write_bytes('{"body": "\u0414\u0430"}\n'.encode("cp1251"))
    [found] = inspected(corpus_file, "r.jsonl")
    assert (found.text, found.document["document_id"].split(":")[0]) == ("\u0414\u0430", "docs")
