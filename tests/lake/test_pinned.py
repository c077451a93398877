"""A model stays at the commit that filled its table in use, and under the revision that its table has."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.config.models import Model
from tasks.lake.catalog import Entry, write_entries
from tasks.lake.pinned import pinned, resolve_in
from tasks.lake.schemas import RUNS
from tasks.models.find import former, resolve_entry, resolve_model
from tests.lakes import new_lake

MODEL = Model.model_validate("acme/tiny")
FIRST, SECOND = "a" * 40, "b" * 40


def line(table: str, **settings: Any) -> Entry:
    filled = MODEL.model_copy(update=settings)
    return {
        "table": table, "model": "tiny", "reference": "acme/tiny", "revision": table, "state": "ready",
        "settings": filled.model_dump_json(), "changed": datetime.now(UTC),
    }  # fmt: skip


def test_the_commit_of_the_table_with_the_same_settings_is_taken(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    assert pinned(lake, MODEL) == MODEL
    for number, settings in enumerate(({"hub_revision": FIRST}, {"hub_revision": "c" * 40, "dimension": 8}, {})):
        write_entries(lake, [line(f"notes.tiny.{number}", **settings)])
    assert pinned(lake, MODEL).hub_revision == FIRST
    assert pinned(lake, MODEL.model_copy(update={"dimension": 8})).hub_revision == "c" * 40
    assert pinned(lake, MODEL.model_copy(update={"dimension": 4})).hub_revision is None


SOON = {"retire_at": datetime.now(UTC) + timedelta(days=7), "state": "frozen"}


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        ({"state": "live"}, {}, FIRST), ({}, {"state": "live"}, SECOND), (SOON, {"state": "live"}, SECOND),
        ({"state": "frozen"}, {"state": "building"}, SECOND), ({"state": "frozen"}, SOON, FIRST),
        (SOON, {"state": "frozen"}, SECOND), (SOON | {"state": "ready"}, {}, SECOND), ({}, {}, SECOND),
        (SOON, SOON, SECOND),
    ],
)  # fmt: skip
def test_the_commit_in_use_is_taken_whichever_line_changed_last(
    tmp_path: Path, first: Entry, second: Entry, taken: str
) -> None:
    lake = new_lake(tmp_path)
    lines = [line("notes.tiny.1", hub_revision=FIRST) | first, line("notes.tiny.2", hub_revision=SECOND) | second]
    lake.create("runs", RUNS)
    for day, tables in ((1, ["2"]), (2, ["1", "2"])):  # the second was filled first
        counts = {"models": [{"table": f"notes.tiny.{table}"} for table in tables]}
        run = {"run_id": str(day), "started": datetime(2026, 1, day, tzinfo=UTC), "counts": json.dumps(counts)}
        lake.merge("notes.runs", pa.Table.from_pylist([run], schema=RUNS))
    for one in (lines, lines[::-1]):
        for entry in one:
            write_entries(lake, [entry])
        assert pinned(lake, MODEL).hub_revision == taken


def test_a_commit_or_branch_in_the_corpus_file_counts_more(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    write_entries(lake, [line("notes.tiny.1", hub_revision=FIRST)])
    asked = MODEL.model_copy(update={"hub_revision": "main"})
    assert pinned(lake, asked) == asked


def test_a_table_of_an_older_embedlake_stays_that_of_its_model(tmp_path: Path, tiny_model: Path) -> None:
    lake, model = new_lake(tmp_path), Model.model_validate({"model": str(tiny_model), "name": "tiny"})
    found = resolve_model(model)
    before = former(found)
    assert before.revision != found.revision == resolve_in(lake, model).revision
    entry = {"table": lake.model_table(before), "model": "tiny", "reference": model.model, "state": "live"}
    entry |= {"revision": before.revision, "settings": model.model_dump_json(), "calibration": None}
    write_entries(lake, [entry])
    assert resolve_in(lake, model) == resolve_entry(entry) == before
    assert resolve_in(lake, model.model_copy(update={"dimension": 2})).revision not in (before.revision, found.revision)
    write_entries(lake, [entry | {"table": lake.model_table(found), "revision": found.revision, "state": "ready"}])
    assert resolve_in(lake, model) == found
    assert resolve_entry(entry | {"revision": "0" * 12}) == found
