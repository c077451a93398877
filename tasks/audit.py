"""What may be wrong with the tables of a lake, each found from their data alone: keys of the rows that are."""

import json
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.catalog import Entry, written_in_schema
from tasks.columns import among
from tasks.embed import checksums
from tasks.encode.choose import load_encoder
from tasks.encode.interface import cosines
from tasks.errors import DocumentError, ModelError
from tasks.extract.read import extract
from tasks.failures import reading_failures
from tasks.hashing import hash_bytes, hash_text, sealed
from tasks.lake import Lake
from tasks.models import resolve_entry
from tasks.schemas import chunks_schema
from tasks.sources import list_files, read_file

_NEAR = 0.999  # least cosine between a vector and the same text embedded again
_LENGTH = 1e-3  # most by which the length of a normalised vector may differ from 1
_OWN = ("table", "model", "reference", "revision", "dimension", "max_tokens", "settings", "calibration")


def doubles(lake: Lake, table: str, key: str) -> list[str]:
    """Keys of more than one row."""
    counts = pc.value_counts(lake.read(table, [key])[key])
    found: list[str] = counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    return found


def broken_seals(lake: Lake, table: str, key: str, columns: Iterable[str]) -> list[str]:
    """Keys of rows whose version is not the hash of their columns."""
    rows = (row for batch in lake.snapshot(table).scan(columns) for row in batch.to_pylist())
    return [row[key] for row in rows if sealed(row)["version"] != row["version"]]


def wrong_passages(lake: Lake, table: str) -> list[str]:
    """Chunks whose own columns disagree: text, hash, offsets or version."""
    wrong = []
    for batch in lake.snapshot(table).scan(chunks_schema(lake.corpus).names):
        for row in batch.to_pylist():
            right = (
                row["end"] is not None
                and row["text"] is not None
                and row["end"] - (row["start"] or 0) == len(row["text"])
                and row["text_hash"] == hash_text(row["text"])
                and row["version"] == sealed(row)["version"]
            )
            if not right:
                wrong.append(row["chunk_id"])
    return wrong


def wrong_chunk_counts(lake: Lake) -> list[str]:
    """Documents that have other chunks than as many as they were cut into."""
    counts = pc.value_counts(lake.read(lake.name("chunks"), ["document_id"])["document_id"])
    there = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    rows = lake.read(lake.name("documents"), ["document_id", "chunks"], "state IN ('active', 'stale')")
    columns = (rows[name].to_pylist() for name in ("document_id", "chunks"))
    alive = lake.read(lake.name("documents"), ["document_id"], "state = 'stale' AND container IS NULL")
    files = set(alive["document_id"].to_pylist())  # a stale file of records has no chunks of its own
    return [
        identity
        for identity, count in zip(*columns, strict=True)
        if there.get(identity, 0) != (count or 0) or (not count and identity not in files)
    ]


def without_file(lake: Lake) -> list[str]:
    """Files that have no row although their records do."""
    documents = lake.read(lake.name("documents"), ["document_id", "container"])
    held = pc.unique(documents["container"].drop_null())
    found: list[str] = held.filter(pc.invert(among(held, documents["document_id"]))).to_pylist()
    return found


def without_reason(lake: Lake) -> list[str]:
    """Documents that cannot be used and have no failure that says why."""
    where = "state = 'quarantined' OR (state = 'stale' AND container IS NULL)"
    rows = lake.read(lake.name("documents"), ["document_id"], where)["document_id"]
    failed = reading_failures(lake, ["document_id"])["document_id"]
    found: list[str] = rows.filter(pc.invert(among(rows, failed))).to_pylist()
    return found


def without_document(lake: Lake) -> list[str]:
    """Ids of failures of documents that no row says have failed; what may pass needs none."""
    rows = lake.read(lake.name("failures"), ["failure_id", "document_id"], "chunk_id IS NULL AND NOT transient")
    failed = lake.read(lake.name("documents"), ["document_id"], "state IN ('quarantined', 'stale')")["document_id"]
    found: list[str] = rows.filter(pc.invert(among(rows["document_id"], failed)))["failure_id"].to_pylist()
    return found


def wrong_vectors(lake: Lake, entry: Entry) -> list[str]:
    """Rows whose vector is not finite, zero, not of its length, or not the one that was written."""
    normalised = json.loads(entry["settings"])["normalize"]
    wrong: list[str] = []
    for batch in lake.snapshot(entry["table"]).scan(["chunk_id", "vector", "tokens", "checksum"]):
        vectors = matrix(batch["vector"])
        lengths = np.linalg.norm(vectors, axis=1)
        bad = ~np.isfinite(lengths) | (lengths == 0)
        if normalised:
            bad |= ~(np.abs(lengths - 1) < _LENGTH)
        written = batch["checksum"].fill_null(-1).to_numpy()
        bad |= written != np.array(checksums(vectors, batch["tokens"].fill_null(0).to_numpy()))
        wrong += batch["chunk_id"].filter(pa.array(bad)).to_pylist()
    return wrong


def other_vectors(lake: Lake, entry: Entry, sample: int) -> list[str]:
    """Rows of a sample whose text, embedded again, gives another vector."""
    rows = _sample(lake, entry["table"], ["chunk_id", "text", "vector"], sample)
    if not rows.num_rows:
        return []
    model = resolve_entry(entry)
    if model.revision != entry["revision"]:
        return []  # other weights than filled it: nothing to compare with
    try:
        again = load_encoder(model).encode(rows["text"].to_pylist())[0]
    except Exception as error:  # whatever the model raises
        raise ModelError(
            f"model {model.settings.model!r} cannot embed the sample: {type(error).__name__}: {str(error)[-500:]}",
            "See to the device and the memory, or leave this out with --sample 0.",
        ) from error
    near = cosines(again, matrix(rows["vector"])) >= _NEAR
    found: list[str] = rows["chunk_id"].filter(pa.array(~near)).to_pylist()
    return found


def wrong_offsets(lake: Lake, sample: int) -> Iterator[str]:
    """Chunks of a sample of files that still are what was read, whose text is not where their offsets say."""
    corpus = lake.corpus
    sources = {source.name: source for source in corpus.sources}
    columns = ["chunk_id", "document_id", "source", "document_hash", "start", "end", "text", "uri"]
    for row in _sample(lake, lake.name("chunks"), columns, sample).to_pylist():
        path = row["document_id"].partition(":")[2]
        if row["source"] not in sources or not row["uri"].endswith(path):
            continue  # a record: its text stands in no file of its own
        source = sources[row["source"]]
        try:
            data = read_file(source, row["uri"], corpus.extraction.max_bytes)
            if hash_bytes(data) != row["document_hash"]:
                continue  # it has changed since; the next run will see
            extracted = extract(data, path.rsplit("/", 1)[-1], source.format, corpus.extraction.max_bytes)
        except DocumentError:
            continue
        if extracted.text[row["start"] : row["end"]] != row["text"]:
            yield row["chunk_id"]


def other_contents(lake: Lake) -> Iterator[str]:
    """Files that hold something else than when they were read, although nothing tells that they changed. Of files that
    hold records only whether they can still be read is known, so these are left to `--reread`."""
    corpus = lake.corpus
    columns = ["document_id", "tag", "content_hash"]
    known = {
        row["document_id"]: row for row in lake.read(lake.name("documents"), columns, "container IS NULL").to_pylist()
    }
    sources = {source.name: source for source in corpus.sources}
    for file in list_files(corpus.sources).files:
        row = known.get(file.document_id)
        if row is None or row["tag"] != file.tag or row["content_hash"] is None:
            continue
        try:
            data = read_file(sources[file.source], file.path, corpus.extraction.max_bytes)
        except DocumentError:
            continue
        if hash_bytes(data) != row["content_hash"]:
            yield file.document_id


def wrong_entries(lake: Lake) -> list[str]:
    """Model tables whose line in the catalog is missing, double or damaged, or says other things than their schema."""
    names = [name for name in lake.model_tables() if written_in_schema(lake, name)]
    wrong = {*doubles(lake, lake.name("catalog"), "table")}
    entries = {entry["table"]: entry for entry in lake.catalog()}
    for entry in entries.values():
        told = written_in_schema(lake, entry["table"]) if lake.has(entry["table"]) else None
        agrees = told is not None and all(told[name] == entry[name] for name in _OWN)
        if not agrees or sealed(entry)["version"] != entry["version"]:
            wrong.add(entry["table"])
    return sorted(wrong | (set(names) - entries.keys()))


def _sample(lake: Lake, table: str, columns: list[str], count: int) -> pa.Table:
    """Rows spread evenly over a table."""
    snapshot = lake.snapshot(table)
    total = len(snapshot)
    positions = np.unique(np.linspace(0, total - 1, min(count, total)).astype(int)) if total else np.zeros(0, int)
    return snapshot.take(positions, columns)


def matrix(column: pa.ChunkedArray) -> np.ndarray:
    """Vectors as float32 of shape (n_rows, dimension)."""
    return np.asarray(column.combine_chunks().flatten(), np.float32).reshape(len(column), -1)
