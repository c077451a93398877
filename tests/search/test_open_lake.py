"""An open lake: texts are embedded as those of its rows were, and every list says where its table is behind."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.config.models import Model
from tasks.lake.catalog import change_catalog, write_entries
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.search.query import OpenLake
from tasks.search.several import search_all
from tests.encoders import Seen
from tests.lakes import new_lake, vectors_table

TABLE = "notes.tiny.0"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = new_lake(tmp_path)
    made.create("tiny.0", embeddings_schema(made.corpus, 4, {}))
    made.merge(TABLE, vectors_table(made, TABLE, 20))
    settings = Model.model_validate({"model": "some/model", "template": "Note: {text}"}).model_dump_json()
    write_entries(made, [{"table": TABLE, "model": "tiny", "state": "live", "settings": settings, "revision": "1"}])
    return made


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen()
    monkeypatch.setattr(OpenLake, "_encoder", lambda *_: seen)
    return seen


def test_a_text_is_embedded_as_the_template_has_it(lake: Lake, encoder: Seen) -> None:
    assert OpenLake(lake).similar(text="a heron", limit=1)
    assert encoder.documents == ["Note: a heron"]


def test_every_list_tells_that_its_table_is_behind(lake: Lake, encoder: Seen) -> None:
    opened = OpenLake(lake)
    assert not opened.search("heron", by="vector").note
    change_catalog(lake, "test", lambda _: {TABLE: {"behind_since": datetime(2026, 1, 2, tzinfo=UTC)}})
    told = "notes.tiny.0 is behind the sources since 2026-01-02 00:00 UTC"
    assert opened.search("heron", by="vector").note == told
    assert opened.similar("docs:3").note == told
    assert opened.similar(text="heron").note == told
    assert search_all([opened], "heron", by="vector").note == told
