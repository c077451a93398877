"""What a run would do, without doing it."""

from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from tasks.config.models import Model
from tasks.config.settings import Corpus
from tasks.embed.kept import kept_models
from tasks.embed.pending import failed_versions
from tasks.errors import ShrunkSource
from tasks.ingest.reading import read_all
from tasks.ingest.tokenizer import tokenizer_of
from tasks.ingest.transcribing import to_transcribe
from tasks.ingest.update import compare_with_lake
from tasks.lake.catalog import taken_into
from tasks.lake.lookup import numbers_of
from tasks.lake.neighbours import others
from tasks.lake.tables import Lake
from tasks.models.interface import TEXT
from tasks.operate.estimate import (
    ModelPlan,
    Waiting,
    estimate,
    new_plan,
    read_at_most,
    tell_cost,
    tell_images,
    tell_overlong,
    texts_there,
)
from tasks.operate.hints import media_hints
from tasks.operate.promote import notes_on
from tasks.operate.sampling import Content, some_works, spread_files
from tasks.sources.listing import list_files


@dataclass(slots=True)
class Plan:
    """What a run would do.

    Attributes:
        share_read: part of the bytes to read that was read for this plan; below 1 the figures about content
            are scaled up from it.
        new, changed, settings_changed, deleted, moved, duplicates, failing: documents; files where they hold records
            that were not read.
        settings_changed: files whose settings changed since they were read.
        unfit, unfit_first: values that did not fit their metadata field, and the first, in what was read.
        chunks, tokens: in the documents that would be read.
        to_transcribe: sounds and films whose words would be written down, which are no chunks here;
            transcribe_seconds: of sound in them.
        models: for each model.
        others: tables of other corpora in the lake, by name, where it has no document of this one yet.
        notes: what stands between the models and being live; hints: what else the corpus file could ask for.
        refused: why the run would stop before it deletes anything; empty if it would not.
        cost: USD that services would ask for, 0 where there are none; None where nobody knows a price.
        sample: chunks at random, as they would be cut.
    """

    corpus: str
    listed: int = 0
    unchanged: int = 0
    new: int = 0
    changed: int = 0
    settings_changed: int = 0
    deleted: int = 0
    moved: int = 0
    duplicates: int = 0
    failing: int = 0
    chunks: int = 0
    tokens: int = 0
    to_transcribe: int = 0
    transcribe_seconds: float = 0.0
    share_read: float = 1.0
    cost: float | None = 0.0
    refused: str = ""
    skipped: dict[str, int] = field(default_factory=dict)
    unfit: dict[str, int] = field(default_factory=dict)
    unfit_first: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    models: list[ModelPlan] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    sample: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def plan_of(corpus: Corpus, lake: Lake, most_bytes: int = 64 * 2**20, sample: int = 0) -> Plan:
    """Compare, and read what a run would read, up to a limit; change nothing.

    Args:
        corpus: to plan for.
        lake: of the corpus; may still hold nothing.
        most_bytes: read at most about so many bytes as stored, spread over all files, and scale up.
        sample: chunks to keep, at random, of what is read.
    """
    kept = kept_models(lake, asked=False)
    listing = list_files(corpus.sources, corpus.lake.uri, corpus.extraction.media)
    refused = ""
    try:
        changes = compare_with_lake(corpus, lake, listing, allow_shrinking=False)
    except ShrunkSource as error:
        refused = f"{error.message} {error.hint}"
        changes = compare_with_lake(corpus, lake, listing)
    files, share = spread_files(changes.to_read, most_bytes)
    found = Content(lake, sample)
    while files:
        works = some_works(corpus, files, int(most_bytes), found.fail)
        files = []  # that hold records after all
        for _, prepared in read_all(works, corpus, tokenizer_of(corpus, lake).folder()):
            found.add(prepared)
            files += prepared.containers
    gone = lake.read_in(lake.name("documents"), "document_id", changes.gone, ["content_hash"]) if changes.gone else None
    gone_hashes = set(gone["content_hash"].to_pylist()) if gone else set()
    heard = to_transcribe(corpus, lake, found.spoken.values())
    plan = Plan(
        corpus.name,
        listed=len(listing.files),
        unchanged=changes.unchanged,
        new=len(changes.new),
        changed=len(changes.changed),
        settings_changed=len(changes.settings_changed) + len(changes.reread),
        deleted=len(changes.gone),
        moved=_scaled(len(found.contents & gone_hashes), share),
        duplicates=_scaled(found.duplicates, share),
        failing=_scaled(len(found.failures), share),
        chunks=_scaled(found.chunks, share),
        tokens=_scaled(found.tokens, share),
        to_transcribe=_scaled(len(heard), share),
        transcribe_seconds=sum(heard.values()) / 1000 / share,
        share_read=share,
        refused=refused,
        skipped=listing.skipped,
        unfit=found.misfits.unfit,
        unfit_first=found.misfits.unfit_first,
        failures=found.failures[:20],
        others={} if lake.count(lake.name("documents")) else others(lake),
        sample=found.sample(),
    )
    plan.notes = [kept.unkept] if kept.unkept else []
    plan.notes += notes_on(corpus, lake.catalog(), kept.named)
    plan.hints = media_hints(corpus, listing.skipped, kept.models)
    for model in kept.models:
        table = lake.model_table(model)
        entry = new_plan(lake, model)
        entry.exists = table in {row["table"] for row in lake.catalog()}
        there = texts_there(lake, model)
        takes = taken_into(lake, model)
        met = found.texts[model.settings.template] if "text" in takes else {}
        media = {name: contents for name, contents in found.others.items() if name in takes}
        met = {**met, **{content: cost for contents in media.values() for content, cost in contents.items()}}
        known = there.among(numbers_of(pa.chunked_array([pa.array(list(met), pa.string())]))).tolist()
        texts = {h: t for (h, t), seen in zip(met.items(), known, strict=True) if not seen}
        waiting = Waiting(lake, table, model.settings, there, takes)
        entry.pending = len(waiting.texts)
        pending = {h: t for h, t in waiting.texts.items() if h not in texts}
        entry.texts = _scaled(len(texts), share) + len(pending)
        entry.tokens = _scaled(sum(texts.values()), share) + sum(pending.values())
        for name in takes - TEXT:
            contents = waiting.others.get(name, set()) | {
                content for content in media.get(name, {}) if content in texts
            }
            if contents:
                entry.by_modality[name] = _scaled(len(contents), share)
        images = waiting.others.get("image", set()) | set(media.get("image", {}))
        for counted, part in ((texts, share), (pending, 1.0)):
            tell_images(entry, model, [cost for content, cost in counted.items() if content in images], part)
        limit = read_at_most(lake, table)
        if entry.texts:
            limit = estimate(entry, lake, model, found.probe or waiting.probe, limit)
        if limit and "text" in takes:
            longer = _longer(entry, lake, model.settings, limit, found, waiting, share)
            tell_overlong(entry, lake, limit, longer)
        tell_cost(entry)
        plan.models.append(entry)
    costs = [entry.cost for entry in plan.models if entry.served]
    plan.cost = None if None in costs else sum(cost or 0.0 for cost in costs)
    if corpus.budget is not None and plan.cost is not None and plan.cost > corpus.budget:
        plan.notes.append(f"it costs about {plan.cost:,.2f} USD, and the budget of a run is {corpus.budget:,.2f}")
    return plan


def _longer(
    entry: ModelPlan, lake: Lake, model: Model, limit: int, found: Content, waiting: Waiting, share: float
) -> int:
    """How many chunks to embed are longer than a model reads, by the tokens that were counted on chunking."""
    failed_before = set(failed_versions(lake, entry.table, model).to_pylist())
    counts = found.counts[model.template]
    new = sum(c > limit and v not in failed_before for c, v in zip(counts, found.versions, strict=True))
    return _scaled(new, share) + sum(count > limit for count in waiting.counts)


def _scaled(count: int, share: float) -> int:
    return round(count / share) if share < 1 else count
