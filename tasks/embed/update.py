"""The way of vectors: each model's table brought up to the chunks, and its place in the catalog."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from tasks.embed.embedding import Embedding, StartPool
from tasks.embed.kept import Kept
from tasks.embed.pending import failure_settings, orphans, pending_chunks, refused_rows
from tasks.embed.pools import LocalPool, Pool
from tasks.embed.rows import failures_of, overlong_chunk, with_vectors
from tasks.embed.selection import EVERYTHING, Selection, selected
from tasks.embed.wider import wider_tables
from tasks.embed.written import wrong_vectors
from tasks.errors import OverlongChunk
from tasks.lake.catalog import (
    Entry,
    Standing,
    catalog_lease,
    change_catalog,
    changes_after,
    ensure_entry,
    entry_of,
    model_of,
    open_model,
    taken_by,
    taken_into,
    unconfirmed,
    write_entries,
)
from tasks.lake.evolve import evolve
from tasks.lake.failures import EMBEDDING, failures_since, outdated_failures, record_failures
from tasks.lake.fulltext import build_text_index, lacks_text_index
from tasks.lake.lease import try_writing
from tasks.lake.maintenance import compact, compact_own, lacks_index
from tasks.lake.nearest import matrix
from tasks.lake.recall import lacks_judgment, settle_index
from tasks.lake.run import Run
from tasks.lake.schemas import EMBEDDED
from tasks.lake.switches import FIRST, Switch, last_live, record, switched_to
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.interface import text_items
from tasks.models.quantise import SAMPLE, measure_change
from tasks.models.resolved import ResolvedModel, Served
from tasks.models.template import CONTENT, NEEDED, Template, is_text
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
    takes = replace(model.takes, modalities=taken_into(lake, model))
    chosen = selected(lake, table, model.settings, selection, takes.modalities)
    wider = wider_tables(lake, model)
    if wider and not lake.has(table):
        open_model(lake, model, wider[0].dimension, wider[0].max_tokens)
    pool = start_pool_for(model, lake)
    embedding = Embedding(lake, table, model.settings, pool, publish, chosen, wider, takes)
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
        lake.merge(table, with_vectors(rows.drop_columns([*EMBEDDED]), matrix(rows), rows["token_count"].to_numpy()))


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
    texts = pa.concat_tables([window.select([CONTENT]) for window in windows])[CONTENT].unique().drop_null()
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
    rows = lake.snapshot(table).take(positions, [*NEEDED, "vector"])
    rows = Template(model.settings).fill(rows.filter(is_text(rows)))
    int8 = dict(zip(rows[CONTENT].to_pylist(), rows["vector"].to_pylist(), strict=True))
    calibrated_on = json.loads(known["calibration"])
    texts = [text for text in int8 if text not in calibrated_on] or list(int8)
    full = choose.load_encoder(replace(model, settings=model.settings.model_copy(update={"int8": False})))
    wide = full.encode_documents(text_items(texts)).vectors
    change = measure_change(np.array([int8[text] for text in texts], np.float32), wide)
    evaluation = json.dumps({"int8": change.to_dict()})
    change_catalog(lake, run.report.run_id, lambda _: {table: {"evaluation": evaluation}})


def up_to_date(run: Run, kept: Kept) -> bool:
    """Whether the tables of all models are up to the chunks, and the catalog says what it must."""
    lake = run.lake
    entries = {entry["table"]: entry for entry in lake.catalog()}
    tables = [lake.model_table(model) for model in kept.models]
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
    if any(_lacks_index(lake, entries[table]) for table in tables if table in entries):
        return False
    standing = standing_of(lake, list(entries.values()))
    if any(not standing[table].complete for table in tables if table in entries):
        return False
    order = _order(lake, list(entries.values()), kept.named)
    if changes_after(list(entries.values()), standing, set(tables), order, whole=True):
        return False
    here = [table for table in tables if table in entries]
    run.report.models = [EmbeddingCounts(t, rows=standing[t].rows, state=entries[t]["state"]) for t in here]
    return True


def finish(run: Run, named: list[str], whole: bool) -> None:
    """Settle the catalog, then take what is gone out of the tables of other models, and index and compact.

    Args:
        run: whose tables.
        named: the first of these that is complete becomes live where none is.
        whole: whether the run kept up all tables that are to be kept up, as an ingest does.
    """
    lake, kept = run.lake, {counts.table for counts in run.report.models}
    lake.delete_in(lake.name("failures"), "failure_id", outdated_failures(lake))
    for table in unconfirmed(lake, lake.catalog()):
        ensure_entry(lake, table, run.report.run_id)
    _settle_catalog(run, kept, named, whole)
    if whole:
        _clean_others(run, kept)
    for counts in run.report.models:
        entry = entry_of(lake, counts.table)
        arrived = counts.embedded + counts.reused
        if entry and (arrived or _lacks_index(lake, entry)):
            settle_index(lake, counts.table, model_of(lake.corpus, entry).index, run.report.run_id, arrived)
            compact(lake, counts.table)
        build_text_index(lake, counts.table)
    compact_own(lake, run.report.kind)
    if run.report.failed:
        run.report.failures = failures_since(lake, run.started)


def _lacks_index(lake: Lake, entry: Entry) -> bool:
    """Whether a table's vector index is still to be built, or judged."""
    return lacks_index(lake, entry["table"], model_of(lake.corpus, entry).index) or lacks_judgment(lake, entry)


def _settle_catalog(run: Run, kept: set[str], named: list[str], whole: bool) -> None:
    """Say in the catalog which tables are complete, and which one is live where none was, in one commit."""
    lake, report = run.lake, run.report
    sound: dict[str, bool] = {}

    standing: dict[str, Standing] = {}  # as it was when it was last looked at

    def change(entries: list[Entry], unchecked: bool) -> dict[str, Entry]:
        standing.update(standing_of(lake, entries))
        order = [table for table in _order(lake, entries, named) if sound.get(table, unchecked)]
        return changes_after(entries, standing, kept, order, whole)

    while table := _becomes_live(change(lake.catalog(), True)):  # before the lease, which is held for moments only
        if table in sound or not (entry := entry_of(lake, table)):
            break
        bad = wrong_vectors(lake, entry)
        sound[table] = not bad
        if bad:
            report.notes.append(
                f"{table} does not serve: {len(bad):,} of its vectors are not what was written;"
                " embedlake verify --repair"
            )
    if not change(lake.catalog(), False):
        _note_states(run, standing)
        return
    with catalog_lease(lake, report.run_id):
        entries = {entry["table"]: entry for entry in lake.catalog()}
        changes = change([*entries.values()], False)
        if table := _becomes_live(changes):
            before = switched_to(lake, table)  # its line was lost, or else it is the first
            first = Switch(table, FIRST, "the first complete table")
            changes[table]["switch"] = before or record(lake, [*entries.values()], first)
            report.promoted = table
        if changes:
            write_entries(lake, [entry | changes[table] for table, entry in entries.items() if table in changes])
    _note_states(run, standing)


def _order(lake: Lake, entries: list[Entry], named: list[str]) -> list[str]:
    """Which tables may become live where none is: first the one that was, should damage have taken that from it."""
    last = last_live(lake, entries)
    return [last["table"], *named] if last else named


def _becomes_live(changes: dict[str, Entry]) -> str | None:
    return next((table for table, after in changes.items() if after.get("state") == "live"), None)


def _note_states(run: Run, standing: dict[str, Standing]) -> None:
    states = {entry["table"]: entry["state"] for entry in run.lake.catalog()}
    for counts in run.report.models:
        if counts.table in states and counts.table in standing:
            counts.state, counts.pending = states[counts.table], standing[counts.table].pending


def standing_of(lake: Lake, entries: list[Entry]) -> dict[str, Standing]:
    """How some tables stand to the chunks."""
    where = f"chunk_id IS NOT NULL AND NOT ignored AND error != '{OverlongChunk.__name__}'"
    failures = lake.read(lake.name("failures"), ["stage"], where)["stage"].to_pylist()
    failed = Counter(failures)
    return {
        entry["table"]: Standing(
            len(pending_chunks(lake, entry["table"], model_of(lake.corpus, entry), taken_by(entry))),
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
    """Whether a table loses only rows of documents that are gone: one that serves and cannot be brought up."""
    return entry["state"] == "live" and entry["table"] not in kept
