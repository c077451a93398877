"""What is found of a table is kept, and found again when the table has grown."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.config.models import Model
from tasks.hashing import hash_text
from tasks.lake.catalog import entry_of, write_entries
from tasks.lake.fulltext import build_text_index
from tasks.lake.nearest import View
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.models.interface import Encoded, Item
from tasks.search.fusion import WEIGHT
from tasks.search.judge import learn_from_judgments
from tasks.search.scales import scales_of
from tasks.search.settle import keep, settle_fusion
from tests.lakes import new_lake

TABLE = "notes.tiny.0"
TOPICS = ("heron", "river", "stone", "bridge", "kettle", "violin", "mountain", "harvest")


class Noise:
    """An encoder that knows nothing."""

    dimension, batch_cost = 8, 10**6

    def encode_documents(self, items: list[Item]) -> Encoded:
        rows = [np.random.default_rng(len(str(item.content))).normal(size=8) for item in items]
        return Encoded(np.array(rows, np.float32), [1] * len(items))

    encode_queries = encode_documents


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    made = new_lake(tmp_path)
    made.create("tiny.0", embeddings_schema(made.corpus, 8, {}))
    settings = Model.model_validate("some/model").model_dump_json()
    write_entries(made, [{"table": TABLE, "model": "tiny", "state": "live", "settings": settings}])
    monkeypatch.setattr("tasks.search.settle._why_not", lambda _: None)
    monkeypatch.setattr("tasks.search.settle.resolve_entry", lambda entry, _: entry)
    monkeypatch.setattr("tasks.search.settle.load_encoder", lambda _: Noise())
    return made


def _fill(lake: Lake, count: int) -> None:
    chance = np.random.default_rng(2)
    rows = []
    for i in range(count):
        a, b, c = chance.choice(TOPICS, 3)
        text = f"The {a} of item {i} is old and grey. Near the {b} stands item {i}. Nobody saw the {c} of item {i}."
        rows.append(
            {"chunk_id": str(i), "document_id": f"docs:{i}", "ordinal": 0, "text": text, "text_hash": hash_text(text)}
            | {"vector": chance.normal(size=8).astype(np.float32)}
        )
    lake.merge(TABLE, pa.Table.from_pylist(rows, schema=lake.schema(TABLE)))
    build_text_index(lake, TABLE)


def _settle(lake: Lake) -> dict[str, Any]:
    run: Any = SimpleNamespace(
        corpus=lake.corpus, lake=lake, report=SimpleNamespace(models=[SimpleNamespace(table=TABLE)], run_id="run")
    )
    settle_fusion(run)
    entry = entry_of(lake, TABLE)
    assert entry
    found: dict[str, Any] = json.loads(entry["fusion"] or "{}")
    return found


def test_it_is_found_once_and_again_when_the_table_has_grown(lake: Lake) -> None:
    _fill(lake, 400)
    assert _settle(lake) == {}
    _fill(lake, 600)
    found = _settle(lake)
    assert found["how"] == "known items"
    assert found["weight"] < WEIGHT
    assert found["rows"] == 600
    version = lake.version(lake.name("catalog"))
    assert _settle(lake) == found
    assert lake.version(lake.name("catalog")) == version
    _fill(lake, 2500)
    assert _settle(lake)["rows"] == 2500


def test_a_model_that_fails_leaves_the_default(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr("tasks.search.settle.load_encoder", fails)
    _fill(lake, 600)
    found = _settle(lake)
    assert found["weight"] == WEIGHT
    assert "failed" in found["how"]


def test_judgments_count_more_than_known_items(lake: Lake) -> None:
    _fill(lake, 600)
    view = View(lake, TABLE)
    texts = {row["document_id"]: row["text"] for row in view.matched("true", ["document_id", "text"])}
    queries = {identity: text.split(".")[0] for identity, text in list(texts.items())[:60]}
    encoder: Any = Noise()
    learnt = learn_from_judgments(view, encoder, queries, {identity: {identity: 1} for identity in queries})
    assert learnt.weight < WEIGHT
    assert (learnt.how, learnt.queries) == ("judgments", 60)
    keep(lake, TABLE, learnt, "run")
    assert _settle(lake) == learnt.to_dict()
    entry = entry_of(lake, TABLE)
    assert entry
    assert scales_of(view, entry, None).weight == learnt.weight
    assert scales_of(view, entry, 0.9).weight == 0.9
