"""Preparing: files and records into rows of documents and chunks, in a reader's process.

What a reader returns is plain Arrow; a document that cannot be used comes back as a failure beside the others.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from tasks.chunk.split import split
from tasks.chunk.title import title_of
from tasks.chunk.tokens import Tokens, count_tokens, load_counter
from tasks.config.settings import Corpus, Source
from tasks.errors import BrokenDocument, DocumentError, EmptyDocument
from tasks.extract.read import Extracted, extract
from tasks.hashing import chunk_ids, hash_bytes, hash_fields, hash_settings, hash_text, sealed
from tasks.lake.schemas import chunks_schema, documents_schema
from tasks.records import Failure
from tasks.sources.listing import File, read_file
from tasks.sources.work import Block, Files, Work, parse_lines
from tasks.text import check_guess, normalise

_ROWS = 3  # raised where the same documents give other rows than before: then all are read again


@dataclass(slots=True)
class Prepared:
    """What one piece of work gave.

    Attributes:
        documents: rows as in the documents table; a failed document has state `quarantined`.
        chunks: rows as in the chunks table.
        failures: one for each failed document.
        read: bytes read, after decompression.
    """

    documents: pa.Table
    chunks: pa.Table
    failures: list[Failure] = field(default_factory=list)
    read: int = 0


@dataclass(frozen=True, slots=True)
class RowSettings:
    """The identities of the settings that decide what a source's rows are.

    Attributes:
        read: of a document that was read.
        failed: of one that could not be: also of what may decide that.
    """

    read: str
    failed: str


def row_settings(corpus: Corpus, source: Source, tokenizer_hash: str) -> RowSettings:
    """What a source's rows are read with.

    Args:
        corpus: that has the source.
        source: of the rows.
        tokenizer_hash: of the tokenizer.json that counts.
    """
    chunking = corpus.chunking.model_dump(exclude={"tokenizer"})
    read = hash_settings(
        {
            "rows": _ROWS, "max_bytes": corpus.extraction.max_bytes, "chunking": chunking, "tokenizer": tokenizer_hash,
            "metadata": dict(corpus.metadata), "format": source.format, "fields": source.fields.model_dump(),
            "columns": source.metadata, "encoding": source.encoding, "csv": source.csv.model_dump(),
        }
    )  # fmt: skip
    failed = hash_settings({"read": read, "extraction": corpus.extraction.model_dump()})
    return RowSettings(read, failed)


@cache
def _tokenizer_hash(folder: str) -> str:
    return hash_bytes((Path(folder) / "tokenizer.json").read_bytes())


def settings_of(corpus: Corpus, tokenizer_folder: str) -> dict[str, RowSettings]:
    """What each source's rows are read with, by its name."""
    tokenizer = _tokenizer_hash(tokenizer_folder)
    return {source.name: row_settings(corpus, source, tokenizer) for source in corpus.sources}


def prepare(work: Work, corpus: Corpus, tokenizer_folder: str) -> Prepared:
    """Read, extract and chunk one piece of work.

    Args:
        work: files or records.
        corpus: whose they are.
        tokenizer_folder: a folder with the tokenizer.json that counts.
    """
    rows = _Rows(corpus, tokenizer_folder)
    if isinstance(work, Files):
        for file in work.files:
            rows.add_file(file)
    else:
        rows.add_block(work)
    return rows.finish()


class _Rows:
    """Collects rows for one piece of work."""

    def __init__(self, corpus: Corpus, tokenizer_folder: str) -> None:
        self.corpus = corpus
        self.sources = {source.name: source for source in corpus.sources}
        self.settings = settings_of(corpus, tokenizer_folder)
        self.counter = load_counter(tokenizer_folder)
        self.documents: list[dict[str, Any]] = []
        self.extracted: list[tuple[dict[str, Any], Extracted, dict[str, Any]]] = []  # row, text, metadata
        self.chunks: list[dict[str, Any]] = []
        self.failures: list[Failure] = []
        self.read = 0

    def finish(self) -> Prepared:
        texts = [extracted.text for _, extracted, _ in self.extracted]
        for waiting, tokens in zip(self.extracted, count_tokens(texts, self.counter), strict=True):
            self._add_chunks(*waiting, tokens)
        return Prepared(
            pa.Table.from_pylist([sealed(row) for row in self.documents], schema=documents_schema(self.corpus)),
            pa.Table.from_pylist(self.chunks, schema=chunks_schema(self.corpus)),
            self.failures,
            self.read,
        )

    def add_file(self, file: File) -> None:
        source = self.sources[file.source]
        row: dict[str, Any] = {
            "document_id": file.document_id, "source": source.name, "uri": file.uri, "tag": file.tag,
            "bytes": file.size, "settings": self.settings[source.name].read,
        }  # fmt: skip
        stage = "read"
        try:
            data = read_file(source, file.path, self.corpus.extraction.max_bytes)
            self.read += len(data)
            row["content_hash"] = hash_bytes(data)
            stage = "extract"
            name = PurePosixPath(file.path).name
            extracted = extract(data, name, source.format, self.corpus.extraction.max_bytes, source.encoding)
            check_guess(extracted, self.corpus.extraction.least_confidence)
            self._add(row, replace(extracted, title=extracted.title or title_of(extracted.text, extracted.kind)), {})
        except DocumentError as error:
            self._fail(row, error, stage)

    def add_block(self, block: Block) -> None:
        source = self.sources[block.file.source]
        ids: set[str] = set()
        self.read += block.size
        for number, record in _records(block):
            row: dict[str, Any] = {
                "source": source.name, "uri": block.file.uri, "container": block.file.document_id,
                "settings": self.settings[source.name].read, "document_id": line_id(block.file, number),
            }  # fmt: skip
            try:
                if isinstance(record, DocumentError):
                    raise record
                row["content_hash"] = hash_fields(record)
                identity = _record_id(record, source, block.file, row["content_hash"])
                if identity in ids:  # tasks.ingest.claims says what becomes of it
                    self.documents.append(row | {"state": "quarantined", "repeats": identity})
                    continue
                ids.add(identity)
                row["document_id"] = identity
                title = _text_of(record, [source.fields.title]) if source.fields.title else None
                text = normalise(_text_of(record, source.fields.text))
                if not text.strip():
                    raise EmptyDocument(
                        f"no text in {', '.join(source.fields.text)}", "Set `fields: text` to the columns that hold it."
                    )
                row["bytes"] = len(text.encode())
                metadata = self._metadata(record, source)
                self._add(row, Extracted(text, title or None, "text", "text/plain"), metadata)
            except DocumentError as error:
                self._fail(row, error, "extract")

    def _metadata(self, record: dict[str, Any], source: Source) -> dict[str, Any]:
        found = {}
        for name, kind in self.corpus.metadata.items():
            value = record.get(source.metadata.get(name, name))
            try:
                found[name] = _cast(value, kind)
            except (ValueError, TypeError):
                raise BrokenDocument(
                    f"metadata {name}: expected {kind}; came {value!r}"[:300],
                    "Correct the record, or declare another type.",
                ) from None
        return found

    def _add(self, row: dict[str, Any], extracted: Extracted, metadata: dict[str, Any]) -> None:
        row |= metadata | {
            "state": "active", "text_hash": hash_text(extracted.text), "title": extracted.title,
            "media_type": extracted.media_type,
        }  # fmt: skip
        self.documents.append(row)
        self.extracted.append((row, extracted, metadata))

    def _add_chunks(self, row: dict[str, Any], extracted: Extracted, metadata: dict[str, Any], tokens: Tokens) -> None:
        spans = split(extracted.text, extracted.kind, self.corpus.chunking, tokens)
        texts = [extracted.text[span.start : span.end] for span in spans]
        hashes = [hash_text(text) for text in texts]
        ids = chunk_ids(row["document_id"], hashes)
        row["chunks"] = len(ids)
        for ordinal, (span, text, text_hash, chunk_id) in enumerate(zip(spans, texts, hashes, ids, strict=True)):
            chunk = metadata | {
                "chunk_id": chunk_id, "document_id": row["document_id"], "source": row["source"],
                "document_hash": row["content_hash"], "ordinal": ordinal, "modality": "text", "start": span.start,
                "end": span.end, "heading_path": list(span.headings), "text": text, "text_hash": text_hash,
                "token_count": span.token_count, "uri": row["uri"], "title": extracted.title,
            }  # fmt: skip
            self.chunks.append(sealed(chunk))

    def _fail(self, row: dict[str, Any], error: DocumentError, stage: str) -> None:
        settings = self.settings[row["source"]].failed
        self.failures.append(Failure.of(error, row["document_id"], row["uri"], stage, settings))
        self.documents.append(row | {"state": "quarantined", "settings": settings})


def line_id(file: File, number: int) -> str:
    """The document id of a record that cannot be told by its own: by its number in the file, from 1."""
    return f"{file.document_id}#line-{number}"


def _record_id(record: dict[str, Any], source: Source, file: File, content_hash: str) -> str:
    """The document id of a record: by its own id where the source names a column, else by its content, so that it
    stays whatever comes before it, and equal records are one document."""
    if source.fields.id is None:
        return f"{file.document_id}#{content_hash[:16]}"
    value = record.get(source.fields.id)
    if value is None or value == "":
        raise BrokenDocument(
            f"no value for the id column {source.fields.id!r}", "Set `fields: id` to a column that every record has."
        )
    return f"{source.name}:{value}"


def quiet_worker() -> None:
    """Set up a reader's process: one thread for each library, since there is a reader for each core."""
    os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")
    import gc
    import logging
    import signal

    gc.freeze()  # what was imported stays; looking through it took 6 % of the time
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run; it ends its readers itself
    logging.disable(logging.ERROR)


def _records(block: Block) -> Iterator[tuple[int, dict[str, Any] | DocumentError]]:
    if isinstance(block.content, DocumentError):
        return iter([(block.first, block.content)])
    found = parse_lines(block.content) if isinstance(block.content, bytes) else block.content.to_pylist()
    numbered = ((block.first + i, record) for i, record in enumerate(found) if record is not None)
    return ((number, block.broken.get(number, record)) for number, record in numbered) if block.broken else numbered


def hash_records(block: Block) -> Iterator[str | None]:
    """The content hash of each record of a block; None for one that cannot be read."""
    return (None if isinstance(record, DocumentError) else hash_fields(record) for _, record in _records(block))


def _text_of(record: dict[str, Any], columns: list[str]) -> str:
    """The texts of some columns, a line feed between them."""
    values = (record.get(column) for column in columns)
    return "\n".join(str(value) for value in values if value is not None and str(value).strip())


def _cast(value: Any, kind: str) -> Any:
    if value is None or (value == "" and kind != "string"):
        return None
    if kind == "string":
        return value if isinstance(value, str) else str(value)
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        return (
            {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
            if str(value).lower() in ("true", "1", "false", "0")
            else _refuse()
        )
    if isinstance(value, bool):
        _refuse()
    return int(value) if kind == "integer" else float(value)


def _refuse() -> Any:
    raise ValueError
