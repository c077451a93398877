"""Landing documents and chunks: differences written, the state last.

The order of writes makes every step safe to break off and do again: failures, then chunks, then the documents
that speak of them. A file of records gets its own row only when all its records are landed.
"""

import logging
import re
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.errors import DocumentError, EmptyDocument, ShrunkSource
from tasks.extract.convert import MAIL
from tasks.extract.read import EMPTY
from tasks.ingest.claims import Claims, Decided
from tasks.ingest.compare import GOOD, MANY
from tasks.ingest.identity import RowSettings
from tasks.ingest.prepare import Prepared
from tasks.ingest.rows import document_of
from tasks.ingest.stored import Stored
from tasks.lake.failures import forget_failures, reading_failures, record_failures
from tasks.lake.schemas import table_of
from tasks.lake.tables import Lake
from tasks.progress import DocumentCounts
from tasks.records import Document, Failure, State
from tasks.sources.formats import CONTAINERS, format_of
from tasks.sources.listing import File
from tasks.sources.opening import read_head

logger = logging.getLogger("embedlake.land")

_WITHIN = re.compile(r"!/|#")  # after the id of what a document lies in
_FIRST_COMMIT_ROWS = 1024  # documents or chunks written at once: few at first, so that encoders soon have work,
_COMMIT_ROWS = 16_384  # then twice as many each time, up to these; or what came together in
_COMMIT_SECONDS = 10.0
_BLANK = 2**16  # bytes of white space, or fewer, by which a file is told to be empty
_EMPTIED = "the file is empty; it held records before", "Delete it, if they are to go."


class Landing:
    """Lands what readers prepared.

    Args:
        lake: where to.
        run_id: of this run.
        counts: to add to.
        settings: the current ones, by source.
        gone_contents: content hashes of documents that this run deletes, to tell moves from new documents.
        allow_shrinking: go on where a file holds less than half of the records that the lake knows.
    """

    def __init__(
        self,
        lake: Lake,
        run_id: str,
        counts: DocumentCounts,
        settings: dict[str, RowSettings],
        gone_contents: Collection[str] = (),
        allow_shrinking: bool = False,
    ) -> None:
        self._lake = lake
        self._counts = counts
        self._settings = settings
        self._allow_shrinking = allow_shrinking
        self._keep = lake.corpus.extraction.on_failure == "keep"
        named = {source.name for source in lake.corpus.sources if source.fields.id}
        self._claims = Claims(settings, named, self._keep)
        self._stored = Stored(lake, run_id, counts, gone_contents)
        self._failing = {row["document_id"] for row in reading_failures(lake, ["document_id"]).to_pylist()}
        self._waiting: list[Prepared] = []
        self._last_flush = time.monotonic()
        self._enough = _FIRST_COMMIT_ROWS

    def add(self, prepared: Prepared) -> Iterator[pa.Table]:
        """Take a result; gives the chunks that were written whenever enough has come together."""
        self._counts.read_bytes += prepared.read
        self._counts.misfit(prepared.unfit)
        self._counts.leave_out(prepared.left_out)
        self._counts.skip(prepared.skipped)
        self._waiting.append(prepared)
        rows = sum(max(p.documents.num_rows, p.chunks.num_rows, len(p.unchanged)) for p in self._waiting)
        if rows >= self._enough or time.monotonic() - self._last_flush > _COMMIT_SECONDS:
            yield from self.flush()
            self._enough = min(2 * self._enough, _COMMIT_ROWS)

    def flush(self) -> Iterator[pa.Table]:
        """Write all that waits; gives the chunks that were written."""
        self._last_flush = time.monotonic()
        if not self._waiting:
            return
        waiting, self._waiting = [_without_unread(prepared) for prepared in self._waiting], []
        if self._stored.containers:
            waiting = [self._without_containers(prepared) for prepared in waiting]
        ids = [i for prepared in waiting for i in _claimed(prepared.documents)]
        before = self._stored.rows_before(ids)
        holders = self._stored.holders(ids)

        def was(identity: str) -> Document | None:
            return Document.of(before[identity]) if identity in before else None

        found = [(p, self._claims.decide(p, was, holders)) for p in waiting]
        failures = [
            failure
            for p, decided in found
            for failure in (*(f for f in p.failures if f.document_id not in decided.lost), *decided.failures)
        ]
        for _, decided in found:
            stale_ones = [document for document in decided.documents if document.state == "stale"]
            others = [document for document in decided.documents if document.state != "stale"]
            decided.documents = others + (self._stored.as_chunked(stale_ones) if stale_ones else [])
        documents = pa.concat_tables([_decided_rows(p, decided) for p, decided in found])
        before |= self._stored.rows_before([i for i in documents["document_id"].to_pylist() if i not in before])
        chunks = pa.concat_tables([p.chunks.filter(among(p.chunks["document_id"], d.chunked)) for p, d in found])
        stale = documents.filter(pc.equal(documents["state"], "stale"))["document_id"]
        self._counts.duplicates += sum(decided.equal for _, decided in found)
        self._counts.keep(stale.to_pylist())

        record_failures(self._lake, failures)
        self._counts.failed += len(failures)
        written = self._stored.write_chunks(documents.filter(pc.invert(among(documents["document_id"], stale))), chunks)
        self._stored.write_rows(documents, before)
        failed = {failure.document_id for failure in failures}
        repaired = (self._failing & set(documents["document_id"].to_pylist())) - failed
        forget_failures(self._lake, repaired)
        self._failing = (self._failing - repaired) | failed
        self._stored.landed(holders)
        self._counts.chunks += written.num_rows
        self._counts.tokens += pc.sum(written["token_count"]).as_py() or 0
        logger.info("%d documents and %d chunks landed", documents.num_rows, written.num_rows)
        if written.num_rows:
            yield written

    def finish_container(self, file: File) -> Iterator[pa.Table]:
        """All records of a file came: remove those that it holds no more, then write the file's own row. Of one that is
        empty and held some they stay or go as if it could not be read: perhaps it is half-written."""
        yield from self.flush()
        held = self._stored.records_before(file.document_id)
        if held and not (self._claims.seen or self._claims.nameless) and self._was_emptied(file):
            yield from self.fail_container(file, EmptyDocument(*_EMPTIED))
            return
        displaced = self._claims.displaced.pop(file.document_id, set()) - self._claims.seen
        unseen = [identity for identity in (*held, *displaced) if identity not in self._claims.seen]
        there = self._stored.documents_now("document_id", unseen)
        gone = [one for one in there if one.container == file.document_id]  # others have an id that another file has
        if self._keep:  # what was in a member that cannot be read now stays as it was
            gone = [one for one in gone if not (one.state in GOOD and self._is_in_failed(one.document_id, file))]
        good = [one for one in gone if one.state in GOOD]
        if self._keep and 0 < len(good) <= self._claims.nameless:  # they may be the records that cannot be told
            settings = self._settings[file.source].failed
            self._stored.write(replace(one, state="stale", settings=settings) for one in self._stored.as_chunked(good))
            self._counts.keep([one.document_id for one in good])
            gone = [one for one in gone if one.state not in GOOD]
        new = self._claims.seen.difference(held)
        self._remove_records(file.uri, gone, len(held), len(new))
        self._counts.failed -= len(displaced)  # records that are in another file now, and lost nothing
        self._counts.deleted -= len(displaced)
        self._write_file(file, self._settings[file.source].read(file.format), "container")
        self._claims.begin_file()

    def _is_in_failed(self, identity: str, file: File) -> bool:
        """Whether a document was, or may have been, in a member of a file that cannot be read."""
        failed = self._claims.failed
        if not failed:
            return False
        within = f"{file.document_id}!/"
        if not identity.startswith(within):  # a record with an id of its own
            return any(one.startswith(within) and format_of(one) in (*CONTAINERS, "json") for one in failed)
        ends = (match.start() for match in _WITHIN.finditer(identity, len(within)))
        return any(identity[:end] in failed for end in ends)

    def fail_container(self, file: File, error: DocumentError) -> Iterator[pa.Table]:
        """A file of records cannot be read: its records stay or go as the corpus says, or stay where it may pass."""
        yield from self.flush()
        settings = self._settings[file.source].failed
        self._fail(document_of(file, settings), error)
        if not error.transient:
            self._keep_records(document_of(file, settings))
        self._claims.begin_file()

    def _was_emptied(self, file: File) -> bool:
        """Whether nothing is in a file that held records which could be read."""
        there = self._stored.documents_now("container", [file.document_id])
        source = self._lake.corpus.source(file.source)
        return any(one.state in GOOD for one in there) and not read_head(source, file.path, _BLANK).strip()

    def _fail(self, document: Document, error: DocumentError) -> None:
        record_failures(self._lake, [Failure.of(error, document.document_id, document.uri, "read", document.settings)])
        self._counts.failed += 1

    def _keep_records(self, file: Document) -> None:
        """Keep what the lake has of a file that cannot be read, or drop it, as the corpus says: its records, or its
        text if it was a document before."""
        self._claims.displaced.pop(file.document_id, None)
        there = self._stored.documents_now("container", [file.document_id])
        kept = [one for one in there if self._keep and one.state in GOOD]
        good = {one.document_id for one in kept}
        as_were = [one for one in kept if one.document_id not in self._claims.seen]
        repaired = self._stored.as_chunked(as_were)
        self._stored.write(new for new, one in zip(repaired, as_were, strict=True) if new != one)
        ids = {one.document_id for one in there}
        failed = ids & self._claims.seen if self._keep else set()
        self.remove(ids - good - failed)
        own = [
            replace(one, state="stale", tag=file.tag, uri=file.uri, settings=file.settings)
            for one in self._stored.documents_now("document_id", [file.document_id])
            if self._keep and one.container is None and one.state in GOOD and one.chunks
        ]
        if (good and not any(one.media_type == MAIL for one in own)) or not own:
            self._stored.remove_chunks(file.document_id)
            own = [replace(file, state="stale" if good else "quarantined")]
        self._counts.keep([file.document_id] if own[0].state == "stale" else [])
        self._stored.write(own)

    def _without_containers(self, prepared: Prepared) -> Prepared:
        """Without the rows of files of which the lake has records and that are documents now, if they cannot be used:
        what the lake has of these stays or goes as the corpus says. Of the others the records go."""
        rows = prepared.documents
        alone = rows.filter(
            pc.and_(pc.invert(rows["container"].is_valid()), among(rows["document_id"], list(self._stored.containers)))
        )
        unusable = set()
        for row in alone.to_pylist():
            file = Document.of(row)
            if file.state == "active" and not (self._keep and file.media_type == EMPTY):
                there = self._stored.documents_now("container", [file.document_id])
                attached = set(rows["document_id"].to_pylist()) if file.media_type == MAIL else set()
                gone = [one for one in there if one.document_id not in attached]
                self._remove_records(file.uri, gone, len(there))
                continue
            unusable.add(file.document_id)
            settings = self._settings[file.source].failed
            file = Document(
                file.document_id, file.source, file.uri, "quarantined", settings, tag=file.tag, bytes=file.bytes
            )
            if row["state"] == "active":
                self._fail(file, EmptyDocument(*_EMPTIED))
            own = [failure for failure in prepared.failures if failure.document_id == file.document_id]
            record_failures(self._lake, own)  # before the row that says it failed
            self._counts.failed += len(own)
            self._keep_records(file)
        if not unusable:
            return prepared
        rest = rows.filter(pc.invert(among(rows["document_id"], list(unusable))))
        failures = [failure for failure in prepared.failures if failure.document_id not in unusable]
        return replace(prepared, documents=rest, failures=failures)

    def _remove_records(self, uri: str, gone: list[Document], known: int, new: int = 0) -> None:
        """Delete records that a file does not hold any more. Where others came in their place, as in an archive whose
        folder has another name, it did not shrink.

        Raises:
            ShrunkSource: it holds less than half as many as the lake knows of it, and that was not allowed.
        """
        left = known - len(gone)
        if not self._allow_shrinking and known >= MANY and (left + new) * 2 < known:
            others = f", and {new:,} others" if new else ""
            raise ShrunkSource(
                f"{uri} holds {left:,} of the {known:,} records that the lake knows of it{others}."
                " Nothing was deleted.",
                "Is it whole? If the rest is truly gone, run again with --allow-shrinking.",
            )
        self.remove(one.document_id for one in gone)

    def remove(self, document_ids: Iterable[str]) -> None:
        """Delete documents: their chunks first, themselves last."""
        self._stored.remove(document_ids)

    def _write_file(self, file: File, settings: str, state: State) -> None:
        """The row of a file that holds records."""
        self._stored.write([replace(document_of(file, settings), state=state)])
        if state == "container" and file.document_id in self._failing:
            forget_failures(self._lake, [file.document_id])


def _claimed(documents: pa.Table) -> list[str]:
    """The id that each row has or claims."""
    ids: list[str] = pc.coalesce(documents["repeats"], documents["document_id"]).to_pylist()
    return ids


def _without_unread(prepared: Prepared) -> Prepared:
    """Without the rows of documents that could not be fetched: the lake keeps what it knows."""
    unread = [failure.document_id for failure in prepared.failures if failure.transient]
    if not unread:
        return prepared
    documents = prepared.documents.filter(pc.invert(among(prepared.documents["document_id"], unread)))
    return replace(prepared, documents=documents)


def _decided_rows(prepared: Prepared, decided: Decided) -> pa.Table:
    rows = prepared.documents
    if len(decided.keep) < len(rows):
        rows = rows.take(pa.array(decided.keep, pa.int64()))
    if decided.documents:
        rows = pa.concat_tables([rows, table_of(decided.documents, rows.schema)])
    return rows
