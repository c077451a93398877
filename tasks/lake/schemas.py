"""The tables of a lake: their columns and keys, as Arrow schemas.

`<corpus>.documents`, `.chunks`, `.<model>.<revision>`, `.failures`, `.runs`, `.catalog`, `.switches`, `.tokenizer`,
`.evaluations`, `.jobs`, `.transcripts`.
Ids and hashes are 32 hexadecimal digits, times are UTC. `tasks.records` says what the columns of documents, chunks and
failures hold.
"""

from collections.abc import Sequence

import pyarrow as pa

from tasks.config.settings import Corpus
from tasks.models.template import HASH
from tasks.records import Chunk, Document, columns_of

FORMAT = 1
"""The format of a lake: raised where an older embedlake must not touch what this one writes."""
FORMAT_KEY = b"embedlake.format"

OWN = (
    "documents",
    "chunks",
    "failures",
    "runs",
    "catalog",
    "switches",
    "tokenizer",
    "evaluations",
    "jobs",
    "transcripts",
)
"""Kinds of tables that each corpus has one of, though not all have jobs or transcripts; besides, it has its leases, and
a table for each model."""

EMBEDDED = ("vector", "tokens", "checksum")
"""What a model's table adds to the columns of its chunks; no part of a row's version."""

LATER = (
    "span_unit", "span_page", "encoding", "encoding_confidence", "fusion", "vector_index", "switch", "retire_at",
    "behind_since", "fingerprint", "span_region", "content_reference", "content_hash", "modalities", "visual_hash",
)  # fmt: skip
"""Columns that lakes of this format did not always have: null where they are missing, until a run adds them."""

TEMPLATE_KEY = "embedlake.template"
"""Of a model table's metadata: what is put around texts, where they are not embedded alone."""

_FLOAT = pa.float32()
_TIME = pa.timestamp("us", tz="UTC")
_METADATA_TYPES = {
    "string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(),
    "date": pa.date32(), "datetime": _TIME, "strings": pa.list_(pa.string()),
}  # fmt: skip


def _key(name: str) -> pa.Field:
    """A key column. The mark makes Lance check it when two writers merge at once; it only does so while
    the column has no scalar index."""
    return pa.field(name, pa.string(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"})


def metadata_fields(corpus: Corpus) -> list[pa.Field]:
    """The columns for the metadata fields that a corpus declares."""
    return [pa.field(name, _METADATA_TYPES[kind]) for name, kind in corpus.metadata.items()]


def documents_schema(corpus: Corpus) -> pa.Schema:
    """A row per document seen; also one per file that only holds records (state `container`)."""
    return pa.schema(
        [
            _key("document_id"),
            pa.field("source", pa.string()),  # name of the source it comes from
            pa.field("uri", pa.string()),
            pa.field("container", pa.string()),  # document id of the file that holds this record, or null
            pa.field("tag", pa.string()),  # the file's version as its store tells it; null for a record
            pa.field("settings", pa.string()),  # hash of the settings that decide its rows; see tasks.ingest.prepare
            pa.field("media_type", pa.string()),
            pa.field("content_hash", pa.string()),
            pa.field("text_hash", pa.string()),
            pa.field("state", pa.string()),  # active, stale, quarantined, container
            pa.field("repeats", pa.string()),  # the document id that another record, which comes first, has
            pa.field("title", pa.string()),
            pa.field("encoding", pa.string()),  # that the bytes were read in, where the format does not say it,
            pa.field("encoding_confidence", pa.float64()),  # and how sure that is, from 0 to 1
            pa.field("bytes", pa.int64()),
            pa.field("chunks", pa.int64()),  # how many it was cut into
            pa.field("run", pa.string()),
            pa.field("version", pa.string()),  # hash of the other columns that are not null, but for the run
            *metadata_fields(corpus),
        ]
    )


def _passage_fields(corpus: Corpus) -> list[pa.Field]:
    """What a search shows, shared by chunks and model tables."""
    return [
        _key("chunk_id"),
        pa.field("document_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("document_hash", pa.string()),
        pa.field("ordinal", pa.int32()),
        pa.field("modality", pa.string()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("span_unit", pa.string()),  # of these; null, as an older embedlake left it, is characters
        pa.field("span_page", pa.int32()),  # on which it begins, from 1, where the format knows pages
        pa.field("span_region", pa.list_(pa.int32())),  # of an image: left, top, right, bottom, in pixels
        pa.field("content_reference", pa.string()),  # of what is no text: where it is to be fetched again,
        pa.field("content_hash", pa.string()),  # and the hash of the bytes that are there
        pa.field("visual_hash", pa.string()),  # of an image, on its first piece: what it looks like
        pa.field("heading_path", pa.list_(pa.string())),
        pa.field("text", pa.string()),
        pa.field("text_hash", pa.string()),
        pa.field("token_count", pa.int32()),
        pa.field("uri", pa.string()),
        pa.field("title", pa.string()),
        pa.field("version", pa.string()),  # hash of all the columns above and the metadata
        *metadata_fields(corpus),
    ]


def chunks_schema(corpus: Corpus) -> pa.Schema:
    """A row per chunk, independent of any model."""
    return pa.schema(_passage_fields(corpus))


def embeddings_schema(
    corpus: Corpus, dimension: int, provenance: dict[str, str], store: pa.DataType = _FLOAT
) -> pa.Schema:
    """A row per chunk with its vector, `dimension` numbers of a type; `provenance` becomes the table's metadata."""
    own = [
        pa.field("vector", pa.list_(store, dimension), nullable=False),
        pa.field("tokens", pa.int32()),  # as the model counts them, uncut
        pa.field("checksum", pa.int64()),  # CRC-32 of the vector's bytes as float32, begun with the tokens
    ]
    if TEMPLATE_KEY in provenance:
        own.append(pa.field(HASH, pa.string()))  # of what was embedded; rows of texts alone have their text_hash
    return pa.schema([*_passage_fields(corpus), *own], metadata=provenance)


def table_of(rows: Sequence[Document] | Sequence[Chunk], schema: pa.Schema) -> pa.Table:
    """Documents or chunks as rows of their table; a column that they do not have is null."""
    columns = columns_of(rows)
    nothing = [None] * len(rows)
    arrays = [pa.array(columns.get(field.name, nothing), field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


FAILURES = pa.schema(
    [
        _key("failure_id"),
        pa.field("document_id", pa.string()),
        pa.field("chunk_id", pa.string()),  # null where the whole document failed
        pa.field("chunk_version", pa.string()),
        pa.field("stage", pa.string()),  # read, extract, chunk, or embed:<table>
        pa.field("uri", pa.string()),
        pa.field("error", pa.string()),
        pa.field("message", pa.string()),
        pa.field("hint", pa.string()),
        pa.field("transient", pa.bool_()),
        pa.field("settings", pa.string()),  # hash of those that it may depend on; with others it is tried again
        pa.field("ignored", pa.bool_()),  # a person looked and let it be
        pa.field("attempts", pa.int32()),
        pa.field("first_time", _TIME),
        pa.field("last_time", _TIME),
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)

RUNS = pa.schema(
    [
        _key("run_id"),
        pa.field("kind", pa.string()),  # ingest or backfill
        pa.field("state", pa.string()),  # running, completed, interrupted, failed
        pa.field("started", _TIME),
        pa.field("ended", _TIME),
        pa.field("host", pa.string()),
        pa.field("counts", pa.string()),  # JSON: counts of documents, chunks, tokens, seconds by stage
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)

TOKENIZER = pa.schema(
    [
        _key("purpose"),  # chunking: the only one
        pa.field("reference", pa.string()),  # the model that it came from
        pa.field("hash", pa.string()),
        pa.field("content", pa.string()),  # tokenizer.json
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)

CATALOG = pa.schema(
    [
        _key("table"),
        pa.field("model", pa.string()),  # its short name
        pa.field("reference", pa.string()),
        pa.field("revision", pa.string()),
        pa.field("dimension", pa.int32()),
        pa.field("max_tokens", pa.int32()),
        pa.field("state", pa.string()),  # building, ready, live, or frozen: no longer kept up
        pa.field("modalities", pa.list_(pa.string())),  # that the model takes, sorted; null: text alone
        pa.field("settings", pa.string()),  # JSON
        pa.field("evaluation", pa.string()),  # JSON, or null: what int8 changes, by tasks.models.quantise
        pa.field("calibration", pa.string()),  # JSON, or null: the texts that an int8 model was calibrated on
        pa.field("fingerprint", pa.string()),  # of a model behind an API, or null; see tasks.models.api.fingerprint
        pa.field(
            "fusion", pa.string()
        ),  # JSON, or null: what a hybrid search knows of the table; see tasks.search.learn
        pa.field("vector_index", pa.string()),  # JSON, or null: what its vector index finds; see tasks.lake.recall
        pa.field("switch", pa.int64()),  # of the live table, or null: the number of the switch that made it live
        pa.field("retire_at", _TIME),  # when it is to be removed, or null
        pa.field("behind_since", _TIME),  # since when it lacks chunks that no run gives it, or null
        pa.field("changed", _TIME),
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)

SWITCHES = pa.schema(
    [
        _key("number"),  # of the switch, from 1, in eight digits
        pa.field("kind", pa.string()),  # first, promote, automatic, rollback
        pa.field("from_table", pa.string()),  # which was live before; null where none was
        pa.field("to_table", pa.string()),
        pa.field("time", _TIME),
        pa.field("who", pa.string()),  # user@host
        pa.field("why", pa.string()),
        pa.field("forced", pa.string()),  # what spoke against it and was overridden; empty where nothing did
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)

EVALUATIONS = pa.schema(
    [
        _key("arm_id"),  # of one arm in one evaluation
        pa.field("evaluation", pa.string()),  # that all its arms share
        pa.field("time", _TIME),  # it began
        pa.field("table", pa.string()),
        pa.field("model", pa.string()),  # its short name
        pa.field("way", pa.string()),  # vector, text or hybrid
        pa.field("reranked", pa.bool_()),
        pa.field("table_version", pa.int64()),
        pa.field("table_rows", pa.int64()),
        pa.field("kind", pa.string()),  # judgments, or what the known items are made of
        pa.field("judgments", pa.string()),  # hash of queries and judgments
        pa.field("queries", pa.int64()),  # how many
        pa.field("query_ids", pa.list_(pa.string())),
        pa.field("measure", pa.string()),  # that `values` are of
        pa.field("values", pa.list_(pa.float64())),  # of each query, in the order of `query_ids`
        pa.field("measures", pa.string()),  # JSON: the mean of each measure, with its interval
        pa.field("queries_per_second", pa.float64()),
        pa.field("bytes", pa.int64()),  # of the table's rows on disk
        pa.field("margin", pa.float64()),  # by which an arm may be worse than another and count as not worse
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)

JOBS = pa.schema(
    [
        _key("name"),  # ours of the job, which the provider is told too
        pa.field("table", pa.string()),  # that its vectors are for
        pa.field("state", pa.string()),  # prepared, uploaded, submitted, landed, done; see tasks.lake.jobs
        pa.field("file", pa.string()),  # the provider's id of the file of requests, or null
        pa.field("job", pa.string()),  # the provider's id of the job, or null
        pa.field("contents", pa.list_(pa.string())),  # hashes of what is embedded, while it is under way
        pa.field("texts", pa.int64()),
        pa.field("tokens", pa.int64()),  # expected; once it is landed, that were billed
        pa.field("cost", pa.float64()),  # USD, likewise; null where nobody knows
        pa.field("unusable", pa.list_(pa.string())),  # hashes of what an answer without a usable vector came for
        pa.field("outputs", pa.list_(pa.string())),  # the provider's ids of the files of answers, to be removed
        pa.field("told", pa.string()),  # what the provider said last
        pa.field("created", _TIME),
        pa.field("changed", _TIME),
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)
"""Jobs of Batch APIs. The table is there once there was one."""

TRANSCRIPTS = pa.schema(
    [
        _key("transcript_id"),  # of the sound's content, and of what decides its words
        pa.field("content_hash", pa.string()),  # of the bytes of the sound's file
        pa.field("samples_hash", pa.string()),  # of its samples, which other tags leave as they are
        pa.field("model", pa.string()),  # that wrote it, as the corpus file names it
        pa.field("commit", pa.string()),  # of the hub, where it comes from there
        pa.field("settings", pa.string()),  # hash of what decides its words: weights, language
        pa.field("starts", pa.list_(pa.int64())),  # of each line, in milliseconds
        pa.field("ends", pa.list_(pa.int64())),
        pa.field("lines", pa.list_(pa.string())),  # what is said; none where nobody speaks
        pa.field("written", _TIME),
        pa.field("version", pa.string()),  # hash of all other columns
    ]
)
"""What was heard, so that it is heard once. The table is there once a sound was transcribed."""
