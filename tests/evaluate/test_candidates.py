"""What candidates are compared with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.config.models import Model
from tasks.errors import ConfigurationError
from tasks.evaluate.candidates import _copied
from tasks.evaluate.evaluation import Options
from tasks.lake.catalog import write_entries
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tests.lakes import new_lake, vectors_table


def _line(table: str, template: str, state: str) -> dict[str, Any]:
    settings = Model.model_validate({"model": "some/model", "template": template}).model_dump_json()
    return {
        "table": table, "model": "tiny", "reference": "some/model", "revision": table[-1] * 4, "state": state,
        "settings": settings, "dimension": 4, "max_tokens": 8,
    }  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = new_lake(tmp_path / "whole")
    for number, (template, state) in enumerate((("text", "frozen"), ("headings", "live"))):
        made.create(f"tiny.{number}", embeddings_schema(made.corpus, 4, {}))
        made.merge(f"notes.tiny.{number}", vectors_table(made, f"notes.tiny.{number}", 20))
        write_entries(made, [_line(f"notes.tiny.{number}", template, state)])
    return made


@pytest.mark.parametrize(
    ("name", "table"),
    [("tiny", 1), ("some/model", 1), ("0000", 0), ("1111", 1), ("notes.tiny.0", 0)],
)
def test_a_name_means_what_it_means_to_a_search(lake: Lake, tmp_path: Path, name: str, table: int) -> None:
    small = new_lake(tmp_path / "small")
    chunks = lake.to_arrow("notes.tiny.1")
    [entry] = _copied(lake, small, replace(Options(), models=[name, name]), chunks)
    assert entry["table"] == f"notes.tiny.{table}"
    assert small.count(entry["table"]) == 20


def test_what_nobody_has_is_told(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no table of a model 'other'; it has tiny"):
        _copied(lake, new_lake(tmp_path / "small"), replace(Options(), models=["other"]), lake.to_arrow("notes.tiny.1"))
