"""Comparing the content of files with what was read, whatever their time and size say."""

from collections.abc import Iterator
from typing import Any

from tasks.config.settings import Corpus
from tasks.content.reference import place_of
from tasks.extract.read import extract
from tasks.hashing import hash_bytes
from tasks.ingest.faults import document_error
from tasks.ingest.kept import above
from tasks.ingest.prepare import hash_contents
from tasks.ingest.sounds import recorded_of
from tasks.lake.tables import Lake
from tasks.media.image import look
from tasks.sources.contents import by_content
from tasks.sources.formats import MEDIA
from tasks.sources.listing import File, list_files
from tasks.sources.members import works_of
from tasks.sources.opening import read_file
from tasks.text.decode import check_guess

Row = dict[str, Any]

_COLUMNS = ["document_id", "container", "tag", "state", "content_hash"]


def other_contents(lake: Lake) -> Iterator[str]:
    """Files that hold something else than when they were read, whether their times tell it or not. Of records
    that are quarantined, since another one has their id, the lake knows no content: only how many there are."""
    rows = lake.read(lake.name("documents"), _COLUMNS).to_pylist()
    files = {row["document_id"]: row for row in rows if row["container"] is None}
    records: dict[str, list[Row]] = {}
    for row in rows:
        records.setdefault(row["container"], []).append(row)
    for file in list_files(lake.corpus.sources, lake.corpus.lake.uri, lake.corpus.extraction.media).files:
        row = files.get(file.document_id)
        if row is None:
            continue  # the next run reads it anyway
        try:
            file = by_content(file, lake.corpus.source(file.source))
            if file.is_container:
                same = _same_records(file, lake.corpus, records.get(file.document_id, []))
                same &= row["state"] == "container"
            else:
                same = _same_file(file, lake.corpus, row)
        except Exception as error:
            failed = document_error(error, lake.corpus.extraction.timeout, fetching=True)
            same = failed.transient or row["state"] in ("quarantined", "stale")
        if not same:
            yield file.document_id


def _same_file(file: File, corpus: Corpus, row: Row) -> bool:
    """Whether a file is what was read. Of a stale one the lake has the content from before: it must still fail."""
    source = corpus.source(file.source)
    data = read_file(source, file.path, corpus.extraction.max_bytes)
    if row["state"] == "stale":
        if file.format == "image":
            look(data, corpus.extraction.max_pixels)
            return False
        if file.format in MEDIA:
            recorded_of(data, place_of(file), file.format, corpus.extraction)
            return False
        name = file.path.rsplit("/", 1)[-1]
        found = extract(data, name, source.format, corpus.extraction.max_bytes, source.encoding, corpus.extraction.ocr)
        check_guess(found, corpus.extraction.least_confidence)
        return not found.text
    if row["state"] == "quarantined" and row["content_hash"] is None:
        return True  # it was not read to its end
    return bool(row["content_hash"] == hash_bytes(data))


def _same_records(file: File, corpus: Corpus, rows: list[Row]) -> bool:
    """Whether the records or members of a file are those that were read. What is attached to a member, or was in one
    that failed, is told by that."""
    found = [content for work in works_of(file, corpus) for content in hash_contents(work)]
    ids = {row["document_id"] for row in rows}
    rows = [row for row in rows if not ids.intersection(above(row["document_id"]))]
    stale = sum(row["state"] == "stale" for row in rows)
    unread = sum(row["content_hash"] is None and "#again-" not in row["document_id"] for row in rows)
    members = any("!/" in row["document_id"] for row in rows)  # one that is stale now is one that cannot be read
    if not unread <= found.count(None) <= unread + (stale if members else 0):
        return False
    known = {row["content_hash"] for row in rows if row["state"] != "stale"} - {None}
    untold = stale + sum("#again-" in row["document_id"] for row in rows)
    return known <= {*found} and len({*found} - known - {None}) <= untold
