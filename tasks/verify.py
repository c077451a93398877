"""Auditing a lake from its data alone: whether it is what it says."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.encode.choose import load_encoder
from tasks.encode.interface import cosines
from tasks.errors import DocumentError
from tasks.extract.read import extract
from tasks.hashing import hash_bytes, hash_fields, hash_text
from tasks.lake import Lake
from tasks.land import heirs, strays
from tasks.models import resolve_entry
from tasks.pending import orphans, pending_chunks
from tasks.schemas import chunks_schema
from tasks.sources import read_file

_NEAR = 0.999  # least cosine between a vector and the same text embedded again
_LENGTH = 1e-3  # most by which the length of a normalised vector may differ from 1
_EXAMPLES = 5


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


def verify(lake: Lake, sample: int = 20, repair: bool = False) -> list[Finding]:
    """Everything that is wrong with a lake; nothing, if it is settled.

    Args:
        lake: to audit. To repair, hold its leases.
        sample: how many chunks of each table to read and embed again and compare.
        repair: remove rows that are wrong, and have the next run read their documents again.
    """
    found: list[Finding] = []
    documents, chunks = lake.name("documents"), lake.name("chunks")

    def note(table: str, problem: str, keys: Iterable[str], key: str | None = None) -> None:
        wrong = list(keys)
        if wrong:
            if repair and key:
                if table == chunks and key == "chunk_id":  # without their rows, these documents are read again
                    owners = lake.read_in(chunks, "chunk_id", wrong, ["document_id"])["document_id"]
                    lake.delete_in(documents, "document_id", owners.to_pylist())
                lake.delete_in(table, key, wrong)
            found.append(Finding(table, problem, len(wrong), wrong[:_EXAMPLES], mended=repair and key is not None))

    note(documents, "two rows of one document", _doubles(lake, documents, "document_id"), "document_id")
    note(documents, "an active document without chunks", _without_chunks(lake), "document_id")
    note(documents, "a duplicate of a document that does not say the same", sorted(heirs(lake)), "document_id")
    note(chunks, "chunks of a document that is not active", strays(lake), "document_id")
    note(chunks, "two rows of one chunk", _doubles(lake, chunks, "chunk_id"), "chunk_id")
    note(chunks, "a row whose text, hash, offsets or version disagree", _wrong_rows(lake, chunks), "chunk_id")
    note(chunks, "offsets that do not give the text in the source", _wrong_offsets(lake, sample), None)
    for entry in lake.catalog():
        table = entry["table"]
        note(table, "two rows of one chunk", _doubles(lake, table, "chunk_id"), "chunk_id")
        note(table, "a row of a chunk that is gone", orphans(lake, table), "chunk_id")
        note(table, "a row whose text, hash, offsets or version disagree", _wrong_rows(lake, table), "chunk_id")
        note(table, "a vector that is not finite, zero, or not of its length", _wrong_vectors(lake, entry), "chunk_id")
        note(table, "a vector that its text does not give", _other_vectors(lake, entry, sample), "chunk_id")
        if entry["state"] != "building":
            note(table, "a chunk without a row of its version", pending_chunks(lake, table).to_pylist())
        note(table, "provenance that the catalog does not confirm", _wrong_provenance(lake, entry))
    live = [entry["table"] for entry in lake.catalog() if entry["state"] == "live"]
    if len(live) > 1:
        note(lake.name("catalog"), "more than one live table", live)
    return found


def _doubles(lake: Lake, table: str, key: str) -> list[str]:
    counts = pc.value_counts(lake.read(table, [key])[key].combine_chunks())
    found: list[str] = counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    return found


def _without_chunks(lake: Lake) -> list[str]:
    active = lake.read(lake.name("documents"), ["document_id"], "state = 'active'")["document_id"]
    chunked = pc.unique(lake.read(lake.name("chunks"), ["document_id"])["document_id"])
    found: list[str] = active.filter(pc.invert(pc.is_in(active, value_set=chunked))).to_pylist()
    return found


def _wrong_rows(lake: Lake, table: str) -> list[str]:
    """Keys of rows whose own columns disagree."""
    columns = chunks_schema(lake.corpus).names
    wrong = []
    for batch in lake.scan(table, columns):
        for row in batch.to_pylist():
            version = row.pop("version")
            right = (
                row["end"] - row["start"] == len(row["text"])
                and row["text_hash"] == hash_text(row["text"])
                and version == hash_fields(row)
            )
            if not right:
                wrong.append(row["chunk_id"])
    return wrong


def _wrong_vectors(lake: Lake, entry: dict[str, Any]) -> list[str]:
    normalised = json.loads(entry["settings"])["normalize"]
    wrong: list[str] = []
    for batch in lake.scan(entry["table"], ["chunk_id", "vector"]):
        vectors = _matrix(batch["vector"], entry["dimension"])
        lengths = np.linalg.norm(vectors, axis=1)
        bad = ~np.isfinite(lengths) | (lengths == 0)
        if normalised:
            bad |= ~(np.abs(lengths - 1) < _LENGTH)
        wrong += batch["chunk_id"].filter(pa.array(bad)).to_pylist()
    return wrong


def _other_vectors(lake: Lake, entry: dict[str, Any], sample: int) -> list[str]:
    rows = _sample(lake, entry["table"], ["chunk_id", "text", "vector"], sample)
    if not rows.num_rows:
        return []
    model = resolve_entry(entry)
    if model.revision != entry["revision"]:
        return []  # other weights than filled it: nothing to compare with
    again = load_encoder(model).encode(rows["text"].to_pylist())[0]
    near = cosines(again, _matrix(rows["vector"], entry["dimension"])) >= _NEAR
    found: list[str] = rows["chunk_id"].filter(pa.array(~near)).to_pylist()
    return found


def _wrong_offsets(lake: Lake, sample: int) -> Iterator[str]:
    """Chunks of a sample of files that still are what was read, whose text is not where their offsets say."""
    corpus = lake.corpus
    sources = {source.name: source for source in corpus.sources}
    chunks = _sample(
        lake, lake.name("chunks"), ["chunk_id", "document_id", "document_hash", "start", "end", "text", "uri"], sample
    )
    for row in chunks.to_pylist():
        name, _, path = row["document_id"].partition(":")
        if name not in sources or not row["uri"].endswith(path):
            continue  # a record: its text stands in no file of its own
        try:
            data = read_file(sources[name], row["uri"], corpus.extraction.max_bytes)
            if hash_bytes(data) != row["document_hash"]:
                continue  # it has changed since; the next run will see
            extracted = extract(data, path.rsplit("/", 1)[-1], sources[name].format, corpus.extraction.max_bytes)
        except DocumentError:
            continue
        if extracted.text[row["start"] : row["end"]] != row["text"]:
            yield row["chunk_id"]


def _wrong_provenance(lake: Lake, entry: dict[str, Any]) -> list[str]:
    told = lake.provenance(entry["table"])
    agree = told.get("embedlake.revision") == entry["revision"] and told.get("embedlake.model") == entry["reference"]
    return [] if agree else [entry["table"]]


def _sample(lake: Lake, table: str, columns: list[str], count: int) -> pa.Table:
    """Rows spread evenly over a table."""
    total = lake.count(table)
    positions = np.unique(np.linspace(0, total - 1, min(count, total)).astype(int)) if total else np.zeros(0, int)
    return lake.take(table, positions.tolist(), columns)


def _matrix(column: pa.ChunkedArray, dimension: int) -> np.ndarray:
    return np.asarray(column.combine_chunks().values, np.float32).reshape(-1, dimension)
