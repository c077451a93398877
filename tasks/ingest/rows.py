"""Rows of documents and chunks, and their ids, from what was read."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tasks.chunk.split import Cut
from tasks.chunk.title import title_of
from tasks.config.sources import Source
from tasks.content.reference import Place, Reference
from tasks.errors import BrokenDocument
from tasks.extract.read import Extracted
from tasks.hashing import chunk_ids, hash_text
from tasks.records import Chunk, Document
from tasks.sources.fields import as_text, value_at
from tasks.sources.listing import File


def document_of(file: File, settings: str) -> Document:
    """A file that is not read, or cannot be."""
    container = file.outer.document_id if file.outer else None
    return Document(
        file.document_id, file.source, file.uri, "quarantined", settings, container, tag=file.tag, bytes=file.size
    )


def chunks_of(
    document: Document,
    extracted: Extracted,
    cuts: list[Cut],
    first: int = 0,
    reference: str | None = None,
    before: Sequence[str] = (),
) -> list[Chunk]:
    """The chunks of a document's text.

    Args:
        document: it.
        extracted: its text.
        cuts: where that is cut.
        first: place of the first of them among the document's chunks.
        reference: of an image, where the text is its caption.
        before: hashes of the texts that the document has besides, such as the caption of a sound whose words these are.
    """
    texts = [extracted.text[cut.start : cut.end] for cut in cuts]
    pages = extracted.pages
    hashes = [hash_text(text) for text in texts]
    ids = chunk_ids(document.document_id, [*before, *hashes])[len(before) :]
    return [
        Chunk(
            identity, document.document_id, document.source, document.content_hash, ordinal, "text", cut.start, cut.end,
            "characters", bisect_right(pages, cut.start) or 1 if pages else None, list(cut.headings), part, text_hash,
            cut.token_count, document.uri, document.title, document.metadata, None,
            *(_timed(document, extracted, cut) if extracted.times else (reference, None)),
        )
        for ordinal, (cut, part, text_hash, identity) in enumerate(zip(cuts, texts, hashes, ids, strict=True), first)
    ]  # fmt: skip


def _timed(document: Document, extracted: Extracted, cut: Cut) -> tuple[str, str | None]:
    """When the titles of a cut of subtitles are shown, as a reference, and the hash of what that is into."""
    first = extracted.text.count("\n", 0, cut.start)
    last = extracted.text.count("\n", 0, cut.end - 1)
    shown = extracted.times[first : last + 1]
    time = (min(start for start, _ in shown), max(end for _, end in shown))
    inner = document.document_id.removeprefix(document.container) if document.container else ""
    place = Place(document.uri + (inner if inner.startswith("!/") else ""))
    return str(Reference(place, time=time)), document.content_hash


def titled(extracted: Extracted) -> Extracted:
    """The same with a title, from its text where the format has none."""
    return replace(extracted, title=extracted.title or title_of(extracted.text, extracted.kind))


def line_id(file: File, number: int) -> str:
    """The document id of a record that cannot be told by its own: by its number in the file, from 1."""
    return f"{file.document_id}#line-{number}"


def record_id(record: dict[str, Any], source: Source, file: File, content_hash: str) -> str:
    """The document id of a record: by its own id where the source names a column, else by its content, so that it
    stays whatever comes before it, and equal records are one document.

    Raises:
        BrokenDocument: it has no id, or one that cannot be one.
    """
    if source.fields.id is None:
        return f"{file.document_id}#{content_hash[:16]}"
    value = as_text(value_at(record, source.fields.id), source.fields.id)
    if not value:
        raise BrokenDocument(
            f"no value for the id column {source.fields.id!r}", "Set `fields: id` to a column that every record has."
        )
    return f"{source.name}:{value}"
