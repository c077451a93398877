"""What a run would do, without doing it."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.config.settings import Corpus, Model
from tasks.embed.pending import failed_versions, pending_chunks, refused_rows
from tasks.errors import ShrunkSource
from tasks.ingest.prepare import Prepared
from tasks.ingest.reading import read_all
from tasks.ingest.tokenizer import tokenizer_of
from tasks.ingest.update import compare_with_lake
from tasks.lake.lookup import NumberSet, numbers_of
from tasks.lake.neighbours import others
from tasks.lake.tables import Lake
from tasks.models.choose import load_encoder
from tasks.models.find import ResolvedModel, resolve_model
from tasks.models.interface import text_items
from tasks.patience import each_within
from tasks.progress import DocumentCounts
from tasks.sources.listing import File, list_files
from tasks.sources.work import Work, group_files, read_blocks

_PROBE_TEXTS = 24


@dataclass(slots=True)
class ModelPlan:
    """What a run would do for one model.

    Attributes:
        model, table: its names; `exists` tells whether the table is there.
        texts: distinct texts to embed; tokens: in them.
        pending: chunks that an earlier run left without a vector.
        overlong: chunks to embed that are longer than the model reads, of which it would read the beginning, or None
            where it is not known how much it reads.
        refused: chunks that would be set aside because they are longer, where the corpus refuses such.
        seconds: expected; measured says on what that stands: the last run, or a probe of a few texts just now.
    """

    model: str
    table: str
    exists: bool
    texts: int = 0
    tokens: int = 0
    pending: int = 0
    overlong: int | None = None
    refused: int = 0
    seconds: float = 0.0
    measured: str = ""


@dataclass(slots=True)
class Plan:
    """What a run would do.

    Attributes:
        share_read: part of the bytes to read that was read for this plan; below 1 the figures about content
            are scaled up from it.
        new, changed, resettled, deleted, moved, duplicates, failing: documents; files where they hold records
            that were not read.
        unfit, unfit_first: values that did not fit their metadata field, and the first, in what was read.
        resettled: files whose settings changed since they were read.
        chunks, tokens: in the documents that would be read.
        models: for each model.
        others: tables of other corpora in the lake, by name, where it has no document of this one yet.
        promoted: the table that the run would make live; empty if that one serves already.
        refused: why the run would stop before it deletes anything; empty if it would not.
        cost: 0: no model of the corpus is paid.
    """

    corpus: str
    listed: int = 0
    unchanged: int = 0
    new: int = 0
    changed: int = 0
    resettled: int = 0
    deleted: int = 0
    moved: int = 0
    duplicates: int = 0
    failing: int = 0
    chunks: int = 0
    tokens: int = 0
    share_read: float = 1.0
    cost: float = 0.0
    promoted: str = ""
    refused: str = ""
    left_out: dict[str, int] = field(default_factory=dict)
    unfit: dict[str, int] = field(default_factory=dict)
    unfit_first: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    models: list[ModelPlan] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def plan_of(corpus: Corpus, lake: Lake, most_bytes: int = 64 * 2**20) -> Plan:
    """Compare, and read what a run would read, up to a limit; change nothing.

    Args:
        corpus: to plan for.
        lake: of the corpus; may still hold nothing.
        most_bytes: read at most about so many bytes as stored, spread over all files, and scale up.
    """
    models = [resolve_model(model) for model in corpus.models]
    listing = list_files(corpus.sources, corpus.lake.uri)
    refused = ""
    try:
        changes = compare_with_lake(corpus, lake, listing, allow_shrinking=False)
    except ShrunkSource as error:
        refused = f"{error.message} {error.hint}"
        changes = compare_with_lake(corpus, lake, listing)
    sample, share = spread_files(changes.to_read, most_bytes)
    found = _Content(lake)
    waiting_files = sample
    while waiting_files:
        works = some_works(corpus, waiting_files, int(most_bytes))
        waiting_files = []
        for _, prepared in read_all(works, corpus, tokenizer_of(corpus, lake).folder()):
            found.add(prepared)
            waiting_files += prepared.containers
    gone = lake.read_in(lake.name("documents"), "document_id", changes.gone, ["content_hash"]) if changes.gone else None
    gone_hashes = set(gone["content_hash"].to_pylist()) if gone else set()
    plan = Plan(
        corpus.name,
        listed=len(listing.files),
        unchanged=changes.unchanged,
        new=len(changes.new),
        changed=len(changes.changed),
        resettled=len(changes.resettled) + len(changes.reread),
        deleted=len(changes.gone),
        moved=_scaled(len(found.contents & gone_hashes), share),
        duplicates=_scaled(found.duplicates, share),
        failing=_scaled(len(found.failures), share),
        chunks=_scaled(found.chunks, share),
        tokens=_scaled(found.tokens, share),
        share_read=share,
        refused=refused,
        left_out=listing.left_out,
        unfit=found.misfits.unfit,
        unfit_first=found.misfits.unfit_first,
        failures=found.failures[:20],
        others={} if lake.count(lake.name("documents")) else others(lake),
    )
    serves = lake.live_table()
    plan.promoted = lake.model_table(models[0]) if serves and serves != lake.model_table(models[0]) else ""
    for model in models:
        table = lake.model_table(model)
        entry = ModelPlan(model.name, table, table in {row["table"] for row in lake.catalog()})
        there = NumberSet(numbers_of(lake.read(table, ["text_hash"])["text_hash"]))
        known = there.among(numbers_of(pa.chunked_array([pa.array(list(found.texts), pa.string())]))).tolist()
        texts = {h: t for (h, t), seen in zip(found.texts.items(), known, strict=True) if not seen}
        waiting = _Waiting(lake, table, model.settings, there)
        entry.pending = len(waiting.texts)
        pending = {h: t for h, t in waiting.texts.items() if h not in texts}
        entry.texts = _scaled(len(texts), share) + len(pending)
        entry.tokens = _scaled(sum(texts.values()), share) + sum(pending.values())
        limit = _limit(lake, table)
        if entry.texts:
            limit = _estimate(entry, lake, model, found.probe or waiting.probe, limit)
        if limit:
            _count_overlong(entry, lake, model.settings, limit, found, waiting, share)
        plan.models.append(entry)
    return plan


class _Content:
    """What was met on reading."""

    def __init__(self, lake: Lake) -> None:
        known = lake.read(lake.name("documents"), ["document_id", "text_hash"], "text_hash IS NOT NULL")
        self._first = dict(zip(known["text_hash"].to_pylist(), known["document_id"].to_pylist(), strict=True))
        self.texts: dict[str, int] = {}
        self.probe: list[str] = []
        self.counts: list[int] = []
        self.versions: list[str] = []
        self.contents: set[str] = set()
        self.failures: list[dict[str, str]] = []
        self.misfits = DocumentCounts()
        self.chunks = self.tokens = self.duplicates = 0

    def add(self, prepared: Prepared) -> None:
        self.misfits.misfit(prepared.unfit)
        self.failures += [
            {"document": f.document_id, "error": f.error, "message": f.message} for f in prepared.failures
        ]
        rows = prepared.documents.filter(pc.equal(prepared.documents["state"], "active"))
        columns = (rows[c].to_pylist() for c in ("document_id", "text_hash", "content_hash"))
        for identity, text_hash, content in zip(*columns, strict=True):
            self.contents.add(content)
            self.duplicates += self._first.setdefault(text_hash, identity) != identity
        self.versions += prepared.chunks["version"].to_pylist()
        columns = (prepared.chunks[c].to_pylist() for c in ("text_hash", "token_count", "text"))
        for text_hash, count, text in zip(*columns, strict=True):
            self.chunks, self.tokens = self.chunks + 1, self.tokens + count
            self.counts.append(count)
            self.texts[text_hash] = count
            if len(self.probe) < _PROBE_TEXTS:
                self.probe.append(text)


def spread_files(files: list[File], most_bytes: int) -> tuple[list[File], float]:
    """Files spread evenly over all, and which part of the bytes they have."""
    total = sum(file.size for file in files)
    if total <= most_bytes:
        return files, 1.0
    step = max(int(len(files) * most_bytes / total), 1)
    chosen = files[:: max(len(files) // step, 1)]
    return chosen, min(sum(min(file.size, most_bytes) for file in chosen) / total, 1.0)


def some_works(corpus: Corpus, files: list[File], most_bytes: int) -> Iterator[Work]:
    """Work for the readers: all of the files, and the beginnings of those that hold records."""
    yield from group_files(file for file in files if not file.is_container)
    for file in (file for file in files if file.is_container):
        source = next(source for source in corpus.sources if source.name == file.source)
        read = 0
        try:
            blocks = read_blocks(file, source, corpus.metadata, corpus.extraction.max_bytes)
            for block in each_within(blocks, corpus.extraction.timeout):
                yield block
                read += block.size
                if read > most_bytes:
                    break
        except Exception:
            continue


class _Waiting:
    """What an earlier run left without a vector: distinct texts without one, the tokens of every chunk, a few texts."""

    def __init__(self, lake: Lake, table: str, model: Model, there: NumberSet) -> None:
        pending = pending_chunks(lake, table, model)
        self.texts: dict[str, int] = {}
        self.counts: list[int] = []
        for rows in pending.windows(["text_hash", "token_count"]):
            self.counts += rows["token_count"].to_pylist()
            rows = rows.filter(pa.array(~there.among(numbers_of(rows["text_hash"])), pa.bool_()))
            self.texts |= zip(rows["text_hash"].to_pylist(), rows["token_count"].to_pylist(), strict=True)
        self.probe = pending.chunks.take(pending.positions[:_PROBE_TEXTS], ["text"])["text"].to_pylist()


def _limit(lake: Lake, table: str) -> int | None:
    """The most tokens that a model reads, where the catalog has it."""
    return next((row["max_tokens"] for row in lake.catalog() if row["table"] == table), None)


def _estimate(entry: ModelPlan, lake: Lake, model: ResolvedModel, probe: list[str], limit: int | None) -> int | None:
    """Expected time by the rate of the last run that embedded, else by a probe of a few texts; gives the most tokens
    that the model reads, if that is known by then."""
    for counts in sorted(
        lake.read(lake.name("runs"), ["started", "counts"]).to_pylist(), key=lambda r: r["started"], reverse=True
    ):
        for past in json.loads(counts["counts"])["models"]:
            if past["table"] == entry.table and past["tokens"] > 10_000:
                entry.seconds = entry.tokens * past["seconds"] / past["tokens"]
                entry.measured = "the last run"
                return limit
    if not probe:
        return limit
    plain = model.settings.model_copy(update={"int8": False})  # an int8 model is made by the run itself
    encoder = load_encoder(replace(model, settings=plain))
    items = text_items(probe)
    encoder.encode_documents(items[:4])
    clock = time.monotonic()
    counts = encoder.encode_documents(items)[1]
    tokens = sum(min(count, encoder.max_cost) for count in counts)
    entry.seconds = entry.tokens * (time.monotonic() - clock) / tokens
    entry.measured = f"a probe of {len(probe)} texts"
    return encoder.max_cost


def _count_overlong(
    entry: ModelPlan, lake: Lake, model: Model, limit: int, found: _Content, waiting: _Waiting, share: float
) -> None:
    """How many chunks are longer than a model reads, by the tokens that were counted on chunking."""
    set_aside = set(failed_versions(lake, entry.table, model).to_pylist())
    new = sum(c > limit and v not in set_aside for c, v in zip(found.counts, found.versions, strict=True))
    overlong = _scaled(new, share) + sum(count > limit for count in waiting.counts)
    if lake.corpus.overlong == "refuse":
        there = len(refused_rows(lake, entry.table, limit, ["chunk_id"])) if lake.has(entry.table) else 0
        entry.refused = overlong + there
    else:
        entry.overlong = overlong


def _scaled(count: int, share: float) -> int:
    return round(count / share) if share < 1 else count
