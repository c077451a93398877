"""Which chunks a backfill takes."""

import hashlib

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.embed.selection import EVERYTHING, Selection, selected
from tasks.errors import ConfigurationError
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tests.lakes import new_lake

TABLE = "notes.model.0"
IDS = [hashlib.sha256(str(i).encode()).hexdigest()[:32] for i in range(2000)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two thousand chunks, and a model's table that has every tenth of them."""
    found = new_lake(tmp_path_factory.mktemp("lake"))
    rows = [
        {"chunk_id": name, "version": f"{name}1", "document_id": "docs:a", "ordinal": i} for i, name in enumerate(IDS)
    ]
    found.merge("notes.chunks", pa.Table.from_pylist(rows))
    schema = embeddings_schema(found.corpus, 2, {})
    found.create("model.0", schema)
    done = [row | {"vector": [1.0, 0.0]} for row in rows[::10]]
    found.merge(TABLE, pa.Table.from_pylist(done, schema=schema))
    return found


def taken(lake: Lake, selection: Selection) -> list[str]:
    versions = selected(lake, TABLE, lake.corpus.models[0], selection)
    assert versions is not None
    return [version[:-1] for version in versions.to_pylist()]


@example(0.5, 1 - 1e-12)
@given(st.floats(0.001, 1, exclude_max=True), st.floats(0.001, 1, exclude_max=True))
def test_a_larger_share_has_the_chunks_of_a_smaller_one(lake: Lake, one: float, other: float) -> None:
    small, large = sorted((one, other))
    fewer, more = set(taken(lake, Selection(share=small))), set(taken(lake, Selection(share=large)))
    assert fewer <= more <= set(IDS) - set(IDS[::10])
    assert abs(len(more) / 1800 - large) < 0.06


def test_a_condition_a_share_and_a_limit_hold_together(lake: Lake) -> None:
    assert taken(lake, Selection(where="ordinal < 15")) == IDS[1:10] + IDS[11:15]
    assert taken(lake, Selection(where="ordinal < 15 OR ordinal = 17", limit=5)) == IDS[1:6]
    both = taken(lake, Selection(where="ordinal < 100 OR false", share=0.5))
    assert both == [name for name in taken(lake, Selection(share=0.5)) if IDS.index(name) < 100]


def test_all_is_not_a_selection(lake: Lake) -> None:
    assert selected(lake, TABLE, lake.corpus.models[0], EVERYTHING) is None


@pytest.mark.parametrize("where", ["nothing = 1", "ordinal = 1; DROP", "ordinal = 1) OR (true", ""])
def test_what_is_no_condition_is_refused(lake: Lake, where: str) -> None:
    with pytest.raises(ConfigurationError):
        selected(lake, TABLE, lake.corpus.models[0], Selection(where=where))


@pytest.mark.parametrize(("share", "limit"), [(0.0, None), (1.5, None), (float("nan"), None), (1.0, 0)])
def test_a_selection_of_nothing_is_refused(share: float, limit: int | None) -> None:
    with pytest.raises(ConfigurationError):
        Selection(share=share, limit=limit)
