"""Preparing: files and records into rows of documents and chunks, in a reader's process.

What a reader returns is plain Arrow; a document that cannot be used comes back as a failure beside the others.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import orjson
import pyarrow as pa

from tasks.chunk.above import count_above
from tasks.chunk.split import split
from tasks.chunk.tokens import count_tokens, load_counter
from tasks.config.settings import Corpus, Extraction
from tasks.config.sources import Source
from tasks.content.reference import Place, place_of
from tasks.errors import BrokenDocument, DocumentError, EmptyDocument, OversizedDocument
from tasks.extract.convert import SITEMAP
from tasks.extract.images import media_type_of
from tasks.extract.read import Extracted, extract
from tasks.hashing import hash_bytes, hash_fields, hash_text
from tasks.ingest.identity import settings_of
from tasks.ingest.metadata import fields_of, in_plain_names
from tasks.ingest.pictures import Picture, caption_beside, picture_chunks, picture_of
from tasks.ingest.rows import chunks_of, document_of, line_id, record_id, titled
from tasks.ingest.sounds import Recorded, recorded_of
from tasks.ingest.spoken import Spoken
from tasks.ingest.standing import Standing, standing_chunks, standing_in
from tasks.lake.schemas import chunks_schema, documents_schema, table_of
from tasks.progress import LeftOut, Unfit
from tasks.records import Chunk, Document, Failure
from tasks.sources.contents import with_records
from tasks.sources.facts import facts_of, told_by_path
from tasks.sources.fields import all_text, as_text, bytes_at, text_of, value_at
from tasks.sources.formats import MEDIA, record_format, shown_medium
from tasks.sources.listing import File
from tasks.sources.members import attached_works
from tasks.sources.opening import read_file
from tasks.sources.sidecars import is_caption
from tasks.sources.work import Block, Files, Member, Members, Within, Work
from tasks.text.decode import check_guess, decode, is_utf8
from tasks.text.normalise import normalise

_LARGEST_SIDECAR = 2**20  # bytes

Medium = Picture | Recorded
"""What is more than its text."""


@dataclass(slots=True)
class Prepared:
    """What one piece of work gave.

    Attributes:
        documents: rows as in the documents table; a failed document has state `quarantined`.
        chunks: rows as in the chunks table.
        failures: one for each failed document.
        read: bytes read, after decompression.
        unfit: values that did not fit their metadata field, by field.
        containers: files that hold records after all, as their content shows; nothing of them is in the rows.
        left_out: what is not in the text of documents, by kind.
        unchanged: ids of documents that are as the lake has them; nothing of them is in the rows either.
        skipped: what holds no text, by kind.
        spoken: sounds whose words are wanted, which are no part of the rows yet.
    """

    documents: pa.Table
    chunks: pa.Table
    failures: list[Failure] = field(default_factory=list)
    read: int = 0
    unfit: dict[str, Unfit] = field(default_factory=dict)
    containers: list[File] = field(default_factory=list)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    spoken: list[Spoken] = field(default_factory=list)


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
        rows.add_within(work)
    return rows.finish()


class _Rows:
    """Collects rows for one piece of work."""

    def __init__(self, corpus: Corpus, tokenizer_folder: str) -> None:
        self.corpus = corpus
        self.sources = {source.name: source for source in corpus.sources}
        self.settings = settings_of(corpus, tokenizer_folder)
        self.counter = load_counter(tokenizer_folder)
        self.documents: list[Document] = []  # in the order of reading
        self.extracted: list[tuple[int, Extracted, Medium | None]] = []  # place among these, text, image or the like
        self.standing: dict[int, list[Standing]] = {}  # images within a document, by its place
        self.failures: list[Failure] = []
        self.unfit: dict[str, Unfit] = {}
        self.containers: list[File] = []
        self.left_out: dict[str, LeftOut] = {}
        self.unchanged: list[str] = []
        self.skipped: Counter[str] = Counter()
        self.spoken: list[Spoken] = []
        self.read = 0

    def finish(self) -> Prepared:
        chunks: list[Chunk] = []
        chunking, hashed = self.corpus.chunking, self.corpus.metadata.get("perceptual_hash") == "string"
        texts = [extracted.text for _, extracted, _ in self.extracted]
        counted = count_tokens(texts, self.counter)
        above = count_above([extracted.title for _, extracted, _ in self.extracted], self.counter)
        for (place, extracted, medium), tokens, stands in zip(self.extracted, counted, above, strict=True):
            document = self.documents[place]
            cuts = split(extracted.text, extracted.kind, chunking, tokens, stands)
            caption = extracted.text[cuts[0].start : cuts[0].end] if cuts else ""
            pieces = _pieces_of(medium, document, caption) if medium else []
            reference = pieces[0].content_reference if pieces else None
            pieces += chunks_of(document, extracted, cuts, len(pieces), reference)
            pieces += standing_chunks(document, self.standing.get(place, []), cuts, len(pieces), hashed)
            document.chunks = len(pieces)
            chunks += pieces
        return Prepared(
            table_of(self.documents, documents_schema(self.corpus)),
            table_of(chunks, chunks_schema(self.corpus)),
            self.failures,
            self.read,
            self.unfit,
            self.containers,
            self.left_out,
            self.unchanged,
            dict(self.skipped),
            self.spoken,
        )

    def add_file(self, file: File) -> None:
        source = self.sources[file.source]
        try:
            if container := with_records(file, source):
                self.containers.append(container)
                return
            data = read_file(source, file.path, self.corpus.extraction.max_bytes)
        except DocumentError as error:
            self._fail(document_of(file, self.settings[source.name].failed), error, "read")
            return
        self._add_content(file, data)

    def add_within(self, work: Within) -> None:
        if isinstance(work, Block):
            self.add_block(work)
            return
        self.unchanged += work.unchanged
        self.skipped.update(work.skipped)
        for member in work.members:
            self.add_member(member)

    def add_member(self, member: Member, message: Extracted | None = None) -> None:
        """A file within another one; `message` is the mail that it is attached to."""
        if isinstance(member.content, DocumentError):
            document = document_of(member.file, self.settings[member.file.source].failed)
            self._fail(document, member.content, "read")
        else:
            self._add_content(member.file, member.content, message)

    def _add_content(self, file: File, data: bytes, message: Extracted | None = None) -> None:
        """A file from its bytes, and what is attached to it."""
        source, limits = self.sources[file.source], self.corpus.extraction
        document = document_of(file, self.settings[source.name].failed)
        self.read += len(data)
        document.content_hash = hash_bytes(data)
        if medium := self._medium(file, data, source):
            self._add_medium(document, file, data, medium, message)
            return
        try:
            name = PurePosixPath(file.path).name
            encoding = None if message and is_utf8(data) else source.encoding  # what is attached comes from anywhere
            extracted, standing = self._extract(file, data, encoding)
            check_guess(extracted, limits.least_confidence)
            places = [
                *self._sidecar(file, source), in_plain_names(extracted.metadata), told_by_path(file, source.path),
                facts_of(file), *([in_plain_names(message.metadata)] if message else []),
            ]  # fmt: skip
            document.metadata = self._metadata(places, source, file.document_id)
            extracted = titled(extracted)
            if message and not extracted.title:
                extracted = replace(extracted, title=f"{name}, attached to {message.title or 'a mail'}")
            self._add(document, extracted, file, standing=standing)
            if extracted.media_type == SITEMAP:
                self.skipped["sitemaps"] += 1
        except DocumentError as error:
            self._fail(document, error, "extract")
        else:
            self._add_attached(file, extracted)

    def _medium(self, file: File, data: bytes, source: Source) -> str | None:
        """What a file is beside text, by its name or by its content, where files of that medium are asked for."""
        asked = self.corpus.extraction.media
        if file.format in asked:
            return file.format
        if not asked or not data.strip():
            return None
        shown = shown_medium(data) if source.format == "auto" and file.format not in MEDIA else None
        return shown if shown in asked else None

    def _extract(self, file: File, data: bytes, encoding: str | None) -> tuple[Extracted, list[Standing]]:
        """The text of a file, and the images within it where they are asked for; with these it may be without text."""
        limits, name = self.corpus.extraction, PurePosixPath(file.path).name
        declared = self.sources[file.source].format
        shows = media_type_of(data, name) if limits.images == "all" else None
        try:
            extracted = extract(data, name, declared, limits.max_bytes, encoding, limits.ocr)
        except EmptyDocument:
            if shows is None:
                raise
            extracted = Extracted("", None, "text", shows)
            standing, left_out = standing_in(data, file, extracted, limits)
            if not standing:
                raise
        else:
            if shows != extracted.media_type:
                return extracted, []
            standing, left_out = standing_in(data, file, extracted, limits)
        return replace(extracted, left_out=extracted.left_out | left_out), standing

    def _add_medium(
        self, document: Document, file: File, data: bytes, name: str, message: Extracted | None = None
    ) -> None:
        """An image, a sound or a film, with its caption as its text."""
        source, limits, place = self.sources[file.source], self.corpus.extraction, place_of(file)
        try:
            medium = _medium_in(data, place, name, limits)
            beside = self._sidecar(file, source)
            places = [
                *beside, medium.metadata, told_by_path(file, source.path), facts_of(file),
                *([in_plain_names(message.metadata)] if message else []),
            ]  # fmt: skip
            document.metadata = self._metadata(places, source, file.document_id)
            caption = next(filter(None, map(caption_beside, beside)), normalise(medium.caption))
            title = next((as_text(found["title"]) for found in beside if found.get("title")), medium.title)
            self._add(document, Extracted(caption, title, "text", medium.media_type), file, medium)
            if limits.transcribe and isinstance(medium, Recorded) and (heard := medium.heard):
                content, samples = medium.content_hash, heard.samples_hash
                self.spoken.append(
                    Spoken(file.document_id, place.address, content, samples, heard.duration_ms, heard.silences)
                )
        except DocumentError as error:
            self._fail(document, error, "extract")

    def _add_attached(self, file: File, message: Extracted) -> None:
        """What is attached to a mail, each by its format."""
        if not message.attached:
            return
        told = replace(message, metadata={**message.metadata, "attached_to": file.document_id}, attached=())
        for work in attached_works(file, message.attached, self.corpus):
            if isinstance(work, Block):
                self.add_block(work, told)
                continue
            self.skipped.update(work.skipped)
            for member in work.members:
                self.add_member(member, told)

    def add_block(self, block: Block, message: Extracted | None = None) -> None:
        """Records of a file; `message` is the mail that it is attached to."""
        source, file = self.sources[block.file.source], block.file
        settings = self.settings[source.name]
        told = [told_by_path(file, source.path), *([in_plain_names(message.metadata)] if message else [])]
        ids: set[str] = set()
        self.read += block.size
        for number, record in _records(block):
            document = Document(
                line_id(file, number), source.name, file.uri, "quarantined", settings.failed,
                block.container.document_id,
            )  # fmt: skip
            try:
                if isinstance(record, DocumentError):
                    raise record
                document.content_hash = hash_fields(record)
                identity = record_id(record, source, file, document.content_hash)
                if identity in ids:  # tasks.ingest.claims says what becomes of it
                    document.settings, document.repeats = settings.read(file.format), identity
                    self.documents.append(document)
                    continue
                ids.add(identity)
                document.document_id = identity
                medium = self._medium_of_record(record, file, source, number)
                extracted = self._extracted(record, source, block.whole, may_be_empty=medium is not None)
                metadata = self._metadata([record, *told], source, identity)
                document.bytes, document.metadata = len(extracted.text.encode()), metadata
                self._add(document, extracted, file, medium)
            except DocumentError as error:
                self._fail(document, error, "extract")

    def _medium_of_record(self, record: dict[str, Any], file: File, source: Source, number: int) -> Medium | None:
        """The image or sound of a record of a Parquet file, where its source names the column and it has one."""
        if source.fields.medium is None or file.true_format != "parquet":
            return None
        name, column = source.fields.medium
        if (content := bytes_at(record, column)) is None:
            return None
        return _medium_in(content, Place(place_of(file).address, number, column), name, self.corpus.extraction)

    def _extracted(self, record: dict[str, Any], source: Source, whole: bool, may_be_empty: bool = False) -> Extracted:
        """What a record says: its text as the format that the source, or the record itself, says it is."""
        fields = source.fields
        text = all_text(record) if whole else text_of(record, fields.text)
        title = text_of(record, [fields.title]) if fields.title else ""
        said = as_text(value_at(record, fields.format_column)) if fields.format_column else ""
        form, name = record_format(said, fields.format) if said else (str(fields.format), "record")
        if form == "text":
            text = normalise(text)
        if not text.strip() and not may_be_empty:
            raise EmptyDocument(
                f"no text in {'any column' if whole else ', '.join(fields.text)}",
                "Set `fields: text` to the columns that hold it.",
            )
        if form == "text" or not text.strip():
            return Extracted(text, title or None, "text", "text/plain")
        extracted = titled(extract(text.encode(), name, form, self.corpus.extraction.max_bytes))
        return replace(extracted, title=title) if title else extracted

    def _sidecar(self, file: File, source: Source) -> list[dict[str, Any]]:
        """What is said of a file beside it, if anything is: metadata, or the caption of an image."""
        if not (file.sidecar and (self.corpus.metadata or file.format in MEDIA)):
            return []
        try:
            data = read_file(source, file.sidecar, _LARGEST_SIDECAR)
            if is_caption(file.sidecar):
                return [{"caption": decode(data, source.encoding).text}]
            found = orjson.loads(data)
            if not isinstance(found, dict):
                raise ValueError(f"expected an object; came {type(found).__name__}")
        except (ValueError, OversizedDocument, BrokenDocument) as error:
            self._misfit(f"its sidecar is not readable: {error}", "sidecar", file.document_id)
            return []
        return [in_plain_names(found)]

    def _metadata(self, places: Sequence[Mapping[str, Any]], source: Source, identity: str) -> dict[str, Any]:
        found, unfit = fields_of(self.corpus.metadata, source.metadata, places)
        for name, value in unfit.items():
            came = value.message if isinstance(value, DocumentError) else repr(value)
            message = f"metadata {name}: expected {self.corpus.metadata[name]}; came {came}"
            self._misfit(message[:300], name, identity)
        return found

    def _misfit(self, message: str, field: str, identity: str) -> None:
        """A value that does not fit a metadata field: refused, or counted."""
        if self.corpus.metadata_errors == "refuse":
            raise BrokenDocument(message, "Correct it, or declare another type.")
        self.unfit.setdefault(field, Unfit(0, f"{identity}: {message}")).count += 1

    def _add(
        self,
        document: Document,
        extracted: Extracted,
        file: File,
        medium: Medium | None = None,
        standing: Sequence[Standing] = (),
    ) -> None:
        media_type = extracted.media_type
        for kind, count in extracted.left_out.items():
            self.left_out.setdefault(kind, LeftOut()).add(LeftOut(count, 1))
        document.state, document.media_type, document.title = "active", media_type, extracted.title
        document.encoding = extracted.encoding
        document.encoding_confidence = extracted.confidence if extracted.encoding else None
        document.text_hash = hash_text(extracted.text)
        if medium:  # what says the same as another one is also the same to see and to hear
            document.text_hash = hash_fields(medium.content_hash, extracted.text)
        if standing:
            self.standing[len(self.documents)] = list(standing)
            document.text_hash = hash_fields([one.picture.content_hash for one in standing], extracted.text)
        document.settings = self.settings[file.source].read(file.format, media_type)
        self.extracted.append((len(self.documents), extracted, medium))
        self.documents.append(document)

    def _fail(self, document: Document, error: DocumentError, stage: str) -> None:
        self.failures.append(Failure.of(error, document.document_id, document.uri, stage, document.settings))
        self.documents.append(document)


def _medium_in(content: bytes, place: Place, name: str, limits: Extraction) -> Medium:
    """An image, a sound or a film from its bytes.

    Raises:
        DocumentError: what is wrong with it.
    """
    return picture_of(content, place, limits) if name == "image" else recorded_of(content, place, name, limits)


def _pieces_of(medium: Medium, document: Document, caption: str) -> list[Chunk]:
    if isinstance(medium, Picture):
        return picture_chunks(document, medium, caption)
    return medium.chunks(document, caption)


def _records(block: Block) -> Iterator[tuple[int, dict[str, Any] | DocumentError]]:
    return ((block.first + i, record) for i, record in enumerate(block.records()) if record is not None)


def hash_contents(work: Within) -> Iterator[str | None]:
    """The content hash of each record or member; None for one that cannot be read."""
    if isinstance(work, Members):
        return (None if isinstance(m.content, DocumentError) else hash_bytes(m.content) for m in work.members)
    return (None if isinstance(record, DocumentError) else hash_fields(record) for _, record in _records(work))
