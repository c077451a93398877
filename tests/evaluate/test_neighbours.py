"""How alike two models' tables are."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import ConfigurationError
from tasks.evaluate.neighbours import likeness
from tasks.hashing import hash_text
from tasks.lake.catalog import write_entries
from tasks.lake.nearest import USUAL, Effort, View
from tasks.lake.recall import Judged
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tests.lakes import new_lake

COUNT = 60


def put(lake: Lake, model: str, vectors: np.ndarray, first: int = 0) -> str:
    schema = embeddings_schema(lake.corpus, vectors.shape[1], {})
    lake.create(f"{model}.0", schema)
    table = lake.name(f"{model}.0")
    rows = [
        {
            "chunk_id": f"c{i}", "document_id": f"docs:{i}", "text": f"text {i}", "text_hash": hash_text(f"text {i}"),
            "vector": vector.astype(np.float32),
        }
        for i, vector in enumerate(vectors, first)
    ]  # fmt: skip
    lake.merge(table, pa.Table.from_pylist(rows, schema=schema))
    return table


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return new_lake(tmp_path)


def test_a_turned_space_is_the_same_and_chance_is_not(lake: Lake) -> None:
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(COUNT, 8))
    turned = vectors @ np.linalg.qr(chance.normal(size=(8, 8)))[0]
    one, same = put(lake, "one", vectors), put(lake, "same", turned)
    other = put(lake, "other", chance.normal(size=(COUNT, 16)))
    alike = likeness(lake, one, same)
    assert (alike.passages, alike.overlap, alike.rank_biased_overlap) == (COUNT, 1.0, 1.0)
    unlike = likeness(lake, one, other)
    assert 0.05 < unlike.overlap < 0.35  # by chance 10 of 59
    shares = [passage.overlap for passage in unlike.different]
    assert shares == sorted(shares)
    assert shares[-1] <= unlike.overlap
    for passage in unlike.different:
        assert passage.text not in passage.first + passage.second
        assert len(set(passage.first) & set(passage.second)) == round(10 * passage.overlap)


def test_passages_that_one_lacks_are_left_out(lake: Lake) -> None:
    vectors = np.random.default_rng(0).normal(size=(COUNT, 8))
    one, part, none = put(lake, "one", vectors), put(lake, "part", vectors[20:], 20), put(lake, "none", vectors, 500)
    assert likeness(lake, one, part).passages == 40
    with pytest.raises(ConfigurationError, match="no passage in common"):
        likeness(lake, one, none)


def test_tables_are_searched_with_the_effort_that_they_need(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(COUNT, 8))
    one, two = put(lake, "one", vectors), put(lake, "two", vectors)
    judged = Judged("rabitq", 0.96, 200, 400, 2400, COUNT, 1, 0, "2026-01-01T00:00:00+00:00")
    write_entries(lake, [{"table": two, "model": "two", "state": "live", "vector_index": json.dumps(asdict(judged))}])
    seen: dict[str, set[Effort]] = {}
    nearest = View.nearest

    def noted(view: View, vector: Any, limit: int, where: str | None = None, effort: Effort = USUAL) -> Any:
        seen.setdefault(view.table, set()).add(effort)
        return nearest(view, vector, limit, where, effort)

    monkeypatch.setattr(View, "nearest", noted)
    likeness(lake, one, two)
    assert seen == {one: {USUAL}, two: {Effort(400, 2400)}}
