"""Auditing a lake from its data alone: whether it is what it says; and removing what is not."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tasks import audit
from tasks.catalog import entry_of, model_of, write_entries, written_in_schema
from tasks.claims import lost_claims
from tasks.failures import read_again
from tasks.lake import Lake
from tasks.land import strays
from tasks.pending import orphans, pending_chunks, refused_rows
from tasks.schemas import FAILURES, RUNS, documents_schema
from tasks.tokenizer import tokenizer_is_kept

_EXAMPLES = 5
_STATES = ("building", "ready", "live", "frozen")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        table: where.
        problem: what.
        count: how many rows.
        examples: keys of the first of them.
        mended: whether `repair` removed the cause; the next run writes anew what has to be.
    """

    table: str
    problem: str
    count: int
    examples: list[str]
    mended: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


Mend = Callable[[list[str]], None]


class Verification:
    """One audit of a lake.

    Args:
        lake: to audit. To repair, hold its leases.
        repair: remove what is wrong, and have the next run read its documents again.
    """

    def __init__(self, lake: Lake, repair: bool) -> None:
        self.found: list[Finding] = []
        self._lake = lake
        self._repair = repair
        self._documents, self._chunks = lake.name("documents"), lake.name("chunks")

    def documents(self) -> None:
        """Rows of documents."""
        lake, table = self._lake, self._documents
        columns = documents_schema(lake.corpus).names
        self._note(table, "two rows of one document", audit.doubles(lake, table, "document_id"), self._forget)
        broken = audit.broken_seals(lake, table, "document_id", columns)
        self._note(table, "a row whose columns are not those that were written", broken, self._forget)
        self._note(table, "a file without a row, whose records have theirs", audit.without_file(lake), _by_next_run)
        self._note(table, "a document with other chunks than it had", audit.wrong_chunk_counts(lake), self._forget)
        self._note(table, "a document that failed without a reason", audit.without_reason(lake), self._forget)
        self._note(table, "a record whose id is free", sorted(lost_claims(lake)), _by_next_run)

    def chunks(self, sample: int) -> None:
        """Rows of chunks."""
        lake, table = self._lake, self._chunks
        self._note(table, "chunks of a document that is not active", strays(lake), self._forget)
        self._note(table, "two rows of one chunk", audit.doubles(lake, table, "chunk_id"), self._forget_chunks)
        problem = "a row whose text, hash, offsets or version disagree"
        self._note(table, problem, audit.wrong_passages(lake, table), self._forget_chunks)
        problem = "offsets that do not give the text in the source"
        self._note(table, problem, audit.wrong_offsets(lake, sample), self._forget_chunks)
        if not tokenizer_is_kept(lake):
            self._note(
                lake.name("tokenizer"), "the tokenizer that counts is not the one kept", ["chunking"], _by_next_run
            )

    def contents(self) -> None:
        """Files that changed without a sign."""
        problem = "other content than when it was read, with the same time and size"
        self._note(self._documents, problem, audit.other_contents(self._lake), self._forget)

    def failures(self) -> None:
        """What was set aside, and the runs."""
        lake, table = self._lake, self._lake.name("failures")
        wrong = {*audit.doubles(lake, table, "failure_id")}
        wrong |= {*audit.broken_seals(lake, table, "failure_id", FAILURES.names)}
        self._note(table, "a row whose columns are not those that were written, or double", sorted(wrong), self._retry)
        self._note(table, "a failure of a document that has not failed", audit.without_document(lake), self._retry)
        runs = lake.name("runs")
        wrong = {*audit.doubles(lake, runs, "run_id"), *audit.broken_seals(lake, runs, "run_id", RUNS.names)}
        self._note(
            runs,
            "a row whose columns are not those that were written, or double",
            sorted(wrong),
            self._remove(runs, "run_id"),
        )

    def catalog(self) -> None:
        """Lines of the catalog, and leases."""
        lake, table = self._lake, self._lake.name("catalog")
        self._note(table, "a line that its table's schema does not confirm", audit.wrong_entries(lake), self._rewrite)
        entries = lake.catalog()
        unknown = [entry["table"] for entry in entries if entry["state"] not in _STATES]
        self._note(table, "a state that there is not", unknown, self._rewrite)
        live = [entry["table"] for entry in entries if entry["state"] == "live"]
        if len(live) > 1:
            self._note(table, "more than one live table", live, self._rewrite)
        self._note(
            lake.name("leases"),
            "two rows of one lease",
            audit.doubles(lake, lake.name("leases"), "scope"),
            _by_next_run,
        )

    def models(self, sample: int) -> None:
        """Rows of the models' tables."""
        lake = self._lake
        for entry in lake.catalog():
            table = entry["table"]
            remove = self._remove(table, "chunk_id")
            self._note(table, "two rows of one chunk", audit.doubles(lake, table, "chunk_id"), remove)
            self._note(table, "a row of a chunk that is gone", self._orphans(table), remove)
            problem = "a row whose text, hash, offsets or version disagree"
            self._note(table, problem, audit.wrong_passages(lake, table), remove)
            problem = "a vector that is not finite, zero, not of its length, or not the one that was written"
            self._note(table, problem, audit.wrong_vectors(lake, entry), remove)
            self._note(table, "a vector that its text does not give", audit.other_vectors(lake, entry, sample), remove)
            refused = refused_rows(lake, table, entry["max_tokens"], ["chunk_id"])["chunk_id"].to_pylist()
            self._note(table, "a chunk longer than the model reads, which the corpus refuses", refused, _by_next_run)
            if entry["state"] not in ("building", "frozen"):
                pending = pending_chunks(lake, table, model_of(lake.corpus, entry))
                missing = pending.chunks.take(pending.positions, ["chunk_id"])["chunk_id"].to_pylist()
                self._note(table, "a chunk without a row of its version", missing, _by_next_run)

    def _orphans(self, table: str) -> list[str]:
        """Rows whose chunk is gone. Where the document is there, its chunk may have been lost: it is read again."""
        lake, gone = self._lake, orphans(self._lake, table)
        if gone and self._repair:
            rows = lake.read_in(table, "chunk_id", gone, ["document_id"])
            read_again(lake, set(rows["document_id"].to_pylist()))
        return gone

    def _note(self, table: str, problem: str, keys: Iterable[str], mend: Mend) -> None:
        wrong = list(keys)
        if wrong:
            if self._repair:
                mend(wrong)
            self.found.append(Finding(table, problem, len(wrong), wrong[:_EXAMPLES], mended=self._repair))

    def _remove(self, table: str, key: str) -> Mend:
        return lambda keys: self._lake.delete_in(table, key, keys)

    def _forget(self, document_ids: list[str]) -> None:
        """Have documents read again: first their files' versions go, then what the lake has of them."""
        lake = self._lake
        chunks = lake.read_in(self._chunks, "document_id", document_ids, ["document_id", "uri"])
        rows = lake.read_in(self._documents, "document_id", document_ids, ["document_id", "uri", "container"])
        uris = {uri for part in (rows, chunks) for uri in part["uri"].to_pylist() if uri}
        files = lake.read_in(self._documents, "uri", uris, ["document_id", "container"]).to_pylist()
        read_again(lake, {*document_ids, *(row["container"] or row["document_id"] for row in files)})
        lake.delete_in(self._chunks, "document_id", document_ids)
        lake.delete_in(self._documents, "document_id", document_ids)

    def _forget_chunks(self, chunk_ids: list[str]) -> None:
        owners = self._lake.read_in(self._chunks, "chunk_id", chunk_ids, ["document_id", "uri"])
        by_uri = self._lake.read_in(self._documents, "uri", set(owners["uri"].drop_null().to_pylist()), ["document_id"])
        read_again(self._lake, set(by_uri["document_id"].to_pylist()))  # where the row's own document is not right
        self._forget(sorted({*owners["document_id"].drop_null().to_pylist()}))
        self._lake.delete_in(self._chunks, "chunk_id", chunk_ids)

    def _retry(self, failure_ids: list[str]) -> None:
        rows = self._lake.read_in(self._lake.name("failures"), "failure_id", failure_ids, ["document_id"])
        read_again(self._lake, set(rows["document_id"].drop_null().to_pylist()))
        self._lake.delete_in(self._lake.name("failures"), "failure_id", failure_ids)

    def _rewrite(self, tables: list[str]) -> None:
        """Write lines anew from their tables' schemas; the next run decides which one is live."""
        lake = self._lake
        entries = []
        for table in tables:
            told = written_in_schema(lake, table) if lake.has(table) else None
            before = entry_of(lake, table)
            state = before["state"] if before and before["state"] in _STATES else "building"
            live = [entry["table"] for entry in lake.catalog() if entry["state"] == "live"]
            entries += [told | {"state": "ready" if state == "live" and len(live) > 1 else state}] if told else []
        lake.delete_in(lake.name("catalog"), "table", tables)
        if entries:
            write_entries(lake, entries)


def verify(lake: Lake, sample: int = 20, repair: bool = False, contents: bool = False) -> list[Finding]:
    """Everything that is wrong with a lake; nothing, if it is settled.

    Args:
        lake: to audit. To repair, hold its leases.
        sample: how many chunks of each table to read and embed again and compare.
        repair: remove rows that are wrong, and have the next run read their documents again.
        contents: read every file and compare it with what was read, whatever its time and size say.
    """
    audit_of = Verification(lake, repair)
    audit_of.catalog()
    audit_of.documents()
    audit_of.failures()
    audit_of.models(sample)
    audit_of.chunks(sample)
    if contents:
        audit_of.contents()
    return audit_of.found


def _by_next_run(_keys: list[str]) -> None:
    """Nothing to remove: the next run mends it by itself."""
