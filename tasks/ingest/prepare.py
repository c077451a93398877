"""Preparing: files and records into rows of documents and chunks, in a reader's process.

What a reader returns is plain Arrow; a document that cannot be used comes back as a failure beside the others.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from tasks.chunk.split import Cut, split
from tasks.chunk.title import title_of
from tasks.chunk.tokens import count_tokens, load_counter
from tasks.config.settings import Corpus, Source
from tasks.errors import BrokenDocument, DocumentError, EmptyDocument
from tasks.extract.read import Extracted, extract
from tasks.hashing import chunk_ids, hash_bytes, hash_fields, hash_text
from tasks.ingest.identity import settings_of
from tasks.lake.schemas import chunks_schema, documents_schema
from tasks.records import Chunk, Document, Failure
from tasks.sources.listing import File, read_file
from tasks.sources.work import Block, Files, Work, parse_lines
from tasks.text import check_guess, normalise


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
        self.documents: list[Document] = []  # in the order of reading
        self.extracted: list[tuple[int, Extracted]] = []  # place among these, text
        self.failures: list[Failure] = []
        self.read = 0

    def finish(self) -> Prepared:
        chunks: list[Chunk] = []
        texts = [extracted.text for _, extracted in self.extracted]
        for (place, extracted), tokens in zip(self.extracted, count_tokens(texts, self.counter), strict=True):
            cuts = split(extracted.text, extracted.kind, self.corpus.chunking, tokens)
            self.documents[place] = replace(self.documents[place], chunks=len(cuts))
            chunks += chunks_of(self.documents[place], extracted.text, cuts)
        return Prepared(
            pa.Table.from_pylist([document.row() for document in self.documents], schema=documents_schema(self.corpus)),
            pa.Table.from_pylist([chunk.row() for chunk in chunks], schema=chunks_schema(self.corpus)),
            self.failures,
            self.read,
        )

    def add_file(self, file: File) -> None:
        source = self.sources[file.source]
        document = document_of(file, self.settings[source.name].failed)
        stage = "read"
        try:
            data = read_file(source, file.path, self.corpus.extraction.max_bytes)
            self.read += len(data)
            document = replace(document, content_hash=hash_bytes(data))
            stage = "extract"
            name = PurePosixPath(file.path).name
            extracted = extract(data, name, source.format, self.corpus.extraction.max_bytes, source.encoding)
            check_guess(extracted, self.corpus.extraction.least_confidence)
            title = extracted.title or title_of(extracted.text, extracted.kind)
            self._add(document, replace(extracted, title=title), file)
        except DocumentError as error:
            self._fail(document, error, stage)

    def add_block(self, block: Block) -> None:
        source, file = self.sources[block.file.source], block.file
        settings = self.settings[source.name]
        ids: set[str] = set()
        self.read += block.size
        for number, record in _records(block):
            document = Document(
                line_id(file, number), source.name, file.uri, "quarantined", settings.failed, file.document_id
            )
            try:
                if isinstance(record, DocumentError):
                    raise record
                content_hash = hash_fields(record)
                document = replace(document, content_hash=content_hash)
                identity = _record_id(record, source, file, content_hash)
                if identity in ids:  # tasks.ingest.claims says what becomes of it
                    self.documents.append(replace(document, settings=settings.read(file.format), repeats=identity))
                    continue
                ids.add(identity)
                document = replace(document, document_id=identity)
                title = _text_of(record, [source.fields.title]) if source.fields.title else None
                text = normalise(_text_of(record, source.fields.text))
                if not text.strip():
                    raise EmptyDocument(
                        f"no text in {', '.join(source.fields.text)}", "Set `fields: text` to the columns that hold it."
                    )
                document = replace(document, bytes=len(text.encode()))
                document = replace(document, metadata=self._metadata(record, source))
                self._add(document, Extracted(text, title or None, "text", "text/plain"), file)
            except DocumentError as error:
                self._fail(document, error, "extract")

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

    def _add(self, document: Document, extracted: Extracted, file: File) -> None:
        media_type = extracted.media_type
        document = replace(
            document, state="active", media_type=media_type, title=extracted.title,
            text_hash=hash_text(extracted.text), settings=self.settings[file.source].read(file.format, media_type),
        )  # fmt: skip
        self.extracted.append((len(self.documents), extracted))
        self.documents.append(document)

    def _fail(self, document: Document, error: DocumentError, stage: str) -> None:
        self.failures.append(Failure.of(error, document.document_id, document.uri, stage, document.settings))
        self.documents.append(document)


def document_of(file: File, settings: str) -> Document:
    """A file that is not read, or cannot be."""
    return Document(file.document_id, file.source, file.uri, "quarantined", settings, tag=file.tag, bytes=file.size)


def chunks_of(document: Document, text: str, cuts: list[Cut]) -> list[Chunk]:
    """A document's chunks.

    Args:
        document: it.
        text: its extracted text.
        cuts: where that is cut.
    """
    texts = [text[cut.start : cut.end] for cut in cuts]
    hashes = [hash_text(text) for text in texts]
    ids = chunk_ids(document.document_id, hashes)
    return [
        Chunk(
            identity, document.document_id, document.source, document.content_hash, ordinal, "text", cut.start, cut.end,
            "characters", list(cut.headings), part, text_hash, cut.token_count, document.uri, document.title,
            document.metadata,
        )
        for ordinal, (cut, part, text_hash, identity) in enumerate(zip(cuts, texts, hashes, ids, strict=True))
    ]  # fmt: skip


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
