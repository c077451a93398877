"""What a vector index finds is measured beside a search over every vector, and searches look at more where it is too
little."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.lake.catalog import entry_of, write_entries
from tasks.lake.maintenance import build_index, lacks_index, vector_index
from tasks.lake.nearest import Effort, Found, View, matrix
from tasks.lake.recall import effort_in, exact_similarities, judge, judged_in, lacks_judgment, settle_index
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tests.lakes import new_lake, vectors_table

TABLE = "notes.tiny.0"


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr("tasks.lake.maintenance._INDEX_ROWS", 300)
    made = new_lake(tmp_path)
    made.create("tiny.0", embeddings_schema(made.corpus, 16, {}))
    write_entries(made, [{"table": TABLE, "model": "tiny", "state": "live"}])
    made.merge(TABLE, vectors_table(made, TABLE, 500))
    return made


@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 4), st.integers(0, 99))
def test_the_nearest_are_those_of_all_pairs(rows: int, batch: int, count: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(rows, 5)).astype(np.float32)
    positions = np.unique(np.linspace(0, rows - 1, 9).astype(int))
    batches = (vectors[first : first + batch] for first in range(0, rows, batch))
    found = exact_similarities(batches, vectors[positions], positions, count)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for position, similar in zip(positions, found, strict=True):
        others = -np.sort(-np.delete(units @ units[position], position))[:count]
        assert np.allclose(similar[: len(others)], others, atol=1e-5)
        assert np.all(similar[len(others) :] == -np.inf)


def test_what_an_index_finds_is_noted_and_used(lake: Lake) -> None:
    settle_index(lake, TABLE, "rabitq", "run", 500)
    entry = entry_of(lake, TABLE)
    assert entry
    judged = judged_in(entry)
    assert judged
    assert (judged.kind, judged.queries, judged.rows, judged.rebuilt) == ("rabitq", 200, 500, 0)
    assert judged.recall >= 0.95
    assert effort_in(entry) == judged.effort == Effort()
    assert effort_in({}) == Effort()
    settle_index(lake, TABLE, "rabitq", "run", 0)
    assert entry_of(lake, TABLE) == entry
    lake.merge(TABLE, vectors_table(lake, TABLE, 20, first=500))
    settle_index(lake, TABLE, "rabitq", "run", 20)
    again = entry_of(lake, TABLE)
    assert again
    assert json.loads(again["vector_index"])["rows"] == 520


def test_an_index_that_needs_more_effort_needs_it_in_deep_searches_too() -> None:
    assert [Effort().overshoot(limit) for limit in (5, 25, 100, 500)] == [15, 3, 1, 1]
    assert [Effort(50, 300).overshoot(limit) for limit in (25, 100, 500)] == [12, 4, 4]  # one of a single bit


def test_an_index_is_judged_again_after_enough_rows_were_replaced(lake: Lake) -> None:
    settle_index(lake, TABLE, "rabitq", "run", 500)
    told = []
    for arrived in (3, 2, 1, 0):
        lake.merge(TABLE, vectors_table(lake, TABLE, 500))
        settle_index(lake, TABLE, "rabitq", "run", arrived)
        judged = judged_in(entry_of(lake, TABLE) or {})
        assert judged
        told.append((judged.arrived, judged.table_version))
    assert [arrived for arrived, _ in told] == [3, 5, 0, 0]
    assert told[0][1] == told[1][1] < told[2][1] == told[3][1]


def test_an_index_that_was_built_and_not_judged_is_known(lake: Lake) -> None:
    assert not lacks_judgment(lake, entry_of(lake, TABLE) or {})
    build_index(lake, TABLE)
    assert lacks_judgment(lake, entry_of(lake, TABLE) or {})
    settle_index(lake, TABLE, "rabitq", "run", 0)
    assert not lacks_judgment(lake, entry_of(lake, TABLE) or {})


def test_searches_look_at_more_until_they_find_enough(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    build_index(lake, TABLE)
    nearest = View.nearest

    def forgetful(self: View, vector: list[float], limit: int, effort: Effort) -> list[Found]:
        found = nearest(self, vector, limit, None, effort)
        return found if effort.probes > 100 else found[::2]

    monkeypatch.setattr(View, "nearest", forgetful)
    judged = judge(View(lake, TABLE), "rabitq")
    assert judged.recall >= 0.95
    assert judged.effort == Effort().times(4)


def test_an_index_that_finds_too_little_is_built_anew_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(View, "nearest", lambda *_, **__: [])
    versions = []
    for _ in range(2):
        settle_index(lake, TABLE, "rabitq", "run", 0)
        entry = entry_of(lake, TABLE)
        assert entry
        judged = judged_in(entry)
        assert judged
        assert (judged.recall, judged.rebuilt) == (0.0, 500)
        write_entries(lake, [entry | {"vector_index": entry["vector_index"].replace('"rows": 500', '"rows": 400')}])
        versions.append(lake.version(TABLE))
    assert versions[0] == versions[1]


@pytest.mark.parametrize(("kind", "built"), [("rabitq", "IVF_RQ"), ("int8", "IVF_SQ"), ("flat", "IVF_FLAT")])
def test_each_kind_of_index_takes_the_place_of_another(lake: Lake, kind: str, built: str) -> None:
    build_index(lake, TABLE, "flat" if kind == "rabitq" else "rabitq")
    assert lacks_index(lake, TABLE, kind)  # type: ignore[arg-type]
    build_index(lake, TABLE, kind)  # type: ignore[arg-type]
    assert vector_index(lake.dataset(TABLE)).index_type == built
    assert not lacks_index(lake, TABLE, kind)  # type: ignore[arg-type]
    assert judge(View(lake, TABLE), kind).recall >= 0.95


@pytest.mark.parametrize("kind", ["rabitq", "int8", "flat"])
def test_vectors_of_half_precision_are_searched_as_others(lake: Lake, kind: str) -> None:
    lake.create("half.0", embeddings_schema(lake.corpus, 16, {}, pa.float16()))
    rows = lake.snapshot(TABLE).read(["chunk_id", "text_hash", "vector"])
    lake.merge("notes.half.0", rows)
    assert not lake.differs("notes.half.0", lake.model_schema("notes.half.0"))
    build_index(lake, "notes.half.0", kind)  # type: ignore[arg-type]
    view = View(lake, "notes.half.0")
    assert judge(view, kind).recall >= 0.95
    vectors = matrix(rows)
    for i in range(0, 500, 50):
        [nearest, *_] = view.nearest(vectors[i].tolist(), 10)
        assert view.rows_of([nearest.row_id], ["chunk_id"]) == [{"chunk_id": str(i)}]
        assert nearest.score < 1e-4
