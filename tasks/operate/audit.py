"""What may be wrong with the tables of a lake, each found from their data alone: keys of the rows that are."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow.compute as pc

from tasks.columns import among
from tasks.config.models import kept_model
from tasks.content.reference import piece_hash, reference_of
from tasks.errors import DocumentError
from tasks.extract.convert import SITEMAP
from tasks.extract.read import EMPTY, extract
from tasks.hashing import hash_bytes, hash_text, is_sealed
from tasks.ingest.claims import is_nameless
from tasks.lake.catalog import Entry, agrees, written_in_schema
from tasks.lake.failures import reading_failures
from tasks.lake.schemas import chunks_schema
from tasks.lake.tables import Lake
from tasks.models.template import HASH, NEEDED, Template
from tasks.sources.formats import medium_of, shown_medium
from tasks.sources.opening import read_file

_NEAR = 0.999  # least cosine between a vector and the same text embedded again


def doubles(lake: Lake, table: str, key: str) -> list[str]:
    """Keys of more than one row."""
    counts = pc.value_counts(lake.read(table, [key])[key])
    found: list[str] = counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    return found


def broken_seals(lake: Lake, table: str, key: str, columns: Iterable[str]) -> list[str]:
    """Keys of rows whose version is not the hash of their columns."""
    rows = (row for batch in lake.snapshot(table).scan(columns) for row in batch.to_pylist())
    return [row[key] for row in rows if not is_sealed(row)]


def wrong_passages(lake: Lake, table: str) -> list[str]:
    """Chunks whose own columns disagree: text, hash, offsets or version."""
    batches = lake.snapshot(table).scan(chunks_schema(lake.corpus).names)
    return [row["chunk_id"] for batch in batches for row in batch.to_pylist() if not passage_agrees(row)]


def passage_agrees(row: dict[str, Any]) -> bool:
    """Whether a chunk's own columns agree."""
    if row["start"] is None or row["end"] is None or row["text"] is None:
        return False
    if (row["modality"] or "text") != "text":
        return _content_agrees(row) and is_sealed(row)
    return bool(
        row["end"] - row["start"] == len(row["text"]) and row["text_hash"] == hash_text(row["text"]) and is_sealed(row)
    )


def _content_agrees(row: dict[str, Any]) -> bool:
    """Whether the columns agree that say what is embedded of a chunk that is no text."""
    try:
        reference = reference_of(row["content_reference"] or "")
    except ValueError:
        return False
    same = row["content_hash"] and row["text_hash"] == piece_hash(row["content_hash"], reference)
    if reference.time:
        within = row["start"] <= reference.time[0] <= reference.time[-1] <= row["end"]
        return bool(same and within and (row["modality"] == "audio") == (reference.time == (row["start"], row["end"])))
    region = tuple(row["span_region"] or ())
    if len(region) != 4:
        return False
    left, top, right, bottom = region
    return bool(
        same and row["end"] - row["start"] == (right - left) * (bottom - top) and reference.region in (None, region)
    )


def wrong_contents(lake: Lake, entry: Entry) -> list[str]:
    """Rows of a model's table of which something else was embedded than their columns give."""
    template = Template(kept_model(entry["settings"]))
    if template.plain:
        return []
    wrong: list[str] = []
    for batch in lake.snapshot(entry["table"]).scan(["chunk_id", HASH, *NEEDED]):
        same = pc.equal(template.fill(batch)[HASH], batch[HASH]).fill_null(False)
        wrong += batch["chunk_id"].filter(pc.invert(same)).to_pylist()
    return wrong


def wrong_chunk_counts(lake: Lake) -> list[str]:
    """Documents that have other chunks than as many as they were cut into."""
    counts = pc.value_counts(lake.read(lake.name("chunks"), ["document_id"])["document_id"])
    there = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    rows = lake.read(lake.name("documents"), ["document_id", "chunks"], "state IN ('active', 'stale')")
    columns = (rows[name].to_pylist() for name in ("document_id", "chunks"))
    may_have_none = f"(container IS NULL AND state = 'stale') OR media_type IN ('{EMPTY}', '{SITEMAP}')"
    without = lake.read(lake.name("documents"), ["document_id"], may_have_none)
    files = set(without["document_id"].to_pylist())  # a stale file of records has no chunks of its own
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
    """Documents that cannot be used and have no failure that says why. A stale record needs none if a record of its
    file cannot be told: it may be that one."""
    columns = ["document_id", "container", "state"]
    rows = lake.read(lake.name("documents"), columns, "state IN ('quarantined', 'stale')")
    nameless = Counter(
        row["container"]
        for row in rows.to_pylist()
        if row["container"] and is_nameless(row["document_id"], row["container"])
    )
    failed = reading_failures(lake, ["document_id"])["document_id"]
    alone = rows.filter(pc.invert(among(rows["document_id"], failed))).to_pylist()
    kept = Counter(row["container"] for row in alone if _is_record(row) and row["state"] == "stale")
    return [
        row["document_id"]
        for row in alone
        if row["state"] == "quarantined" or not _is_record(row) or kept[row["container"]] > nameless[row["container"]]
    ]


def _is_record(row: dict[str, Any]) -> bool:
    return row["container"] is not None


def without_document(lake: Lake) -> list[str]:
    """Ids of failures of documents that no row says have failed; what may pass needs none."""
    rows = lake.read(lake.name("failures"), ["failure_id", "document_id"], "chunk_id IS NULL AND NOT transient")
    failed = lake.read(lake.name("documents"), ["document_id"], "state IN ('quarantined', 'stale')")["document_id"]
    found: list[str] = rows.filter(pc.invert(among(rows["document_id"], failed)))["failure_id"].to_pylist()
    return found


def wrong_offsets(lake: Lake, sample: int) -> Iterator[str]:
    """Chunks of a sample of files that still are what was read, whose text is not where their offsets say."""
    corpus = lake.corpus
    sources = {source.name: source for source in corpus.sources}
    columns = ["chunk_id", "document_id", "source", "document_hash", "start", "end", "text", "uri"]
    for row in (
        lake.snapshot(lake.name("chunks"))
        .sample(sample, [*columns, "modality", "content_reference", "content_hash"])
        .to_pylist()
    ):
        modality, reference, content = (row.pop(name) for name in ("modality", "content_reference", "content_hash"))
        if (modality or "text") != "text" or (reference and not content):
            continue  # an image or a sound, or the caption of one, which may stand beside it
        if None in row.values():
            continue  # damaged, which is found otherwise
        path = row["document_id"].partition(":")[2]
        if row["source"] not in sources or not row["uri"].endswith(path):
            continue  # a record: its text stands in no file of its own
        source = sources[row["source"]]
        try:
            data = read_file(source, row["uri"], corpus.extraction.max_bytes)
            if hash_bytes(data) != row["document_hash"]:
                continue  # it has changed since; the next run will see
            if medium_of(path) or shown_medium(data):
                continue  # what is said in a sound stands in no text
            extracted = extract(
                data,
                path.rsplit("/", 1)[-1],
                source.format,
                corpus.extraction.max_bytes,
                source.encoding,
                corpus.extraction.ocr,
            )
        except DocumentError:
            continue
        if extracted.text[row["start"] : row["end"]] != row["text"]:
            yield row["chunk_id"]


def wrong_entries(lake: Lake) -> list[str]:
    """Model tables whose line in the catalog is missing, double or damaged, or says other things than their schema."""
    names = [name for name in lake.model_tables() if written_in_schema(lake, name)]
    wrong = {*doubles(lake, lake.name("catalog"), "table")}
    entries = {entry["table"]: entry for entry in lake.catalog()}
    for entry in entries.values():
        if not agrees(lake, entry) or not is_sealed(entry):
            wrong.add(entry["table"])
    return sorted(wrong | (set(names) - entries.keys()))
