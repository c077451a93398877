"""What travels through the pipeline: documents, chunks and failures, as their tables have them.

Ids and hashes are 32 hexadecimal digits, see tasks.hashing. `tasks.lake.schemas` has the columns' types.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from operator import attrgetter
from typing import Any, Literal

from tasks.errors import DocumentError
from tasks.hashing import version_of

State = Literal["active", "stale", "quarantined", "container"]
"""active: searchable. stale: cannot be read now, searchable with its last good text. quarantined: cannot be used.
container: a file that holds records, messages or files, each one a document."""


@dataclass(slots=True)
class Document:
    """A document, or a file that holds records.

    Attributes:
        document_id: `<source>:<path>`, or of a record `<source>:<its id>`, or `<file's id>#<what tells it>`, or of a
            member of a file `<file's id>!/<path>`.
        source: name of the source that it comes from.
        uri: address of its file.
        state: see `State`.
        settings: hash of those that it was made with, see tasks.ingest.identity.
        container: of a record or member, the id of the file that is listed.
        tag: of a file, its version as its store tells it.
        media_type: of its content.
        content_hash: of its bytes, or of a record's fields.
        text_hash: of the whole extracted text.
        repeats: of a record that does not have its own id: the id, which another record has.
        title: as the format has it, or the first heading.
        encoding: that its bytes were read in, where the format does not say it.
        encoding_confidence: how sure that is, from 0 to 1.
        bytes: of a file as stored, of a record's text.
        chunks: how many it was cut into.
        metadata: values of the fields that the corpus declares.
    """

    document_id: str
    source: str
    uri: str
    state: State
    settings: str
    container: str | None = None
    tag: str | None = None
    media_type: str | None = None
    content_hash: str | None = None
    text_hash: str | None = None
    repeats: str | None = None
    title: str | None = None
    encoding: str | None = None
    encoding_confidence: float | None = None
    bytes: int | None = None
    chunks: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Document":
        """The document that a row tells of; columns that every document has apart, the others are metadata."""
        own = {name: row[name] for name in _DOCUMENT if name in row}
        return cls(**own, metadata={k: v for k, v in row.items() if k not in own and k not in ("run", "version")})


@dataclass(slots=True)
class Chunk:
    """A piece of a document that is embedded as one.

    Attributes:
        chunk_id: stands on the document, what is embedded, and how often that came before in the document.
        document_id, source, document_hash, uri, title, metadata: of its document; the hash is of the content.
        ordinal: its place among the document's chunks, from 0.
        modality: what is embedded: text, image or audio.
        start, end: where it stands in the document.
        span_unit: what these count: characters of the extracted text; of an image pixels, through its pages and tiles
            in their order; of sound, and of the stretch of a film that a frame stands for, milliseconds.
        span_page: on which it begins, from 1, where the format knows pages.
        heading_path: the headings or definitions it stands under, outermost first.
        text: what is embedded; of an image or a sound its caption, which may be empty.
        text_hash: of what is embedded; chunks with the same one share a vector. Of an image that of its content,
            page and region, of sound and frames of content and time.
        token_count: of the text, special tokens included, as the corpus's tokenizer counts; 0 of an image or a sound.
        span_region: of an image, left, top, right and bottom in pixels.
        content_reference: where an image or a sound is to be fetched again, see tasks.content.reference; of a caption,
            whose it is; of subtitles and of what is said in a sound, when.
        content_hash: of the bytes that are there; None of a caption.
        visual_hash: on the first piece of an image, 64 bits as 16 hexadecimal digits, which tell what it looks like;
            None of a single colour.
    """

    chunk_id: str
    document_id: str
    source: str
    document_hash: str | None
    ordinal: int
    modality: str
    start: int
    end: int
    span_unit: str
    span_page: int | None
    heading_path: list[str]
    text: str
    text_hash: str
    token_count: int
    uri: str
    title: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    span_region: list[int] | None = None
    content_reference: str | None = None
    content_hash: str | None = None
    visual_hash: str | None = None


_DOCUMENT = tuple(f.name for f in fields(Document) if f.name != "metadata")
_CHUNK = tuple(f.name for f in fields(Chunk) if f.name != "metadata")
_OF_DOCUMENT, _OF_CHUNK = attrgetter(*_DOCUMENT), attrgetter(*_CHUNK)  # a loop takes thrice as long


def columns_of(rows: Sequence[Document] | Sequence[Chunk]) -> dict[str, Sequence[Any]]:
    """Documents or chunks as the columns of their table, with a version for each; metadata that one has and another
    lacks is null there."""
    if not rows:
        return {}
    names, values_of = (_DOCUMENT, _OF_DOCUMENT) if isinstance(rows[0], Document) else (_CHUNK, _OF_CHUNK)
    values = list(map(values_of, rows))
    metadata = [row.metadata for row in rows]
    fields = dict.fromkeys(chain.from_iterable(metadata))
    columns: dict[str, Sequence[Any]] = dict(zip(names, zip(*values, strict=True), strict=True))
    columns |= {name: [found.get(name) for found in metadata] for name in fields}
    columns["version"] = [
        version_of(chain(zip(names, own, strict=True), found.items()))
        for own, found in zip(values, metadata, strict=True)
    ]
    return columns


@dataclass(frozen=True, slots=True)
class Failure:
    """A document or chunk that cannot be used.

    Attributes:
        document_id, uri: of the document.
        stage: read, extract, or embed:<table>.
        error: name of its kind, see tasks.errors.
        message: what was expected and what came.
        hint: what to do next.
        transient: whether it may pass; the next run tries again by itself.
        settings: hash of those that it may depend on: with others it is tried again.
        chunk_id, chunk_version: where not the whole document failed.
    """

    document_id: str
    uri: str
    stage: str
    error: str
    message: str
    hint: str
    transient: bool
    settings: str
    chunk_id: str | None = None
    chunk_version: str | None = None

    @classmethod
    def of(cls, error: DocumentError, document_id: str, uri: str, stage: str, settings: str) -> "Failure":
        """The failure that an error tells of."""
        name = type(error).__name__
        return cls(document_id, uri, stage, name, error.message[:2000], error.hint, error.transient, settings)
