"""What it would take to fill a model's table: texts, tokens, time."""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from tasks.config.models import Model
from tasks.embed.pending import pending_chunks, refused_rows
from tasks.embed.selection import Selection, selected
from tasks.embed.wider import wider_tables
from tasks.lake.catalog import taken_into
from tasks.lake.jobs import contents_under_way, under_way
from tasks.lake.lookup import NumberSet, numbers_of
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.api.providers import batch_share, image_price_of, picture_tokens_of, price_of
from tasks.models.interface import TEXT, UNITS, encode_in_parts, text_items
from tasks.models.resolved import ResolvedModel, Served
from tasks.models.template import COST, HASH, NEEDED, Template, is_text
from tasks.operate.sampling import PROBE_TEXTS


@dataclass(slots=True)
class ModelPlan:
    """What a run would do for one model.

    Attributes:
        model, table: its names; `exists` tells whether the table is there.
        texts: distinct texts, images and the like to embed; tokens: in them, or what they weigh beside texts.
        by_modality: of these, what is no text.
        pending: texts that an earlier run left without a vector; 0 of a backfill, which embeds nothing else.
        under_way: texts in batches of a Batch API; they are none of those to embed.
        overlong: chunks to embed that are longer than the model reads, of which it would read the beginning, or None
            where it is not known how much it reads.
        refused: chunks that would fail because they are longer, where the corpus refuses such.
        seconds: expected; measured says on what that stands: the last run, or a probe of a few texts just now.
        served: whether a service has the model, which asks for its own price.
        price: USD that it asks for a million tokens; cost: of all of them; None where nobody knows, or it is not
            served. price_given: whether the corpus file says it.
        image_tokens: that a service bills images with, about; image_price: USD for a million of these.
    """

    model: str
    table: str
    exists: bool
    texts: int = 0
    tokens: int = 0
    pending: int = 0
    under_way: int = 0
    overlong: int | None = None
    refused: int = 0
    seconds: float = 0.0
    measured: str = ""
    by_modality: dict[str, int] = field(default_factory=dict)
    served: bool = False
    price: float | None = None
    price_given: bool = False
    cost: float | None = None
    image_price: float | None = None
    image_tokens: int = 0


def backfill_plan(lake: Lake, model: ResolvedModel, selection: Selection) -> ModelPlan:
    """What a backfill would do; change nothing.

    Raises:
        ConfigurationError: the selection cannot be made.
        ModelError: the model cannot be loaded.
    """
    table = lake.model_table(model)
    plan = new_plan(lake, model)
    there = texts_there(lake, model)
    takes = taken_into(lake, model)
    chosen = selected(lake, table, model.settings, selection, takes)
    waiting = Waiting(lake, table, model.settings, there, takes, chosen)
    plan.texts, plan.tokens = len(waiting.texts), sum(waiting.texts.values())
    plan.by_modality = {name: len(contents) for name, contents in waiting.others.items()}
    images = [waiting.texts[content] for content in waiting.others.get("image", ()) if content in waiting.texts]
    tell_images(plan, model, images)
    limit = read_at_most(lake, table)
    if plan.texts:
        limit = estimate(plan, lake, model, waiting.probe, limit)
    if limit:
        tell_overlong(plan, lake, limit, sum(count > limit for count in waiting.counts))
    tell_cost(plan)
    return plan


def new_plan(lake: Lake, model: ResolvedModel) -> ModelPlan:
    """A plan for a model, of which nothing is known but its price."""
    table, served = lake.model_table(model), isinstance(model.origin, Served)
    price = price_of(model.settings) if served else None
    price = None if price is None else price * batch_share(model.settings)
    waiting = under_way(lake, table).texts
    given = served and model.settings.api is not None and model.settings.api.price is not None
    exists = lake.has(table)
    plan = ModelPlan(model.name, table, exists, under_way=waiting, served=served, price=price, price_given=given)
    plan.image_price = image_price_of(model.settings) if served else None
    return plan


def tell_images(plan: ModelPlan, model: ResolvedModel, weights: Sequence[int], share: float = 1.0) -> None:
    """Note what the images that a plan counts would be billed with, where a service has the model.

    Args:
        plan: of the model.
        model: it.
        weights: of images that were met, in tokens, see `in_tokens`: they are taken out of the plan's tokens.
        share: of all, the part that was met.
    """
    if plan.served and weights:
        tokens = sum(picture_tokens_of(model, weight * UNITS["image"]) for weight in weights)
        plan.image_tokens += round(tokens / share)
        plan.tokens = max(plan.tokens - round(sum(weights) / share), 0)


def tell_cost(plan: ModelPlan) -> None:
    """Note what the tokens that a plan counts would cost."""
    parts = [(plan.tokens, plan.price), (plan.image_tokens, plan.image_price)]
    costs = [
        None if price is None else tokens * price / 1e6 for tokens, price in parts if tokens or price is plan.price
    ]
    plan.cost = None if None in costs else sum(cost or 0.0 for cost in costs)


def tell_overlong(plan: ModelPlan, lake: Lake, limit: int, longer: int) -> None:
    """Note how many chunks to embed are longer than a model reads; where the corpus refuses such, with those that have
    a row by now.

    Args:
        plan: of the model.
        lake: that has its table.
        limit: the most tokens that it reads.
        longer: chunks to embed that have more.
    """
    if lake.corpus.overlong == "refuse":
        there = len(refused_rows(lake, plan.table, limit, ["chunk_id"])) if lake.has(plan.table) else 0
        plan.refused = longer + there
    else:
        plan.overlong = longer


class Waiting:
    """What a table lacks: distinct contents without a vector with their tokens, the tokens of what is embedded of every
    text, a few texts.

    Args:
        lake: that has the chunks.
        table: the model's, full name; it may not exist yet.
        model: its settings.
        there: texts that the table has a vector for.
        takes: modalities that the model takes.
        chosen: versions of the chunks to look at; None for all.
    """

    def __init__(
        self,
        lake: Lake,
        table: str,
        model: Model,
        there: NumberSet,
        takes: Collection[str] = TEXT,
        chosen: pa.ChunkedArray | None = None,
    ) -> None:
        pending = pending_chunks(lake, table, model, takes, chosen)
        self.texts: dict[str, int] = {}
        self.counts: list[int] = []
        self.others: dict[str, set[str]] = {}  # of the contents those that are no texts, by modality
        for chunks in pending.windows([*NEEDED]):
            rows = Template(model).fill(chunks)
            self.counts += rows.filter(is_text(rows))[COST].to_pylist()
            rows = rows.filter(pa.array(~there.among(numbers_of(rows[HASH])), pa.bool_()))
            self.texts |= zip(rows[HASH].to_pylist(), rows[COST].to_pylist(), strict=True)
            for modality, content in zip(rows["modality"].to_pylist(), rows[HASH].to_pylist(), strict=True):
                if modality not in (None, "text"):
                    self.others.setdefault(modality, set()).add(content)
        first = pending.chunks.take(pending.positions[:PROBE_TEXTS], ["text", "modality"])
        self.probe = first.filter(is_text(first))["text"].to_pylist()


def texts_there(lake: Lake, model: ResolvedModel) -> NumberSet:
    """The texts that a model's table, or a wider one, has a vector for, or that are in a batch for it, by the hash of
    what is embedded."""
    key = Template(model.settings).key
    tables = [lake.model_table(model), *(wider.table for wider in wider_tables(lake, model))]
    columns = [contents_under_way(lake, tables[0]), *(lake.read(table, [key])[key] for table in tables)]
    return NumberSet(np.concatenate([*map(numbers_of, columns)]))


def read_at_most(lake: Lake, table: str) -> int | None:
    """The most tokens that a model reads, where the catalog has it."""
    return next((row["max_tokens"] for row in lake.catalog() if row["table"] == table), None)


def estimate(entry: ModelPlan, lake: Lake, model: ResolvedModel, probe: list[str], limit: int | None) -> int | None:
    """Expected time by the rate of the last run that embedded, else by a probe of a few texts; gives the most tokens
    that the model reads, if that is known by then."""
    if entry.by_modality:  # images of how many sizes, decoded meanwhile: nothing here tells how long they take
        return limit
    for counts in sorted(
        lake.read(lake.name("runs"), ["started", "counts"]).to_pylist(), key=lambda r: r["started"], reverse=True
    ):
        for past in json.loads(counts["counts"])["models"]:
            if past["table"] == entry.table and past["tokens"] > 10_000:
                entry.seconds = entry.tokens * past["seconds"] / past["tokens"]
                entry.measured = "the last run"
                return limit
    if isinstance(model.origin, Served):  # which may ask for money
        if model.settings.api and model.settings.api.tokens_per_minute:
            entry.seconds = entry.tokens * 60 / model.settings.api.tokens_per_minute
            entry.measured = "its tokens a minute"
        return limit
    if not probe:
        return limit
    plain = model.settings.model_copy(update={"int8": False})  # an int8 model is made by the run itself
    encoder = choose.load_encoder(replace(model, settings=plain))
    items = text_items(probe)
    encode_in_parts(encoder, items[:4])
    clock = time.monotonic()
    counts = encode_in_parts(encoder, items).costs
    tokens = sum(min(count, encoder.max_cost) for count in counts)
    entry.seconds = entry.tokens * (time.monotonic() - clock) / tokens
    entry.measured = f"a probe of {len(probe)} texts"
    return encoder.max_cost
