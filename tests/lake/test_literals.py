"""Conditions in SQL."""

from pathlib import Path

import pytest

from tasks.config.models import Model
from tasks.embed.selection import Selection, selected
from tasks.hashing import hash_text
from tasks.lake.catalog import write_entries
from tasks.lake.literals import all_of
from tasks.lake.nearest import View
from tasks.lake.schemas import embeddings_schema
from tasks.search.query import OpenLake
from tasks.search.retrieve import Query, retrieve
from tests.lakes import new_lake, vectors_table

REMARKED = "ordinal = 0 -- no more than that"


def test_conditions_are_joined() -> None:
    assert all_of(None, None) is None
    assert all_of("a = 1 OR b = 2", None, "c = 3 -- so") == "(a = 1 OR b = 2\n) AND (c = 3 -- so\n)"


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_chunks_are_selected_by_a_condition_with_a_remark(tmp_path: Path, share: float) -> None:
    lake = new_lake(tmp_path)
    model = Model.model_validate("some/model")
    found = selected(lake, "notes.tiny.0", model, Selection(REMARKED, share))
    assert found is not None
    assert len(found) == 0


def test_searches_take_a_condition_with_a_remark(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    lake.create("tiny.0", embeddings_schema(lake.corpus, 4, {}))
    rows = vectors_table(lake, "notes.tiny.0", 300)
    hashes = [hash_text(str(i // 100)) for i in range(300)]  # so many rows of a text that others are asked for
    place = rows.column_names.index("text_hash")
    rows = rows.set_column(place, rows.schema.field("text_hash"), [hashes])
    lake.merge("notes.tiny.0", rows)
    vector = [1.0, 0.0, 0.0, 0.0]
    found = retrieve(View(lake, "notes.tiny.0"), Query(None, vector, "vector", 3, where=REMARKED))
    assert len({hit.key for hit in found}) == len(found) == 3
    settings = Model.model_validate("some/model").model_dump_json()
    write_entries(lake, [{"table": "notes.tiny.0", "model": "tiny", "state": "live", "settings": settings}])
    assert OpenLake(lake).similar("docs:3", where=REMARKED)
