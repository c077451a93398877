"""How soon a running service answers from what has changed in the lake: another live table, and new rows.

    python -m tests.benchmarks.following [changes of each kind]

Two tables of 20,000 rows each, of a model under two names, with a text index; the encoder is a stand-in that takes no
time. Each change is one commit by this process, at a random moment; the service runs in a process of its own and is
asked over HTTP every 10 milliseconds until an answer shows the change. Told are the times from the beginning and from
the end of the commit to the end of that answer.
"""

import json
import logging
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import uvicorn

from tasks.config.loading import load_corpus
from tasks.hashing import hash_fields
from tasks.lake.catalog import change_catalog, open_model
from tasks.lake.fulltext import build_text_index
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_model
from tasks.service.app import create_app
from tasks.service.guard import Limits
from tasks.service.keys import Keys
from tasks.service.warm import Corpora
from tests.benchmarks.serving import StandIn, texts
from tests.conftest import MINILM, free_port

_ROWS = 20_000
_DIMENSION = 384
_PAUSE = 0.01  # seconds between two requests


def rows(lake: Lake, said: list[str]) -> pa.Table:
    """Rows of a model's table that say so."""
    schema = embeddings_schema(lake.corpus, _DIMENSION, {})
    count = len(said)
    vectors = np.random.default_rng(count).normal(size=(count, _DIMENSION)).astype(np.float32)
    ids = pa.array([hash_fields(text) for text in said])
    columns = {
        "chunk_id": ids, "document_id": ids, "text_hash": ids, "uri": ids, "text": pa.array(said),
        "ordinal": pa.array(np.zeros(count, np.int32)), "start": pa.array(np.zeros(count, np.int64)),
        "end": pa.array(np.full(count, 300, np.int64)),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), _DIMENSION),
    }  # fmt: skip
    arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(count, f.type) for f in schema]
    return pa.table(arrays, schema=schema)


def fill(lake: Lake) -> list[str]:
    """Two tables, whose texts tell which one it is; the first is live."""
    tables = []
    for model in lake.corpus.models:
        table = open_model(lake, resolve_model(model), _DIMENSION, 256)
        said = texts(np.random.default_rng(7), _ROWS, 40)
        lake.merge(table, rows(lake, [f"table{model.name} {text} {number}" for number, text in enumerate(said)]))
        build_text_index(lake, table)
        tables.append(table)
    _make_live(lake, tables[0], tables[1])
    return tables


def _make_live(lake: Lake, table: str, other: str) -> None:
    change_catalog(lake, "benchmark", lambda _: {table: {"state": "live"}, other: {"state": "ready"}})


def serve(file: str, port: int) -> None:
    """The service, in a process of its own."""
    choose.load_encoder = lambda *_, **__: StandIn(np.eye(1000, _DIMENSION, dtype=np.float32))  # type: ignore
    logging.basicConfig(level=logging.ERROR)
    app = create_app(Corpora([Path(file)]), Keys(), Limits())
    uvicorn.run(app, port=port, access_log=False, log_level="error")


def followed(change: Callable[[], object], shows: Callable[[], bool]) -> tuple[float, float]:
    """Seconds from the beginning and from the end of a change to the end of the first answer that shows it."""
    began = time.monotonic()
    change()
    ended = time.monotonic()
    while not shows():
        time.sleep(_PAUSE)
    answered = time.monotonic()
    return answered - began, answered - ended


def main(count: int) -> None:
    """Make changes and print how soon each kind is followed."""
    chance = np.random.default_rng(11)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "served.yaml"
        models = [{"model": MINILM, "name": name} for name in ("first", "second")]
        told = {"name": "served", "lake": "lake", "sources": [{"name": "s", "uri": "."}], "models": models}
        file.write_text(json.dumps(told))
        lake = Lake(load_corpus(file), create=True)
        tables = fill(lake)
        port = free_port()
        service = multiprocessing.get_context("spawn").Process(target=serve, args=(str(file), port), daemon=True)
        service.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:

            def answer(query: str) -> list[str]:
                asked = {"query": query, "by": "text", "limit": 1}
                try:
                    [found] = http.post("/search", json=asked).raise_for_status().json()["results"]
                except httpx.ConnectError:
                    return []
                return [one["text"] for one in found["passages"]]

            followed(lambda: None, lambda: bool(answer("tablefirst")))
            taken: dict[str, list[tuple[float, float]]] = {"another live table": [], "a new row": []}
            for number in range(count):
                live, other = tables[(number + 1) % 2], tables[number % 2]
                time.sleep(chance.uniform(0.2, 1.2))
                name = "tablefirst" if live == tables[0] else "tablesecond"
                taken["another live table"].append(
                    followed(
                        lambda live=live, other=other: _make_live(lake, live, other), lambda n=name: bool(answer(n))
                    )
                )
                time.sleep(chance.uniform(0.2, 1.2))
                word = "new" + "".join(chr(97 + int(digit)) for digit in str(number)) + "q"
                taken["a new row"].append(
                    followed(
                        lambda live=live, word=word: lake.merge(live, rows(lake, [f"{word} is said here"])),
                        lambda word=word: bool(answer(word)),
                    )
                )
        service.terminate()
        service.join()
    for kind, pairs in taken.items():
        for since, seconds in zip(("beginning", "end"), np.array(pairs).T, strict=True):
            told = f"median {np.median(seconds):.2f} s, worst {seconds.max():.2f} s"
            within = f"within a second {(seconds <= 1).mean():.0%}"
            print(f"{kind}, {count} times, from the {since} of its commit: {told}; {within}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
