"""The way of vectors: each model's table brought up to the chunks, and its place in the catalog."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.embed import Embedding, StartPool
from tasks.encode.choose import load_encoder
from tasks.encode.quantise import SAMPLE, measure_change
from tasks.failures import failures_since
from tasks.lake import Lake
from tasks.models import ResolvedModel
from tasks.pending import orphans, pending_chunks, remove_orphans
from tasks.pools import LocalPool, Pool
from tasks.progress import EmbeddingCounts, tell
from tasks.run import Run


def embed_model(run: Run, model: ResolvedModel, arrivals: Iterator[pa.Table | None]) -> EmbeddingCounts:
    """Bring a model's table up to the chunks, those that arrive meanwhile included."""
    lake = run.lake
    embedding = Embedding(lake, lake.model_table(model), start_pool_for(model, lake), tell)
    run.report.models.append(embedding.counts)
    counts = embedding.run(arrivals)
    if model.settings.int8:
        _evaluate(lake, model)
    return counts


def start_pool_for(model: ResolvedModel, lake: Lake) -> StartPool:
    """Encoders in this process for a little work, on Ray for more; and the table for their vectors."""

    def start(tokens: int, windows: list[pa.Table]) -> Pool:
        calibrated = _calibrated(model, lake, windows) if model.settings.int8 else model
        pool: Pool
        if tokens < lake.corpus.resources.in_process_below:
            pool = LocalPool(partial(load_encoder, calibrated, budget=lake.corpus.resources.batch_tokens))
        else:
            from tasks.ray_pool import RayPool

            pool = RayPool(calibrated, lake.corpus.resources)
        lake.open_model(calibrated, pool.dimension, pool.max_tokens)
        return pool

    return start


def _calibrated(model: ResolvedModel, lake: Lake, windows: list[pa.Table]) -> ResolvedModel:
    """An int8 model with the texts that it is calibrated on, as the catalog has them or else from the first chunks."""
    known = _catalogued(lake, model)
    if known:
        return replace(model, calibration=tuple(json.loads(known["calibration"])))
    texts = pa.concat_tables([window.select(["text"]) for window in windows])["text"].unique()
    spread = range(0, len(texts), max(len(texts) // SAMPLE, 2))[:SAMPLE]
    return replace(model, calibration=tuple(texts.take(pa.array(spread)).to_pylist()))


def _evaluate(lake: Lake, model: ResolvedModel) -> None:
    """Note in the catalog what int8 changes, unless it says so already: on other texts than those calibrated on."""
    table = lake.model_table(model)
    known, count = _catalogued(lake, model), lake.count(table)
    if known is None or known["evaluation"] or not count:
        return
    rows = lake.take(table, list(range(0, count, max(count // SAMPLE, 1)))[:SAMPLE], ["text", "vector"]).to_pylist()
    int8 = {row["text"]: row["vector"] for row in rows}
    calibrated_on = json.loads(known["calibration"])
    texts = [text for text in int8 if text not in calibrated_on] or list(int8)
    full = load_encoder(replace(model, settings=model.settings.model_copy(update={"int8": False})))
    change = measure_change(np.array([int8[text] for text in texts], np.float32), full.encode(texts)[0])
    lake.update_catalog({table: {"evaluation": json.dumps({"int8": change.to_dict()})}})


def _catalogued(lake: Lake, model: ResolvedModel) -> dict[str, Any] | None:
    """A model's line in the catalog."""
    return next((row for row in lake.catalog() if row["table"] == lake.model_table(model)), None)


def settled(run: Run, tables: list[str]) -> bool:
    """Whether the tables of all models are up to the chunks, and the first of `tables` is live."""
    catalog = {row["table"]: row["state"] for row in run.lake.catalog()}
    if any(pending_chunks(run.lake, table) for table in tables) or any(orphans(run.lake, table) for table in catalog):
        return False
    run.report.models = [
        EmbeddingCounts(table, rows=run.lake.count(table), state=catalog[table]) for table in tables if table in catalog
    ]
    return catalog.get(tables[0], "live") == "live" and "building" not in {catalog.get(table) for table in tables}


def finish(run: Run, primary: str | None) -> None:
    """Take deleted chunks out of the tables of other models, index large tables, settle the catalog.

    Args:
        run: whose tables.
        primary: the table that search is to use; None leaves it as it is, unless there is none yet.
    """
    if run.report.kind == "ingest":
        for row in run.lake.catalog():
            remove_orphans(run.lake, row["table"])
    for counts in run.report.models:
        if counts.embedded or counts.reused:
            run.lake.index(counts.table)
            run.lake.compact(counts.table)
    if run.report.kind == "ingest":
        for own in ("documents", "chunks", "leases"):
            run.lake.compact(run.lake.name(own))
    _settle_catalog(run, primary)
    if run.report.failed:
        run.report.failures = failures_since(run.lake, run.started)


def _settle_catalog(run: Run, primary: str | None) -> None:
    """Complete tables become ready; the primary one live, in the same commit that makes the one before it ready."""
    before = {row["table"]: row["state"] for row in run.lake.catalog()}
    complete = [counts.table for counts in run.report.models if counts.table in before]
    after = before | {table: "ready" for table in complete if before[table] == "building"}
    if primary is None and "live" not in before.values() and complete:
        primary = complete[0]
    if primary in complete and after[primary] != "live":
        after = {table: "ready" if state == "live" else state for table, state in after.items()} | {primary: "live"}
    changed = {table: state for table, state in after.items() if state != before[table]}
    if changed:
        run.lake.update_catalog({table: {"state": state} for table, state in changed.items()})
    for counts in run.report.models:
        counts.state = after.get(counts.table, "building")
