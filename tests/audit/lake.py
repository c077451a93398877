"""A small lake with a row of every kind."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.config.loading import load_corpus
from tasks.evaluate.evaluation import Options, evaluate
from tasks.evaluate.landing import land
from tasks.hashing import hash_text
from tasks.lake.jobs import Job, write_job
from tasks.lake.lease import writing
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.interface import Encoded, Item
from tasks.operate.verify import Finding, verify
from tests.machine.encoders import StandIn, contents_of, tokens_of
from tests.machine.engine import quick, run_ingest
from tests.machine.world import SIGHT, Picture, make_model_folders

THORN = "Thorn"
"""A text with this word fails with the model `two` alone; one with `Overlong` is longer than both models read."""


class Encoder(StandIn):
    """An encoder that fails on some texts with one model, and reads others as overlong."""

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        texts = contents_of(items)
        if self.model == "two" and any(THORN in text for text in texts):
            raise RuntimeError("CUDA error: device-side assert triggered")
        found, _ = super().encode_documents(items)
        return Encoded(found, [tokens_of(text) + 50 * ("Overlong" in text) for text in texts])


@contextmanager
def at_work() -> Iterator[None]:
    """While it lasts, runs are quick."""
    StandIn.begin()
    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "load_encoder", Encoder)
        yield


def corpus_of(folder: Path) -> Path:
    """The corpus file in a folder."""
    return folder / "notes.yaml"


def lake_of(folder: Path) -> Lake:
    """The lake in a folder."""
    return Lake(load_corpus(corpus_of(folder)))


def make_lake(folder: Path) -> None:
    """Sources with files of every kind, some of which were read and cannot be read any more, and their lake."""
    make_model_folders(folder / "models")
    docs, books = folder / "docs", folder / "books"
    docs.mkdir()
    books.mkdir()
    write_corpus(folder)
    _write(docs / "plain.txt", "The moon rises late in autumn.")
    _write(docs / "equal.txt", "The moon rises late in autumn.")
    paragraphs = [f"Paragraph {i} is about the river {i}." for i in range(5)]
    _write(docs / "long.txt", "\n\n".join(paragraphs))
    _write(docs / "thorn.txt", f"{THORN} bushes grow along the road.")
    _write(docs / "overlong.txt", "Overlong is this text for both models.")
    _write(docs / "bad.txt", b"no\0text\0")
    _write(docs / "picture.png", Picture(1).content())
    _write(docs / "picture.png.json", json.dumps({"caption": "A heron by the water."}))
    _write(docs / "rows.csv", "text,year,lang\nA csv row of bridges.,1990,en\nA second csv row.,,\n")
    _write(docs / "torn.csv", "text,year,lang\nA row of a torn table.,1991,de\n")
    _write(docs / "stale.txt", "Stale text that was read once.\n\nIt had two paragraphs, this is one.")
    _records(
        books / "a.jsonl",
        {"key": "k1", "text": "First record with a key.", "year": 2001, "lang": "en"},
        {"key": "k2", "text": "A second record, of two years ago.", "year": 2002, "lang": "fr"},
        {"key": "k3", "text": "A record that becomes empty.", "year": 2003, "lang": "fr"},
        {"key": "k1", "text": "The same key again.", "year": 2004, "lang": "en"},
    )
    _records(
        books / "b.jsonl",
        {"key": "k1", "text": "The first key, in another file.", "year": 2005, "lang": "en"},
        {"key": "k4", "text": "A record of the other file.", "year": None, "lang": None},
        {"key": "k5", "text": "A record whose line breaks.", "year": 2006, "lang": "en"},
    )
    run_ingest(str(corpus_of(folder)))
    _write(docs / "stale.txt", b"stale\0and\0unreadable")
    _write(docs / "torn.csv", "text,year\n\0\x01\x02\n")
    for name, old, new in (("a", "A record that becomes empty.", ""), ("b", '{"key": "k5"', '{"key')):
        file = books / f"{name}.jsonl"
        _write(file, file.read_text().replace(old, new))
    run_ingest(str(corpus_of(folder)))
    asked = Options(queries={"q": "The moon rises late."}, grades={"q": {"plain.txt": 1}}, ways=("hybrid",))
    land(lake_of(folder), evaluate(lake_of(folder), asked))
    _job(lake_of(folder))


def write_corpus(folder: Path) -> None:
    """The corpus file of a folder."""
    sources = [
        {"name": "docs", "uri": str(folder / "docs"), "sidecar": "{name}.json"},
        {"name": "books", "uri": str(folder / "books"), "fields": {"id": "key"}},
    ]
    models = [
        {"model": str(folder / "models" / of), "name": name, "document_prompt": name}
        for name, of in (("one", "words"), ("two", SIGHT))
    ]
    corpus = {
        "name": "notes", "lake": str(folder / "lake"), "sources": sources, "models": models,
        "metadata": {"year": "integer", "lang": "string"}, "chunking": {"size": 9}, "overlong": "refuse",
        "lease": {"seconds": 2}, "extraction": {"images": "files"},
    }  # fmt: skip
    corpus_of(folder).write_text(json.dumps(corpus))


def _job(lake: Lake) -> None:
    """A job of a Batch API, of which nothing is left but that it was; as of a model that a service had then."""
    began = datetime(2026, 1, 2, tzinfo=UTC)
    unusable = (hash_text("The moon rises late in autumn."),)
    table = sorted(entry["table"] for entry in lake.catalog())[0]
    job = Job(
        "embedlake-1", table, "done", 3, 40, 0.001, began, "file-1", "batch-1", unusable, ("file-2",), "completed"
    )
    write_job(lake, job, ())


def repair(folder: Path, contents: bool = False) -> list[Finding]:
    """What `embedlake verify --repair` does."""
    lake = lake_of(folder)
    with writing(lake, ["documents", "catalog", *lake.model_tables()], "verify", wait=True):
        return verify(lake, repair=True, contents=contents)


def _records(file: Path, *records: dict[str, Any]) -> None:
    _write(file, "".join(json.dumps(record) + "\n" for record in records))


def _write(file: Path, content: str | bytes) -> None:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(file, (1_000_000_000 + file.stat().st_size,) * 2)
