"""Documents and chunks in the lake: as they were when a run began, and what the run writes where they differ."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.ingest.claims import Holder
from tasks.lake.failures import forget_failures
from tasks.lake.lookup import Lookup, NumberSet, numbers_of_texts
from tasks.lake.schemas import documents_schema, table_of
from tasks.lake.tables import Lake
from tasks.progress import DocumentCounts
from tasks.records import Document


class Stored:
    """The tables of documents and chunks, as one run finds and changes them.

    Args:
        lake: that has them.
        run_id: of the run.
        counts: to add to.
        gone_contents: content hashes of documents that the run deletes, to tell moves from new documents.
    """

    def __init__(self, lake: Lake, run_id: str, counts: DocumentCounts, gone_contents: Collection[str]) -> None:
        self._lake = lake
        self._run_id = run_id
        self._counts = counts
        self._gone_contents = gone_contents
        self._columns = documents_schema(lake.corpus).names
        self._before = lake.snapshot(lake.name("documents"))
        self._documents = Lookup(self._before, "document_id")
        self._landed = NumberSet()  # ids that this run has landed
        self._removed: set[str] = set()

    @cached_property
    def _chunks(self) -> Lookup:
        return Lookup(self._lake.snapshot(self._lake.name("chunks")), "document_id")

    @cached_property
    def _records(self) -> Lookup:
        return Lookup(self._before, "container")

    @cached_property
    def containers(self) -> set[str]:
        """Files that the lake had records of when the run began."""
        return set(pc.unique(self._before.read(["container"], "container IS NOT NULL")["container"]).to_pylist())

    def rows_before(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """The rows of some documents when the run began, by id, but for those removed since."""
        rows = self._documents.rows(ids, self._columns).to_pylist()
        return {row["document_id"]: row for row in rows if row["document_id"] not in self._removed}

    def records_before(self, file_id: str) -> list[str]:
        """Ids of the records of a file when the run began."""
        held: list[str] = self._records.rows([file_id], ["document_id"])["document_id"].to_pylist()
        return held

    def documents_now(self, column: str, values: Iterable[str]) -> list[Document]:
        """Documents as they are now whose column holds one of some values."""
        rows = self._lake.read_in(self._lake.name("documents"), column, values, self._columns).to_pylist()
        return [Document.of(row) for row in rows]

    def holders(self, ids: list[str]) -> dict[str, Holder]:
        """Where the documents are that this run has landed already, of those with some ids."""
        maybe = self._landed.among(numbers_of_texts(ids))
        if not maybe.any():
            return {}
        again = [ids[i] for i in np.flatnonzero(maybe)]
        columns = ["document_id", *Holder._fields]
        rows = self._lake.read_in(self._lake.name("documents"), "document_id", again, columns).to_pylist()
        return {row.pop("document_id"): Holder(**row) for row in rows}

    def landed(self, ids: Iterable[str]) -> None:
        """Note which ids have a document as of this run."""
        self._landed.add(numbers_of_texts(list(ids)))

    def as_chunked(self, documents: list[Document]) -> list[Document]:
        """Documents that cannot be read now, as their chunks have them: a run may have broken off between these and
        the rows. The hash of a whole text cannot be told from its chunks."""
        there = self._chunks.rows({document.document_id for document in documents}, ["document_hash"])
        contents = dict(zip(there["document_id"].to_pylist(), there["document_hash"].to_pylist(), strict=True))
        counts = Counter(there["document_id"].to_pylist())
        found = []
        for document in documents:
            content = contents.get(document.document_id, document.content_hash)
            text_hash = document.text_hash if content == document.content_hash else None
            count = counts[document.document_id]
            found.append(replace(document, content_hash=content, text_hash=text_hash, chunks=count))
        return found

    def write_chunks(self, documents: pa.Table, chunks: pa.Table) -> pa.Table:
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

    def write_rows(self, documents: pa.Table, before: dict[str, dict[str, Any]]) -> None:
        """Write the rows of documents that are new or differ from the lake's.

        Args:
            documents: rows as in the documents table.
            before: the lake's rows, by id.
        """
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
        self._merge(pa.concat_tables([new, changed]))

    def write(self, documents: Iterable[Document]) -> None:
        """Write the rows of documents."""
        self._merge(table_of(list(documents), documents_schema(self._lake.corpus)))

    def _merge(self, rows: pa.Table) -> None:
        if rows.num_rows:
            run = pa.array([self._run_id] * len(rows), pa.string())
            rows = rows.set_column(rows.schema.get_field_index("run"), "run", run)
            self._lake.merge(self._lake.name("documents"), rows)

    def remove(self, document_ids: Iterable[str]) -> None:
        """Delete documents: their chunks first, themselves last."""
        gone = set(document_ids)
        if not gone:
            return
        remove_documents(self._lake, gone)
        self._removed |= gone
        self._counts.deleted += len(gone)

    def remove_chunks(self, document_id: str) -> None:
        """Delete the chunks of a file that was a document and holds records now."""
        self._lake.delete_in(self._lake.name("chunks"), "document_id", [document_id])


def remove_documents(lake: Lake, document_ids: Iterable[str]) -> None:
    """Delete documents: chunks, then failures, then the rows that speak of them."""
    ids = set(document_ids)
    lake.delete_in(lake.name("chunks"), "document_id", ids)
    forget_failures(lake, ids)
    lake.delete_in(lake.name("documents"), "document_id", ids)


def orphan_chunks(lake: Lake) -> list[str]:
    """Documents that have chunks and are neither active nor stale: what a run left that broke off between the two
    writes."""
    chunked = pc.unique(lake.read(lake.name("chunks"), ["document_id"])["document_id"]).drop_null()
    good = lake.read(lake.name("documents"), ["document_id"], "state IN ('active', 'stale')")["document_id"]
    found: list[str] = chunked.filter(pc.invert(among(chunked, good))).to_pylist()
    return found
