"""Landing documents and chunks: duplicates decided, differences written, the state last.

The order of writes makes every step safe to break off and do again: failures, then chunks, then the documents
that speak of them. A file of records gets its own row only when all its records are landed.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from sys import intern

import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.compare import MANY
from tasks.errors import ShrunkSource
from tasks.failures import forget_failures, record_failures
from tasks.lake import Lake
from tasks.prepare import Failure, Prepared, repeated_id
from tasks.progress import DocumentCounts
from tasks.schemas import documents_schema
from tasks.sources import File

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
        gone_contents: content hashes of documents that this run deletes, to tell moves from new documents.
        allow_shrinking: go on where a file holds less than half of the records that the lake knows.
    """

    def __init__(
        self,
        lake: Lake,
        run_id: str,
        counts: DocumentCounts,
        gone_contents: set[str] | None = None,
        allow_shrinking: bool = False,
    ) -> None:
        self._allow_shrinking = allow_shrinking
        self._lake = lake
        self._run_id = run_id
        self._counts = counts
        self._gone_contents = gone_contents or set()
        known = lake.read(lake.name("documents"), ["document_id", "text_hash", "state"])
        self._known = set(_interned(known["document_id"]))
        active = known.filter(pc.equal(known["state"], "active"))
        self._owners = dict(zip(active["text_hash"].to_pylist(), _interned(active["document_id"]), strict=True))
        chunked = pc.unique(lake.read(lake.name("chunks"), ["document_id"])["document_id"])
        self._known.update(_interned(chunked))  # with documents whose chunks a broken-off run left
        self._failing = set(lake.read(lake.name("failures"), ["document_id"])["document_id"].to_pylist())
        self._seen: set[str] = set()
        self._waiting: list[Prepared] = []
        self._last_flush = time.monotonic()
        self._enough = _FIRST_COMMIT_ROWS

    def add(self, prepared: Prepared) -> Iterator[pa.Table]:
        """Take a result; gives the chunks that were written whenever enough has come together."""
        self._counts.read_bytes += prepared.read
        self._waiting.append(self._without_repeated_ids(prepared))
        rows = sum(max(p.documents.num_rows, p.chunks.num_rows) for p in self._waiting)
        if rows >= self._enough or time.monotonic() - self._last_flush > _COMMIT_SECONDS:
            yield from self.flush()
            self._enough = min(2 * self._enough, _COMMIT_ROWS)

    def flush(self) -> Iterator[pa.Table]:
        """Write all that waits; gives the chunks that were written."""
        self._last_flush = time.monotonic()
        if not self._waiting:
            return
        failures = [failure for prepared in self._waiting for failure in prepared.failures]
        documents = pa.concat_tables([prepared.documents for prepared in self._waiting])
        chunks = pa.concat_tables([prepared.chunks for prepared in self._waiting])
        self._waiting = []
        record_failures(self._lake, failures)
        self._counts.failed += len(failures)
        unread = {failure.document_id for failure in failures if failure.transient}
        documents = documents.filter(pc.invert(among(documents["document_id"], unread)))  # keep what the lake knows

        before = self._rows_before(documents["document_id"].to_pylist())
        documents = self._decide(documents, before)
        canonical = documents.filter(pc.equal(documents["state"], "active"))["document_id"]
        written = self._write_chunks(chunks.filter(among(chunks["document_id"], canonical)), list(before))
        self._write_documents(documents, before)
        failed = {failure.document_id for failure in failures}
        mended = (self._failing & set(documents["document_id"].to_pylist())) - failed
        forget_failures(self._lake, mended)
        self._failing = (self._failing - mended) | failed
        self._counts.chunks += written.num_rows
        self._counts.tokens += pc.sum(written["token_count"]).as_py() or 0
        logger.info("%d documents and %d chunks landed", documents.num_rows, written.num_rows)
        if written.num_rows:
            yield written

    def finish_container(self, file: File, settings: str) -> Iterator[pa.Table]:
        """All records of a file came: remove those that it holds no more, then write the file's own row."""
        yield from self.flush()
        held = self._lake.read(
            self._lake.name("documents"),
            ["document_id"],
            f"container = '{file.document_id.replace(chr(39), chr(39) * 2)}'",
        )
        gone = [identity for identity in held["document_id"].to_pylist() if identity not in self._seen]
        if not self._allow_shrinking and len(held) >= MANY and len(gone) * 2 > len(held):
            raise ShrunkSource(
                f"{file.uri} holds {len(held) - len(gone):,} of the {len(held):,} records that the lake knows of it."
                " Nothing was deleted.",
                "Is it whole? If the rest is truly gone, run again with --allow-shrinking.",
            )
        self.remove(gone)
        self.write_file(file, settings, "container")

    def write_file(self, file: File, settings: str, state: str) -> None:
        """The row of a file as such."""
        row = {
            "document_id": file.document_id, "uri": file.uri, "tag": file.tag, "settings": settings, "state": state,
            "bytes": file.size, "run": self._run_id,
        }  # fmt: skip
        self._lake.merge(
            self._lake.name("documents"), pa.Table.from_pylist([row], schema=documents_schema(self._lake.corpus))
        )
        if state == "container" and file.document_id in self._failing:
            forget_failures(self._lake, [file.document_id])

    def remove(self, document_ids: Iterable[str]) -> None:
        """Delete documents: their chunks first, themselves last."""
        gone = set(document_ids)
        if not gone:
            return
        remove_documents(self._lake, gone)
        self._known -= gone
        self._owners = {text_hash: owner for text_hash, owner in self._owners.items() if owner not in gone}
        self._counts.deleted += len(gone)

    def _without_repeated_ids(self, prepared: Prepared) -> Prepared:
        """Set aside a record whose id came before in this run."""
        records = prepared.documents.filter(prepared.documents["container"].is_valid())
        ids = _interned(records["document_id"])
        repeated = self._seen.intersection(ids)
        self._seen.update(ids)
        if not repeated:
            return prepared
        first = pc.invert(among(prepared.documents["document_id"], repeated))
        chunks = prepared.chunks.filter(pc.invert(among(prepared.chunks["document_id"], repeated)))
        twins = prepared.documents.filter(pc.invert(first)).select(["document_id", "uri"]).to_pylist()
        failures = [
            Failure.of(repeated_id(t["document_id"]), f"{t['document_id']} in {t['uri']}", t["uri"], "extract")
            for t in twins
        ]
        return Prepared(prepared.documents.filter(first), chunks, prepared.failures + failures, prepared.read)

    def _rows_before(self, ids: list[str]) -> dict[str, dict[str, object]]:
        known = [identity for identity in ids if identity in self._known]
        table = self._lake.name("documents")
        columns = documents_schema(self._lake.corpus).names
        rows = (
            {row["document_id"]: row for row in self._lake.read_in(table, "document_id", known, columns).to_pylist()}
            if known
            else {}
        )
        return {identity: rows.get(identity, {}) for identity in known}

    def _decide(self, documents: pa.Table, before: dict[str, dict[str, object]]) -> pa.Table:
        """Mark duplicates: of documents with equal text, the one that the lake has or that comes first stays."""
        exact = self._lake.corpus.deduplication == "exact"
        owners: list[str | None] = []
        for identity, text_hash, state in zip(
            _interned(documents["document_id"]), documents["text_hash"].to_pylist(), documents["state"].to_pylist(),
            strict=True,
        ):  # fmt: skip
            said = str(before[identity].get("text_hash")) if identity in before else text_hash
            if said != text_hash and self._owners.get(said) == identity:
                del self._owners[said]
            owner = self._owners.setdefault(text_hash, identity) if exact and state == "active" else identity
            owners.append(None if owner == identity else owner)
        duplicate_of = pa.array(owners, pa.string())
        twin = duplicate_of.is_valid()
        self._counts.duplicates += pc.sum(twin).as_py() or 0
        # A record's tag would be its file's: without it, a record that stays is not written again.
        tag = pc.if_else(documents["container"].is_valid(), pa.scalar(None, pa.string()), documents["tag"])
        changed = {
            "state": pc.if_else(twin, "duplicate", documents["state"]), "duplicate_of": duplicate_of, "tag": tag,
            "run": pa.array([self._run_id] * len(documents), pa.string()),
        }  # fmt: skip
        for name, values in changed.items():
            documents = documents.set_column(documents.schema.get_field_index(name), name, values)
        return documents

    def _write_chunks(self, chunks: pa.Table, known: list[str]) -> pa.Table:
        """Write the chunks that differ from the lake's; gives those."""
        table = self._lake.name("chunks")
        replacing = None
        if known:
            there = self._lake.read_in(table, "document_id", known, ["chunk_id", "version"])
            stale = there.filter(pc.invert(among(there["chunk_id"], chunks["chunk_id"])))["chunk_id"].to_pylist()
            chunks = chunks.filter(pc.invert(among(chunks["version"], there["version"])))
            if stale:
                replacing = "chunk_id IN (" + ", ".join(f"'{chunk_id}'" for chunk_id in stale) + ")"
        if chunks.num_rows or replacing:
            self._lake.merge(table, chunks, replacing)
        return chunks

    def _write_documents(self, documents: pa.Table, before: dict[str, dict[str, object]]) -> None:
        """Write the rows that are new or differ from the lake's."""
        known = among(documents["document_id"], [identity for identity, row in before.items() if row])
        new = documents.filter(pc.invert(known))
        self._counts.new += new.num_rows
        self._counts.moved += pc.sum(among(new["content_hash"], self._gone_contents)).as_py() or 0
        changed = []
        for row in documents.filter(known).to_pylist():
            old = before[row["document_id"]]
            if old["content_hash"] == row["content_hash"]:
                self._counts.touched += 1
            else:
                self._counts.changed += 1
            if {**old, "run": None} != {**row, "run": None}:
                changed.append(row)
        written = pa.concat_tables([new, pa.Table.from_pylist(changed, schema=new.schema)])
        if written.num_rows:
            self._lake.merge(self._lake.name("documents"), written)
            self._known.update(_interned(written["document_id"]))


def _interned(ids: pa.ChunkedArray) -> list[str]:
    """Ids as Python's, each one in memory once however many tables of this module hold it."""
    return [intern(identity) for identity in ids.to_pylist()]


def remove_documents(lake: Lake, document_ids: Iterable[str]) -> None:
    """Delete documents: chunks, then failures, then the rows that speak of them."""
    ids = set(document_ids)
    lake.delete_in(lake.name("chunks"), "document_id", ids)
    forget_failures(lake, ids)
    lake.delete_in(lake.name("documents"), "document_id", ids)


def heirs(lake: Lake) -> set[str]:
    """Duplicates whose canonical document is gone or says something else now; they have to be read again."""
    table, columns = lake.name("documents"), ["document_id", "text_hash", "duplicate_of"]
    duplicates = lake.read(table, columns, "state = 'duplicate'").to_pylist()
    if not duplicates:
        return set()
    active = lake.read_in(table, "document_id", {row["duplicate_of"] for row in duplicates}, [*columns, "state"])
    says = {row["document_id"]: row["text_hash"] for row in active.to_pylist() if row["state"] == "active"}
    return {row["document_id"] for row in duplicates if says.get(row["duplicate_of"]) != row["text_hash"]}


def strays(lake: Lake) -> list[str]:
    """Documents that have chunks and are not active: what a run left that broke off between the two writes."""
    chunked = pc.unique(lake.read(lake.name("chunks"), ["document_id"])["document_id"])
    active = lake.read(lake.name("documents"), ["document_id"], "state = 'active'")["document_id"]
    found: list[str] = chunked.filter(pc.invert(among(chunked, active))).to_pylist()
    return found
