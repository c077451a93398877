"""The way of vectors: each model's table brought up to the chunks, and its place in the catalog."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from tasks.embed.embedding import Embedding, StartPool
from tasks.embed.pending import failure_settings, orphans, pending_chunks, refused_rows
from tasks.embed.pools import LocalPool, Pool
from tasks.embed.rows import failures_of, overlong_chunk, with_vectors
from tasks.embed.selection import EVERYTHING, Selection, selected
from tasks.errors import OverlongChunk
from tasks.lake.catalog import (
    Entry,
    Standing,
    change_catalog,
    ensure_entry,
    entry_of,
    model_of,
    open_model,
    states_after,
    unconfirmed,
)
from tasks.lake.evolve import evolve
from tasks.lake.failures import EMBEDDING, failures_since, outdated_failures, record_failures
from tasks.lake.fulltext import build_text_index, lacks_text_index
from tasks.lake.lease import try_writing
from tasks.lake.maintenance import build_index, compact, compact_own
from tasks.lake.run import Run
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.interface import text_items
from tasks.models.quantise import SAMPLE, measure_change
from tasks.models.resolved import ResolvedModel, Served
from tasks.progress import EmbeddingCounts, publish


def embed_model(
    run: Run, model: ResolvedModel, arrivals: Iterator[pa.Table | None], selection: Selection = EVERYTHING
) -> EmbeddingCounts:
    """Bring a model's table up to the chunks, those that arrive meanwhile included; or up to some of them.

    Raises:
        ConfigurationError: the selection cannot be made.
        ModelError: the model cannot be loaded, or embeds nothing.
    """
    lake, table = run.lake, run.lake.model_table(model)
    refused = 0
    if lake.has(table):
        lake.evolve(table, lake.model_schema(table))
        _sign_all(lake, table)
        ensure_entry(lake, table, run.report.run_id)
        refused = _refuse(lake, table, model)
    chosen = selected(lake, table, model.settings, selection)
    embedding = Embedding(lake, table, model.settings, start_pool_for(model, lake), publish, chosen)
    embedding.counts.removed = embedding.counts.failed = embedding.counts.refused = refused
    run.report.models.append(embedding.counts)
    counts = embedding.run(arrivals)
    if model.settings.int8:
        _evaluate(run, model)
    return counts


def _sign_all(lake: Lake, table: str) -> None:
    """Give a checksum to the rows that have none, as those that an older embedlake wrote; their tokens as the corpus
    counts them."""
    for rows in lake.snapshot(table).scan(where="checksum IS NULL"):
        vectors = np.asarray(rows["vector"].combine_chunks().flatten(), np.float32).reshape(len(rows), -1)
        lake.merge(table, with_vectors(rows.select(lake.chunk_columns()), vectors, rows["token_count"].to_numpy()))


def _refuse(lake: Lake, table: str, model: ResolvedModel) -> int:
    """Take out what is longer than the model reads, where the corpus refuses that now; how many rows."""
    entry = entry_of(lake, table)
    if entry is None:
        return 0
    rows = refused_rows(lake, table, entry["max_tokens"], [*lake.chunk_columns()])
    if len(rows):
        settings = failure_settings(lake.corpus, model.settings)
        record_failures(lake, failures_of(rows, table, overlong_chunk(entry["max_tokens"]), settings))
        lake.delete_in(table, "chunk_id", rows["chunk_id"].to_pylist())
    return len(rows)


def start_pool_for(model: ResolvedModel, lake: Lake) -> StartPool:
    """Encoders in this process for a little work or a service's model, else on Ray; and the table for their vectors."""

    def start(tokens: int, windows: list[pa.Table]) -> Pool:
        calibrated = _calibrated(model, lake, windows) if model.settings.int8 else model
        pool: Pool
        if isinstance(model.origin, Served) or tokens < lake.corpus.resources.in_process_below:
            pool = LocalPool(partial(choose.load_encoder, calibrated, budget=lake.corpus.resources.batch_tokens))
        else:
            from tasks.embed.ray_pool import RayPool

            pool = RayPool(calibrated, lake.corpus.resources)
        open_model(lake, calibrated, pool.dimension, pool.max_cost)
        return pool

    return start


def _calibrated(model: ResolvedModel, lake: Lake, windows: list[pa.Table]) -> ResolvedModel:
    """An int8 model with the texts that it is calibrated on, as the catalog has them or else from the first chunks."""
    known = entry_of(lake, lake.model_table(model))
    if known:
        return replace(model, calibration=tuple(json.loads(known["calibration"])))
    texts = pa.concat_tables([window.select(["text"]) for window in windows])["text"].unique()
    spread = range(0, len(texts), max(len(texts) // SAMPLE, 2))[:SAMPLE]
    return replace(model, calibration=tuple(texts.take(pa.array(spread)).to_pylist()))


def _evaluate(run: Run, model: ResolvedModel) -> None:
    """Note in the catalog what int8 changes, unless it says so already: on other texts than those calibrated on."""
    lake = run.lake
    table = lake.model_table(model)
    known, count = entry_of(lake, table), lake.count(table)
    if known is None or known["evaluation"] or not count:
        return
    positions = np.arange(0, count, max(count // SAMPLE, 1))[:SAMPLE]
    rows = lake.snapshot(table).take(positions, ["text", "vector"]).to_pylist()
    int8 = {row["text"]: row["vector"] for row in rows}
    calibrated_on = json.loads(known["calibration"])
    texts = [text for text in int8 if text not in calibrated_on] or list(int8)
    full = choose.load_encoder(replace(model, settings=model.settings.model_copy(update={"int8": False})))
    wide = full.encode_documents(text_items(texts)).vectors
    change = measure_change(np.array([int8[text] for text in texts], np.float32), wide)
    evaluation = json.dumps({"int8": change.to_dict()})
    change_catalog(lake, run.report.run_id, lambda _: {table: {"evaluation": evaluation}})


def up_to_date(run: Run, models: list[ResolvedModel]) -> bool:
    """Whether the tables of all models are up to the chunks, and the catalog says what it must."""
    lake = run.lake
    entries = {entry["table"]: entry for entry in lake.catalog()}
    tables = [lake.model_table(model) for model in models]
    for table in tables:
        if table in entries and len(refused_rows(lake, table, entries[table]["max_tokens"], ["chunk_id"])):
            return False
        if table not in entries and (lake.has(table) or lake.count(lake.name("chunks"))):
            return False
    if unconfirmed(lake, list(entries.values())):
        return False
    if any(lake.has(table) and lake.differs(table, lake.model_schema(table)) for table in {*tables, *entries}):
        return False
    if outdated_failures(lake) or any(orphans(lake, t, _only_of_gone(entry, tables)) for t, entry in entries.items()):
        return False
    if any(lacks_text_index(lake, table) for table in tables if table in entries):
        return False
    standing = _standing(lake, list(entries.values()))
    if any(not standing[table].complete for table in tables if table in entries):
        return False
    after = states_after(list(entries.values()), standing, set(tables), tables[0])
    if any(after[table] != entry["state"] for table, entry in entries.items()):
        return False
    run.report.models = [EmbeddingCounts(t, rows=standing[t].rows, state=after[t]) for t in tables if t in entries]
    return True


def finish(run: Run, primary: str | None) -> None:
    """Settle the catalog, then take what is gone out of the tables of other models, and index and compact.

    Args:
        run: whose tables.
        primary: the table that search is to use; None leaves it as it is, unless there is none yet.
    """
    lake, kept = run.lake, {counts.table for counts in run.report.models}
    lake.delete_in(lake.name("failures"), "failure_id", outdated_failures(lake))
    for table in unconfirmed(lake, lake.catalog()):
        ensure_entry(lake, table, run.report.run_id)
    _settle_catalog(run, kept, primary)
    if run.report.kind == "ingest":
        _clean_others(run, kept)
    for counts in run.report.models:
        if counts.embedded or counts.reused:
            build_index(lake, counts.table)
            compact(lake, counts.table)
        build_text_index(lake, counts.table)
    compact_own(lake, run.report.kind)
    if run.report.failed:
        run.report.failures = failures_since(lake, run.started)


def _settle_catalog(run: Run, kept: set[str], primary: str | None) -> None:
    """Say in the catalog which tables are complete and which one is live, in one commit."""
    lake, report = run.lake, run.report

    def change(entries: list[Entry]) -> dict[str, Entry]:
        standing = _standing(lake, entries)
        after = states_after(entries, standing, kept, primary)
        before = {entry["table"]: entry["state"] for entry in entries}
        for counts in report.models:
            counts.state = after.get(counts.table, "building")
            counts.pending = standing[counts.table].pending if counts.table in standing else 0
        promoted = next((t for t, state in after.items() if state == "live" and before[t] != "live"), "")
        report.promoted = promoted or report.promoted  # it may be tried again after it was written
        return {table: {"state": state} for table, state in after.items() if state != before[table]}

    if lake.catalog():
        change_catalog(lake, report.run_id, change)


def _standing(lake: Lake, entries: list[Entry]) -> dict[str, Standing]:
    where = f"chunk_id IS NOT NULL AND NOT ignored AND error != '{OverlongChunk.__name__}'"
    failures = lake.read(lake.name("failures"), ["stage"], where)["stage"].to_pylist()
    failed = Counter(failures)
    return {
        entry["table"]: Standing(
            len(pending_chunks(lake, entry["table"], model_of(lake.corpus, entry))),
            failed[EMBEDDING + entry["table"]],
            lake.count(entry["table"]),
        )
        for entry in entries
    }


def _clean_others(run: Run, kept: set[str]) -> None:
    """Take what is gone out of the tables that this run does not fill, and give them the columns of today. A table
    that another run fills is left to that one."""
    lake = run.lake
    for entry in lake.catalog():
        table = entry["table"]
        if table in kept or not lake.has(table):
            continue
        gone = orphans(lake, table, _only_of_gone(entry, kept))
        if not gone and not lake.differs(table, lake.model_schema(table)):
            continue
        with try_writing(lake, [table], run.report.run_id) as free:
            if free:
                evolve(lake, table, lake.model_schema(table))
                lake.delete_in(table, "chunk_id", gone)


def _only_of_gone(entry: Entry, kept: Collection[str]) -> bool:
    """Whether a table loses only rows of documents that are gone: one that serves until its successor does."""
    return entry["state"] == "live" and entry["table"] not in kept
