"""Who writes, as `embedlake status` tells it: runs that do, and runs that were killed or are silent."""

from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from flows.cli import shows, terminal
from tasks.lake.holder import LEASES, claim
from tasks.lake.lease import writing
from tasks.lake.tables import Lake
from tasks.operate.status import status_of
from tasks.operate.writers import writers_of
from tests.lakes import new_lake


def told(lake: Lake) -> list[tuple[str, str, list[str]]]:
    return [(one["run"], one["state"], sorted(one["writes"])) for one in writers_of(lake)]


def test_a_run_is_told_of_while_it_writes(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    assert told(lake) == []
    with writing(lake, ["documents", "catalog"], "r1", wait=False):
        assert told(Lake(lake.corpus)) == [("r1", "writing", ["catalog", "documents"])]
    assert told(lake) == []


def test_a_run_that_was_killed_is_told_of_until_another_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = new_lake(tmp_path)
    lake.create("leases", LEASES)
    changes: list[dict[str, Any]] = [
        {"scope": "documents", "process": 2**40}, {"scope": "notes.one", "process": 2**40},
        {"scope": "notes.two", "holder": "r2", "place": "elsewhere", "host": "other", "heartbeat": 0.0},
    ]  # fmt: skip
    rows = [claim("r1", 1) | change for change in changes]
    lake.merge(lake.name("leases"), pa.Table.from_pylist(rows, schema=LEASES))
    expected = [("r1", "killed", ["documents", "notes.one"]), ("r2", "silent", ["notes.two"])]
    assert told(lake) == expected

    shown = StringIO()
    console = Console(file=shown, width=200)
    monkeypatch.setattr(shows, "out", console)
    monkeypatch.setattr(terminal, "out", console)
    shows.print_status(status_of(lake))
    assert "the next run goes on where it was" in shown.getvalue()
    with writing(lake, ["documents", "notes.one"], "r3", wait=False):
        assert told(lake) == [("r2", "silent", ["notes.two"]), ("r3", "writing", ["documents", "notes.one"])]
    assert told(lake) == expected[1:]
