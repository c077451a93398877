"""A model of the hub stays at the commit that filled its table."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.config.models import Model
from tasks.lake.catalog import Entry, write_entries
from tasks.lake.pinned import pinned
from tests.lakes import new_lake

MODEL = Model.model_validate("acme/tiny")
FIRST, SECOND = "a" * 40, "b" * 40


def line(table: str, **settings: Any) -> Entry:
    filled = MODEL.model_copy(update=settings)
    return {
        "table": table, "model": "tiny", "reference": "acme/tiny", "revision": table, "state": "ready",
        "settings": filled.model_dump_json(), "changed": datetime.now(UTC),
    }  # fmt: skip


def test_the_commit_of_the_latest_table_with_the_same_settings_is_taken(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    assert pinned(lake, MODEL) == MODEL
    for number, settings in enumerate(
        ({"hub_revision": FIRST}, {"hub_revision": SECOND}, {"hub_revision": "c" * 40, "dimension": 8}, {})
    ):
        write_entries(lake, [line(f"notes.tiny.{number}", **settings)])
    assert pinned(lake, MODEL).hub_revision == SECOND
    assert pinned(lake, MODEL.model_copy(update={"dimension": 8})).hub_revision == "c" * 40
    assert pinned(lake, MODEL.model_copy(update={"dimension": 4})).hub_revision is None


def test_a_commit_or_branch_in_the_corpus_file_counts_more(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    write_entries(lake, [line("notes.tiny.1", hub_revision=FIRST)])
    asked = MODEL.model_copy(update={"hub_revision": "main"})
    assert pinned(lake, asked) == asked
