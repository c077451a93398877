"""Landing documents and chunks: differences written, the state last.

The order of writes makes every step safe to break off and do again: failures, then chunks, then the documents
that speak of them. A file of records gets its own row only when all its records are landed.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.errors import DocumentError, ShrunkSource
from tasks.hashing import sealed
from tasks.ingest.claims import Claims, Decided, Row
from tasks.ingest.compare import GOOD, MANY
from tasks.ingest.prepare import Prepared, RowSettings
from tasks.lake.failures import forget_failures, reading_failures, record_failures
from tasks.lake.lookup import Lookup, NumberSet, numbers_of_texts
from tasks.lake.schemas import documents_schema
from tasks.lake.tables import Lake
from tasks.progress import DocumentCounts
from tasks.records import Failure
from tasks.sources.listing import File

logger = logging.getLogger("embedlake.land")

_FIRST_COMMIT_ROWS = 1024  # documents or chunks written at once: few at first, so that encoders soon have work,
_COMMIT_ROWS = 16_384  # then twice as many each time, up to these; or what came together in
_COMMIT_SECONDS = 10.0


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
        gone_contents: set[str] | None = None,
        allow_shrinking: bool = False,
    ) -> None:
        self._lake = lake
        self._run_id = run_id
        self._counts = counts
        self._settings = settings
        self._gone_contents = gone_contents or set()
        self._allow_shrinking = allow_shrinking
        self._keep = lake.corpus.extraction.on_failure == "keep"
        named = {source.name for source in lake.corpus.sources if source.fields.id}
        self._claims = Claims(settings, named, self._keep)
        self._before = lake.snapshot(lake.name("documents"))
        self._documents = Lookup(self._before, "document_id")
        self._failing = {row["document_id"] for row in reading_failures(lake, ["document_id"]).to_pylist()}
        self._landed = NumberSet()  # ids that this run has landed
        self._removed: set[str] = set()
        self._waiting: list[Prepared] = []
        self._last_flush = time.monotonic()
        self._enough = _FIRST_COMMIT_ROWS

    @cached_property
    def _chunks(self) -> Lookup:
        return Lookup(self._lake.snapshot(self._lake.name("chunks")), "document_id")

    @cached_property
    def _records(self) -> Lookup:
        return Lookup(self._before, "container")

    @cached_property
    def _containers(self) -> set[str]:
        """Files that the lake has records of."""
        return set(pc.unique(self._before.read(["container"], "container IS NOT NULL")["container"]).to_pylist())

    def add(self, prepared: Prepared) -> Iterator[pa.Table]:
        """Take a result; gives the chunks that were written whenever enough has come together."""
        self._counts.read_bytes += prepared.read
        self._waiting.append(prepared)
        rows = sum(max(p.documents.num_rows, p.chunks.num_rows) for p in self._waiting)
        if rows >= self._enough or time.monotonic() - self._last_flush > _COMMIT_SECONDS:
            yield from self.flush()
            self._enough = min(2 * self._enough, _COMMIT_ROWS)

    def flush(self) -> Iterator[pa.Table]:
        """Write all that waits; gives the chunks that were written."""
        self._last_flush = time.monotonic()
        if not self._waiting:
            return
        waiting, self._waiting = [_without_unread(prepared) for prepared in self._waiting], []
        ids = [i for prepared in waiting for i in _claimed(prepared.documents)]
        before = self._rows_before(ids)
        holders = self._holders(ids)
        found = [(p, self._claims.decide(p, before.get, holders)) for p in waiting]
        failures = [
            failure
            for p, decided in found
            for failure in (*(f for f in p.failures if f.document_id not in decided.lost), *decided.failures)
        ]
        for _, decided in found:
            stale_rows = [row for row in decided.rows if row["state"] == "stale"]
            others = [row for row in decided.rows if row["state"] != "stale"]
            decided.rows = others + [sealed(row) for row in self._as_chunked(stale_rows)] if stale_rows else others
        documents = pa.concat_tables([_decided_rows(p, decided) for p, decided in found])
        before |= self._rows_before([i for i in documents["document_id"].to_pylist() if i not in before])
        chunks = pa.concat_tables([p.chunks.filter(among(p.chunks["document_id"], d.chunked)) for p, d in found])
        stale = documents.filter(pc.equal(documents["state"], "stale"))["document_id"]
        self._counts.duplicates += sum(decided.equal for _, decided in found)
        self._counts.keep(stale.to_pylist())

        record_failures(self._lake, failures)
        self._counts.failed += len(failures)
        written = self._write_chunks(documents.filter(pc.invert(among(documents["document_id"], stale))), chunks)
        self._write_documents(documents, before)
        self._leave_containers(documents)
        failed = {failure.document_id for failure in failures}
        mended = (self._failing & set(documents["document_id"].to_pylist())) - failed
        forget_failures(self._lake, mended)
        self._failing = (self._failing - mended) | failed
        self._landed.add(numbers_of_texts(list(holders)))
        self._counts.chunks += written.num_rows
        self._counts.tokens += pc.sum(written["token_count"]).as_py() or 0
        logger.info("%d documents and %d chunks landed", documents.num_rows, written.num_rows)
        if written.num_rows:
            yield written

    def finish_container(self, file: File) -> Iterator[pa.Table]:
        """All records of a file came: remove those that it holds no more, then write the file's own row."""
        yield from self.flush()
        displaced = self._claims.displaced.pop(file.document_id, set()) - self._claims.seen
        held = self._held(file)
        unseen = [identity for identity in (*held, *displaced) if identity not in self._claims.seen]
        columns = documents_schema(self._lake.corpus).names
        there = self._lake.read_in(self._lake.name("documents"), "document_id", unseen, columns).to_pylist()
        gone = [row for row in there if row["container"] == file.document_id]  # others have an id that another file has
        good = [row for row in gone if row["state"] in GOOD]
        if self._keep and 0 < len(good) <= self._claims.nameless:  # they may be the records that cannot be told
            settings = self._settings[file.source].failed
            self._write_rows([row | {"state": "stale", "settings": settings} for row in self._as_chunked(good)])
            self._counts.keep([row["document_id"] for row in good])
            gone = [row for row in gone if row["state"] not in GOOD]
        if not self._allow_shrinking and len(held) >= MANY and len(gone) * 2 > len(held):
            raise ShrunkSource(
                f"{file.uri} holds {len(held) - len(gone):,} of the {len(held):,} records that the lake knows of it."
                " Nothing was deleted.",
                "Is it whole? If the rest is truly gone, run again with --allow-shrinking.",
            )
        self.remove(row["document_id"] for row in gone)
        self._counts.failed -= len(displaced)  # records that are in another file now, and lost nothing
        self._counts.deleted -= len(displaced)
        self.write_file(file, self._settings[file.source].read, "container")
        self._claims.begin_file()

    def fail_container(self, file: File, error: DocumentError) -> Iterator[pa.Table]:
        """A file of records cannot be read: its records stay or go as the corpus says, or stay where it may pass."""
        yield from self.flush()
        settings = self._settings[file.source].failed
        record_failures(self._lake, [Failure.of(error, file.document_id, file.uri, "read", settings)])
        self._counts.failed += 1
        if not error.transient:
            self._claims.displaced.pop(file.document_id, None)
            table = self._lake.name("documents")
            columns = documents_schema(self._lake.corpus).names
            rows = self._lake.read_in(table, "container", [file.document_id], columns).to_pylist()
            kept = [row for row in rows if self._keep and row["state"] in GOOD]
            good = {row["document_id"] for row in kept}
            as_were = [row for row in kept if row["document_id"] not in self._claims.seen]
            mended = self._as_chunked(as_were)
            self._write_rows([new for new, row in zip(mended, as_were, strict=True) if new != row])
            failed = {row["document_id"] for row in rows} & self._claims.seen if self._keep else set()
            self.remove({row["document_id"] for row in rows} - good - failed)
            self._counts.keep([file.document_id] if good else [])
            self.write_file(file, settings, "stale" if good else "quarantined")
        self._claims.begin_file()

    def _held(self, file: File) -> list[str]:
        """Ids of the records that the lake had of a file when the run began."""
        held: list[str] = self._records.rows([file.document_id], ["document_id"])["document_id"].to_pylist()
        return held

    def write_file(self, file: File, settings: str, state: str) -> None:
        """The row of a file that holds records."""
        row = {
            "document_id": file.document_id, "source": file.source, "uri": file.uri, "tag": file.tag,
            "settings": settings, "state": state, "bytes": file.size,
        }  # fmt: skip
        self._write_rows([row])
        if state == "container" and file.document_id in self._failing:
            forget_failures(self._lake, [file.document_id])

    def remove(self, document_ids: Iterable[str]) -> None:
        """Delete documents: their chunks first, themselves last."""
        gone = set(document_ids)
        if not gone:
            return
        remove_documents(self._lake, gone)
        self._removed |= gone
        self._counts.deleted += len(gone)

    def _rows_before(self, ids: list[str]) -> dict[str, Row]:
        """The rows that the lake had for some documents when the run began, but for those removed since."""
        rows = self._documents.rows(ids, documents_schema(self._lake.corpus).names).to_pylist()
        return {row["document_id"]: row for row in rows if row["document_id"] not in self._removed}

    def _holders(self, ids: list[str]) -> dict[str, Row]:
        """The rows of records that this run has landed already, of those with some ids."""
        maybe = self._landed.among(numbers_of_texts(ids))
        if not maybe.any():
            return {}
        again = [ids[i] for i in np.flatnonzero(maybe)]
        columns = ["document_id", "source", "uri", "container"]
        rows = self._lake.read_in(self._lake.name("documents"), "document_id", again, columns).to_pylist()
        return {row["document_id"]: row for row in rows}

    def _write_chunks(self, documents: pa.Table, chunks: pa.Table) -> pa.Table:
        """Write the chunks that differ from the lake's; those that the documents have no more go in the same commit.
        Gives the written ones."""
        table = self._lake.name("chunks")
        ids = [identity for identity in documents["document_id"].to_pylist() if identity not in self._removed]
        there = self._chunks.rows(ids, ["chunk_id", "version"])
        stale = there.filter(pc.invert(among(there["chunk_id"], chunks["chunk_id"])))["chunk_id"].to_pylist()
        chunks = chunks.filter(pc.invert(among(chunks["version"], there["version"])))
        if chunks.num_rows or stale:
            self._lake.merge(table, chunks, without=stale)
        return chunks

    def _as_chunked(self, rows: list[Row]) -> list[Row]:
        """Rows of documents that cannot be read now, as their chunks have them: a run may have broken off between these
        and the rows. The hash of a whole text cannot be told from its chunks."""
        ids = {row["document_id"] for row in rows}
        there = self._chunks.rows(ids, ["document_hash"])
        contents = dict(zip(there["document_id"].to_pylist(), there["document_hash"].to_pylist(), strict=True))
        counts = Counter(there["document_id"].to_pylist())
        found = []
        for row in rows:
            identity = row["document_id"]
            content = contents.get(identity, row["content_hash"])
            text_hash = row["text_hash"] if content == row["content_hash"] else None
            found.append(row | {"content_hash": content, "text_hash": text_hash, "chunks": counts[identity]})
        return found

    def _write_documents(self, documents: pa.Table, before: dict[str, Row]) -> None:
        """Write the rows that are new or differ from the lake's."""
        known = among(documents["document_id"], list(before))
        new = documents.filter(pc.invert(known))
        self._counts.new += new.num_rows
        self._counts.moved += pc.sum(among(new["content_hash"], self._gone_contents)).as_py() or 0
        old = documents.filter(known)
        for identity, content in zip(old["document_id"].to_pylist(), old["content_hash"].to_pylist(), strict=True):
            if before[identity]["content_hash"] == content:
                self._counts.touched += 1
            else:
                self._counts.changed += 1
        changed = old.filter(pc.invert(among(old["version"], [row["version"] for row in before.values()])))
        self._merge_documents(pa.concat_tables([new, changed]))

    def _write_rows(self, rows: list[dict[str, Any]]) -> None:
        self._merge_documents(
            pa.Table.from_pylist([sealed(row) for row in rows], schema=documents_schema(self._lake.corpus))
        )

    def _merge_documents(self, rows: pa.Table) -> None:
        if rows.num_rows:
            run = pa.array([self._run_id] * len(rows), pa.string())
            rows = rows.set_column(rows.schema.get_field_index("run"), "run", run)
            self._lake.merge(self._lake.name("documents"), rows)

    def _leave_containers(self, documents: pa.Table) -> None:
        """Remove the records of files that hold none any more, since they are documents themselves."""
        files = set(documents.filter(pc.invert(documents["container"].is_valid()))["document_id"].to_pylist())
        for file in files & self._containers:
            self.remove(self._records.rows([file], ["document_id"])["document_id"].to_pylist())


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
    return Prepared(documents, prepared.chunks, prepared.failures, prepared.read)


def _decided_rows(prepared: Prepared, decided: Decided) -> pa.Table:
    rows = prepared.documents
    if len(decided.keep) < len(rows):
        rows = rows.take(pa.array(decided.keep, pa.int64()))
    if decided.rows:
        rows = pa.concat_tables([rows, pa.Table.from_pylist(decided.rows, schema=rows.schema)])
    return rows


def remove_documents(lake: Lake, document_ids: Iterable[str]) -> None:
    """Delete documents: chunks, then failures, then the rows that speak of them."""
    ids = set(document_ids)
    lake.delete_in(lake.name("chunks"), "document_id", ids)
    forget_failures(lake, ids)
    lake.delete_in(lake.name("documents"), "document_id", ids)


def strays(lake: Lake) -> list[str]:
    """Documents that have chunks and are neither active nor stale: what a run left that broke off between the two
    writes."""
    chunked = pc.unique(lake.read(lake.name("chunks"), ["document_id"])["document_id"]).drop_null()
    good = lake.read(lake.name("documents"), ["document_id"], "state IN ('active', 'stale')")["document_id"]
    found: list[str] = chunked.filter(pc.invert(among(chunked, good))).to_pylist()
    return found
