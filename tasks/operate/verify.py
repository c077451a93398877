"""Auditing a lake from its data alone: whether it is what it says; and removing what is not."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tasks.embed.pending import orphans, pending_chunks, refused_rows
from tasks.embed.written import wrong_vectors
from tasks.hashing import is_sealed
from tasks.ingest.claims import lost_claims
from tasks.ingest.stored import orphan_chunks
from tasks.ingest.tokenizer import repair_tokenizer, tokenizer_is_sound
from tasks.lake.catalog import STATES, model_of, taken_by, write_entries, written_in_schema
from tasks.lake.evolve import evolve
from tasks.lake.failures import read_again
from tasks.lake.schemas import (
    EVALUATIONS,
    FAILURES,
    JOBS,
    LATER,
    RUNS,
    SWITCHES,
    TRANSCRIPTS,
    chunks_schema,
    documents_schema,
)
from tasks.lake.switches import switched_to
from tasks.lake.tables import Lake
from tasks.operate import again, audit
from tasks.operate.contents import other_contents
from tasks.operate.repair import keep_one, read_documents_again, repair_chunks

_EXAMPLES = 5
_OTHER_COLUMNS = "a row whose columns are not those that were written"
_OTHER_CONTENT = "a row of which something else was embedded than its model's template makes of it"
_UNTOLD = ("evaluation", "retire_at", "behind_since", "fingerprint")  # of a line, by its table's schema
_DISAGREE = "a row whose text, hash, offsets or version disagree"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        table: where.
        problem: what.
        count: how many rows.
        examples: keys of the first of them.
        repaired: whether `repair` removed the cause; the next run writes again what has to be.
    """

    table: str
    problem: str
    count: int
    examples: list[str]
    repaired: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


Repair = Callable[[list[str]], None]


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

    def columns(self) -> bool:
        """Whether tables have other columns than the corpus file asks for: before a run or a repair has seen to that,
        their rows are not what they would be."""
        lake = self._lake
        schemas = {self._documents: documents_schema(lake.corpus), self._chunks: chunks_schema(lake.corpus)}
        schemas |= {table: lake.model_schema(table) for table in lake.model_tables()}
        differing = [table for table, schema in schemas.items() if lake.differs(table, schema, LATER)]
        for table in differing:
            problem = "other metadata columns than the corpus file has; run first, then verify"
            self._note(table, problem, [table], lambda keys: evolve(lake, keys[0], schemas[keys[0]]))
        return bool(differing) and not self._repair

    def documents(self) -> None:
        """Rows of documents."""
        lake, table = self._lake, self._documents
        columns = documents_schema(lake.corpus).names
        self._doubles(table, "document_id", self._read_again)
        broken = audit.broken_seals(lake, table, "document_id", columns)
        self._note(table, _OTHER_COLUMNS, broken, self._read_again)
        self._note(table, "a document without a row, whose chunks have theirs", orphan_chunks(lake), self._read_again)
        self._note(table, "a file without a row, whose records have theirs", audit.without_file(lake), _by_next_run)
        self._note(table, "a document with other chunks than it had", audit.wrong_chunk_counts(lake), self._read_again)
        self._note(table, "a document that failed without a reason", audit.without_reason(lake), self._read_again)
        failures = lake.name("failures")
        self._note(failures, "a failure of a document that has not failed", audit.without_document(lake), self._retry)
        self._note(table, "a record whose id is free", sorted(lost_claims(lake)), _by_next_run)

    def chunks(self, sample: int) -> None:
        """Rows of chunks."""
        lake, table = self._lake, self._chunks
        self._note(table, "two rows of one chunk", audit.doubles(lake, table, "chunk_id"), self._repair_chunks)
        self._note(table, _DISAGREE, audit.wrong_passages(lake, table), self._repair_chunks)
        problem = "offsets that do not give the text in the source"
        self._note(table, problem, audit.wrong_offsets(lake, sample), self._repair_chunks)
        problem = "a content that is not where its reference says"
        self._note(table, problem, again.lost_contents(lake, sample), self._repair_chunks)

    def contents(self) -> None:
        """Files that changed without a sign."""
        problem = "other content than when it was read"
        self._note(self._documents, problem, other_contents(self._lake), lambda ids: read_again(self._lake, set(ids)))

    def failures(self) -> None:
        """What failed, the runs, the evaluations and transcripts."""
        lake, table = self._lake, self._lake.name("failures")
        self._doubles(table, "failure_id")
        broken = audit.broken_seals(lake, table, "failure_id", FAILURES.names)
        self._note(table, _OTHER_COLUMNS, broken, self._retry)
        kinds = (
            ("runs", "run_id", RUNS), ("evaluations", "arm_id", EVALUATIONS), ("jobs", "name", JOBS),
            ("transcripts", "transcript_id", TRANSCRIPTS),
        )  # fmt: skip
        for kind, key, schema in kinds:
            history = lake.name(kind)
            if not lake.has(history):
                continue
            self._doubles(history, key)
            broken = audit.broken_seals(lake, history, key, schema.names)
            self._note(history, _OTHER_COLUMNS, broken, self._remove(history, key))

    def switches(self) -> None:
        """The history of which table was live."""
        lake, table = self._lake, self._lake.name("switches")
        if lake.has(table):
            self._doubles(table, "number")
            broken = audit.broken_seals(lake, table, "number", SWITCHES.names)
            self._note(table, _OTHER_COLUMNS, broken, self._remove(table, "number"))

    def tokenizer(self) -> None:
        """The tokenizer that counts."""
        lake, table = self._lake, self._lake.name("tokenizer")
        self._doubles(table, "purpose")
        if not tokenizer_is_sound(lake):
            problem = "the tokenizer that counts is not kept as it was"
            self._note(table, problem, ["chunking"], lambda _: repair_tokenizer(lake))

    def catalog(self) -> None:
        """Lines of the catalog, and leases."""
        lake, table = self._lake, self._lake.name("catalog")
        self._note(table, "a line that its table's schema does not confirm", audit.wrong_entries(lake), self._rewrite)
        entries = lake.catalog()
        unknown = [entry["table"] for entry in entries if entry["state"] not in STATES]
        self._note(table, "a state that there is not", unknown, self._rewrite)
        live = [entry["table"] for entry in entries if entry["state"] == "live"]
        if len(live) > 1:
            self._note(table, "more than one live table", live, self._rewrite)
        leases = lake.name("leases")
        self._note(leases, "two rows of one lease", audit.doubles(lake, leases, "scope"), self._one_lease)

    def models(self, sample: int) -> None:
        """Rows of the models' tables."""
        lake = self._lake
        unsure = {*audit.wrong_entries(lake)}
        for entry in lake.catalog():
            table = entry["table"]
            if table in unsure:
                continue
            remove = self._remove(table, "chunk_id")
            self._note(table, "two rows of one chunk", audit.doubles(lake, table, "chunk_id"), remove)
            gone = self._orphans(table, entry["state"] == "live")
            self._note(table, "a row of a chunk that is gone", gone, remove)
            self._note(table, _DISAGREE, audit.wrong_passages(lake, table), remove)
            self._note(table, _OTHER_CONTENT, audit.wrong_contents(lake, entry), remove)
            problem = "a vector that is not finite, zero, not of its length, or not the one that was written"
            self._note(table, problem, wrong_vectors(lake, entry), remove)
            self._note(table, "a vector that its text does not give", again.other_vectors(lake, entry, sample), remove)
            if entry["model"] in {model.name for model in lake.corpus.models}:
                refused = refused_rows(lake, table, entry["max_tokens"], ["chunk_id"])["chunk_id"].to_pylist()
                problem = "a chunk longer than the model reads, which the corpus refuses"
                self._note(table, problem, refused, _by_next_run)
            if entry["state"] not in ("building", "frozen"):
                pending = pending_chunks(lake, table, model_of(lake.corpus, entry), taken_by(entry))
                missing = pending.chunks.take(pending.positions, ["chunk_id"])["chunk_id"].to_pylist()
                self._note(table, "a chunk without a row of its version", missing, _by_next_run)

    def _orphans(self, table: str, live: bool) -> list[str]:
        """Rows whose chunk is gone. Where the document is there, its chunk may have been lost: it is read again. What
        serves keeps such rows until a run has others."""
        lake, gone = self._lake, orphans(self._lake, table, documents_gone=live)
        if gone and self._repair:
            rows = lake.read_in(table, "chunk_id", gone, ["document_id"])
            read_again(lake, set(rows["document_id"].drop_null().to_pylist()))
        return gone

    def _note(self, table: str, problem: str, keys: Iterable[str], repair: Repair) -> None:
        wrong = list(keys)
        if wrong:
            if self._repair:
                repair(wrong)
            self.found.append(Finding(table, problem, len(wrong), wrong[:_EXAMPLES], repaired=self._repair))

    def _doubles(self, table: str, key: str, then: Repair | None = None) -> None:
        """Keys of more than one row: one that is sound stays."""

        def repair(keys: list[str]) -> None:
            keep_one(self._lake, table, key, keys, is_sealed)
            if then:
                then(keys)

        self._note(table, f"two rows of one {key.removesuffix('_id')}", audit.doubles(self._lake, table, key), repair)

    def _remove(self, table: str, key: str) -> Repair:
        return lambda keys: self._lake.delete_in(table, key, keys)

    def _read_again(self, document_ids: list[str]) -> None:
        read_documents_again(self._lake, document_ids)

    def _repair_chunks(self, chunk_ids: list[str]) -> None:
        repair_chunks(self._lake, chunk_ids)

    def _one_lease(self, scopes: list[str]) -> None:
        self._lake.remove_doubles(self._lake.name("leases"), "scope", scopes)  # held, so they are equal

    def _retry(self, failure_ids: list[str]) -> None:
        lake = self._lake
        rows = lake.read_in(lake.name("failures"), "failure_id", failure_ids, ["document_id", "uri"])
        there = lake.read_in(lake.name("documents"), "uri", {*rows["uri"].drop_null().to_pylist()}, ["document_id"])
        read_again(lake, {*rows["document_id"].drop_null().to_pylist(), *there["document_id"].to_pylist()})
        lake.delete_in(lake.name("failures"), "failure_id", failure_ids)

    def _rewrite(self, tables: list[str]) -> None:
        """Write lines again from their tables' schemas. Where two are live, none is, until the next run makes that one
        live again which the history has."""
        lake = self._lake
        live = {entry["table"] for entry in lake.catalog() if entry["state"] == "live"}
        entries = []
        for table in tables:
            told = written_in_schema(lake, table) if lake.has(table) else None
            if told:
                lines = [entry for entry in lake.catalog() if entry["table"] == table]
                before = next((entry for entry in lines if is_sealed(entry)), lines[0] if lines else {})
                state = before.get("state") if before.get("state") in STATES else "building"
                told |= {name: before[name] for name in _UNTOLD} if before and is_sealed(before) else {}
                state = "ready" if state == "live" and len(live) > 1 else state
                entries.append(told | {"state": state, "switch": switched_to(lake, table) if state == "live" else None})
        if entries:
            write_entries(lake, entries)
        lake.remove_doubles(lake.name("catalog"), "table", tables)
        lake.delete_in(lake.name("catalog"), "table", {*tables} - {entry["table"] for entry in entries})


def verify(lake: Lake, sample: int = 20, repair: bool = False, contents: bool = False) -> list[Finding]:
    """Everything that is wrong with a lake; nothing, if it is up to date.

    Args:
        lake: to audit. To repair, hold its leases.
        sample: how many chunks of each table to read and embed again and compare.
        repair: remove rows that are wrong, and have the next run read their documents again.
        contents: read every file and compare it with what was read, whatever its time and size say.
    """
    audit_of = Verification(lake, repair)
    if audit_of.columns():
        return audit_of.found
    audit_of.switches()
    audit_of.catalog()
    audit_of.tokenizer()
    audit_of.failures()
    audit_of.documents()
    audit_of.chunks(sample)
    audit_of.models(sample)
    if contents:
        audit_of.contents()
    return audit_of.found


def _by_next_run(_keys: list[str]) -> None:
    """Nothing to remove: the next run repairs it by itself."""
